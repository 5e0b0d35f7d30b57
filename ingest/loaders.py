"""A table from suffix to parser, and the way through it: a file in, a document out."""

import importlib
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ingest.document import Block, EmptyDocument, Parsed, UnsupportedFormat
from kb_qa.errors import ParseError

Parser = Callable[..., Parsed]
"""`parse(data: bytes, *, name: str) -> Parsed`; `name` is the title where the file has none."""


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
        name: as people call it.
        suffixes: of its files, in lower case.
        parser: module and function, imported when a first file is read.
        note: its parser's speed, measured on one processor of a server that was busy with
            other work too, and what it does not keep.
    """

    name: str
    suffixes: tuple[str, ...]
    parser: str
    note: str


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
    Format("CSV", (".csv", ".tsv"), "ingest.formats.csv:parse", "90,000 rows/s"),
    Format(
        "PDF",
        (".pdf",),
        "ingest.formats.pdf:parse",
        "180 pages/s; no images, running heads, columns of tables",
    ),
)

_BY_SUFFIX = {suffix: each for each in FORMATS for suffix in each.suffixes}
SUFFIXES = tuple(sorted(_BY_SUFFIX))

# No text: control characters other than newline and tab, halves of surrogate pairs, and
# noncharacters. A database, JSON or a terminal would choke on them.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
_LONGEST_TITLE = 300


def supports(path: Path) -> bool:
    """Whether a file of this name has a parser."""
    return path.suffix.lower() in _BY_SUFFIX


def load(path: Path) -> Parsed:
    """Parse a file by its suffix.

    What comes back holds no control characters but newlines and tabs, no empty
    block, and at least one block.

    Raises:
        UnsupportedFormat: no parser reads files with this suffix.
        EmptyDocument: the file holds no text.
        ParseError: it cannot be read, or is not what its suffix says.
        MemoryError: the parser ran into the process's memory limit.
    """
    kind = _BY_SUFFIX.get(path.suffix.lower())
    if kind is None:
        raise UnsupportedFormat(f"{_suffix(path)}: files that are read: {' '.join(SUFFIXES)}")
    data = _read(path)
    try:
        parsed = _parser(kind)(data, name=path.stem)
    except (ParseError, MemoryError):
        raise
    except Exception as error:  # a hostile file can raise anything in a parser
        raise ParseError(f"damaged, or not {kind.name}: {_said(error)}") from error
    return _cleaned(parsed)


def _suffix(path: Path) -> str:
    return f"no parser for {path.suffix}" if path.suffix else "no parser for a name without suffix"


def _read(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ParseError("not a regular file")
        data = path.read_bytes()
    except OSError as error:
        raise ParseError(f"cannot be read: {error.strerror}") from error
    if not data:
        raise EmptyDocument("empty: the file has no bytes")
    return data


def _parser(kind: Format) -> Parser:
    module, function = kind.parser.split(":")
    parser: Parser = getattr(importlib.import_module(module), function)
    return parser


def _said(error: Exception) -> str:
    """An error of somebody else's library on one short line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]


def _cleaned(parsed: Parsed) -> Parsed:
    blocks = tuple(block for each in parsed.blocks if (block := _clean_block(each)).text)
    if not blocks:
        raise EmptyDocument("empty: the file holds no text")
    title = " ".join(_UNPRINTABLE.sub("", parsed.title).split())[:_LONGEST_TITLE]
    return Parsed(title or "untitled", blocks, parsed.pages, parsed.warnings)


def _clean_block(block: Block) -> Block:
    text = _UNPRINTABLE.sub("", block.text).strip("\n").rstrip()
    return block if text == block.text else Block(block.kind, text, block.level, block.page)
