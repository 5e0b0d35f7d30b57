"""Tables as Markdown, the one form that people and language models both read."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from ingest.document import BlockKind
from ingest.formats.inline import one_line
from ingest.formats.outline import Outline

Row = Sequence[str]


def markdown_table(rows: Iterable[Row]) -> str:
    """A Markdown table whose first row is the header row.

    Empty rows, and columns empty in every row, are left out; short rows are filled up.

    Returns:
        One line a row, and the rule under the first; "" if no cell holds anything.
    """
    cells = [row for each in rows if any(row := [one_line(cell) for cell in each])]
    width = max(map(len, cells), default=0)
    used = [column for column in range(width) if any(_cell(row, column) for row in cells)]
    lines = [_line(row, used) for row in cells]
    return "\n".join([lines[0], "|" + " --- |" * len(used), *lines[1:]]) if lines else ""


def write_sheet(rows: Iterable[Row], outline: Outline) -> None:
    """Write a sheet that people laid out: lines above a table, several tables, lists.

    Blank rows part tables only where the columns in use change: data has gaps too.
    """
    table: list[Row] = []
    columns: set[int] = set()
    for part in _parts(rows):
        if not _columns(part) <= columns:
            _write_table(table, outline)
            table = _without_title_lines(part, outline)
            columns = _columns(table)
        else:
            table += part
    _write_table(table, outline)


def _parts(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """The rows between blank ones."""
    for is_filled, part in groupby(rows, key=lambda row: any(map(str.strip, row))):
        if is_filled:
            yield list(part)


def _without_title_lines(part: list[Row], outline: Outline) -> list[Row]:
    """Write the rows above a table that hold one cell only as paragraphs; the rest is left."""
    count = 0
    if len(_columns(part)) > 1:
        while count < len(part) and len(_columns([part[count]])) == 1:
            outline.add(BlockKind.PARAGRAPH, one_line("".join(part[count])))
            count += 1
    return part[count:]


def _write_table(table: Sequence[Row], outline: Outline) -> None:
    if len(_columns(table)) > 1:
        outline.add(BlockKind.TABLE, markdown_table(table))
    else:
        kind = BlockKind.LIST if len(table) > 1 else BlockKind.PARAGRAPH
        outline.add(kind, "\n".join(one_line("".join(row)) for row in table))


def _columns(rows: Iterable[Row]) -> set[int]:
    return {column for row in rows for column, cell in enumerate(row) if cell.strip()}


def _cell(row: Row, column: int) -> str:
    return row[column] if column < len(row) else ""


def _line(row: Row, columns: Sequence[int]) -> str:
    return "| " + " | ".join(_cell(row, column).replace("|", "\\|") for column in columns) + " |"
