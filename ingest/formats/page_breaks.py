"""What runs over the end of a page: tables, sentences, words."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from ingest.document import Block, BlockKind
from ingest.formats.joining import before_break, is_broken
from ingest.formats.lines import Flow, Line, Table

_SAME_WIDTH = 6.0
"""Points by which the columns of a table may differ from page to page."""

_SENTENCE_END = re.compile(r"[。！？!?.…：:；;][”’\"」』)）\]\d]*\Z")
_CONTINUED = re.compile(
    r"续表|續表|\(?(?:continued|cont[’']?d\.?)\)?|接上页|（续）|\(续\)", re.IGNORECASE
)
_LONGEST_CAPTION = 60


def with_tables_continued(flows: Sequence[Flow]) -> list[list[Line | Table]]:
    """The pages, a table that goes on at the top of the next one made whole where it begins.

    A header row that is repeated goes, and so does a line that says "continued".
    """
    pages = [list(flow) for flow in flows]
    begun: tuple[int, int] | None = None
    for number, page in enumerate(pages):
        first = _first_table(page)
        if begun and first is not None:
            on, at = begun
            whole, following = pages[on][at], page[first]
            if (
                isinstance(whole, Table)
                and isinstance(following, Table)
                and _is_alike(whole, following)
            ):
                pages[on][at] = replace(whole, rows=whole.rows + _new_rows(whole, following))
                del page[: first + 1]
                if not page:
                    continue
        last = len(page) - 1
        begun = (number, last) if page and isinstance(page[last], Table) else None
    return pages


def _first_table(page: Sequence[Line | Table]) -> int | None:
    """Where a table stands at the top of a page, under "continued" perhaps."""
    for index, each in enumerate(page[:2]):
        if isinstance(each, Table):
            return index
        if len(each.text) > _LONGEST_CAPTION or not _CONTINUED.search(each.text):
            return None
    return None


def _is_alike(one: Table, other: Table) -> bool:
    return len(one.edges) == len(other.edges) and all(
        abs((a - one.left) - (b - other.left)) < _SAME_WIDTH
        for a, b in zip(one.edges, other.edges, strict=True)
    )


def _new_rows(table: Table, following: Table) -> tuple[tuple[str, ...], ...]:
    """The rows of what follows, without those at its head that repeat the table's."""
    repeated = 0
    for row, other in zip(table.rows, following.rows, strict=False):
        if row != other:
            break
        repeated += 1
    return following.rows[repeated:]


@dataclass(frozen=True)
class Sheet:
    """The blocks of a page: its text, and its footnotes."""

    text: list[Block]
    notes: list[Block]


def in_sequence(sheets: Sequence[Sheet], hyphenated: Collection[str]) -> Iterator[Block]:
    """All blocks; footnotes follow their page's text, or the sentence that runs over its end."""
    waiting: list[Block] = []
    last: Block | None = None
    for sheet in sheets:
        text = list(sheet.text)
        if last and text and _runs_on(last, text[0]):
            last, text[0] = _with_word_whole(last, text[0], hyphenated)
            yield last
            last = text.pop(0)
            if not text and waiting and _is_open(last):
                waiting += sheet.notes
                continue
        if last:
            yield last
            last = None
        yield from waiting
        waiting = []
        if text:
            yield from text[:-1]
            last = text[-1]
        waiting = sheet.notes
    if last:
        yield last
    yield from waiting


def _is_open(block: Block) -> bool:
    return block.kind is BlockKind.PARAGRAPH and not _SENTENCE_END.search(
        block.text[-_LONGEST_CAPTION:]
    )


def _runs_on(last: Block, first: Block) -> bool:
    """Whether a sentence goes on in the first block of the next page."""
    return _is_open(last) and first.kind is BlockKind.PARAGRAPH and not first.text[0].isupper()


def _with_word_whole(last: Block, first: Block, hyphenated: Collection[str]) -> tuple[Block, Block]:
    """Both blocks, a word that the end of the page broke made whole on the page it begins on."""
    if not is_broken(last.text, first.text) or " " not in first.text:
        return last, first
    rest, _, following = first.text.partition(" ")
    written = before_break(last.text, first.text, hyphenated)
    return replace(last, text=written + rest), replace(first, text=following)
