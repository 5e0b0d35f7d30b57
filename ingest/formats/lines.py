"""Lines of text placed on pages: what is left of a document once it was printed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """A line of text on a page; lengths in points, upward from the page's lower left corner.

    Attributes:
        text: without space at its ends.
        left: where it begins.
        right: where it ends.
        baseline: what it stands on.
        last_baseline: what its end stands on.
        size: its type size.
        is_bold: whether it begins and ends in bold type.
        is_fixed: whether it begins and ends in type of one width.
        column: number of the part of its page that it was found to stand in.
        hang: where its last part begins, if a gap lies before it; 0 where there is none.
    """

    text: str
    left: float
    right: float
    baseline: float
    last_baseline: float
    size: float
    is_bold: bool = False
    is_fixed: bool = False
    column: int = 0
    hang: float = 0.0


Page = Sequence[Line]


@dataclass(frozen=True)
class Rule:
    """A straight line that was drawn, level or upright; lengths in points.

    Attributes:
        is_upright: whether it parts columns, not rows.
        at: its place: height of a level one, distance from the left of an upright one.
        begin: where it begins, from the left or from below.
        end: where it ends.
    """

    is_upright: bool
    at: float
    begin: float
    end: float


@dataclass(frozen=True)
class Bookmark:
    """An entry of the outline: its title, its level from 1, the index of its page."""

    title: str
    level: int
    page: int


def rounded(size: float) -> float:
    """A type size to half a point: what one style measures on different pages."""
    return round(size * 2) / 2


def body_size(pages: Sequence[Page]) -> float:
    """The type size that most of the text is set in."""
    sizes: Counter[float] = Counter()
    for page in pages:
        for line in page:
            sizes[rounded(line.size)] += 0 if line.is_fixed else len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


@dataclass(frozen=True)
class Table:
    """A table on a page; lengths as for a line.

    Attributes:
        rows: the text of its cells, one for each column; "" where there is none.
        edges: where its columns begin, and where the last one ends.
        top: where it begins.
        bottom: where it ends.
    """

    rows: tuple[tuple[str, ...], ...]
    edges: tuple[float, ...]
    top: float
    bottom: float

    @property
    def left(self) -> float:
        return self.edges[0]

    @property
    def right(self) -> float:
        return self.edges[-1]


Flow = Sequence[Line | Table]
"""What stands on a page, in an order."""


def lines_in(flow: Flow) -> list[Line]:
    """The lines of a flow, without its tables."""
    return [each for each in flow if isinstance(each, Line)]
