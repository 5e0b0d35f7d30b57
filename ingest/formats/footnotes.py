"""Footnotes: small type at the foot of a column, the first line of it marked."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingest.formats.lines import Flow, Line, Table

_MARK = re.compile(
    r"(?:(\d{1,3})(?!\d*[.,]?\d)|[*†‡§¶]{1,3}|[①-⑳]|\[(\d{1,3})\]|注\s*\d*\s*[:：])\s*\S"
)
_SMALLER = 0.93
"""Times the type size of the body."""

_MOST_SHARE = 0.6
"""Share of a column's lines that may be notes."""


@dataclass(frozen=True)
class Footed:
    """A page's text, and the lines of each of its footnotes."""

    text: list[Line | Table]
    notes: list[list[Line]]


def without_footnotes(flow: Flow, *, body: float) -> Footed:
    """A page in reading order with its footnotes taken out of the columns they stand under.

    Args:
        flow: its lines, each a whole row, and tables.
        body: type size of the body.
    """
    text: list[Line | Table] = []
    notes: list[list[Line]] = []
    for column in _columns(flow):
        first = _first_note(column, body)
        text += column[:first]
        notes += _notes([each for each in column[first:] if isinstance(each, Line)])
    return Footed(text, notes)


def _columns(flow: Flow) -> Iterator[Sequence[Line | Table]]:
    """The runs of a flow that go downward."""
    begin = 0
    for index in range(1, len(flow)):
        if _low(flow[index]) > _low(flow[index - 1]) + 2 * _size(flow[index]):
            yield flow[begin:index]
            begin = index
    if flow:
        yield flow[begin:]


def _first_note(column: Sequence[Line | Table], body: float) -> int:
    """Where the footnotes begin; the column's length if there are none."""
    small = len(column)
    while small:
        each = column[small - 1]
        if not isinstance(each, Line) or each.size > _SMALLER * body or each.is_fixed:
            break
        small -= 1
    if small == 0 or len(column) - small > _MOST_SHARE * len(column):
        return len(column)
    for index in range(small, len(column)):
        each = column[index]
        if isinstance(each, Line) and _MARK.match(each.text):
            return index
    return len(column)


def _notes(lines: Sequence[Line]) -> list[list[Line]]:
    notes: list[list[Line]] = []
    number: int | None = None
    for line in lines:
        mark = _MARK.match(line.text)
        counted = int(mark[1] or mark[2] or 0) if mark else 0
        if mark and (not notes or number is None or not counted or counted == number + 1):
            notes.append([line])
            number = counted or None
        else:
            notes[-1].append(line)
    return notes


def _low(each: Line | Table) -> float:
    return each.baseline if isinstance(each, Line) else each.bottom


def _size(each: Line | Table) -> float:
    return each.size if isinstance(each, Line) else 0.0
