"""Boxes that OCR found: straightened, sized and put in the order they are read in."""

import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.formats.boxes import Box, lines_of
from ingest.formats.lines import Line

DPI, WIDTH, HEIGHT = 200, 1654, 2339
SIZE = 10  # points
HIGH = 1.2 * SIZE * DPI / 72  # pixels


def box(text: str, left: float, top: float, width: float, high: float = HIGH) -> Box:
    right, bottom = left + width, top + high
    return Box(text, ((left, top), (right, top), (right, bottom), (left, bottom)))


def turned(each: Box, degrees: float) -> Box:
    """The box on a page that lay askew, clockwise."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    first, second, third, fourth = (
        (x * cosine - y * sine, x * sine + y * cosine) for x, y in each.corners
    )
    return Box(each.text, (first, second, third, fourth))


def column(name: str, left: float, *, top: float = 300, rows: int = 8, width: float = 550):
    return [box(f"{name}{n}", left, top + 45 * n, width) for n in range(rows)]


def lines(boxes: Sequence[Box]) -> tuple[Line, ...]:
    """The lines of boxes that were found in any order."""
    mixed = list(boxes)
    random.Random(5).shuffle(mixed)
    return lines_of(mixed, height=HEIGHT, dpi=DPI)


def texts(boxes: Sequence[Box]) -> list[str]:
    return [line.text for line in lines(boxes)]


def names(boxes: Sequence[Box]) -> list[str]:
    return [each.text for each in boxes]


def test_a_page_of_one_column_is_read_from_the_top() -> None:
    """Whatever the lengths of its lines."""
    page = [box(f"{n}", 200, 300 + 45 * n, 1200 if n % 3 else 150) for n in range(20)]
    assert texts(page) == names(page)


def test_columns_are_read_one_after_the_other() -> None:
    """Also three, also where their lines stand at other heights."""
    two = [*column("left", 150), *column("right", 850, top=317)]
    assert texts(two) == names(two)
    three = [
        *column("a", 100, width=400),
        *column("b", 600, width=400),
        *column("c", 1100, top=310, width=400),
    ]
    assert texts(three) == names(three)


def test_what_runs_across_columns_parts_them() -> None:
    """A title comes first, a heading between comes after what stands above it."""
    page = [
        box("title", 300, 200, 1000, 60),
        *column("upper left", 150, rows=4),
        *column("upper right", 850, rows=4),
        box("heading", 150, 500, 1250),
        *column("lower left", 150, rows=4, top=560),
        *column("lower right", 850, rows=4, top=560),
    ]
    assert texts(page) == names(page)


def test_a_table_is_read_row_by_row() -> None:
    """Cells are too narrow, or fill their column too little, to be text."""
    cells = [box(f"{r}{c}", 150 + 400 * c, 300 + 60 * r, 120) for r in range(6) for c in range(3)]
    assert texts(cells) == names(cells)
    labelled = [
        each
        for row in range(6)
        for each in (
            box(f"label {row}", 150, 300 + 60 * row, 100),
            box(f"text {row}", 500, 300 + 60 * row, 900),
        )
    ]
    assert texts(labelled) == names(labelled)


def test_pieces_of_a_row_stand_on_one_baseline() -> None:
    """Boxes of one row differ by a pixel or two, which is no other line."""
    row = lines([box("a", 150, 300, 200), box("b", 500, 304, 200), box("c", 900, 297, 200)])
    assert [line.text for line in row] == ["a", "b", "c"]
    assert len({line.baseline for line in row}) == 1


@pytest.mark.parametrize("degrees", [-3, -0.5, 1, 3])
def test_a_page_that_lay_askew_is_straightened(degrees: float) -> None:
    """Its lines stand as on the straight page, but for where the page lay."""
    page = [*column("left", 150), *column("right", 850)]
    straight, askew = lines(page), lines([turned(each, degrees) for each in page])
    assert [line.text for line in askew] == [line.text for line in straight]
    for one, other in zip(straight, askew, strict=True):
        assert other.size == one.size
        assert other.right - other.left == pytest.approx(one.right - one.left, abs=0.5)
    drops = [one.baseline - other.baseline for one, other in zip(straight, askew, strict=True)]
    assert max(drops) - min(drops) < 0.5


def test_lengths_are_points_from_the_lower_left() -> None:
    """As a text layer has them: the size of the type, and where it stands."""
    line = lines([box("a", 200, 300, 500)])[0]
    assert (line.left, line.right) == (pytest.approx(72), pytest.approx(252))
    assert line.size == SIZE
    bottom = (HEIGHT - 300 - HIGH) * 72 / DPI
    assert bottom < line.baseline == line.last_baseline < bottom + 0.4 * SIZE


def test_sizes_that_differ_little_are_one() -> None:
    """Letters without stems make a lower box; a heading's is another size."""
    page = [box(f"{n}", 200, 400 + 45 * n, 900, HIGH * (0.93 + 0.02 * (n % 8))) for n in range(24)]
    sizes = [line.size for line in lines([box("heading", 200, 200, 600, 1.6 * HIGH), *page])]
    assert set(sizes[1:]) == {SIZE}
    assert sizes[0] == 1.6 * SIZE


PLACES = st.tuples(*(st.floats(0, most) for most in (WIDTH, HEIGHT, 900, 90)))


@given(st.lists(PLACES, max_size=40))
def test_every_box_is_one_line(places: list[tuple[float, float, float, float]]) -> None:
    """Nothing is lost or doubled, wherever the boxes stand."""
    boxes = [box(str(n), *place) for n, place in enumerate(places)]
    found = lines_of(boxes, height=HEIGHT, dpi=DPI)
    assert sorted(line.text for line in found) == sorted(names(boxes))
    assert all(line.size > 0 and line.left <= line.right for line in found)
