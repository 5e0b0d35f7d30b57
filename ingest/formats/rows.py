"""The rows of a page: lines that stand side by side."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from ingest.formats.lines import Flow, Line, Table

_TOUCHING = 0.15
"""Times the type size: what parts two pieces of one word."""

_PARTED, _LONGEST_MARK = 2.0, 5
"""Times the type size from which a gap parts a row, and characters of what marks an item."""

_WIDEST_GAP = 40
"""Spaces that stand for a gap in a listing."""


def rows_of(flow: Flow) -> Iterator[list[Line] | Table]:
    """The lines of a flow that follow each other to the right on one height; tables alone."""
    row: list[Line] = []
    for each in flow:
        if row and not (isinstance(each, Line) and is_beside(row[-1], each)):
            yield row
            row = []
        if isinstance(each, Line):
            row.append(each)
        else:
            yield each
    if row:
        yield row


def is_beside(last: Line, line: Line) -> bool:
    """Whether a line stands to the right of another, a power or an index of it perhaps."""
    reach = 0.6 * max(last.size, line.size)
    return abs(last.last_baseline - line.baseline) < reach and line.left > last.right - line.size


def with_rows_joined(flow: Flow) -> Iterator[Line | Table]:
    """The flow with each row made one line."""
    for row in rows_of(flow):
        yield row if isinstance(row, Table) else one_row(row)


def one_row(row: Sequence[Line]) -> Line:
    """A row as one line, measured as its longest piece is."""
    if len(row) == 1:
        return row[0]
    longest = max(row, key=lambda piece: len(piece.text))
    is_fixed = all(piece.is_fixed for piece in row)
    text, hang = row[0].text, 0.0
    for last, piece in pairwise(row):
        gap = piece.left - last.right
        if is_fixed:
            width = (piece.right - piece.left) / len(piece.text) or 1.0
            space = " " * max(1, min(round(gap / width), _WIDEST_GAP))
        else:
            space = " " if gap > _TOUCHING * piece.size else ""
        text += space + piece.text
        if gap > _PARTED * piece.size and len(row[0].text) > _LONGEST_MARK:
            hang = piece.left
    return Line(
        text,
        left=row[0].left,
        right=row[-1].right,
        baseline=longest.baseline,
        last_baseline=longest.baseline,
        size=longest.size,
        is_bold=all(piece.is_bold for piece in row),
        is_fixed=is_fixed,
        column=row[0].column,
        hang=hang,
    )
