"""What stands on a page for the reader of paper: running heads, page numbers, contents.

A line at a page's edge is furniture if it returns at the same height within the next
pages, numbers aside; a row with leaders to a page number is if the page has several.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from ingest.formats.lines import Line, Page, body_size

_NEAR = 4
"""Pages within which a running head returns: left and right pages and chapters have their own."""

_RETURNS = 2
_EDGE_LINES = 2
_BAND = 4.0
"""Points; heights within one band count as the same."""

_NUMBER = re.compile(r"\d+|\b[ivxlcIVXLC]+\b")
_LEADERS = re.compile(r"(?:(?:\.\s?){4,}|…{2,}|·{4,}|(?:\s\.){3,})\s*(?:\d+|[ivxlc]+)?\Z")
_CONTENTS_FROM = 3
"""Rows with leaders that make a page one of the table of contents."""


def without_furniture(pages: Sequence[Page]) -> list[Page]:
    """The pages without running heads, page numbers and rows of a table of contents."""
    running = _running(pages)
    return [
        _without_contents(
            [line for index, line in enumerate(page) if (number, index) not in running]
        )
        for number, page in enumerate(pages)
    ]


def _running(pages: Sequence[Page]) -> set[tuple[int, int]]:
    """Page and place of each running head and foot."""
    largest = 1.15 * body_size(pages)  # a slide's title may return; it is larger than the body
    edges = {
        (number, index): page[index]
        for number, page in enumerate(pages)
        for index in _edges(page)
        if page[index].size <= largest
    }
    seen: defaultdict[tuple[str, int], set[int]] = defaultdict(set)
    for (number, _), line in edges.items():
        seen[_signature(line)].add(number)
    needed = min(_RETURNS, len(pages) - 1)
    running = {
        place for place, line in edges.items() if _returns(seen[_signature(line)], place[0], needed)
    }
    bands = Counter(_band(edges[place]) for place in running)
    usual = {band for band, count in bands.items() if 2 * count > len(pages)}
    return running | {place for place, line in edges.items() if _band(line) in usual}


def _returns(pages: set[int], number: int, needed: int) -> bool:
    near = sum(other in pages for other in range(number - _NEAR, number + _NEAR + 1)) - 1
    return needed > 0 and near >= needed


def _edges(page: Page) -> list[int]:
    """Places of the lines at the top and at the bottom of a page."""
    upward = sorted(range(len(page)), key=lambda index: page[index].baseline)
    return upward if len(page) <= 2 * _EDGE_LINES else upward[:_EDGE_LINES] + upward[-_EDGE_LINES:]


def _signature(line: Line) -> tuple[str, int]:
    return " ".join(_NUMBER.sub("#", line.text).split()), _band(line)


def _band(line: Line) -> int:
    return round(line.baseline / _BAND)


def _without_contents(page: Page) -> Page:
    others = [line for line in page if not _LEADERS.search(line.text)]
    return others if len(page) - len(others) >= _CONTENTS_FROM else page
