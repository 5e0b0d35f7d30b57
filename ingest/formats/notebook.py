"""Jupyter notebooks: prose as Markdown, code and what it printed as listings.

Pictures are counted; an output as long as a log keeps its beginning. The formats from
version 3, whose cells stood in worksheets, on are read.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ingest.document import Block, BlockKind, Parsed
from ingest.encoding import decode
from ingest.formats import html, markdown
from kb_qa.errors import ParseError

Cell = Mapping[str, Any]

_LONGEST_OUTPUT = 5000
"""Characters; what is longer is the log of a run, not a result that is read."""

_COLOURS = re.compile(r"\x1b\[[0-9;]{0,20}[A-Za-z]")

_DEEPEST_HEADING = 6
_PICTURES = ("image/", "application/vnd.", "application/javascript", "video/", "audio/")


def parse(data: bytes, *, name: str) -> Parsed:
    """A notebook's cells in their order; its title is its first top heading.

    Raises:
        ParseError: it is not a notebook.
    """
    decoded = decode(data)
    reader = _Reader()
    for cell in _cells(decoded.text):
        reader.read(cell)
    headings = (block.text for block in reader.blocks if block.level == 1)
    warnings = (*decoded.warnings, *reader.warnings())
    return Parsed(next(headings, "") or name, tuple(reader.blocks), warnings=warnings)


class _Reader:
    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._pictures = 0
        self._shortened = 0

    def read(self, cell: Cell) -> None:
        """Read a cell and its outputs."""
        source = _text(cell.get("source", cell.get("input")))
        kind = cell.get("cell_type")
        self._pictures += len(_mapping(cell.get("attachments")))
        if kind == "markdown":
            self.blocks += markdown.parse(source.encode("utf-8", "replace"), name="").blocks
        elif kind == "heading":  # of version 3
            level = cell.get("level")
            level = level if isinstance(level, int) and 1 <= level <= _DEEPEST_HEADING else 1
            self._add(BlockKind.HEADING, source, level=level)
        else:
            self._add(BlockKind.CODE, source)
            for output in _mappings(cell.get("outputs")):
                self._read_output(output)

    def warnings(self) -> tuple[str, ...]:
        """What was not kept."""
        pictures = f"pictures and interactive outputs that were not read: {self._pictures}"
        shortened = f"long outputs of which only the beginning was kept: {self._shortened}"
        counts = ((self._pictures, pictures), (self._shortened, shortened))
        return tuple(warning for count, warning in counts if count)

    def _read_output(self, output: Cell) -> None:
        shown = _mapping(output.get("data")) or output
        page = _text(shown.get("text/html", shown.get("html")))
        text = _text(output.get("traceback")) or _text(shown.get("text/plain", shown.get("text")))
        self._pictures += any(key.startswith(_PICTURES) or key == "png" for key in shown)
        if "<table" in page:
            self.blocks += html.parse(page.encode("utf-8", "replace"), name="").blocks
        elif text:
            text = _printed(text)
            self._shortened += len(text) > _LONGEST_OUTPUT
            self._add(BlockKind.CODE, text[:_LONGEST_OUTPUT])

    def _add(self, kind: BlockKind, text: str, *, level: int = 0) -> None:
        if text.strip():
            self.blocks.append(Block(kind, text.strip("\n").rstrip(), level))


def _printed(text: str) -> str:
    """What a terminal shows in the end: no colours, of a progress bar its last state."""
    lines = _COLOURS.sub("", text).split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)


def _cells(text: str) -> Iterator[Cell]:
    try:
        notebook = json.loads(text)
    except json.JSONDecodeError as error:
        raise ParseError(f"damaged, or not a notebook: {error.msg}, line {error.lineno}") from error
    except RecursionError:
        raise ParseError("its values are nested too deep to be read") from None
    sheets = [notebook, *_mappings(_mapping(notebook).get("worksheets"))]
    if not any("cells" in _mapping(sheet) for sheet in sheets):
        raise ParseError("not a notebook: it has no list of cells")
    for sheet in sheets:
        cells = _mapping(sheet).get("cells", [])
        if not isinstance(cells, list):
            raise ParseError(
                f"damaged, or not a notebook: its cells are no list but {type(cells).__name__}"
            )
        if cells and not _mappings(cells):
            raise ParseError(f"damaged, or not a notebook: none of its {len(cells)} cells is one")
        yield from _mappings(cells)


def _mappings(value: object) -> Iterable[Cell]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else ()


def _mapping(value: object) -> Cell:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    """A text, or one that is stored as a list of its lines."""
    if isinstance(value, list):
        is_traceback = not any(str(line).endswith("\n") for line in value[:-1])
        return ("\n" if is_traceback else "").join(map(str, value))
    return value if isinstance(value, str) else ""
