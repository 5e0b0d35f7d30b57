"""A document as it is read: running text, headings and lists become blocks in order."""

from ingest.document import Block, BlockKind
from ingest.formats.inline import one_line

LINE_END = "\v"
"""Within what is written: the end of a line that is to stay a line."""

_LONGEST_HEADING = 200
"""Characters; a longer heading is a paragraph that was given a heading's looks."""

_DEEPEST = 8
"""Levels by which items are indented."""


class Outline:
    """Gathers the blocks of a document that is walked from beginning to end.

    Attributes:
        page: the page, slide or sheet that blocks begin on from now on.
    """

    def __init__(self) -> None:
        self.page: int | None = None
        self._blocks: list[Block] = []
        self._pieces: list[str] = []
        self._level = 0
        self._lists: list[int | None] = []
        self._gathered: list[str] = []
        self._gathered_kind = BlockKind.LIST
        self._marker = ""

    def write(self, text: str) -> None:
        """Go on with the paragraph, heading or item."""
        self._pieces.append(text)

    def end_paragraph(self) -> None:
        """End what was being written, if anything was."""
        text = _lines("".join(self._pieces))
        self._pieces.clear()
        if not text:
            return
        if self._level and len(text) <= _LONGEST_HEADING:
            self._append(BlockKind.HEADING, text.replace("\n", " "), self._level)
        elif self._lists:
            self._append_item(text, self._marker, len(self._lists) - 1)
            self._marker = ""
        else:
            self._append(BlockKind.PARAGRAPH, text)

    def begin_heading(self, level: int) -> None:
        """Begin a heading, 1 the highest; it lasts until `end_heading`."""
        self.end_paragraph()
        self._level = level

    def end_heading(self) -> None:
        """End a heading."""
        self.end_paragraph()
        self._level = 0

    def begin_list(self, *, numbered_from: int | None = None) -> None:
        """Begin a list, perhaps within an item of another."""
        self.end_paragraph()
        self._lists.append(numbered_from)

    def begin_item(self, *, marked: bool = True) -> None:
        """Begin an item; one that is not marked goes on with the item before it."""
        self.end_paragraph()
        self._marker = ""
        if marked and self._lists:
            number = self._lists[-1]
            self._marker = "- " if number is None else f"{number}. "
            self._lists[-1] = None if number is None else number + 1

    def end_list(self) -> None:
        """End the innermost list."""
        self.end_paragraph()
        self._marker = ""
        if self._lists:
            self._lists.pop()
        if not self._lists:
            self._end_gathering()

    def add_item(self, text: str, *, marker: str, depth: int) -> None:
        """Add an item that is complete, with the sign or number before it."""
        self.end_paragraph()
        self._append_item(_lines(text), marker, depth)

    def add_code_line(self, text: str) -> None:
        """Add a line to the listing that is being gathered."""
        self.end_paragraph()
        self._gather(BlockKind.CODE, text.replace(LINE_END, "\n").rstrip())

    def add(self, kind: BlockKind, text: str, *, level: int = 0) -> None:
        """Add a block that is complete: a table, code."""
        self.end_paragraph()
        if text.strip():
            self._append(kind, text, level)

    def blocks(self) -> tuple[Block, ...]:
        """All of it."""
        self.end_paragraph()
        self._end_gathering()
        return tuple(self._blocks)

    def _append(self, kind: BlockKind, text: str, level: int = 0) -> None:
        self._end_gathering()
        self._blocks.append(Block(kind, text, level, self.page))

    def _append_item(self, text: str, marker: str, depth: int) -> None:
        indent = "  " * min(depth, _DEEPEST)
        hanging = f"\n{indent}  "
        text = indent + (marker or "  ") + text.replace("\n", hanging)
        self._gather(BlockKind.LIST, text)

    def _gather(self, kind: BlockKind, line: str) -> None:
        if kind is not self._gathered_kind:
            self._end_gathering()
        self._gathered_kind = kind
        self._gathered.append(line)

    def _end_gathering(self) -> None:
        text = "\n".join(self._gathered)
        self._gathered.clear()
        if text.strip():
            self._blocks.append(Block(self._gathered_kind, text, page=self.page))


def _lines(text: str) -> str:
    return "\n".join(filter(None, map(one_line, text.split(LINE_END))))
