"""The smallest parts of a document that a chunk is made of: sentences, items, rows, lines.

Each piece knows what it costs to begin a chunk with it: nothing at the start of a
paragraph, a little between sentences, much inside a table or a listing.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from ingest.document import Block, BlockKind
from kb_qa.sentences import sentence_spans


class Piece(NamedTuple):
    """A part of a document's text.

    Attributes:
        start: offset of its first character.
        end: offset past its last.
        size: bytes of it in UTF-8.
        cost: of a cut before it, on the scale of `packing.pack`.
    """

    start: int
    end: int
    size: int
    cost: float


_BETWEEN_BLOCKS = 0.0
_AFTER_AN_HEAD_LINES = 3
"""Lines of a table that stay together: its header, the rule, and a row that they explain."""

_ANNOUNCEMENT = 0.15
_BETWEEN_SENTENCES = 0.05
_BETWEEN_ITEMS = 0.05
_INSIDE_AN_ITEM = 0.15
_AFTER_A_BLANK_LINE = 0.1
_BETWEEN_LINES = 0.25
_BETWEEN_ROWS = 0.25
_INSIDE_A_PIECE = 0.5

_SHORT_LINES = 120
"""Characters up to which lines of code, and rows, go together: one alone says little."""

_HEAD_LINES = 3
"""Lines of a table that stay together: its header, the rule, and a row that they explain."""

_BREAKS = (
    re.compile(r"\n+"),
    re.compile(r"[。！？!?…；;][”’」』）)\"']*\s*|\.\s+"),
    re.compile(r"\s\|\s"),
    re.compile(r"[，、：,:]\s*"),
    re.compile(r"\s+"),
)
"""Where a piece that is too long is cut, the best place first."""


def size_of(text: str) -> int:
    """Bytes in UTF-8: four or so a token in Chinese as in English, where characters differ."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def pieces_of(block: Block, at: int, *, cap: int) -> list[Piece]:
    """A block's pieces, none of them larger than the cap.

    Args:
        block: any block; a heading is one piece.
        at: offset of the block in the document's text.
        cap: bytes; a longer sentence, row or line is cut inside.
    """
    spans = _SPANS.get(block.kind, _whole)(block.text)
    pieces: list[Piece] = []
    for number, (start, end, cost) in enumerate(spans):
        size = size_of(block.text[start:end])
        piece = Piece(at + start, at + end, size, cost if number else _BETWEEN_BLOCKS)
        pieces += [piece] if size <= cap else cut(block.text, piece, at=at, limit=cap)
    return pieces


def cut(text: str, piece: Piece, *, at: int, limit: int) -> list[Piece]:
    """A piece in parts of nearly one size, cut between clauses or words where there are any.

    Args:
        text: the text that holds the piece.
        piece: what to cut.
        at: offset of the text in the document.
        limit: bytes that no part exceeds.
    """
    parts: list[Piece] = []
    start, rest, cost = piece.start - at, piece.size, piece.cost
    while rest > 0:
        count = -(-rest // limit)
        stop = piece.end - at if count == 1 else _stop(text, start, rest // count)
        taken = text[start:stop]
        rest -= size_of(taken)
        if stripped := taken.strip():
            first = at + start + len(taken) - len(taken.lstrip())
            parts.append(Piece(first, first + len(stripped), size_of(stripped), cost))
            cost = _INSIDE_A_PIECE
        start = stop
    return parts


def _stop(text: str, start: int, size: int) -> int:
    """The best place to cut within so many bytes, and not within the first half of them."""
    window = text[start : start + size].encode("utf-8", "surrogatepass")[:size]
    furthest = start + max(1, len(window.decode("utf-8", "ignore")))
    nearest = (start + furthest + 1) // 2
    for pattern in _BREAKS:
        places = [match.end() for match in pattern.finditer(text, nearest, furthest)]
        if places:
            return places[-1]
    while furthest > nearest and unicodedata.combining(text[furthest]):
        furthest -= 1
    return furthest


_Span = tuple[int, int, float]


def _whole(text: str) -> Iterator[_Span]:
    yield len(text) - len(text.lstrip()), len(text.rstrip()), _BETWEEN_BLOCKS


def _sentences(text: str) -> Iterator[_Span]:
    for start, end in sentence_spans(text):
        yield start, end, _BETWEEN_SENTENCES


def _items(text: str) -> Iterator[_Span]:
    for start, end in _lines(text):
        yield start, end, _INSIDE_AN_ITEM if text[start].isspace() else _BETWEEN_ITEMS


def _code_lines(text: str) -> Iterator[_Span]:
    end_before = 0
    for start, end in _together(_lines(text), first=1):
        is_apart = start - end_before > 1
        yield start, end, _AFTER_A_BLANK_LINE if is_apart else _BETWEEN_LINES
        end_before = end


def _rows(text: str) -> Iterator[_Span]:
    for start, end in _together(_lines(text), first=_HEAD_LINES):
        yield start, end, _BETWEEN_ROWS


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """The lines that hold something, indented as they are, without space at their ends."""
    start = 0
    for line in text.split("\n"):
        if stripped := line.rstrip():
            yield start, start + len(stripped)
        start += len(line) + 1


def _together(lines: Iterator[tuple[int, int]], *, first: int) -> Iterator[tuple[int, int]]:
    """Short lines joined with the next up to a blank line, and the first ones in any case."""
    begin = end = count = 0
    for start, stop in lines:
        is_apart = stop - begin > _SHORT_LINES or start - end > 1
        if count >= first and is_apart:
            yield begin, end
            begin = start
        begin = begin if count else start
        end, count = stop, count + 1
    if count:
        yield begin, end


_SPANS = {
    BlockKind.PARAGRAPH: _sentences,
    BlockKind.LIST: _items,
    BlockKind.CODE: _code_lines,
    BlockKind.TABLE: _rows,
}
