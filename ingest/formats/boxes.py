"""Boxes that OCR found on a picture of a page, to lines in reading order, as a text layer has them.

Pure geometry. A page that lay askew is straightened by its boxes alone. Two columns of text
are read one after the other, whatever runs across both before or after them; what stands in
columns but is too narrow for text, such as a table's cells, is read row by row.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from ingest.formats.lines import Line, rounded

Point = tuple[float, float]

_POINTS_AN_INCH = 72.0

_HEIGHT_OF_TYPE = 1.2
"""Times its type size that a box is high, measured from 6.5 to 20 points."""

_DESCENT = 0.25
"""Times its type size that a box reaches below the baseline."""

_SAME_SIZE = 0.2
"""Relative difference of heights that the boxes of one type size have."""

_SMALLEST = 0.5
"""Points; no type size is 0."""

_LONG = 4.0
"""Times its height that a box is wide whose slope can be trusted."""

_ACROSS = 0.2
"""Share of a region's boxes that may run across its columns, such as titles."""

_FEWEST_ROWS = 3
_NARROWEST = 8.0
_FULL = 0.6
"""What makes a column text: its boxes, the median of their widths in type sizes, and that median
as a share of the column's."""

_GUTTER = 0.8
"""Times the type size that two columns stand apart."""

_MOST_GUTTERS, _DEEPEST = 6, 2
"""Places tried for a gutter, and how many more gutters a side of one may have: four columns."""


@dataclass(frozen=True)
class Box:
    """A piece of a line that OCR read.

    Attributes:
        text: what it read.
        corners: the upper left one first, then clockwise as the text is read; in pixels, right
            and down from the picture's upper left corner.
    """

    text: str
    corners: tuple[Point, Point, Point, Point]


@dataclass(frozen=True)
class _Piece:
    """A box made straight; lengths in points, upward."""

    text: str
    left: float
    right: float
    bottom: float
    height: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def middle(self) -> float:
        return self.bottom + self.height / 2


def lines_of(boxes: Sequence[Box], *, height: int, dpi: float) -> tuple[Line, ...]:
    """The lines of a page in reading order.

    Args:
        boxes: in any order.
        height: of the picture, in pixels.
        dpi: pixels an inch.
    """
    slope = _slope(boxes)
    pieces = [_straight(box, slope, height, _POINTS_AN_INCH / dpi) for box in boxes]
    sizes = _sizes([piece.height for piece in pieces])
    return tuple(_line(piece, sizes[piece.height]) for piece in _in_reading_order(pieces))


def _slope(boxes: Sequence[Box]) -> float:
    """The angle that the page lay at, in radians: the median of its long boxes'."""
    angles = []
    for box in boxes:
        (left, upper), (right, lower), _, (_, bottom) = box.corners
        if right - left > _LONG * abs(bottom - upper):
            angles.append(math.atan2(lower - upper, right - left))
    return median(angles) if angles else 0.0


def _straight(box: Box, slope: float, height: int, scale: float) -> _Piece:
    cosine, sine = math.cos(slope), math.sin(slope)
    across = [x * cosine + y * sine for x, y in box.corners]
    down = [y * cosine - x * sine for x, y in box.corners]
    # Mean edges, not outermost ones: corners of a slanted box stand out.
    left, right = (across[0] + across[3]) / 2, (across[1] + across[2]) / 2
    top, bottom = (down[0] + down[1]) / 2, (down[2] + down[3]) / 2
    return _Piece(
        box.text,
        left=min(left, right) * scale,
        right=max(left, right) * scale,
        bottom=(height - max(top, bottom)) * scale,
        height=abs(bottom - top) * scale,
    )


def _sizes(heights: Sequence[float]) -> dict[float, float]:
    """The type size for each height: heights that differ little are of one size, the commonest."""
    sizes: dict[float, float] = {}
    rest = sorted(heights)
    while rest:
        begin, end = max((_alike(rest, each) for each in rest), key=lambda span: span[1] - span[0])
        size = rounded(median(rest[begin:end]) / _HEIGHT_OF_TYPE)
        sizes |= dict.fromkeys(rest[begin:end], max(size, _SMALLEST))
        del rest[begin:end]
    return sizes


def _alike(heights: Sequence[float], height: float) -> tuple[int, int]:
    """Where those begin and end, of sorted ones, that differ little from one."""
    least, most = height * (1 - _SAME_SIZE), height * (1 + _SAME_SIZE)
    return bisect_left(heights, least), bisect_right(heights, most)


def _line(piece: _Piece, size: float) -> Line:
    baseline = piece.bottom + _DESCENT * size
    return Line(piece.text, piece.left, piece.right, baseline, baseline, size)


def _in_reading_order(pieces: Sequence[_Piece]) -> Iterator[_Piece]:
    """Region by region; a region is columns, or rows."""
    regions = [list(pieces)]
    while regions:
        region = regions.pop()
        parts = _parts(region)
        if len(parts) > 1:
            regions += reversed(parts)
        else:
            yield from _by_rows(region)


def _parts(region: list[_Piece]) -> list[list[_Piece]]:
    """A region of columns cut into what is read in turn; any other as it is."""
    for gutter in _gutters(region):
        left, right = _sides(region, gutter)
        if _are_columns(left) and _are_columns(right):
            across = [piece for piece in region if piece.left < gutter < piece.right]
            return list(_bands(left, right, across))
    return [region]


def _sides(region: Sequence[_Piece], gutter: float) -> tuple[list[_Piece], list[_Piece]]:
    left = [piece for piece in region if piece.right <= gutter]
    return left, [piece for piece in region if piece.left >= gutter]


def _are_columns(side: Sequence[_Piece], deepest: int = _DEEPEST) -> bool:
    """Whether it is a column of text, or several."""
    if _is_text(side):
        return True
    return deepest > 0 and any(
        all(_are_columns(part, deepest - 1) for part in _sides(side, gutter))
        for gutter in _gutters(side)
    )


def _gutters(region: Sequence[_Piece]) -> list[float]:
    """Where columns may part, the place that the fewest pieces run across first."""
    if len(region) < 2 * _FEWEST_ROWS:
        return []
    least = _GUTTER * median(piece.height for piece in region) / _HEIGHT_OF_TYPE
    ends = [(piece.left, 1) for piece in region] + [(piece.right, -1) for piece in region]
    ends.sort()
    found, covering = [], 0
    for (begin, step), (end, _) in pairwise(ends):
        covering += step
        if end - begin >= least and covering <= _ACROSS * len(region):
            found.append((covering, begin - end, (begin + end) / 2))
    return [middle for _, _, middle in sorted(found)[:_MOST_GUTTERS]]


def _is_text(column: Sequence[_Piece]) -> bool:
    """Whether lines fill it, as they do not fill a column of a table."""
    if len(column) < _FEWEST_ROWS:
        return False
    usual = median(piece.width for piece in column)
    whole = max(piece.right for piece in column) - min(piece.left for piece in column)
    size = median(piece.height for piece in column) / _HEIGHT_OF_TYPE
    return usual >= _NARROWEST * size and usual >= _FULL * whole


def _bands(
    left: Sequence[_Piece], right: Sequence[_Piece], across: Sequence[_Piece]
) -> Iterator[list[_Piece]]:
    """Columns between the pieces that run across them, and those pieces, from the top down."""
    above = math.inf
    for divider in [*sorted(across, key=lambda piece: -piece.middle), None]:
        below = divider.middle if divider else -math.inf
        for column in (left, right):
            band = [piece for piece in column if below < piece.middle <= above]
            if band:
                yield band
        if divider:
            yield [divider]
        above = below


def _by_rows(region: Sequence[_Piece]) -> Iterator[_Piece]:
    """From the top down; pieces of one row from the left, on one baseline."""
    row: list[_Piece] = []
    for piece in sorted(region, key=lambda piece: -piece.middle):
        if row and row[0].middle - piece.middle > min(row[0].height, piece.height) / 2:
            yield from _level(row)
            row = []
        row.append(piece)
    yield from _level(row)


def _level(row: Sequence[_Piece]) -> Iterator[_Piece]:
    bottom = median(piece.bottom for piece in row) if row else 0.0
    for piece in sorted(row, key=lambda piece: piece.left):
        yield replace(piece, bottom=bottom)
