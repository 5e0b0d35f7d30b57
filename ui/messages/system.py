"""The texts of the view of models, settings and findings."""

from collections.abc import Mapping
from dataclasses import dataclass

from ui.messages.language import Language


@dataclass(frozen=True)
class SystemTexts:
    """The view in one language; names in braces are filled in.

    Attributes:
        generator: label of who answers.
        quote: the generator that quotes, named.
        loaded: whether it is loaded: it is.
        not_loaded: it is not yet.
        embedder: label of what embeds.
        device: label of where models run.
        processor: the processor, with its number of cores.
        card: a card, with its memory in use and in all.
        memory: label of what this process holds.
        speed: label of how fast answers were written lately.
        speed_rate: tokens a second.
        speed_none: nothing was written yet.
        queue: label of the queue.
        queue_state: questions being answered at most so many, and waiting.
        settings: heads the settings in force.
        column_name: of their table.
        column_value: of their table.
        column_origin: of their table.
        origins: where a setting came from.
        download: heads the download of XVERSE.
        download_note: what it takes.
        licence: under which conditions it may be used.
        licence_agree: that the visitor has read them.
        download_start: begins it.
        downloading: it goes on; what it said last follows.
        downloaded: it is there.
        download_failed: it could not be done; the reason follows.
        download_stop: ends it; what has come is kept.
        doctor: heads the findings.
        doctor_start: looks for them.
        doctor_note: what is looked at, and mended.
        states: names of how it stands with a thing.
    """

    generator: str
    quote: str
    loaded: str
    not_loaded: str
    embedder: str
    device: str
    processor: str
    card: str
    memory: str
    speed: str
    speed_rate: str
    speed_none: str
    queue: str
    queue_state: str
    settings: str
    column_name: str
    column_value: str
    column_origin: str
    origins: Mapping[str, str]
    download: str
    download_note: str
    licence: str
    licence_agree: str
    download_start: str
    downloading: str
    downloaded: str
    download_failed: str
    download_stop: str
    doctor: str
    doctor_start: str
    doctor_note: str
    states: Mapping[str, str]


SYSTEM: Mapping[Language, SystemTexts] = {
    "zh": SystemTexts(
        generator="由谁回答",
        quote="摘录原句",
        loaded="已载入",
        not_loaded="尚未载入",
        embedder="向量模型",
        device="运行在",
        processor="处理器，{cores} 核",
        card="{name}，已用 {used} / {whole} GB 显存",
        memory="内存",
        speed="最近的速度",
        speed_rate="每秒 {rate} 个词元",
        speed_none="还没有写过回答",
        queue="排队",
        queue_state="正在回答 {served}（最多同时 {desks}），等待 {waiting}",
        settings="当前设置",
        column_name="设置",
        column_value="值",
        column_origin="来自",
        origins={"environment": "环境变量", "file": ".env 文件", "default": "默认值"},
        download="取得 XVERSE",
        download_note="XVERSE-7B-Chat 从 ModelScope 下载，约 15 GB；中断了可以接着下载。",
        licence=(
            "XVERSE 的权重有自己的许可：研究免费；商业使用须先向作者申请。代码是 Apache-2.0。"
        ),
        licence_agree="我已了解许可的条件",
        download_start="开始下载",
        downloading="正在下载：{said}",
        downloaded="模型已在本机：重新启动本页，就由它来写答案。",
        download_failed="下载没有完成：{reason}",
        download_stop="停止",
        doctor="检查知识库",
        doctor_start="检查",
        doctor_note="检查目录、索引、磁盘空间和锁；能由目录重建的会当场修好。",
        states={"ok": "正常", "repaired": "已修复", "needs you": "需要你处理"},
    ),
    "en": SystemTexts(
        generator="Answers by",
        quote="Quoted sentences",
        loaded="loaded",
        not_loaded="not loaded yet",
        embedder="Embedder",
        device="Runs on",
        processor="processor, {cores} cores",
        card="{name}, {used} of {whole} GB in use",
        memory="Memory",
        speed="Speed lately",
        speed_rate="{rate} tokens/s",
        speed_none="no answer was written yet",
        queue="Queue",
        queue_state="{served} being answered (at most {desks} at once), {waiting} waiting",
        settings="Settings in force",
        column_name="Setting",
        column_value="Value",
        column_origin="From",
        origins={"environment": "environment", "file": ".env file", "default": "default"},
        download="Get XVERSE",
        download_note=(
            "XVERSE-7B-Chat comes from ModelScope, about 15 GB; a download that was broken off "
            "goes on where it was."
        ),
        licence=(
            "XVERSE’s weights have a licence of their own: free for research; commercial use "
            "needs an application to its makers first. Its code is Apache-2.0."
        ),
        licence_agree="I know the conditions of the licence",
        download_start="Download",
        downloading="Downloading: {said}",
        downloaded="The model is on this machine: start the page again, and it writes the answers.",
        download_failed="The download was not finished: {reason}",
        download_stop="Stop",
        doctor="Check the knowledge base",
        doctor_start="Check",
        doctor_note=(
            "Looks at the catalog, the indexes, the disk and the lock; what can be made again "
            "from the catalog is mended on the spot."
        ),
        states={"ok": "fine", "repaired": "repaired", "needs you": "needs you"},
    ),
}
