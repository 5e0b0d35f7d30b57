"""From lines placed on pages to headings, paragraphs, lists and code.

Pure geometry, for any format that knows only where its lines stand. A line goes on in
the next where the next one's first word would not have fitted into the column.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from statistics import median

from ingest.document import Block, BlockKind
from ingest.formats.aligned_tables import Found, with_aligned_tables
from ingest.formats.columns import in_reading_order
from ingest.formats.footnotes import without_footnotes
from ingest.formats.furniture import without_furniture
from ingest.formats.headings import heading_levels
from ingest.formats.inline import CJK
from ingest.formats.joining import hyphenated_words, is_broken, joined
from ingest.formats.lines import Bookmark, Flow, Line, Page, Rule, Table, body_size, lines_in
from ingest.formats.page_breaks import Sheet, in_sequence, with_tables_continued
from ingest.formats.rows import with_rows_joined
from ingest.formats.ruled_tables import with_ruled_tables
from ingest.formats.tables import markdown_table

_ITEM = re.compile(
    r"[-•·●○▪■◆►–‣◦*]\s*(?:\s|\Z)|\(?\d{1,3}[)）、．]|\d{1,3}\.\s|[（(]\w{1,3}[)）]"
    r"|[一二三四五六七八九十]{1,3}、|[①-⑳]"
)
_ONLY_A_MARKER = re.compile(r"(?:[-•·●○▪■◆►–‣◦*]|\(?\d{1,3}[.)])\Z")
_FIRST_WORD = re.compile(rf"[{CJK}]|[^\s{CJK}]+")
_SENTENCE_ENDS = tuple('。！？!?.…：:；;”’"」')

_INDENT = 0.8
_FULL = 0.5
"""Times the type size: what begins a paragraph, and what a full line may lack."""

_SAME_END = 3.0
"""Points between ends of lines that count as one."""

_TIGHTEST, _COMMON, _LOOSEST = 0.8, 1.2, 2.5
"""Distances of baselines, in type sizes."""

_NARROWEST = 0.75
"""Share of its column that a paragraph of wrapped lines fills; an address fills less."""

_LOOSE = 1.3
_LOOSE_IN_HEADING = 1.6
_LOOSE_IN_CODE = 2.5
"""Times the usual pitch, from which a gap parts paragraphs, headings, and listings."""

_SAME_SIZE = 0.08
"""Relative difference of type sizes within a paragraph: fonts of one line differ a little."""

_DEEPEST_INDENT = 40


@dataclass(frozen=True)
class Arranged:
    """A document's blocks, and what was lost or guessed."""

    blocks: tuple[Block, ...]
    warnings: tuple[str, ...] = ()


def arrange(
    pages: Sequence[Page],
    bookmarks: Sequence[Bookmark],
    *,
    rules: Sequence[Sequence[Rule]] = (),
    scanned: Collection[int] = (),
) -> Arranged:
    """The blocks of a document; none but a table reaches over the end of its page.

    Args:
        pages: the lines of each page, or the pieces of its rows, as they were drawn.
        bookmarks: the document's outline; may be empty.
        rules: the lines drawn on each page; may be empty.
        scanned: the indices of the pages that OCR read.
    """
    hyphenated = hyphenated_words(line.text for page in pages for line in page)
    found = [_found(page, drawn, hyphenated) for page, drawn in _flows(pages, rules, hyphenated)]
    flows = [list(with_rows_joined(each.flow)) for each in found]
    body = body_size([lines_in(flow) for flow in flows])
    footed = [without_footnotes(flow, body=body) for flow in flows]
    texts = with_tables_continued([each.text for each in footed])
    lines = [lines_in(text) for text in texts]
    style = _Style(_usual_pitch(lines), hyphenated)
    levels = heading_levels(lines, bookmarks, body=body, pitch=style.pitch * body)
    sheets: list[Sheet] = []
    for number, text in enumerate(texts):
        on_page = [levels.get((number, index), 0) for index in range(len(lines[number]))]
        blocks = _placed(style.blocks(text, on_page), number, scanned)
        noted = footed[number].notes
        notes = [block for note in noted for block in style.blocks(note, [0] * len(note))]
        sheets.append(Sheet(blocks, _placed(notes, number, scanned)))
    flattened = sum(each.flattened for each in found)
    warnings = (f"{flattened} tables flattened: no rules are drawn",) if flattened else ()
    return Arranged(tuple(in_sequence(sheets, hyphenated)), warnings)


def _flows(
    pages: Sequence[Page], rules: Sequence[Sequence[Rule]], hyphenated: Collection[str]
) -> Iterator[tuple[list[Line | Table], Sequence[Rule]]]:
    """Each page with its drawn tables and without its furniture, and its rules."""
    drawn = rules or [()] * len(pages)
    flows = [
        with_ruled_tables(page, on_page, hyphenated)
        for page, on_page in zip(pages, drawn, strict=True)
    ]
    return zip(without_furniture(flows), drawn, strict=True)


def _found(flow: Flow, rules: Sequence[Rule], hyphenated: Collection[str]) -> Found:
    return with_aligned_tables(in_reading_order(flow), rules, hyphenated)


def _placed(blocks: Iterable[Block], number: int, scanned: Collection[int]) -> list[Block]:
    is_scanned = number in scanned
    return [replace(block, page=number + 1, scanned=is_scanned) for block in blocks]


@dataclass(frozen=True)
class _Style:
    """What is usual in a document.

    Attributes:
        pitch: distance of baselines, in type sizes.
        hyphenated: words that have a hyphen.
    """

    pitch: float
    hyphenated: Collection[str]

    def blocks(self, flow: Flow, levels: Sequence[int]) -> Iterator[Block]:
        """The blocks of a page; the levels are those of its lines."""
        held: list[Line] = []
        done = 0
        for each in (*flow, None):
            if isinstance(each, Line):
                held.append(each)
                continue
            of_held = levels[done : done + len(held)]
            paragraphs = _paragraphs(held, of_held, self.pitch)
            yield from _blocks(paragraphs, self)
            done, held = done + len(held), []
            if each and (text := markdown_table(each.rows)):
                yield Block(BlockKind.TABLE, text)


@dataclass(frozen=True)
class _Paragraph:
    """Lines that belong together, and the level of the heading they are, or 0."""

    lines: list[Line]
    level: int

    def text(self, hyphenated: Collection[str]) -> str:
        return joined([line.text for line in self.lines], hyphenated)

    @cached_property
    def kind(self) -> BlockKind:
        """What it is; a single line that is no sentence counts as a list's, like a table's row."""
        first = self.lines[0]
        if self.level:
            return BlockKind.HEADING
        if first.is_fixed:
            return BlockKind.CODE
        is_fragment = len(self.lines) == 1 and not first.text.endswith(_SENTENCE_ENDS)
        return BlockKind.LIST if is_fragment or self.is_item else BlockKind.PARAGRAPH

    @cached_property
    def is_item(self) -> bool:
        """Whether it begins with a bullet or a number."""
        return not self.level and _ITEM.match(self.lines[0].text) is not None


def _usual_pitch(pages: Sequence[Page]) -> float:
    """The usual distance of baselines, in type sizes."""
    pitches: Counter[float] = Counter()
    for page in pages:
        for above, below in pairwise(page):
            pitch = (above.last_baseline - below.baseline) / (below.size or 1)
            is_alike = abs(above.size - below.size) <= _SAME_SIZE * below.size
            if is_alike and _TIGHTEST < pitch < _LOOSEST:
                pitches[round(pitch, 1)] += 1
    return pitches.most_common(1)[0][0] if pitches else _COMMON


def _paragraphs(page: Page, levels: Sequence[int], pitch: float) -> list[_Paragraph]:
    paragraphs: list[_Paragraph] = []
    edges = _right_edges(page, pitch)
    for index, line in enumerate(page):
        last = paragraphs[-1] if paragraphs else None
        if last and last.level == levels[index] and _continues(last, line, edges[index - 1], pitch):
            last.lines.append(line)
        else:
            paragraphs.append(_Paragraph([line], levels[index]))
    return paragraphs


def _right_edges(page: Page, pitch: float) -> list[float]:
    """For each line, where the lines around it end; not far short of where the column does."""
    edges: list[float] = []
    for column in _columns(page):
        least = _NARROWEST * _edge(column)
        for group in _groups(column, pitch):
            edges += [max(_edge(group), least)] * len(group)
    return edges


def _groups(column: Sequence[Line], pitch: float) -> Iterator[list[Line]]:
    """The lines between gaps."""
    group: list[Line] = []
    for line in column:
        if group and group[-1].last_baseline - line.baseline > _LOOSE * pitch * line.size:
            yield group
            group = []
        group.append(line)
    if group:
        yield group


def _edge(column: Sequence[Line]) -> float:
    """The furthest place where two lines end; a single one may stand out by a mark."""
    ends = sorted((line.right for line in column), reverse=True)
    shared = (further for further, nearer in pairwise(ends) if further - nearer < _SAME_END)
    return next(shared, ends[0])


def _columns(page: Page) -> Iterator[list[Line]]:
    """The lines in runs downward; a run ends with its column, or where the next line is higher."""
    column: list[Line] = []
    for line in page:
        if column and (
            line.column != column[-1].column
            or line.baseline > column[-1].last_baseline + _same_row(column[-1], line)
        ):
            yield column
            column = []
        column.append(line)
    if column:
        yield column


def _continues(paragraph: _Paragraph, line: Line, edge: float, pitch: float) -> bool:
    """Whether a line goes on with the paragraph above it, or left of it."""
    last = paragraph.lines[-1]
    drop = last.last_baseline - line.baseline
    if abs(drop) < _same_row(last, line) and line.left > last.right - line.size:
        return True
    if abs(line.size - last.size) > _SAME_SIZE * last.size or _ITEM.match(line.text):
        return False
    if paragraph.level:
        return 0 < drop < _LOOSE_IN_HEADING * max(pitch, _COMMON) * line.size
    return _ONLY_A_MARKER.match(last.text) is not None or (
        _is_prose(last, line, drop, pitch)
        and _is_full(last, line, edge)
        and not _is_indented(paragraph, line)
    )


def _is_prose(last: Line, line: Line, drop: float, pitch: float) -> bool:
    """Whether two lines may be of one paragraph: no listing, no gap, no end of a column."""
    if line.is_fixed or last.is_fixed or drop > _LOOSE * pitch * line.size:
        return False
    if line.hang or (last.hang and abs(line.left - last.hang) > _SAME_END):
        return False
    return drop > 0 or not last.text.endswith(_SENTENCE_ENDS)


def _same_row(above: Line, below: Line) -> float:
    """How far apart two pieces of one row may stand: a power, an index, a cell."""
    return 0.6 * max(above.size, below.size)


def _is_full(last: Line, line: Line, edge: float) -> bool:
    """Whether the first word of the next line would not have fitted, or was begun before it."""
    if is_broken(last.text, line.text):
        return True
    word = _FIRST_WORD.match(line.text)
    width = (line.right - line.left) / max(1, len(line.text)) if line.right > line.left else 0.0
    needed = width * len(word.group()) if word else 0.0
    return last.right + needed > edge - _FULL * line.size


def _is_indented(paragraph: _Paragraph, line: Line) -> bool:
    """Whether a line stands further in than the one above, other than under an item's text."""
    last = paragraph.lines[-1]
    hangs = len(paragraph.lines) == 1 and paragraph.is_item
    drop = last.last_baseline - line.baseline
    return drop > 0 and not hangs and line.left > last.left + _INDENT * line.size


def _blocks(paragraphs: Sequence[_Paragraph], style: _Style) -> Iterator[Block]:
    for run in _runs(paragraphs, style.pitch):
        first = run[0]
        if first.kind is BlockKind.CODE:
            text = _code([line for each in run for line in each.lines])
        else:
            text = "\n".join(each.text(style.hyphenated) for each in run)
        is_alone = first.kind is BlockKind.LIST and len(run) == 1 and not first.is_item
        yield Block(BlockKind.PARAGRAPH if is_alone else first.kind, text, first.level)


def _runs(paragraphs: Sequence[_Paragraph], pitch: float) -> Iterator[list[_Paragraph]]:
    """Paragraphs that make one block: the lines of a listing, the items of a list."""
    run: list[_Paragraph] = []
    for each in paragraphs:
        if run and not _belongs(run[-1], each, pitch):
            yield run
            run = []
        run.append(each)
    if run:
        yield run


def _belongs(last: _Paragraph, following: _Paragraph, pitch: float) -> bool:
    if last.kind is not following.kind or last.kind not in (BlockKind.CODE, BlockKind.LIST):
        return False
    if last.is_item or following.is_item:
        return following.is_item
    above, below = last.lines[-1], following.lines[0]
    reach = _LOOSE if last.kind is BlockKind.LIST else _LOOSE_IN_CODE
    return above.last_baseline - below.baseline <= reach * pitch * below.size


def _code(lines: Sequence[Line]) -> str:
    """Lines of one width, indented as they stand on the page."""
    margin = min(line.left for line in lines)
    width = median((line.right - line.left) / len(line.text) for line in lines) or 1.0
    return "\n".join(
        " " * min(round((line.left - margin) / width), _DEEPEST_INDENT) + line.text
        for line in lines
    )
