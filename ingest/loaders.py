"""A table from suffix to parser, and the way through it: a file in, a document out."""

import importlib
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

from ingest.document import Block, EmptyDocument, Parsed, UnsupportedFormat
from ingest.formats.lines import Line
from ingest.formats.picture import Picture
from ingest.injection import warnings_of
from kb_qa.errors import ParseError

Recognized = Mapping[int, Sequence[Line]]
"""The lines that OCR read, by the index of their page."""


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
        name: as people call it.
        suffixes: of its files, in lower case; a whole name where such files have no suffix.
        parser: module and function, imported when a first file is read:
            `parse(data: bytes, *, name: str) -> Parsed`; `name` is the title where it has none.
        note: its parser's speed, measured on one processor of a server that was busy with
            other work too, and what it does not keep.
        may_be_scanned: whether pages of it may be pictures of text. Its parser then takes
            `recognized` too, and beside it stand `unread(data) -> tuple[int, ...]`, the pages
            that only OCR can read, and `render(data, page) -> Picture`.
    """

    name: str
    suffixes: tuple[str, ...]
    parser: str
    note: str
    may_be_scanned: bool = False


FORMATS = (
    Format(
        "Markdown", (".md", ".markdown"), "ingest.formats.markdown:parse", "0.6 MB/s; no images"
    ),
    Format(
        "text", (".txt", ".text"), "ingest.formats.plain:parse", "2.7 MB/s; no spaces for layout"
    ),
    Format("log", (".log",), "ingest.formats.plain:parse_lines", "keeps everything"),
    Format(
        "HTML",
        (".html", ".htm", ".xhtml"),
        "ingest.formats.html:parse",
        "9 MB/s; no images, forms, navigation",
    ),
    Format(
        "Word",
        (".docx",),
        "ingest.formats.docx:parse",
        "1.5 MB/s; no images, headers, footers, comments, page numbers",
    ),
    Format(
        "PowerPoint",
        (".pptx",),
        "ingest.formats.pptx:parse",
        "1,900 slides/s; no images, charts",
    ),
    Format(
        "Excel",
        (".xlsx", ".xlsm"),
        "ingest.formats.xlsx:parse",
        "40,000 rows/s; no formulas, number formats, charts",
    ),
    Format(
        "OpenDocument text",
        (".odt", ".ott"),
        "ingest.formats.odt:parse",
        "6 MB/s of XML; no images, headers, footers, comments, formulas, page numbers",
    ),
    Format(
        "OpenDocument presentation",
        (".odp", ".otp"),
        "ingest.formats.odp:parse",
        "2,200 slides/s; no images, charts",
    ),
    Format(
        "OpenDocument spreadsheet",
        (".ods", ".ots"),
        "ingest.formats.ods:parse",
        "14,000 rows/s; no formulas, comments, charts",
    ),
    Format(
        "RTF",
        (".rtf",),
        "ingest.formats.rtf:parse",
        "1.5 MB/s; no images, headers, footers, comments, page numbers",
    ),
    Format("EPUB", (".epub",), "ingest.formats.epub:parse", "5 MB/s of HTML; no images, fonts"),
    Format(
        "Word 97",
        (".doc", ".dot"),
        "ingest.formats.legacy:parse_word",
        "3 s a file, by LibreOffice; what .docx loses",
    ),
    Format(
        "PowerPoint 97",
        (".ppt", ".pps"),
        "ingest.formats.legacy:parse_powerpoint",
        "4 s a file, by LibreOffice; what .pptx loses",
    ),
    Format(
        "Excel 97",
        (".xls", ".xlt"),
        "ingest.formats.legacy:parse_excel",
        "50,000 rows/s, older ones by LibreOffice; no formulas, number formats, charts",
    ),
    Format("CSV", (".csv", ".tsv"), "ingest.formats.csv:parse", "90,000 rows/s"),
    Format(
        "PDF",
        (".pdf",),
        "ingest.formats.pdf:parse",
        "180 pages/s, 137 where tables are; no images, running heads, two columns without rules",
        may_be_scanned=True,
    ),
    Format(
        "picture",
        (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"),
        "ingest.formats.image:parse",
        "5 s a page, by OCR; only printed text, no tables",
        may_be_scanned=True,
    ),
    Format("JSON", (".json",), "ingest.formats.json:parse", "9 MB/s; no order of plain values"),
    Format("JSON lines", (".jsonl", ".ndjson"), "ingest.formats.json:parse_lines", "9 MB/s"),
    Format(
        "source code",
        (
            *(".py", ".pyi", ".js", ".mjs", ".cjs", ".ts", ".jsx", ".tsx", ".java", ".kt", ".c"),
            *(".h", ".cc", ".cpp", ".cxx", ".hh", ".hpp", ".cs", ".go", ".rs", ".rb", ".php"),
            *(".swift", ".scala", ".sh", ".bash", ".zsh", ".ps1", ".bat", ".cmd", ".sql", ".r"),
            *(".lua", ".pl", ".pm", ".css", ".scss", ".less", ".vue", ".proto", ".dockerfile"),
            "dockerfile",
        ),
        "ingest.formats.code:parse",
        "12 MB/s; keeps every line",
    ),
    Format(
        "settings",
        (".toml", ".ini", ".cfg", ".conf", ".properties"),
        "ingest.formats.code:parse_settings",
        "12 MB/s; keeps every line",
    ),
    Format(
        "YAML", (".yaml", ".yml"), "ingest.formats.code:parse_yaml", "12 MB/s; keeps every line"
    ),
    Format(
        "makefile",
        (".mk", "makefile"),
        "ingest.formats.code:parse_makefile",
        "12 MB/s; keeps every line",
    ),
    Format(
        "notebook", (".ipynb",), "ingest.formats.notebook:parse", "1.5 MB/s; no pictures, widgets"
    ),
    Format(
        "mail",
        (".eml",),
        "ingest.formats.mail:parse",
        "3 MB/s; no attachments, no second form of a text",
    ),
    Format("saved page", (".mhtml", ".mht"), "ingest.formats.mail:parse_page", "9 MB/s; no images"),
    Format(
        "XML", (".xml", ".docbook"), "ingest.formats.xml:parse", "3 MB/s; no attributes beside text"
    ),
    Format(
        "reStructuredText",
        (".rst", ".rest"),
        "ingest.formats.rst:parse",
        "0.3 MB/s; no images, no files that it includes",
    ),
    Format(
        "LaTeX",
        (".tex", ".latex", ".ltx"),
        "ingest.formats.tex:parse",
        "1 MB/s; no pictures, no macros, no files that it includes",
    ),
    Format(
        "Outlook message",
        (".msg",),
        "ingest.formats.msg:parse",
        "170 files/s; no attachments",
    ),
)

_BY_SUFFIX = {suffix: each for each in FORMATS for suffix in each.suffixes}
SUFFIXES = tuple(sorted(_BY_SUFFIX))

# No text: control characters other than newline and tab, halves of surrogate pairs, and
# noncharacters. A database, JSON or a terminal would choke on them.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
_LONGEST_TITLE = 300


def format_of(name: str) -> str:
    """As what a file of this name is read; "" if it is not."""
    kind = _BY_SUFFIX.get(PurePath(name).suffix.lower())
    return kind.name if kind else ""


def supports(name: str) -> bool:
    """Whether a file of this name has a parser."""
    return _suffix(name) in _BY_SUFFIX


def load(path: Path) -> Parsed:
    """Parse a file by its suffix, as `parse` does.

    Raises:
        ParseError: it cannot be read, or `parse` raises it.
    """
    return parse(read(path), name=path.name)


def parse(data: bytes, *, name: str, recognized: Recognized | None = None) -> Parsed:
    """Parse a file's bytes by its name's suffix.

    What comes back holds no control characters but newlines and tabs, no empty
    block, and at least one block.

    Args:
        data: the file.
        name: of the file, with its suffix.
        recognized: the lines that OCR read on pages without text, by index from 0.

    Raises:
        UnsupportedFormat: no parser reads files with this suffix.
        EmptyDocument: the file holds no text.
        ParseError: it is not what its suffix says, or cannot be read.
        MemoryError: the parser ran into the process's memory limit.
    """
    kind, stem = _format(name), PurePath(name).stem
    if not data:
        raise EmptyDocument("empty: the file has no bytes")
    with _told_as_damaged(kind):
        if recognized is None:
            return _cleaned(_function(kind)(data, name=stem))
        return _cleaned(_function(kind)(data, name=stem, recognized=recognized))


def unread(data: bytes, *, name: str) -> tuple[int, ...]:
    """The pages, by index from 0, whose text only OCR can read.

    Raises:
        ParseError: as for `parse`.
    """
    kind = _format(name)
    if not kind.may_be_scanned or not data:
        return ()
    with _told_as_damaged(kind):
        pages: tuple[int, ...] = _function(kind, "unread")(data)
        return pages


def render(data: bytes, *, name: str, page: int) -> Picture:
    """A page as a picture for OCR.

    Raises:
        ParseError: as for `parse`.
    """
    kind = _format(name)
    with _told_as_damaged(kind):
        picture: Picture = _function(kind, "render")(data, page)
        return picture


def read(path: Path) -> bytes:
    """A regular file's bytes.

    Raises:
        ParseError: there are none to be had.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ParseError("not a regular file")
        return path.read_bytes()
    except OSError as error:
        raise ParseError(f"cannot be read: {error.strerror}") from error


def _format(name: str) -> Format:
    suffix = PurePath(name).suffix
    kind = _BY_SUFFIX.get(_suffix(name))
    if kind is None:
        said = f"no parser for {suffix}" if suffix else "no parser for a name without suffix"
        raise UnsupportedFormat(f"{said}: files that are read: {' '.join(SUFFIXES)}")
    return kind


def _suffix(name: str) -> str:
    """A name's suffix in lower case; all of a name that has none, such as Makefile."""
    last = name.rpartition("/")[2]
    dot = last.rfind(".")
    return (last[dot:] if 0 < dot < len(last) - 1 else last).lower()


@contextmanager
def _told_as_damaged(kind: Format) -> Iterator[None]:
    """A hostile file can raise anything in a parser."""
    try:
        yield
    except (ParseError, MemoryError):
        raise
    except Exception as error:
        raise ParseError(f"damaged, or not {kind.name}: {_said(error)}") from error


def _function(kind: Format, name: str = "") -> Callable[..., Any]:
    module, parser = kind.parser.split(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name or parser)
    return function


def _said(error: Exception) -> str:
    """An error of somebody else's library on one short line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]


def _cleaned(parsed: Parsed) -> Parsed:
    blocks = tuple(block for each in parsed.blocks if (block := _clean_block(each)).text)
    if not blocks:
        raise EmptyDocument("empty: the file holds no text")
    title = " ".join(_UNPRINTABLE.sub("", parsed.title).split())[:_LONGEST_TITLE]
    told = (*parsed.warnings, *warnings_of(blocks))
    warnings = tuple(" ".join(_UNPRINTABLE.sub("", each).split()) for each in told)
    return replace(parsed, title=title or "untitled", blocks=blocks, warnings=warnings)


def _clean_block(block: Block) -> Block:
    text = _UNPRINTABLE.sub("", block.text).strip("\n").rstrip()
    return block if text == block.text else replace(block, text=text)
