"""The texts of the view of the knowledge bases."""

from collections.abc import Mapping
from dataclasses import dataclass

from ui.messages.language import Language


@dataclass(frozen=True)
class LibraryTexts:
    """The view in one language; names in braces are filled in.

    Attributes:
        new: opens the making of a knowledge base.
        new_name: label of its name.
        make: makes it.
        rename: opens the renaming, and does it.
        delete: opens the deleting.
        delete_title: heads the question whether to delete.
        delete_note: what goes, and what stays.
        delete_sure: deletes.
        cancel: leaves things as they are.
        add: heads the adding of documents.
        add_files: label of the field that takes files.
        add_folder: label of the field that takes a whole folder.
        add_note: what is taken, and up to which size.
        add_place: label of the field for a folder on this machine.
        add_place_note: what becomes of it.
        start: begins to read.
        reading: documents are being read.
        reading_count: files ended and files in all.
        reading_left: time that is left.
        read: all were read.
        read_some: some could not be read.
        read_failed: the reading could not be done; the reason follows.
        stop: ends the reading.
        again: reads all again that has changed.
        refused_kind: a file that no parser reads.
        refused_size: a file that is too large.
        documents: heads the list of documents; label of their number.
        passages: label of the number of passages.
        disk: label of the size on the disk.
        failed: label of the number of files that could not be read, and heads them.
        find: label of the filter.
        column_title: of the table.
        column_pages: of the table.
        column_passages: of the table.
        column_verdict: of the table.
        column_path: of the table.
        verdicts: names of verdicts.
        more: how many the list leaves out.
        none: nothing passes the filter, or there is nothing.
        see: label of the field that chooses a document.
        choose: what to do to see one.
        text: heads the text of a document with its passages.
        text_note: how the passages are told apart.
        passage_number: names a passage.
        warnings: heads what was lost or guessed.
        read_again: reads a document again, if it has changed.
        remove: opens the removing of a document.
        remove_title: heads the question whether to remove.
        remove_note: what goes, and that the file stays.
        remove_upload: that the file goes too, since it was brought to this page.
        remove_sure: removes it.
        search: label of the search without an answer.
        search_none: nothing was found.
        score: how near a passage is.
    """

    new: str
    new_name: str
    make: str
    rename: str
    delete: str
    delete_title: str
    delete_note: str
    delete_sure: str
    cancel: str
    add: str
    add_files: str
    add_folder: str
    add_note: str
    add_place: str
    add_place_note: str
    start: str
    reading: str
    reading_count: str
    reading_left: str
    read: str
    read_some: str
    read_failed: str
    stop: str
    again: str
    refused_kind: str
    refused_size: str
    documents: str
    passages: str
    disk: str
    failed: str
    find: str
    column_title: str
    column_pages: str
    column_passages: str
    column_verdict: str
    column_path: str
    verdicts: Mapping[str, str]
    more: str
    none: str
    see: str
    choose: str
    text: str
    text_note: str
    passage_number: str
    warnings: str
    read_again: str
    remove: str
    remove_title: str
    remove_note: str
    remove_upload: str
    remove_sure: str
    search: str
    search_none: str
    score: str


LIBRARY: Mapping[Language, LibraryTexts] = {
    "zh": LibraryTexts(
        new="新建知识库",
        new_name="名称",
        make="建立",
        rename="改名",
        delete="删除",
        delete_title="删除知识库“{name}”？",
        delete_note="{documents} 个文档的索引会被删除，不能恢复。原来的文件不受影响。",
        delete_sure="删除",
        cancel="取消",
        add="添加文档",
        add_files="把文件拖到这里",
        add_folder="或者把整个文件夹拖到这里",
        add_note="每个文件最大 {megabytes} MB。可读的格式：{suffixes}",
        add_place="或者填写本机上的文件夹",
        add_place_note="文件留在原处；以后再读一次，就只读有变化的。",
        start="读入",
        reading="正在读入……",
        reading_count="{ended} / {files} 个文件 · {passages} 段",
        reading_left="约剩 {seconds} 秒",
        read="读入完成：{files} 个文件，{passages} 段。",
        read_some="读入完成，但有 {failed} 个文件没能读入，原因见下。",
        read_failed="读入没有完成：{reason}",
        stop="停止",
        again="重新读入有变化的文件",
        refused_kind="{name}：没有能读这种文件的解析器",
        refused_size="{name}：超过 {megabytes} MB",
        documents="文档",
        passages="段落",
        disk="占用空间",
        failed="未能读入",
        find="按标题或路径筛选",
        column_title="标题",
        column_pages="页",
        column_passages="段",
        column_verdict="结果",
        column_path="文件",
        verdicts={
            "added": "已添加",
            "updated": "已更新",
            "unchanged": "没有变化",
            "moved": "已移动",
            "removed": "已移除",
            "skipped": "已跳过",
            "failed": "失败",
        },
        more="另有 {count} 个文件未列出，请用筛选。",
        none="没有文件。",
        see="查看文档",
        choose="在表中选中一行，或在这里选择",
        text="文字与分段",
        text_note="深浅相间的底色是一个个段落；检索找的就是它们。",
        passage_number="第 {n} 段",
        warnings="读入时的提示",
        read_again="重新读入这个文档",
        remove="移除文档",
        remove_title="移除“{name}”？",
        remove_note="它的段落会从知识库里移除；原文件不动：{path}",
        remove_upload="它的段落会从知识库里移除，上传的文件也会删除：{path}",
        remove_sure="移除",
        search="只检索，不回答",
        search_none="什么也没有找到。",
        score="接近程度 {score}",
    ),
    "en": LibraryTexts(
        new="New knowledge base",
        new_name="Name",
        make="Make it",
        rename="Rename",
        delete="Delete",
        delete_title="Delete the knowledge base “{name}”?",
        delete_note=(
            "What was indexed of {documents} documents is deleted for good. "
            "The files themselves stay as they are."
        ),
        delete_sure="Delete",
        cancel="Cancel",
        add="Add documents",
        add_files="Drop files here",
        add_folder="Or drop a whole folder here",
        add_note="Up to {megabytes} MB a file. Formats that are read: {suffixes}",
        add_place="Or name a folder on this machine",
        add_place_note="Files stay where they are; read again, only what changed is read.",
        start="Read them",
        reading="Reading …",
        reading_count="{ended} of {files} files · {passages} passages",
        reading_left="about {seconds} s left",
        read="All read: {files} files, {passages} passages.",
        read_some="Read, but {failed} files could not be; the reasons stand below.",
        read_failed="The reading was not finished: {reason}",
        stop="Stop",
        again="Read again what has changed",
        refused_kind="{name}: no parser reads files of this kind",
        refused_size="{name}: larger than {megabytes} MB",
        documents="Documents",
        passages="Passages",
        disk="On disk",
        failed="Not readable",
        find="Filter by title or path",
        column_title="Title",
        column_pages="Pages",
        column_passages="Passages",
        column_verdict="Outcome",
        column_path="File",
        verdicts={
            "added": "added",
            "updated": "updated",
            "unchanged": "unchanged",
            "moved": "moved",
            "removed": "removed",
            "skipped": "skipped",
            "failed": "failed",
        },
        more="{count} more files are not listed: use the filter.",
        none="There are no files.",
        see="See a document",
        choose="Choose a row of the table, or a document here",
        text="Text and passages",
        text_note="Each change of shade begins a passage; passages are what a search finds.",
        passage_number="Passage {n}",
        warnings="What was noticed when it was read",
        read_again="Read it again",
        remove="Remove the document",
        remove_title="Remove “{name}”?",
        remove_note="Its passages leave the knowledge base. The file stays where it is: {path}",
        remove_upload=(
            "Its passages leave the knowledge base, and the file that was added here is deleted: "
            "{path}"
        ),
        remove_sure="Remove",
        search="Search without answering",
        search_none="Nothing was found.",
        score="nearness {score}",
    ),
}
