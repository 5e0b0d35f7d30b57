"""What stands on a page for the reader of paper: running heads, page numbers, contents.

A line at a page's edge is furniture if it returns at the same height within the next
pages, numbers aside, or if it counts the pages; a table at an edge, if it returns. A row
with leaders to a page number is furniture if the page has several.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from ingest.formats.lines import Flow, Line, Table, body_size, lines_in
from ingest.formats.rows import one_row, rows_of

_NEAR = 4
"""Pages within which a running head returns: left and right pages and chapters have their own."""

_RETURNS, _FEW_PAGES = 2, 5
"""How often it returns at least; once, in a document of so few pages."""

_EDGE_ROWS = 2
_BAND = 4.0
"""Points; heights within one band count as the same."""

_SAME_ROW = 3.0
_LONGEST_NUMBER = 6
_SET_OFF = 1.3
"""Times the usual distance of a page's rows that lies between text and what frames it."""

_CHINESE_NUMBER = "[〇零一二三四五六七八九十百千]+"
_NUMBER = re.compile(rf"\d+|\b[ivxlcIVXLC]+\b|(?<=第)\s*{_CHINESE_NUMBER}\s*(?=[页頁])")
_COUNTS_PAGES = re.compile(
    r"(?:第\s*#\s*[页頁]\s*[,，/／|]?\s*)(?:[(（]?[共总總]\s*(?:#|\d+)\s*[页頁][)）]?)?"
    r"|(?:[共总總]\s*#\s*[页頁]\s*[,，/／|]?\s*)第\s*#\s*[页頁]|page\s+#(?:\s+of\s+#)?|#\s*[/／]\s*#"
    r"|[-–—]\s*#\s*[-–—]|#",
    re.IGNORECASE,
)
_ONLY_A_NUMBER = "#"
_PAGE_IN_CELL = re.compile(
    rf"第\s*(?:\d+|{_CHINESE_NUMBER})\s*[页頁]|page\s*\d+|\d+\s*[/／]\s*\d+", re.IGNORECASE
)
_SAYS_PAGE = re.compile(r"[页頁]|page", re.IGNORECASE)
_LEADERS = re.compile(r"(?:(?:\.\s?){4,}|…{2,}|·{4,}|(?:\s\.){3,})\s*(?:\d+|[ivxlc]+)?\Z")
_PAGE = re.compile(r"\d{1,4}|[ivxlc]{1,7}")
_LONGEST_LEADERS = 300
_DOTS = ("..", ". .", "……", "··")
_CONTENTS_FROM = 3
"""Rows with leaders that make a page one of the table of contents."""

_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}

Place = tuple[int, int]
"""Index of a page, and of what stands on it."""


def without_furniture(pages: Sequence[Flow]) -> list[list[Line | Table]]:
    """The pages without running heads, page numbers and rows of a table of contents.

    Where that is all there is, as on copies of one short page, it is kept.
    """
    running = _running(pages)
    kept = [
        _without_contents(
            [each for index, each in enumerate(page) if (number, index) not in running]
        )
        for number, page in enumerate(pages)
    ]
    return kept if any(kept) else [list(page) for page in pages]


def _running(pages: Sequence[Flow]) -> set[Place]:
    """Page and place of each running head and foot."""
    largest = 1.15 * body_size([lines_in(page) for page in pages])
    edges = {
        (number, index): page[index]
        for number, page in enumerate(pages)
        for index in _edges(page)
        if not isinstance(each := page[index], Line) or each.size <= largest
    }  # a slide's title may return; it is larger than the body
    signatures = {place: _signature(each) for place, each in edges.items()}
    seen: defaultdict[tuple[str, int], set[int]] = defaultdict(set)
    for (number, _), signature in signatures.items():
        seen[signature].add(number)
    needed = 1 if len(pages) <= _FEW_PAGES else _RETURNS
    near = {
        place: _near(seen[signature], place[0])
        for place, signature in signatures.items()
        if signature[0] != _ONLY_A_NUMBER
    }
    running = {place for place, count in near.items() if count >= needed}
    bands = Counter(_band(edges[place]) for place, count in near.items() if count)
    usual = {band for band, count in bands.items() if 2 * count > len(pages)}
    in_usual = {
        place for place in near if isinstance(edges[place], Line) and _band(edges[place]) in usual
    }
    return running | in_usual | _counting(edges, signatures)


def _near(pages: set[int], number: int) -> int:
    """On how many of the pages around it something returns."""
    return sum(other in pages for other in range(number - _NEAR, number + _NEAR + 1)) - 1


def _counting(
    edges: dict[Place, Line | Table], signatures: dict[Place, tuple[str, int]]
) -> set[Place]:
    """Lines at edges that say which page this is, or hold a number that grows with the pages."""
    found: set[Place] = set()
    offsets: defaultdict[tuple[int, int], set[Place]] = defaultdict(set)
    for place, each in edges.items():
        if not isinstance(each, Line) or not _COUNTS_PAGES.fullmatch(signatures[place][0]):
            continue
        if _SAYS_PAGE.search(each.text):
            found.add(place)
        elif (said := _number(each.text)) is not None:
            offsets[said - place[0], _band(each)].add(place)
    return found.union(*(places for places in offsets.values() if len({p for p, _ in places}) > 1))


def _number(text: str) -> int | None:
    """The first number of a text, Arabic or Roman."""
    match = _NUMBER.search(text)
    if match is None or match.group().isdecimal():
        return int(match.group()) if match and len(match.group()) <= _LONGEST_NUMBER else None
    values = [_ROMAN.get(letter, 0) for letter in match.group().lower()]
    return sum(
        -value if value < following else value
        for value, following in zip(values, [*values[1:], 0], strict=True)
    )


def _edges(page: Flow) -> list[int]:
    """Places of what stands in the rows at the top and at the bottom of a page.

    The second row counts if it is set off from the text: a text's last line may return too.
    """
    rows: list[list[int]] = []
    for index in sorted(range(len(page)), key=lambda index: _height(page[index])):
        if rows and _height(page[index]) - _height(page[rows[-1][0]]) < _SAME_ROW:
            rows[-1].append(index)
        else:
            rows.append([index])
    heights = [_height(page[row[0]]) for row in rows]
    gaps = [above - below for below, above in pairwise(heights)]
    outer = [*rows[:1], *rows[1:][-1:]]
    if len(rows) > 2 * _EDGE_ROWS:
        apart = _SET_OFF * median(gaps)
        outer += rows[1:2] if gaps[1] > apart else []
        outer += rows[-2:-1] if gaps[-2] > apart else []
    return [index for row in outer for index in row]


def _signature(each: Line | Table) -> tuple[str, int]:
    if isinstance(each, Line):
        return " ".join(_NUMBER.sub("#", each.text).split()), _band(each)
    # The numbers of a table that returns are its data, but for those that count pages.
    return _PAGE_IN_CELL.sub("#", "|".join(map("|".join, each.rows))), _band(each)


def _band(each: Line | Table) -> int:
    return round(_height(each) / _BAND)


def _height(each: Line | Table) -> float:
    return each.baseline if isinstance(each, Line) else each.top


def _ends_in_a_page(row: list[Line] | Table) -> bool:
    """Whether a row among those of a table of contents ends in a number set apart."""
    return isinstance(row, list) and len(row) > 1 and _PAGE.fullmatch(row[-1].text) is not None


def _is_led(text: str) -> bool:
    return (
        any(dots in text for dots in _DOTS)
        and _LEADERS.search(text[-_LONGEST_LEADERS:]) is not None
    )


def _without_contents(page: list[Line | Table]) -> list[Line | Table]:
    rows = list(rows_of(page))
    led = [isinstance(row, list) and _is_led(one_row(row).text) for row in rows]
    if sum(led) < _CONTENTS_FROM:
        return page
    kept: list[Line | Table] = []
    for row, is_led in zip(rows, led, strict=True):
        if not is_led and not _ends_in_a_page(row):
            kept += [row] if isinstance(row, Table) else row
    return kept
