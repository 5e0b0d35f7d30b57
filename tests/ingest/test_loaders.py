"""Loaders: the table from suffix to parser, and what holds of all of them."""

import contextlib
import importlib
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.document import EmptyDocument, Parsed, UnsupportedFormat
from ingest.loaders import FORMATS, SUFFIXES, load, supports
from ingest.sandbox import ParserPool
from ingest.task import Task
from kb_qa.errors import ParseError

SPACED_OUT = r"[\u4e00-\u9fff] [\u4e00-\u9fff] [\u4e00-\u9fff]"
SAMPLES = Path(__file__).parents[2] / "data" / "docs"


@pytest.fixture
def write(tmp_path: Path):
    def write(name: str, data: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


def test_every_parser_in_the_table_exists() -> None:
    """Each row names a function that parses bytes, and no suffix stands in two rows."""
    for each in FORMATS:
        module, function = each.parser.split(":")
        assert callable(getattr(importlib.import_module(module), function))
    assert len(SUFFIXES) == sum(len(each.suffixes) for each in FORMATS)


def test_parsers_are_imported_when_they_are_used() -> None:
    """Importing the table imports no parser's library, nor anything else that takes long."""
    heavy = ["lxml", "selectolax", "markdown_it", "pypdfium2", "python_calamine", "torch", "numpy"]
    code = f"import ingest.worker, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_suffixes_are_read_in_any_case(write) -> None:
    """A name in capitals is the same kind of file."""
    assert load(write("A.TXT", b"text")).text == "text"
    assert supports("a.PDF")
    assert not supports("a.exe")


def test_other_suffixes_are_named(write) -> None:
    """The reason names the suffix, and what is read instead."""
    with pytest.raises(UnsupportedFormat, match=r"\.exe.*\.docx.*\.pdf"):
        load(write("a.exe", b"MZ"))
    with pytest.raises(UnsupportedFormat, match="without suffix"):
        load(write("README", b"text"))


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.html", "a.csv", "a.log"])
@pytest.mark.parametrize("data", [b"", b"  \n\n \t\n", b"\xef\xbb\xbf"])
def test_emptiness_is_told_from_failure(write, name: str, data: bytes) -> None:
    """A file that holds no text is empty, not damaged."""
    with pytest.raises(EmptyDocument, match="empty"):
        load(write(name, data))


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    """A missing file, and what is no file: a pipe would be waited for without end."""
    with pytest.raises(ParseError, match="No such file"):
        load(tmp_path / "gone.txt")
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(ParseError, match="not a regular file"):
        load(tmp_path / "pipe.txt")


@pytest.mark.parametrize("suffix", [".docx", ".pptx", ".xlsx", ".pdf"])
def test_a_web_page_under_another_name(write, suffix: str) -> None:
    """A download that failed is often a page of HTML named like the file wanted."""
    with pytest.raises(ParseError, match="damaged, or not"):
        load(write(f"a{suffix}", b"<html><body>Please log in</body></html>"))


def test_control_characters_are_dropped(write) -> None:
    """What no database, terminal or JSON takes is not in a document's text."""
    text = "one\x00 two\x07\x1b[0m \ufeffthree\ufffe" + " four" * 99
    assert load(write("a.txt", text.encode())).text == "one two[0m three" + " four" * 99


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample documents are not here")
def test_sample_documents_are_read() -> None:
    """Every sample document gives text that is neither garbled nor spaced out."""
    paths = [path for path in SAMPLES.rglob("*") if path.is_file() and supports(path.name)]
    assert paths
    for path in paths:
        parsed = load(path)
        assert len(parsed.text) > 100, path
        assert "\ufffd" not in parsed.text, path
        assert not re.search(SPACED_OUT, parsed.text), path


MAGIC = {
    ".pdf": b"%PDF-1.7\n",
    ".docx": b"PK\x03\x04",
    ".pptx": b"PK\x03\x04",
    ".xlsx": b"PK\x03\x04",
    ".xlsm": b"\xd0\xcf\x11\xe0",
}


BYTES = st.tuples(st.sampled_from(SUFFIXES), st.binary(max_size=400)).map(
    lambda drawn: (drawn[0], MAGIC.get(drawn[0], b"") * (drawn[1][:1] < b"\x80") + drawn[1])
)


@given(BYTES)
def test_any_bytes_end_in_a_document_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, file: tuple[str, bytes]
) -> None:
    """No bytes under any suffix raise anything but a parse error."""
    path = tmp_path_factory.getbasetemp() / f"fuzz{file[0]}"
    path.write_bytes(file[1])
    with contextlib.suppress(ParseError):
        check(load(path))


PIECES = st.sampled_from(
    [
        *("<p>", "<table>", "<tr>", "<td rowspan=9>", "</table>", "<ul>", "<li>", "<ol start=5>"),
        *("<pre>", "<h1>", "<h2>", "<br>", "<nav>", "<main>", "<dl>", "<dt>", "<!--", "-->", "]]>"),
        *("#", "##", "-", "*", "1.", "|", "a|b", "-|-", "```", ">", "---", "===", "\n", "\n\n"),
        *("年假", "text", "&amp;", "&#0;", "\t"),
    ]
)


@given(st.sampled_from([".md", ".html", ".txt", ".csv", ".log"]), st.lists(PIECES, max_size=60))
def test_any_markup_ends_in_a_document_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, pieces: list[str]
) -> None:
    """Markup in any order, closed or not, is read."""
    path = tmp_path_factory.getbasetemp() / f"markup{suffix}"
    path.write_text(" ".join(pieces))
    with contextlib.suppress(EmptyDocument):
        check(load(path))


def check(parsed: Parsed) -> None:
    """What `load` promises of what it returns."""
    assert parsed.title
    assert parsed.blocks
    assert all(block.text.strip() for block in parsed.blocks)
    parsed.text.encode()
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", parsed.text)


def damaged(original: bytes, count: int, seed: int) -> Iterator[bytes]:
    """The file with bytes changed, cut short, or with a piece of it repeated."""
    chance = random.Random(seed)
    for _ in range(count):
        data = bytearray(original)
        for _ in range(chance.choice([1, 5, 50])):
            data[chance.randrange(len(data))] = chance.randrange(256)
        if chance.random() < 0.3:
            del data[chance.randrange(len(data)) :]
        if chance.random() < 0.3:
            at = chance.randrange(len(data) + 1)
            data[at:at] = data[at : at + 100] * chance.choice([1, 20])
        yield bytes(data)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample documents are not here")
def test_damaged_files_end_in_a_document_or_a_reason(tmp_path: Path) -> None:
    """Real files with bytes flipped, cut and doubled cost no more than themselves."""
    kinds = (".pdf", ".docx", ".pptx", ".xlsx")
    originals = {path.suffix: path for path in sorted(SAMPLES.rglob("*")) if path.suffix in kinds}
    paths = set()
    for number, (suffix, original) in enumerate(originals.items()):
        for count, data in enumerate(damaged(original.read_bytes(), 12, seed=number)):
            path = tmp_path / f"{count}{suffix}"
            path.write_bytes(data)
            paths.add(path)
    with ParserPool(jobs=2, seconds_per_file=20) as pool:
        tasks = [Task(path, path.name) for path in paths]
        results = {task.path: answer for task, answer in pool.answers(tasks)}
    assert results.keys() == paths
    for result in results.values():
        assert isinstance(result, Parsed | ParseError)
