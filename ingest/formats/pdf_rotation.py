"""Pages that are shown turned: places as a reader sees them."""

from dataclasses import dataclass

from ingest.formats.lines import Rule
from ingest.formats.pdf_objects import Box

_QUARTER, _HALF = 90, 180


@dataclass(frozen=True)
class Rotation:
    """How a page is turned before it is shown.

    Attributes:
        degrees: 90, 180 or 270, clockwise.
        area: the page as it was written.
    """

    degrees: int
    area: Box

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Where a point is seen."""
        left, low, right, high = self.area
        if self.degrees == _QUARTER:
            return y - low, right - x
        if self.degrees == _HALF:
            return right - x, high - y
        return high - y, x - left

    def box(self, box: Box) -> Box:
        """Where a box is seen."""
        (one, two), (three, four) = self.point(box[0], box[1]), self.point(box[2], box[3])
        return min(one, three), min(two, four), max(one, three), max(two, four)

    def rule(self, rule: Rule) -> Rule:
        """Where a rule is seen."""
        along = (rule.begin, rule.end)
        ends = [
            self.point(rule.at, each) if rule.is_upright else self.point(each, rule.at)
            for each in along
        ]
        is_upright = rule.is_upright != (self.degrees != _HALF)
        at, along_axis = (0, 1) if is_upright else (1, 0)
        begin, end = sorted((ends[0][along_axis], ends[1][along_axis]))
        return Rule(is_upright, ends[0][at], begin, end)
