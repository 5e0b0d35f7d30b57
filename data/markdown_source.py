"""The Markdown that the sample documents are made from, and no more of it than they need."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Literal

Row = tuple[str, ...]
Kind = Literal["heading", "paragraph", "item", "table", "note"]


@dataclass(frozen=True)
class Block:
    """One piece of a source: its text, or the rows of a table, header first."""

    kind: Kind
    text: str = ""
    level: int = 0
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True)
class Source:
    """A parsed source: the values between its ``---`` lines, and the pieces after them."""

    meta: Mapping[str, str]
    blocks: tuple[Block, ...]

    @property
    def date(self) -> datetime:
        """When the document says it was made."""
        return datetime.fromisoformat(self.meta["date"]).replace(tzinfo=UTC)

    @property
    def text(self) -> str:
        """Every character that is to be seen."""
        cells = (cell for block in self.blocks for row in block.rows for cell in row)
        return "".join((*self.meta.values(), *(block.text for block in self.blocks), *cells))

    def sections(self) -> list[tuple[str, list[Block]]]:
        """The pieces under each top heading: a slide, a sheet."""
        found: list[tuple[str, list[Block]]] = []
        for block in self.blocks:
            if block.kind == "heading" and block.level == 1:
                found.append((block.text, []))
            else:
                found[-1][1].append(block)
        return found


def parse(text: str) -> Source:
    """Read a source: one line is one piece, but for the rows of a table."""
    _, head, body = text.split("---\n", 2)
    meta = dict(line.split(": ", 1) for line in head.splitlines())
    lines = [line for line in body.split("\n") if line]
    return Source(meta, tuple(_blocks(lines)))


def _blocks(lines: Iterable[str]) -> Iterable[Block]:
    for is_table, group in groupby(lines, key=lambda line: line.startswith("|")):
        if is_table:
            header, _, *rows = (_cells(line) for line in group)
            yield Block("table", rows=(header, *rows))
        else:
            yield from map(_line_block, group)


def _cells(line: str) -> Row:
    return tuple(cell.strip() for cell in line.strip("|").split("|"))


def _line_block(line: str) -> Block:
    mark, _, rest = line.partition(" ")
    if mark.strip("#") == "":
        return Block("heading", rest, level=len(mark))
    kinds: Mapping[str, Kind] = {"-": "item", ">": "note"}
    return Block(kinds[mark], rest) if mark in kinds else Block("paragraph", line)
