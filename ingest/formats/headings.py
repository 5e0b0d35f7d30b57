"""Which lines of a printed document are headings, by its outline and by its type.

A line named in the outline has its level from there. Other lines are headings if their
type is larger than the body's, or bold and set apart; they take the level of the
outline's headings of their size, or rank by size where there is no outline.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from ingest.formats.lines import Bookmark, Line, Page, rounded

Levels = dict[tuple[int, int], int]
"""Heading levels by page index and line index."""

_LARGER = 1.12
_LONGEST = 120
_LONGEST_BOLD = 60
_MOST_BOLD = 0.3
"""Share of a document in bold from which bold says nothing."""

_DEEPEST = 6
_SET_APART = 1.25
"""Times the usual pitch that a heading of body size stands off the line before."""

_CLAUSE_ENDS = tuple("。，、；：,;.:")
_LETTER = re.compile(r"[^\W\d_]")
_NUMBERING = re.compile(
    r"(?:第.{1,6}?[章节節部篇回条]|(?:chapter|appendix|part|section|附录|附錄)\s*[\da-z]{1,5}\b"
    r"|\d+(?:\.\d+)*|[ivxlc]+(?=[.、])|[a-z](?=\.))[\s:：、.]*",
    re.IGNORECASE,
)
_NUMBERED, _LONGEST_NUMBER = 2, 20
"""Times its words, and characters besides, that a title with number, spaces and marks takes."""

_SPACE_AND_MARKS = re.compile(r"[\W_]+")


def heading_levels(
    pages: Sequence[Page], bookmarks: Sequence[Bookmark], *, body: float, pitch: float
) -> Levels:
    """The levels of the lines that are headings.

    Args:
        pages: the lines of each page, in reading order.
        bookmarks: the document's outline; may be empty.
        body: type size of the body.
        pitch: usual distance of the body's lines.
    """
    named = dict(_named(pages, bookmarks))
    is_guided = 2 * len(named) > len(bookmarks) > 0
    larger = list(_larger(pages, body))
    bold = [] if is_guided else list(_bold(pages, body, pitch))
    found = [place for place in (*larger, *bold) if place not in named]
    by_size = _levels_by_size(pages, named) or _ranks(pages, found)
    return {place: _level(_at(pages, place), by_size) for place in found} | named


def _named(
    pages: Sequence[Page], bookmarks: Sequence[Bookmark]
) -> Iterator[tuple[tuple[int, int], int]]:
    """Lines, or two lines together, whose words are those of a bookmark to their page."""
    wanted: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for each in bookmarks:
        if words := _words(each.title):
            wanted[each.page].setdefault(words, each.level)
    for number, titles in wanted.items():
        page = pages[number] if number < len(pages) else ()
        longest = _NUMBERED * max(map(len, titles)) + _LONGEST_NUMBER
        for index, line in enumerate(page):
            if len(line.text) > longest:
                continue
            following = page[index + 1].text if index + 1 < len(page) else ""
            if (words := _words(line.text)) in titles:
                yield (number, index), titles.pop(words)
            elif (words := _words(f"{line.text} {following}")) in titles:
                level = titles.pop(words)
                yield (number, index), level
                yield (number, index + 1), level


def _words(title: str) -> str:
    """A title without its number, case, spaces and marks."""
    numbered = _NUMBERING.match(title)
    rest = title[numbered.end() :] if numbered else title
    return _SPACE_AND_MARKS.sub("", rest or title).casefold()


def _larger(pages: Sequence[Page], body: float) -> Iterator[tuple[int, int]]:
    for place, line in _candidates(pages, _LONGEST):
        if line.size >= _LARGER * body:
            yield place


def _bold(pages: Sequence[Page], body: float, pitch: float) -> Iterator[tuple[int, int]]:
    """Short bold lines of body size that stand off the line before them."""
    lines = [line for page in pages for line in page]
    in_bold = sum(len(line.text) for line in lines if line.is_bold)
    if in_bold > _MOST_BOLD * sum(len(line.text) for line in lines):
        return
    for (number, index), line in _candidates(pages, _LONGEST_BOLD):
        before = pages[number][index - 1] if index else None
        apart = before is None or not 0 < before.last_baseline - line.baseline < _SET_APART * pitch
        if line.is_bold and apart and 0.95 * body <= line.size < _LARGER * body:
            yield number, index


def _candidates(pages: Sequence[Page], longest: int) -> Iterator[tuple[tuple[int, int], Line]]:
    for number, page in enumerate(pages):
        for index, line in enumerate(page):
            if (
                len(line.text) <= longest
                and not line.is_fixed
                and _LETTER.search(line.text)
                and not line.text.endswith(_CLAUSE_ENDS)
            ):
                yield (number, index), line


def _levels_by_size(pages: Sequence[Page], named: Levels) -> dict[float, int]:
    """The level that most named headings of a size have."""
    levels: defaultdict[float, Counter[int]] = defaultdict(Counter)
    for place, level in named.items():
        levels[rounded(_at(pages, place).size)][level] += 1
    return {size: counts.most_common(1)[0][0] for size, counts in levels.items()}


def _ranks(pages: Sequence[Page], found: Sequence[tuple[int, int]]) -> dict[float, int]:
    sizes = sorted({rounded(_at(pages, place).size) for place in found}, reverse=True)
    return {size: min(rank, _DEEPEST) for rank, size in enumerate(sizes, start=1)}


def _level(line: Line, by_size: dict[float, int]) -> int:
    """The level of its size, or one below the nearest larger size."""
    size = rounded(line.size)
    larger = [level for other, level in by_size.items() if other > size]
    return by_size.get(size) or min(max(larger, default=0) + 1, _DEEPEST)


def _at(pages: Sequence[Page], place: tuple[int, int]) -> Line:
    return pages[place[0]][place[1]]
