"""The order in which a page of several columns is read.

Most programs draw column after column, and then the order of drawing is the order of
reading. Where rows were drawn across columns, the columns are found by where lines
begin: many at one distance from the left, wide enough for prose, with nothing written
across the gutter before it. What reaches over the gutter parts bands, read one by one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median

from ingest.formats.lines import Flow, Line, Table

_SAME_LEFT = 3.0
"""Points between beginnings of lines that count as one."""

_SAME_ROW = 3.0
_FEWEST_LINES = 3
_FLUSH = 0.5
"""Share of a column's lines that begin where the column does."""

_NARROWEST = 8.0
"""Times the type size: what lines of prose measure at least, by their median."""

_LOWEST_SWITCHING = 0.3
"""Share of the lines of a column at which the drawing changed sides, if rows were drawn."""

_MOST_PIECES, _MOST_GUTTERS, _MOST_REGIONS = 2_000, 12, 60


def in_reading_order(flow: Flow) -> list[Line | Table]:
    """What is on a page, column after column where rows were drawn across columns."""
    if len(flow) > _MOST_PIECES:
        return list(flow)
    ordered: list[Line | Table] = []
    waiting = [list(flow)]
    column = 0
    while waiting:
        region = waiting.pop()
        parts = _parts(region) if column + len(waiting) < _MOST_REGIONS else None
        if parts is None:
            ordered += [_in_column(each, column) for each in region] if column else region
            column += 1
        else:
            waiting += [part for part in reversed(parts) if part]
    return ordered


def _in_column(each: Line | Table, column: int) -> Line | Table:
    return replace(each, column=column) if isinstance(each, Line) else each


def _parts(region: Sequence[Line | Table]) -> tuple[list[Line | Table], ...] | None:
    """What is above two columns, left, right and below them; None if there are none."""
    best: tuple[int, float, list[Line | Table]] | None = None
    falling: list[Line | Table] | None = None
    for gutter in _gutters(region):
        falling = falling or sorted(region, key=lambda each: -_height(each))
        for band in _bands(falling, gutter):
            fewer = min(_sides(band, gutter))
            if (best is None or fewer > best[0]) and _is_interleaved(region, band, gutter):
                best = fewer, gutter, band
    if best is None:
        return None
    _, gutter, band = best
    inside, top = {id(each) for each in band}, max(map(_height, band))
    return (
        [each for each in region if id(each) not in inside and _height(each) > top],
        [each for each in region if id(each) in inside and not _is_right(each, gutter)],
        [each for each in region if id(each) in inside and _is_right(each, gutter)],
        [each for each in region if id(each) not in inside and _height(each) <= top],
    )


def _gutters(region: Sequence[Line | Table]) -> list[float]:
    """Where several lines begin to the right of others."""
    if not _has_rows(region):
        return []
    lefts = sorted(each.left for each in region if isinstance(each, Line))
    gutters: list[tuple[int, float]] = []
    begin = 0
    for index, left in enumerate(lefts):
        if index + 1 == len(lefts) or lefts[index + 1] - left > _SAME_LEFT:
            count = index + 1 - begin
            if count >= _FEWEST_LINES and begin >= _FEWEST_LINES:
                gutters.append((count, lefts[begin]))
            begin = index + 1
    gutters.sort(reverse=True)
    return [left for _, left in gutters[:_MOST_GUTTERS]]


def _has_rows(region: Sequence[Line | Table]) -> bool:
    """Whether pieces were drawn side by side several times."""
    beside = 0
    for last, each in pairwise(region):
        is_beside = each.left > last.right and abs(_height(last) - _height(each)) < _SAME_ROW
        beside += is_beside
        if beside >= _FEWEST_LINES:
            return True
    return False


def _bands(falling: Sequence[Line | Table], gutter: float) -> Iterator[list[Line | Table]]:
    """What stands between two lines that reach over the gutter, and keeps clear of it."""
    band: list[Line | Table] = []
    for each in falling:
        if each.left < gutter - _SAME_LEFT and each.right > gutter - _SAME_LEFT / 2:
            if band:
                yield band
            band = []
        else:
            band.append(each)
    if band:
        yield band


def _sides(band: Sequence[Line | Table], gutter: float) -> tuple[int, int]:
    right = sum(_is_right(each, gutter) for each in band)
    return len(band) - right, right


def _is_interleaved(
    region: Sequence[Line | Table], band: Sequence[Line | Table], gutter: float
) -> bool:
    """Whether a band holds two columns of prose that were drawn row by row."""
    inside = {id(each) for each in band}
    drawn = [each for each in region if id(each) in inside]
    left = [each for each in drawn if isinstance(each, Line) and not _is_right(each, gutter)]
    right = [each for each in drawn if isinstance(each, Line) and _is_right(each, gutter)]
    if min(len(left), len(right)) < _FEWEST_LINES or not (_is_prose(left) and _is_prose(right)):
        return False
    flush = sum(line.left - gutter < _SAME_LEFT for line in right)
    changes = sum(
        _is_right(one, gutter) != _is_right(other, gutter) for one, other in pairwise(drawn)
    )
    least = max(_FEWEST_LINES, _LOWEST_SWITCHING * min(len(left), len(right)))
    return changes >= least and flush >= _FLUSH * len(right) / _columns_in(right)


def _columns_in(lines: Sequence[Line]) -> int:
    """How many columns the lines may stand in, by how often one stands beside the last."""
    beside = sum(
        other.left > one.right and abs(one.baseline - other.baseline) < _SAME_ROW
        for one, other in pairwise(lines)
    )
    return 1 + round(beside / max(1, len(lines) - beside))


def _is_prose(lines: Sequence[Line]) -> bool:
    widths = median(line.right - line.left for line in lines)
    return widths >= _NARROWEST * median(line.size for line in lines)


def _is_right(each: Line | Table, gutter: float) -> bool:
    return each.left >= gutter - _SAME_LEFT


def _height(each: Line | Table) -> float:
    return each.baseline if isinstance(each, Line) else each.top
