"""The sections of a document: the pieces between headings, under the titles above them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from ingest.document import Block, BlockKind, Parsed
from ingest.pieces import Piece, pieces_of

_BEFORE_AN_ANNOUNCED = 0.15
"""What it costs to part something from "as follows:" before it; see `pieces` for the scale."""

_BESIDE_A_HEADING = 10.0
"""What it costs to part a heading that is in the text from what it stands beside: dear, so
that it is done only where more headings follow each other than one chunk holds."""

_LONGEST_LABEL = 60
"""Characters of a paragraph that is no sentence, but names what follows: "Note", a caption."""

_SENTENCE_END = re.compile(r"[。！？!?.…：:；;”’\"』」)）]\Z")


@dataclass(frozen=True)
class Section:
    """A run of pieces, and the titles of the headings above it, outermost first."""

    heading: tuple[str, ...]
    pieces: list[Piece]


def starts_of(parsed: Parsed) -> list[int]:
    """The offset of each block in the document's text."""
    sizes = (len(block.text) + len(Parsed.SEPARATOR) for block in parsed.blocks)
    return [0, *accumulate(sizes)][: len(parsed.blocks)]


def sections_of(parsed: Parsed, *, cap: int) -> list[Section]:
    """A document's sections, in order; none of them is empty.

    A heading that no text follows before the next of its level, or the end, would be in
    no section's path: it is made a piece of the section after it, or of the last one.

    Args:
        parsed: the document.
        cap: bytes that no piece exceeds.
    """
    reader = _Reader(cap)
    for at, block in zip(starts_of(parsed), parsed.blocks, strict=True):
        if block.kind is BlockKind.HEADING:
            reader.read_heading(block, at)
        else:
            reader.read_body(block, at)
    return reader.end()


class _Reader:
    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._sections: list[Section] = []
        self._path: list[Block] = []
        self._waiting: list[tuple[Block, int]] = []
        self._lost: int | None = None
        self._previous: Block | None = None

    def read_heading(self, block: Block, at: int) -> None:
        """Take a heading; those still waiting for text at its level or below are lost to it."""
        while self._path and self._path[-1].level >= block.level:
            self._path.pop()
        self._path.append(block)
        for index, (each, _) in enumerate(self._waiting[: self._lost]):
            if each.level >= block.level:
                self._lost = index
                break
        self._waiting.append((block, at))
        self._previous = None

    def read_body(self, block: Block, at: int) -> None:
        """Take anything else; the first after a heading opens a section."""
        pieces = pieces_of(block, at, cap=self._cap)
        if self._waiting or not self._sections:
            headings = [] if self._lost is None else self._headings(self._waiting[self._lost :])
            path = tuple(" ".join(each.text.split()) for each in self._path)
            self._sections.append(Section(path, headings))
            if headings:
                pieces[0] = pieces[0]._replace(cost=_BESIDE_A_HEADING)
            self._waiting, self._lost = [], None
        elif self._previous and _announces(self._previous):
            pieces[0] = pieces[0]._replace(cost=_BEFORE_AN_ANNOUNCED)
        self._append(pieces, goes_on=self._goes_on(block))
        self._previous = block

    def end(self) -> list[Section]:
        """All sections."""
        if self._waiting:
            if not self._sections:
                self._sections.append(Section((), []))
            self._sections[-1].pieces.extend(self._headings(self._waiting))
        return self._sections

    def _headings(self, waiting: Sequence[tuple[Block, int]]) -> list[Piece]:
        pieces = [piece for block, at in waiting for piece in pieces_of(block, at, cap=self._cap)]
        return [piece._replace(cost=_BESIDE_A_HEADING) for piece in pieces]

    def _goes_on(self, block: Block) -> bool:
        """Whether a page ended in the middle of a sentence that this block ends."""
        before = self._previous
        return (
            before is not None
            and before.page != block.page
            and before.kind is block.kind is BlockKind.PARAGRAPH
            and not _SENTENCE_END.search(before.text)
        )

    def _append(self, pieces: list[Piece], *, goes_on: bool) -> None:
        done = self._sections[-1].pieces
        if goes_on and done[-1].size + pieces[0].size <= self._cap:
            last, first = done.pop(), pieces.pop(0)
            size = last.size + len(Parsed.SEPARATOR) + first.size
            done.append(Piece(last.start, first.end, size, last.cost))
        done.extend(pieces)


def _announces(block: Block) -> bool:
    """Whether a paragraph only leads to what follows: "as follows:", "Note"."""
    is_label = len(block.text) <= _LONGEST_LABEL and not _SENTENCE_END.search(block.text)
    return block.kind is BlockKind.PARAGRAPH and (is_label or block.text.endswith((":", "：")))
