"""What is painted on a PDF page besides its text: rules, pictures, and text that nobody sees."""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from ingest.formats.lines import Rule

Box = tuple[float, float, float, float]
"""Left, bottom, right, top."""

Matrix = tuple[float, float, float, float, float, float]

_IDENTITY: Matrix = (1, 0, 0, 1, 0, 0)
_THIN = 3.0
"""Points; what is drawn no thicker is a rule."""

_SHORTEST = 5.0
_MOST_OBJECTS, _MOST_SEGMENTS, _MOST_RULES = 20_000, 5_000, 2_000
"""Per page: a map or a plot has more, and no tables."""

_DEEPEST = 8
"""Forms within forms."""

_WHITE, _INVISIBLE = 250, 3
_CORNERS = 6
"""Segments of a rectangle at most."""

_COLOUR = tuple(ctypes.c_uint() for _ in range(4))
_BOUNDS = tuple(ctypes.c_float() for _ in range(4))
_DRAWN = tuple(ctypes.c_int() for _ in range(2))
# Where pdfium writes its answers: made once, for they are asked for a hundred times a page.


@dataclass
class Painted:
    """What was found on a page.

    Attributes:
        rules: straight lines, thin rectangles and the sides of drawn rectangles.
        pictures: where they stand.
        hidden: addresses of the text objects that are painted invisibly.
        is_blank: whether nothing at all is painted.
    """

    rules: list[Rule] = field(default_factory=list)
    pictures: list[Box] = field(default_factory=list)
    hidden: frozenset[int] = frozenset()
    is_blank: bool = True


def painted_on(page: pypdfium2.PdfPage) -> Painted:
    """What is painted on a page, text aside."""
    painted = Painted()
    fills: list[Box] = []
    pale: list[tuple[Any, Matrix]] = []
    unpainted: list[tuple[Any, Matrix]] = []
    segments = _MOST_SEGMENTS
    for kind, each, matrix in _objects(page):
        painted.is_blank = False
        if kind == pdfium.FPDF_PAGEOBJ_TEXT:
            if pdfium.FPDFTextObj_GetTextRenderMode(each) == _INVISIBLE:
                unpainted.append((each, matrix))
            elif _is_white(each):
                pale.append((each, matrix))
        elif kind == pdfium.FPDF_PAGEOBJ_PATH:
            segments -= _add_path(each, matrix, painted.rules, fills, segments)
        elif kind == pdfium.FPDF_PAGEOBJ_IMAGE:
            painted.pictures.append(_bounds(each, matrix))
        else:
            fills.append(_bounds(each, matrix))
    if len(painted.rules) > _MOST_RULES:
        painted.rules.clear()
    if pale or unpainted:
        backgrounds = [*fills, *painted.pictures]
        hidden = [each for each, matrix in pale if not _on(backgrounds, _bounds(each, matrix))]
        hidden += [
            each for each, matrix in unpainted if not _on(painted.pictures, _bounds(each, matrix))
        ]
        painted.hidden = frozenset(address(each) for each in hidden)
    return painted


def address(each: Any) -> int:
    """What tells one of pdfium's objects from others while its page is open."""
    return ctypes.addressof(each.contents)


def _objects(page: pypdfium2.PdfPage) -> Iterator[tuple[int, Any, Matrix]]:
    """Kind, object and matrix of everything on a page, that in forms too."""
    get, kind_of = pdfium.FPDFPage_GetObject, pdfium.FPDFPageObj_GetType
    raw, left = page.raw, _MOST_OBJECTS
    forms: list[tuple[Any, Matrix, int]] = []
    for index in range(min(pdfium.FPDFPage_CountObjects(raw), left)):
        each = get(raw, index)
        kind = kind_of(each)
        if kind == pdfium.FPDF_PAGEOBJ_FORM:
            forms.append((each, _matrix(each), 1))
        else:
            yield kind, each, _IDENTITY
        left -= 1
    while forms and left > 0:
        form, matrix, depth = forms.pop()
        for index in range(min(pdfium.FPDFFormObj_CountObjects(form), left)):
            each = pdfium.FPDFFormObj_GetObject(form, index)
            kind = kind_of(each)
            if kind != pdfium.FPDF_PAGEOBJ_FORM:
                yield kind, each, matrix
            elif depth < _DEEPEST:
                forms.append((each, _product(_matrix(each), matrix), depth + 1))
            left -= 1


def _is_white(each: Any) -> bool:
    """Whether it is filled with white, or with nothing one could see."""
    red, green, blue, opacity = _COLOUR
    if not pdfium.FPDFPageObj_GetFillColor(each, red, green, blue, opacity):
        return False
    return not opacity.value or (
        red.value >= _WHITE and green.value >= _WHITE and blue.value >= _WHITE
    )


def _on(backgrounds: list[Box], box: Box) -> bool:
    """Whether the middle of something lies on one of these."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return any(left <= x <= right and low <= y <= high for left, low, right, high in backgrounds)


def _add_path(
    path: Any, matrix: Matrix, rules: list[Rule], fills: list[Box], most_segments: int
) -> int:
    """Take a path's rules, or the area it fills; returns how many segments were read."""
    box = _bounds(path, matrix)
    if rule := _thin(box):
        rules.append(rule)
        return 0
    fill, stroke = _DRAWN
    pdfium.FPDFPath_GetDrawMode(path, fill, stroke)
    if fill.value and not _is_white(path):
        fills.append(box)
    count = int(pdfium.FPDFPath_CountSegments(path))
    is_filled_box = count <= _CORNERS and not stroke.value
    if is_filled_box or count > most_segments or not (fill.value or stroke.value):
        return 0
    whole = _product(_matrix(path), matrix)
    for corners in _subpaths(path, count):
        placed = [_moved(x, y, whole) for x, y in corners]
        if stroke.value:
            rules.extend(_sides(placed))
        elif rule := _thin(_around(placed)):
            rules.append(rule)
    return count


def _thin(box: Box) -> Rule | None:
    left, low, right, high = box
    if right - left <= _THIN and high - low >= _SHORTEST:
        return Rule(is_upright=True, at=(left + right) / 2, begin=low, end=high)
    if high - low <= _THIN and right - left >= _SHORTEST:
        return Rule(is_upright=False, at=(low + high) / 2, begin=left, end=right)
    return None


def _subpaths(path: Any, count: int) -> Iterator[list[tuple[float, float]]]:
    """The corners of each part of a path that has no curves."""
    corners: list[tuple[float, float]] = []
    is_straight = True
    x, y = ctypes.c_float(), ctypes.c_float()
    for index in range(count):
        segment = pdfium.FPDFPath_GetPathSegment(path, index)
        kind = pdfium.FPDFPathSegment_GetType(segment)
        if kind == pdfium.FPDF_SEGMENT_MOVETO:
            if corners and is_straight:
                yield corners
            corners, is_straight = [], True
        is_straight = is_straight and kind != pdfium.FPDF_SEGMENT_BEZIERTO
        pdfium.FPDFPathSegment_GetPoint(segment, x, y)
        corners.append((x.value, y.value))
        if pdfium.FPDFPathSegment_GetClose(segment):
            corners.append(corners[0])
    if corners and is_straight:
        yield corners


def _sides(corners: list[tuple[float, float]]) -> Iterator[Rule]:
    for begin, end in pairwise(corners):
        if rule := _thin(_around([begin, end])):
            yield rule


def _around(corners: list[tuple[float, float]]) -> Box:
    across, up = zip(*corners, strict=True)
    return min(across), min(up), max(across), max(up)


def _bounds(each: Any, matrix: Matrix) -> Box:
    left, low, right, high = _BOUNDS
    pdfium.FPDFPageObj_GetBounds(each, left, low, right, high)
    box = left.value, low.value, right.value, high.value
    if matrix is _IDENTITY:
        return box
    corners = [_moved(x, y, matrix) for x in (box[0], box[2]) for y in (box[1], box[3])]
    return _around(corners)


def _matrix(each: Any) -> Matrix:
    found = pdfium.FS_MATRIX()
    if not pdfium.FPDFPageObj_GetMatrix(each, found):
        return _IDENTITY
    return found.a, found.b, found.c, found.d, found.e, found.f


def _product(first: Matrix, then: Matrix) -> Matrix:
    a, b, c, d, e, f = first
    p, q, r, s, t, u = then
    return (
        a * p + b * r,
        a * q + b * s,
        c * p + d * r,
        c * q + d * s,
        e * p + f * r + t,
        e * q + f * s + u,
    )


def _moved(x: float, y: float, matrix: Matrix) -> tuple[float, float]:
    a, b, c, d, e, f = matrix
    return a * x + c * y + e, b * x + d * y + f
