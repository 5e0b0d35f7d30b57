"""Tables without a grid: rows between level rules, or pieces that align row after row.

Only what can hardly be anything else is taken for a table: rows of pieces between level
rules of one width, or at least three columns that align in at least three rows. What
aligns in two columns only may be a list of terms, and stays lines.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from ingest.formats.joining import joined
from ingest.formats.lines import Flow, Line, Rule, Table
from ingest.formats.rows import one_row, rows_of

_ALIGNED = 3.0
"""Points between places that count as one."""

_FEWEST_ROWS, _FEWEST_COLUMNS = 3, 3
_FEWEST_BETWEEN_RULES = 2
_MOST_RULES = 200
_IN_PIECES = 0.6
"""Share of the rows between two rules that are in pieces, if they are a table's."""

_IN_ONE_COLUMN = 0.85
_PITCH = 1.45
"""Times the type size: lines further apart are not of one cell."""

_WRAPPED = 12
"""Characters from which a cell may have been wrapped."""

_LETTERS = re.compile(r"[^\W\d_]{2}")
_FEWEST_TO_TELL = 4
"""Rows that look like a table's before the report tells of one."""

_LOOSEST = 4.0
"""Times the type size: rows further apart are not of one table."""


@dataclass(frozen=True)
class Found:
    """A page's flow with its tables, and how many it may have besides."""

    flow: list[Line | Table]
    flattened: int


def with_aligned_tables(
    flow: Flow, rules: Sequence[Rule], hyphenated: Collection[str] = ()
) -> Found:
    """A flow in which rows that are a table are one.

    Args:
        flow: a page in reading order, its rows still in pieces.
        rules: what is drawn on the page.
        hyphenated: words that have a hyphen.
    """
    rows = list(rows_of(flow))
    if not any(isinstance(row, list) and len(row) > 1 for row in rows):
        return Found(list(flow), 0)
    spans = list(_between_rules(rows, rules))
    taken = {row for first, last in spans for row in range(first, last)}
    spans += [
        span for span in _aligned(rows) if not any(row in taken for row in range(span[0], span[1]))
    ]
    tables = {
        first: (last, table)
        for first, last in spans
        if (table := _table([row for row in rows[first:last] if isinstance(row, list)], hyphenated))
    }
    result: list[Line | Table] = []
    number = 0
    left: list[list[Line]] = []
    flattened = 0
    while number < len(rows):
        row = rows[number]
        if number in tables:
            number, table = tables[number]
            result.append(table)
            flattened += _looks_aligned(left)
            left = []
            continue
        if isinstance(row, Table):
            result.append(row)
        else:
            result += row
        if isinstance(row, list) and len(row) > 1 and not row[0].is_fixed:
            left.append(row)
        else:
            flattened += _looks_aligned(left)
            left = []
        number += 1
    return Found(result, flattened + _looks_aligned(left))


def _looks_aligned(rows: Sequence[Sequence[Line]]) -> bool:
    """Whether rows look like a table's: words first, then pieces that begin or end at one place."""
    worded = [row for row in rows if _LETTERS.search(row[0].text)]
    if len(worded) < _FEWEST_TO_TELL:
        return False
    return any(
        _is_common(places)
        for places in ([row[1].left for row in worded], [row[1].right for row in worded])
        if _is_common([row[0].left for row in worded])
    )


def _is_common(places: Sequence[float]) -> bool:
    """Whether most of these places are one."""
    middle = median(places)
    return 2 * sum(abs(place - middle) <= _ALIGNED for place in places) > len(places)


def _between_rules(
    rows: Sequence[list[Line] | Table], rules: Sequence[Rule]
) -> Iterator[tuple[int, int]]:
    """First and last of the rows between level rules of one width, if they are in pieces."""
    placed = sorted(
        (row[0].baseline + 0.3 * row[0].size, number)
        for number, row in enumerate(rows)
        if isinstance(row, list)
    )
    for left, right, heights in _stacks(rules):
        begin: int | None = None
        end = -1
        for above, below in pairwise(heights):
            first, last = bisect_left(placed, (below, 0)), bisect_left(placed, (above, 0))
            held = {
                number: 1 if all(piece.is_fixed for piece in row) else len(row)
                for _, number in placed[first:last]
                if isinstance(row := rows[number], list)
                and row[0].left >= left - _ALIGNED
                and row[-1].right <= right + _ALIGNED
            }
            top, bottom = min(held, default=0), max(held, default=-1) + 1
            in_pieces = sum(pieces > 1 for pieces in held.values())
            is_table = 0 < bottom - top == len(held) and in_pieces >= _IN_PIECES * len(held)
            if is_table and (begin is None or top == end):
                begin, end = top if begin is None else begin, bottom
            else:
                if begin is not None and end - begin > 1:
                    yield begin, end
                begin, end = (top, bottom) if is_table else (None, -1)
        if begin is not None and end - begin > 1:
            yield begin, end


def _stacks(rules: Sequence[Rule]) -> Iterator[tuple[float, float, list[float]]]:
    """Level rules of one width above each other: where they begin and end, and their heights."""
    stacks: defaultdict[tuple[int, int], list[Rule]] = defaultdict(list)
    for rule in rules:
        if not rule.is_upright:
            stacks[round(rule.begin / _ALIGNED), round(rule.end / _ALIGNED)].append(rule)
    for stack in stacks.values():
        heights = sorted({rule.at for rule in stack}, reverse=True)
        if 1 < len(heights) <= _MOST_RULES:
            yield stack[0].begin, stack[0].end, heights


def _aligned(rows: Sequence[list[Line] | Table]) -> Iterator[tuple[int, int]]:
    """First and last of rows with as many pieces that stand under each other."""
    begin = 0
    for number in range(1, len(rows) + 1):
        if number < len(rows) and _is_alike(rows[number - 1], rows[number]):
            continue
        if number - begin >= _FEWEST_ROWS:
            yield begin, number
        begin = number


def _is_alike(above: list[Line] | Table, below: list[Line] | Table) -> bool:
    if isinstance(above, Table) or isinstance(below, Table):
        return False
    drop = above[0].baseline - below[0].baseline
    return (
        len(above) == len(below) >= _FEWEST_COLUMNS
        and not (above[0].is_fixed and below[0].is_fixed)
        and 0 < drop < _LOOSEST * below[0].size
        and all(_is_under(one, other) for one, other in zip(above, below, strict=True))
    )


def _is_under(above: Line, below: Line) -> bool:
    """Whether two pieces have one left end, right end or middle."""
    lefts, rights = above.left - below.left, above.right - below.right
    return min(abs(lefts), abs(rights), abs(lefts + rights) / 2) <= _ALIGNED


def _table(rows: Sequence[list[Line]], hyphenated: Collection[str]) -> Table | None:
    """A table of the rows, its columns parted where no piece of its fullest rows stands."""
    columns = _columns(rows)
    if min(len(columns), len(rows)) < _FEWEST_BETWEEN_RULES or not _is_regular(rows, columns):
        return None
    cells: list[list[list[str]]] = []
    above: list[Line] = []
    for row in rows:
        placed: defaultdict[int, list[Line]] = defaultdict(list)
        for piece in row:
            placed[_column(columns, piece)].append(piece)
        if cells and above and _goes_on(above, row, set(placed), cells[-1]):
            for column, pieces in placed.items():
                cells[-1][column].append(one_row(pieces).text)
        else:
            cells.append(
                [[one_row(placed[n]).text] if n in placed else [] for n in range(len(columns))]
            )
        above = row
    texts = tuple(tuple(joined(cell, hyphenated) for cell in row) for row in cells)
    last = rows[-1][0]
    return Table(
        texts,
        edges=(*(left for left, _ in columns), columns[-1][1]),
        top=rows[0][0].baseline + rows[0][0].size,
        bottom=last.baseline - 0.3 * last.size,
    )


def _is_regular(rows: Sequence[list[Line]], columns: Sequence[tuple[float, float]]) -> bool:
    """Whether nearly all pieces stand in one column each; stretched prose has gaps anywhere."""
    pieces = [piece for row in rows for piece in row]
    within = sum(
        sum(piece.left < right and piece.right > left for left, right in columns) <= 1
        for piece in pieces
    )
    return within >= _IN_ONE_COLUMN * len(pieces)


def _columns(rows: Sequence[Sequence[Line]]) -> list[tuple[float, float]]:
    """Where columns begin and end, by the rows with most pieces."""
    most = max(map(len, rows))
    spans = sorted((piece.left, piece.right) for row in rows if len(row) == most for piece in row)
    columns: list[tuple[float, float]] = []
    for left, right in spans:
        if columns and left < columns[-1][1]:
            columns[-1] = columns[-1][0], max(columns[-1][1], right)
        else:
            columns.append((left, right))
    return columns


def _column(columns: Sequence[tuple[float, float]], piece: Line) -> int:
    """The first column under a piece, or the nearest one."""
    for number, (left, right) in enumerate(columns):
        if piece.left < right and piece.right > left:
            return number
    middle = (piece.left + piece.right) / 2
    return min(range(len(columns)), key=lambda number: abs(sum(columns[number]) / 2 - middle))


def _goes_on(
    above: Sequence[Line], row: Sequence[Line], columns: set[int], cells: Sequence[Sequence[str]]
) -> bool:
    """Whether a row only holds what did not fit into cells of the row above."""
    drop = above[0].baseline - row[0].baseline
    return (
        0 not in columns
        and drop < _PITCH * row[0].size
        and all(cells[column] and len(cells[column][-1]) >= _WRAPPED for column in columns)
    )
