"""The real LibreOffice: what it converts, and that our samples come back whole from it.

Run by `make office-test`; it needs LibreOffice's soffice, with Writer, Calc and Impress.
"""

import re
import threading
from collections.abc import Iterator
from difflib import SequenceMatcher
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ingest.document import BlockKind, NeedsOffice, Parsed
from ingest.formats import legacy
from ingest.loaders import load, parse
from ingest.office import convert, is_available
from kb_qa.errors import ParseError

SAMPLES = Path(__file__).parents[2] / "data" / "docs"
HANDBOOK = SAMPLES / "company" / "员工手册.docx"
POLICY = SAMPLES / "company" / "information-security-policy.docx"
SLIDES = SAMPLES / "company" / "onboarding.pptx"
DIRECTORY = SAMPLES / "company" / "directory.xlsx"
MODERN = {"doc": "docx", "ppt": "pptx"}
SECONDS = 120.0

_WORDS = re.compile(r"[\u3400-\u9fff]|[^\W_]+")


@pytest.fixture(scope="module", autouse=True)
def office() -> None:
    assert is_available(), "this suite needs LibreOffice: apt install libreoffice-nogui"


def through(path: Path, suffix: str, folder: Path) -> Parsed:
    """A document as it is read after LibreOffice has saved it in another format."""
    other = folder / f"sample.{suffix}"
    other.write_bytes(convert(path, target=suffix, seconds=SECONDS))
    if suffix in MODERN:
        with pytest.raises(NeedsOffice):
            load(other)
        data = convert(other, target=MODERN[suffix], seconds=SECONDS)
        return parse(data, name=f"sample.{MODERN[suffix]}")
    return load(other)


def words(parsed: Parsed) -> list[str]:
    """Words, and Chinese characters one by one, without the marks of lists and tables."""
    return _WORDS.findall(parsed.text)


def kept(original: Parsed, read: Parsed) -> float:
    """The share of the original's words that come back, in their order."""
    one, other = words(original), words(read)
    blocks = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) / len(one)


def headings(parsed: Parsed) -> list[str]:
    return [block.text for block in parsed.blocks if block.kind is BlockKind.HEADING]


def rows(parsed: Parsed) -> list[str]:
    tables = (block.text for block in parsed.blocks if block.kind is BlockKind.TABLE)
    return [row for table in tables for row in table.split("\n")]


@pytest.mark.parametrize("suffix", ["odt", "rtf", "doc"])
@pytest.mark.parametrize("path", [HANDBOOK, POLICY], ids=["Chinese", "English"])
def test_documents_come_back_whole(path: Path, suffix: str, tmp_path: Path) -> None:
    """Every word in its order, every heading with its level, every row of every table."""
    original, read = load(path), through(path, suffix, tmp_path)
    assert kept(original, read) == 1.0
    assert len(words(read)) == len(words(original))
    assert read.title == original.title
    assert headings(read) == headings(original)
    assert rows(read) == rows(original)


@pytest.mark.parametrize("suffix", ["odp", "ppt"])
def test_slides_come_back_whole(suffix: str, tmp_path: Path) -> None:
    """Every word on its slide, speaker's notes included."""
    original, read = load(SLIDES), through(SLIDES, suffix, tmp_path)
    assert kept(original, read) == 1.0
    assert read.pages == original.pages
    assert headings(read) == headings(original)
    assert rows(read) == rows(original)


@pytest.mark.parametrize("suffix", ["ods", "xls"])
def test_sheets_come_back_whole(suffix: str, tmp_path: Path) -> None:
    """Every cell of every sheet."""
    original, read = load(DIRECTORY), through(DIRECTORY, suffix, tmp_path)
    assert read.blocks == original.blocks


@pytest.mark.parametrize("path", [HANDBOOK, POLICY], ids=["Chinese", "English"])
def test_books_come_back_whole(path: Path, tmp_path: Path) -> None:
    """Every word; of headings LibreOffice writes only the first level into an e-book."""
    original, read = load(path), through(path, "epub", tmp_path)
    assert kept(original, read) == 1.0
    first = [block.text for block in original.blocks if block.level == 1]
    assert [text for text in headings(read) if text in first] == first


def test_files_are_left_as_they_are(tmp_path: Path) -> None:
    """Nothing is written beside a file that is converted, no lock either."""
    path = tmp_path / "a.docx"
    path.write_bytes(HANDBOOK.read_bytes())
    path.chmod(0o400)
    convert(path, target="doc", seconds=SECONDS)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == HANDBOOK.read_bytes()


@pytest.fixture
def server() -> Iterator[tuple[int, list[str]]]:
    """A port of this machine, and what was asked of it."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_HEAD = do_OPTIONS = do_GET  # noqa: N815 -- names that the base class asks for

        def log_message(self, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield listening.server_port, asked
        listening.shutdown()
        thread.join()


def test_pictures_that_a_document_links_to_are_not_fetched(
    server: tuple[int, list[str]], tmp_path: Path
) -> None:
    """LibreOffice as it comes asks for this one three times."""
    port, asked = server
    spaces = 'xmlns:{0}="urn:oasis:names:tc:opendocument:xmlns:{1}:1.0"'
    names = " ".join(
        spaces.format(*pair)
        for pair in (("office", "office"), ("text", "text"), ("draw", "drawing"))
    )
    size = 'svg:width="3cm" svg:height="3cm"'
    path = tmp_path / "linking.fodt"
    path.write_text(
        f'<?xml version="1.0"?><office:document {names} {spaces.format("svg", "svg-compatible")}'
        ' xmlns:xlink="http://www.w3.org/1999/xlink" office:version="1.3"'
        ' office:mimetype="application/vnd.oasis.opendocument.text"><office:body><office:text>'
        f'<text:p>text<draw:frame text:anchor-type="as-char" {size}><draw:image'
        f' xlink:href="http://127.0.0.1:{port}/x.png" xlink:type="simple" xlink:show="embed"'
        ' xlink:actuate="onLoad"/></draw:frame></text:p></office:text></office:body>'
        "</office:document>"
    )
    data = convert(path, target="docx", seconds=SECONDS)
    assert parse(data, name="a.docx").text == "text"
    assert asked == []


def test_a_file_that_is_late() -> None:
    """LibreOffice takes longer than this to start."""
    with pytest.raises(ParseError, match=r"took longer than 0\.2 s"):
        convert(HANDBOOK, target="doc", seconds=0.2)


def test_what_is_no_presentation(tmp_path: Path) -> None:
    """LibreOffice takes noise for text, and has no slides to save."""
    path = tmp_path / "a.ppt"
    path.write_bytes(b"\xd0\xcf\x11\xe0" + bytes(range(256)) * 20)
    with pytest.raises(ParseError, match="LibreOffice cannot read it"):
        convert(path, target="pptx", seconds=SECONDS)
    with pytest.raises(ParseError, match="damaged"):
        legacy.parse_powerpoint(path.read_bytes(), name="a")
