"""A parsed document in, chunks with true offsets out. Pure.

Headings open sections; a section's sentences, items, rows and lines are packed evenly
into chunks of about one size, cut where it hurts least. What is indexed of a chunk, its
titles and text, never takes more tokens than the embedder reads.

What holds of the result, for every document:

- chunks come in the order of the text and do not overlap; each is exactly the document's
  text between its offsets, and ends in no white space;
- every character that is not white space and not part of a heading is in one chunk;
- every heading is in the heading path of a chunk, or, if no text follows it before the
  next heading of its level, in the text of a chunk: nothing is lost, and no chunk is a
  heading alone unless the document holds nothing else.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ingest.document import BlockKind, Parsed
from ingest.packing import pack
from ingest.pieces import Piece, cut, size_of
from ingest.sections import sections_of, starts_of
from kb_qa.errors import ParseError
from kb_qa.store.records import Chunk, indexed_text

CountTokens = Callable[[Sequence[str]], list[int]]

TARGET = 1050
"""Bytes of UTF-8 a chunk ought to have: 350 Chinese characters, 1,050 Latin letters, in either
case about 250 tokens of multilingual-e5."""

CAP = 1560
"""Bytes that no chunk exceeds: 520 Chinese characters, and about 380 tokens."""

_LEAST_ROOM = 32
"""Tokens that titles and context have to leave for the text."""

_TOLERANCE = 1.2
"""Times its target that a part of a chunk that was too long may have."""

_LONGEST_CONTEXT = 300
"""Bytes of a table's header row that are repeated before its later rows."""


def split(
    parsed: Parsed,
    *,
    count_tokens: CountTokens,
    max_tokens: int,
    target: int = TARGET,
    cap: int = CAP,
) -> list[Chunk]:
    """Cut a document into chunks.

    Args:
        parsed: what a loader made of a file.
        count_tokens: tokens of each text as the embedder takes it, prompt and special
            tokens included; called once with all texts, and again for those too long.
        max_tokens: what the embedder reads, 128 at least.
        target: bytes that chunks ought to have.
        cap: bytes that no chunk exceeds, the space between its pieces aside.

    Raises:
        ParseError: the titles alone fill what the embedder reads.
    """
    text = _Text(parsed)
    drafts = [
        _Draft(section.heading, pieces)
        for section in sections_of(parsed, cap=cap)
        for pieces in _packed(section.pieces, target=target, cap=cap)
    ]
    fitting = _fitting(drafts, text, count_tokens, max_tokens)
    return [text.chunk(draft) for draft in fitting]


@dataclass(frozen=True)
class _Draft:
    """A chunk to be: the titles above it, its pieces, and whether its context is left out."""

    heading: tuple[str, ...]
    pieces: list[Piece]
    is_bare: bool = False

    @property
    def size(self) -> int:
        return sum(piece.size for piece in self.pieces)


def _packed(pieces: Sequence[Piece], *, target: float, cap: float) -> Iterator[list[Piece]]:
    sizes = [piece.size for piece in pieces]
    costs = [piece.cost for piece in pieces]
    for first, last in pack(sizes, costs, target=target, cap=cap):
        yield list(pieces[first:last])


def _fitting(
    drafts: list[_Draft], text: "_Text", count_tokens: CountTokens, max_tokens: int
) -> list[_Draft]:
    """The drafts, those that take too many tokens cut further, in order."""
    counts = count_tokens([text.indexed(draft) for draft in drafts]) if drafts else []
    fitting = [draft for draft, n in zip(drafts, counts, strict=True) if n <= max_tokens]
    if len(fitting) == len(drafts):
        return drafts
    over = [(draft, n) for draft, n in zip(drafts, counts, strict=True) if n > max_tokens]
    heads = count_tokens([text.head(draft) for draft, _ in over])
    parts = [
        part
        for (draft, count), head in zip(over, heads, strict=True)
        for part in _parts(draft, text, count - head, max_tokens - head)
    ]
    fitting += _fitting(parts, text, count_tokens, max_tokens)
    return sorted(fitting, key=lambda draft: draft.pieces[0].start)


def _parts(draft: _Draft, text: "_Text", tokens: int, room: int) -> Iterator[_Draft]:
    """A draft in parts of equal size that ought to fit; or without its context."""
    if room < _LEAST_ROOM:
        if draft.is_bare:
            raise ParseError(f"its titles leave {room} tokens for the text: shorten them")
        yield replace(draft, is_bare=True)
        return
    target = draft.size / max(2, -(-tokens // room))
    pieces = draft.pieces
    if len(pieces) == 1:
        pieces = cut(text.text, pieces[0], at=0, limit=max(1, int(target)))
    if len(pieces) == 1:
        raise ParseError(f"one character takes {tokens} tokens, and the embedder reads {room}")
    for each in _packed(pieces, target=target, cap=_TOLERANCE * target):
        yield replace(draft, pieces=each)


class _Text:
    """A document's text, and where its blocks stand in it."""

    def __init__(self, parsed: Parsed) -> None:
        self.title = parsed.title
        self.text = parsed.text
        self.blocks = parsed.blocks
        self.starts = starts_of(parsed)

    def chunk(self, draft: _Draft) -> Chunk:
        start, end = draft.pieces[0].start, draft.pieces[-1].end
        number = bisect_right(self.starts, start) - 1
        context = "" if draft.is_bare else self._context(number, start)
        last = bisect_left(self.starts, end)
        return Chunk(
            self.text[start:end],
            start,
            end,
            draft.heading,
            context,
            self.blocks[number].page,
            breaks=tuple(self._breaks(number, end)),
            scanned=any(block.scanned for block in self.blocks[number:last]),
        )

    def indexed(self, draft: _Draft) -> str:
        chunk = self.chunk(draft)
        return indexed_text(self.title, chunk.heading, chunk.context, chunk.text)

    def head(self, draft: _Draft) -> str:
        """What is indexed with the draft before its text."""
        chunk = self.chunk(draft)
        return indexed_text(self.title, chunk.heading, chunk.context, "")

    def _context(self, number: int, start: int) -> str:
        """The header row of the table that a chunk begins inside of."""
        block = self.blocks[number]
        if block.kind is not BlockKind.TABLE or start == self.starts[number]:
            return ""
        header = block.text[: block.text.index("\n")] if "\n" in block.text else block.text
        if size_of(header) <= _LONGEST_CONTEXT:
            return header
        short = header.encode("utf-8", "surrogatepass")[:_LONGEST_CONTEXT].decode("utf-8", "ignore")
        return short.rpartition(" | ")[0] or short

    def _breaks(self, number: int, end: int) -> Iterator[tuple[int, int]]:
        """Where pages begin after the block of this number and before this offset."""
        page = self.blocks[number].page
        for after in range(number + 1, len(self.blocks)):
            if self.starts[after] >= end:
                return
            if (begins := self.blocks[after].page) is not None and begins != page:
                page = begins
                yield self.starts[after], page
