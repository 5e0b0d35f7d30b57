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
        right: where it ends; of its last line if a hyphen joined several.
        baseline: what it stands on.
        last_baseline: what its end stands on.
        size: its type size.
        is_bold: whether it begins and ends in bold type.
        is_fixed: whether it begins and ends in type of one width.
    """

    text: str
    left: float
    right: float
    baseline: float
    last_baseline: float
    size: float
    is_bold: bool = False
    is_fixed: bool = False


Page = Sequence[Line]


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
