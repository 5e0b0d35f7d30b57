"""The README says what is so.

`python -m tests.test_readme` writes the settings table anew into both READMEs, and the list of
formats into docs/formats.md.
"""

import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from ingest.containers import SUFFIXES as ARCHIVES
from ingest.loaders import FORMATS
from kb_qa.generators import Kind, choose_generator
from kb_qa.settings import Settings
from kb_qa.store.knowledge_base import CATALOG
from tests.kb_qa.xverse.official import make_official

ROOT = Path(__file__).parents[1]
READMES = ("README.md", "README.zh.md")
MODEL = "data/models/xverse/XVERSE-7B-Chat"
TABLE = re.compile(r"(<!-- settings: .*? -->\n)(.*?)(<!-- end of settings -->)", re.DOTALL)
HEADS = {
    "README.md": "| variable | default | |\n|---|---|---|\n",
    "README.zh.md": "| 变量 | 默认值 | 说明 |\n|---|---|---|\n",
}
FORMATS_PAGE = ROOT / "docs" / "formats.md"
FORMATS_HEAD = """# What is read, and how

The parser's speed on one core of a server that was busy with other work too, and what it does not
keep. Headings, lists, tables and code are kept as such everywhere; pages, slides and sheets where
there are any.

| format | files | |
|---|---|---|
"""
FORMATS_FOOT = """
Archives are folders: {suffixes}. Their files are read under caps: 4 GiB unpacked in all, 256 MiB a
file, 20,000 files, archives within archives three deep.
"""
CHINESE = {
    "kb": "知识库的文件夹",
    "store": (
        "存放在哪里：`folder`（文件夹），或 `milvus:地址`：以 `.db` 结尾的 Milvus Lite 文件，或 "
        "`http://用户:密码@主机:端口`；同一个 Milvus 里有几个知识库时加 `#名字`"
    ),
    "embeddings": "`bundled`，或者 sentence-transformers 模型：文件夹或模型库里的名字",
    "query_prompt": "加在问题前面的提示，代替模型自己的",
    "passage_prompt": "加在段落前面的提示，代替模型自己的",
    "device": "模型在哪里运行：`cpu`、`cuda`、`cuda:1`；不设则自动选择",
    "port": "网页的端口；被占用时用下一个空闲的",
    "llm": (
        "由谁回答：`quote`（文档原句），`xverse` 或 XVERSE 模型的文件夹或名字，"
        "`openai:地址#模型`（服务器）；`auto`：有 CUDA 显卡且模型已在本机就用 XVERSE，否则 `quote`"
    ),
    "llm_key": "服务器的密钥（如果需要）；不设则用 `OPENAI_API_KEY`",
    "models": "放 XVERSE 模型的文件夹；不设则下载的放 `data/models`，文件夹里的放在它旁边",
    "quantize": "XVERSE 的权重用几位存放：`none`、`int8` 或 `int4`",
    "max_model_len": "提示和回答合计的词元数；不设则 XVERSE 能放多少用多少，其他模型 8192",
    "page": "放页面的对话、上传文件和后台任务的文件夹",
    "upload_megabytes": "页面接受的单个文件最大多少 MB",
    "sign_in": (
        "页面是否要求登录；登录服务（OpenID Connect）由 `.streamlit/secrets.toml` 指定；"
        "需要 `pip install 'kb-qa[sign-in]'`"
    ),
    "editors": (
        '要求登录时，可以增删文档的人的邮箱，例如 `["a@example.org"]`；不要求登录时人人都可以'
    ),
    "passages": "一个回答最多依据几个段落",
    "candidates": "检索的两路各提供多少候选段落",
    "mass_weight": "词语匹配相对于向量余弦的权重",
    "reranker": (
        "给最好的段落重新排序的 sentence-transformers CrossEncoder：文件夹或模型库里的名字；"
        "不设则没有"
    ),
    "reranked": "每个问题它读多少段落；段落越多越慢",
    "floor": (
        "证据低于它就不回答；不设则用 `python -m kb_qa calibrate` 为该知识库校准的值，"
        "没有校准过就用 0.37"
    ),
}


def table(readme: str) -> str:
    """The settings as the README lists them."""
    rows = []
    for name, knob in Settings.model_fields.items():
        said = knob.description if readme == "README.md" else CHINESE[name]
        default = "" if knob.default is None else f"`{knob.default}`"
        rows.append(f"| `KB_QA_{name.upper()}` | {default} | {said} |\n")
    return HEADS[readme] + "".join(rows)


@pytest.mark.parametrize("readme", READMES)
def test_the_settings_table_is_the_settings(readme: str) -> None:
    """Every knob is there with its default, and no other."""
    match = TABLE.search((ROOT / readme).read_text(encoding="utf-8"))
    assert match
    assert match[2] == table(readme), "run `python -m tests.test_readme`"


def formats() -> str:
    """The page of all formats, from the table that parsers are chosen by."""
    rows = [f"| {each.name} | {' '.join(each.suffixes)} | {each.note} |\n" for each in FORMATS]
    return FORMATS_HEAD + "".join(rows) + FORMATS_FOOT.format(suffixes=" ".join(ARCHIVES))


def test_the_formats_are_those_that_are_read() -> None:
    """The page lists every format with its suffixes, and no other."""
    assert FORMATS_PAGE.read_text(encoding="utf-8") == formats(), (
        "run `python -m tests.test_readme`"
    )


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny XVERSE as its makers publish it."""
    return make_official(tmp_path_factory.mktemp("xverse") / "tiny")


@pytest.mark.parametrize("readme", READMES)
def test_the_python_runs(readme: str, sample_kb: Path, published: Path) -> None:
    """The blocks can be pasted: one prints an answer with its citation, one what XVERSE says.

    XVERSE's folder is a tiny one's.
    """
    text = (ROOT / readme).read_text(encoding="utf-8")
    chain, xverse = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    lines = printed_by(chain.replace('"data/kb"', repr(str(sample_kb)))).splitlines()
    assert "[1]" in lines[0]
    assert lines[-1].strip()
    assert MODEL in xverse
    assert printed_by(xverse.replace(f'"{MODEL}"', repr(str(published)))).strip()


def printed_by(block: str) -> str:
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(block, {})
    return printed.getvalue()


@pytest.mark.parametrize("readme", READMES)
def test_the_commands_run(readme: str, sample_kb: Path, tmp_path: Path) -> None:
    """Each question of the text can be pasted; its `--json` has the promised keys."""
    commands = [line for line in commands_of(readme) if line[0] in ("ask", "search")]
    assert len(commands) >= 2
    again = shutil.copytree(sample_kb, tmp_path / "again")
    places = {"data/kb": str(sample_kb), "kb-again": str(again)}
    for line in commands:
        command = [places.get(word, word) for word in line]
        if "--kb" not in command:
            command.append(f"--kb={sample_kb}")
        done = run_kb_qa(*command, "--json")
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        assert answer["citations"], command
        assert not answer["refused"], command


@pytest.mark.parametrize("readme", READMES)
def test_the_keeping_runs(readme: str, sample_kb: Path, tmp_path: Path) -> None:
    """The lines that copy, export, import and look can be pasted; here to other places."""
    kept = ("backup", "export", "import", "doctor")
    lines = [line for line in commands_of(readme) if line[0] in kept]
    assert [line[0] for line in lines] == [*kept]
    for line in lines:
        command = [str(tmp_path / word) if word.startswith("kb-") else word for word in line]
        if "--kb" not in command:
            command.append(f"--kb={sample_kb}")
        done = run_kb_qa(*command)
        assert done.returncode == 0, done.stderr
    for made in ("kb-copy", "kb-again"):
        assert (tmp_path / made / CATALOG).is_file()


@pytest.mark.parametrize("readme", READMES)
def test_the_downloads_run(readme: str, published: Path, tmp_path: Path) -> None:
    """Each `download` line can be pasted; here a folder stands for what needs a network."""
    commands = [line for line in commands_of(readme) if line[0] == "download"]
    assert commands
    for number, command in enumerate(commands):
        done = run_kb_qa(*command, str(published), f"--to={tmp_path / str(number)}")
        assert done.returncode == 0, done.stderr
        assert (Path(done.stdout.strip()) / "model.safetensors.index.json").is_file()


def commands_of(readme: str) -> list[list[str]]:
    text = (ROOT / readme).read_text(encoding="utf-8")
    lines = re.findall(r"^ *python -m kb_qa (.*)$", text, re.MULTILINE)
    return [shlex.split(line) for line in dict.fromkeys(lines)]


def run_kb_qa(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "kb_qa", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, env=os.environ
    )


@pytest.mark.parametrize("readme", READMES)
def test_servers_are_named_as_the_settings_take_them(readme: str) -> None:
    """A `KB_QA_LLM=... python -m kb_qa` line, which needs a server, names one."""
    text = (ROOT / readme).read_text(encoding="utf-8")
    named = re.findall(r"^ *KB_QA_LLM=(\S+) python -m kb_qa", text, re.MULTILINE)
    assert named
    assert {choose_generator(Settings(llm=each)).kind for each in named} == {Kind.SERVER}


@pytest.mark.parametrize("readme", READMES)
def test_every_variable_is_a_setting(readme: str) -> None:
    """No KB_QA_ name in the text is of a knob that is not there."""
    text = (ROOT / readme).read_text(encoding="utf-8")
    knobs = {f"KB_QA_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"KB_QA_[A-Z_]+", text)) == knobs


@pytest.mark.parametrize("readme", READMES)
def test_targets_of_make_are_there(readme: str) -> None:
    """Every `make TARGET` of the text is one of the Makefile's."""
    text = (ROOT / readme).read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE))
    assert {"run", "test"} <= named <= targets


@pytest.mark.parametrize("readme", READMES)
def test_the_file_tree_is_true(readme: str) -> None:
    """Every file and folder of the captioned tree is there."""
    text = (ROOT / readme).read_text(encoding="utf-8")
    (tree,) = re.findall(r"```\n(kb_qa/ .*?)```", text, re.DOTALL)
    above: list[str] = []
    for indent, name in re.findall(r"^( *)(\S+)", tree, re.MULTILINE):
        above = [*above[: len(indent) // 2], name]
        assert ROOT.joinpath(*above).exists(), above


@pytest.mark.parametrize("readme", READMES)
def test_linked_files_are_there(readme: str) -> None:
    """No link of the README is broken."""
    for target in re.findall(r"\]\((?!http)([^)#]+)", (ROOT / readme).read_text("utf-8")):
        assert (ROOT / target).exists(), target


if __name__ == "__main__":
    FORMATS_PAGE.write_text(formats(), encoding="utf-8")
    for name in READMES:
        path = ROOT / name
        before, head, _, foot, after = TABLE.split(path.read_text(encoding="utf-8"))
        path.write_text(before + head + table(name) + foot + after, encoding="utf-8")
