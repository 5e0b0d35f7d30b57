"""Tables whose cells are drawn: rules that cross make a grid, text goes where it stands.

Cells between which no rule is drawn are one: its text stands in its first row and column,
the others are left empty. Where only a header is ruled off and columns are parted, rows
that every column has are told apart by their heights.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median

from ingest.formats.inline import CJK
from ingest.formats.joining import joined
from ingest.formats.lines import Line, Rule, Table

_NEAR = 3.0
"""Points between rules that count as touching, and between places that count as one."""

_GAP = 4.0
"""Points between two ends of what is one rule, drawn cell by cell."""

_OPEN = 12.0
"""Points that rules reach beyond the last one they cross where a side is not drawn."""

_FEWEST = 2
"""Rows and columns of a table."""

_MOST_RULES = 600
_MOST_CELLS = 20_000
_ALIGNED = 0.8
"""Share of heights at which a cell holds text, if a row holds several rows."""

_FEWEST_HEIGHTS = 3
_FEWEST_SQUARES, _SQUARED, _WIDEST_SQUARE = 8, 0.9, 2.5
"""Squared paper: pieces of text that are one Chinese character each, their share of all, and
the width of columns in type sizes."""

_CHARACTER = re.compile(rf"[{CJK}]\W?")
_FULL, _LONG = 0.7, 8
"""Share of its cell, and characters, from which a line may have been wrapped."""


def with_ruled_tables(
    lines: Sequence[Line], rules: Sequence[Rule], hyphenated: Collection[str] = ()
) -> list[Line | Table]:
    """A page's lines, those within drawn tables replaced by the tables.

    Args:
        lines: in any order; each table takes the place of the first line that is in it.
        rules: what is drawn on the page.
        hyphenated: words that have a hyphen.
    """
    grids = [_Grid(*each) for each in crossing_rules(rules)] if rules else []
    inside: defaultdict[int, list[Line]] = defaultdict(list)
    place: dict[int, int] = {}
    for index, line in enumerate(lines):
        for number, grid in enumerate(grids):
            if grid.holds(line):
                inside[number].append(line)
                place[index] = number
                break
    tables: dict[int, list[Line] | list[Table]] = {}
    for number, held in inside.items():
        if grids[number].is_squared_paper(held):
            tables[number] = _rows_joined(held)
        elif (table := grids[number].table(held, hyphenated)) is not None:
            tables[number] = [table]
    return list(_replaced(lines, place, tables))


def _replaced(
    lines: Sequence[Line], place: dict[int, int], tables: dict[int, list[Line] | list[Table]]
) -> Iterator[Line | Table]:
    written: set[int] = set()
    for index, line in enumerate(lines):
        number = place.get(index, -1)
        if number not in tables:
            yield line
        elif number not in written:
            written.add(number)
            yield from tables[number]


def crossing_rules(rules: Sequence[Rule]) -> Iterator[tuple[list[Rule], list[Rule]]]:
    """Level and upright rules that touch each other, the largest such group first."""
    level = _merged(rule for rule in rules if not rule.is_upright)
    upright = _merged(rule for rule in rules if rule.is_upright)
    if len(level) < _FEWEST or not upright or max(len(level), len(upright)) > _MOST_RULES:
        return
    group = list(range(len(level) + len(upright)))

    def root(number: int) -> int:
        while group[number] != number:
            group[number] = group[group[number]]
            number = group[number]
        return number

    for across, one in enumerate(level):
        for along, other in enumerate(upright, start=len(level)):
            if _touch(one, other):
                group[root(across)] = root(along)
    members: defaultdict[int, tuple[list[Rule], list[Rule]]] = defaultdict(lambda: ([], []))
    for number, rule in enumerate((*level, *upright)):
        members[root(number)][rule.is_upright].append(rule)
    found = [pair for pair in members.values() if len(pair[0]) > 1 and pair[1]]
    yield from sorted(found, key=lambda pair: -len(pair[0]) * len(pair[1]))


def _merged(rules: Iterator[Rule]) -> list[Rule]:
    """Rules at one place, drawn piece by piece or twice, made one."""
    merged: list[Rule] = []
    for rule in sorted(rules, key=lambda rule: (rule.at, rule.begin)):
        at = merged[-1].at if merged and rule.at - merged[-1].at < 1 else rule.at
        merged.append(Rule(rule.is_upright, at, rule.begin, rule.end))
    merged.sort(key=lambda rule: (rule.at, rule.begin))
    whole: list[Rule] = []
    for rule in merged:
        last = whole[-1] if whole else None
        if last and rule.at == last.at and rule.begin - last.end < _GAP:
            whole[-1] = Rule(last.is_upright, last.at, last.begin, max(last.end, rule.end))
        else:
            whole.append(rule)
    return whole


def _touch(level: Rule, upright: Rule) -> bool:
    return (
        level.begin - _NEAR <= upright.at <= level.end + _NEAR
        and upright.begin - _NEAR <= level.at <= upright.end + _NEAR
    )


class _Grid:
    """The cells that rules make.

    Attributes:
        across: where columns begin, and where the last one ends.
        down: where rows begin from above, negative heights, and where the last one ends.
    """

    def __init__(self, level: Sequence[Rule], upright: Sequence[Rule]) -> None:
        self._level, self._upright = level, upright
        self.across = _places(
            [rule.at for rule in upright], [(rule.begin, rule.end) for rule in level]
        )
        self.down = _places(
            [-rule.at for rule in level], [(-rule.end, -rule.begin) for rule in upright]
        )

    def holds(self, line: Line) -> bool:
        """Whether a line's middle is within the outer edges."""
        across, down = _middle(line)
        return self.across[0] <= across <= self.across[-1] and self.down[0] <= down <= self.down[-1]

    def table(self, lines: Sequence[Line], hyphenated: Collection[str]) -> Table | None:
        """The table; None if the rules make only a frame, or hold text in one row or column."""
        width, height = len(self.across) - 1, len(self.down) - 1
        if width < _FEWEST or height < 1 or width * height > _MOST_CELLS:
            return None
        first = self._first_cells(width, height)
        cells: defaultdict[tuple[int, int], list[Line]] = defaultdict(list)
        for line in lines:
            across, down = _middle(line)
            column = min(bisect_right(self.across, across), width) - 1
            row = min(bisect_right(self.down, down), height) - 1
            cells[first[row, column]].append(line)
        rows = [
            row
            for number in range(height)
            for row in self._split([cells[number, column] for column in range(width)], hyphenated)
        ]
        filled = [row for row in rows if any(row)]
        columns = [column for column in zip(*filled, strict=True) if any(column)]
        if min(len(filled), len(columns)) < _FEWEST:
            return None
        return Table(tuple(rows), tuple(self.across), top=-self.down[0], bottom=-self.down[-1])

    def is_squared_paper(self, lines: Sequence[Line]) -> bool:
        """Whether text runs on through narrow columns, one Chinese character in each."""
        width = median(right - left for left, right in pairwise(self.across))
        squared = [
            line
            for line in lines
            if _CHARACTER.fullmatch(line.text) and width <= _WIDEST_SQUARE * line.size
        ]
        return len(squared) >= max(_FEWEST_SQUARES, _SQUARED * len(lines))

    def _split(
        self, cells: Sequence[list[Line]], hyphenated: Collection[str]
    ) -> Iterator[tuple[str, ...]]:
        """A row of cells, or the rows it holds if every cell has text at nearly every height."""
        heights = _heights([line for cell in cells for line in cell])
        per_cell = [_by_height(cell, heights) for cell in cells]
        enough = max(_ALIGNED * len(heights), _FEWEST_HEIGHTS)
        widths = [right - left for left, right in pairwise(self.across)]
        if all(len(held) >= enough for held in per_cell) and not any(
            map(_is_wrapped, cells, widths)
        ):
            for number in range(len(heights)):
                yield tuple(_text(held.get(number, []), hyphenated) for held in per_cell)
        else:
            yield tuple(_text(cell, hyphenated) for cell in cells)

    def _first_cells(self, width: int, height: int) -> dict[tuple[int, int], tuple[int, int]]:
        """For each cell the first one of those that no rule parts from it."""
        sides, floors = self._sides(height), self._floors(width)
        first: dict[tuple[int, int], tuple[int, int]] = {}
        for row in range(height):
            for column in range(width):
                if column and (row, column) not in sides:
                    first[row, column] = first[row, column - 1]
                elif row and (row, column) not in floors:
                    first[row, column] = first[row - 1, column]
                else:
                    first[row, column] = row, column
        return first

    def _sides(self, height: int) -> set[tuple[int, int]]:
        """Row and column of the cells that a rule parts from the one to their left."""
        middles = [(above + below) / 2 for above, below in pairwise(self.down)]
        return {
            (row, column)
            for rule in self._upright
            for column in [_nearest(self.across, rule.at)]
            for row in range(height)
            if rule.begin <= -middles[row] <= rule.end
        }

    def _floors(self, width: int) -> set[tuple[int, int]]:
        """Row and column of the cells that a rule parts from the one above them."""
        middles = [(left + right) / 2 for left, right in pairwise(self.across)]
        return {
            (row, column)
            for rule in self._level
            for row in [_nearest(self.down, -rule.at)]
            for column in range(width)
            if rule.begin <= middles[column] <= rule.end
        }


def _rows_joined(lines: Sequence[Line]) -> list[Line]:
    """Lines of one height as one, without spaces."""
    rows = _by_height(lines, _heights(lines))
    ordered = (sorted(rows[number], key=lambda line: line.left) for number in sorted(rows))
    return [
        replace(row[0], text="".join(line.text for line in row), right=row[-1].right)
        for row in ordered
    ]


def _places(crossed: Sequence[float], reaches: Sequence[tuple[float, float]]) -> list[float]:
    """The edges of cells in one direction, those of sides that are not drawn included."""
    places: list[float] = []
    for at in sorted(crossed):
        if not places or at - places[-1] > _NEAR:
            places.append(at)
    begin, end = min(reach[0] for reach in reaches), max(reach[1] for reach in reaches)
    before = [begin] if places[0] - begin > _OPEN else []
    after = [end] if end - places[-1] > _OPEN else []
    return [*before, *places, *after]


def _nearest(places: Sequence[float], at: float) -> int:
    after = bisect_right(places, at)
    if after and (after == len(places) or at - places[after - 1] < places[after] - at):
        return after - 1
    return after


def _middle(line: Line) -> tuple[float, float]:
    return (line.left + line.right) / 2, -(line.baseline + 0.3 * line.size)


def _is_wrapped(cell: Sequence[Line], width: float) -> bool:
    """Whether most lines of a cell fill it: one paragraph, not one line a row."""
    full = [
        line for line in cell if line.right - line.left > _FULL * width and len(line.text) >= _LONG
    ]
    return 2 * len(full) > len(cell)


def _heights(lines: Sequence[Line]) -> list[float]:
    """The heights that lines stand on, from above, negative."""
    heights: list[float] = []
    for line in sorted(lines, key=lambda line: -line.baseline):
        if not heights or -line.baseline - heights[-1] > line.size / 2:
            heights.append(-line.baseline)
    return heights


def _by_height(lines: Sequence[Line], heights: Sequence[float]) -> dict[int, list[Line]]:
    rows: defaultdict[int, list[Line]] = defaultdict(list)
    for line in lines:
        rows[bisect_right(heights, -line.baseline) - 1].append(line)
    return rows


def _text(lines: Sequence[Line], hyphenated: Collection[str]) -> str:
    """A cell's text, row by row."""
    rows = _by_height(lines, _heights(lines))
    texts = [
        " ".join(line.text for line in sorted(rows[number], key=lambda line: line.left))
        for number in sorted(rows)
    ]
    return joined(texts, hyphenated)
