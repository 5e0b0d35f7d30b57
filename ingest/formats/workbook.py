"""Workbooks as calamine reads them: a sheet is a page, its name a heading, its rows a table.

calamine gives the whole rectangle that a sheet's cells span: nearly all of it may be blank.
"""

from datetime import date, datetime, time, timedelta
from io import BytesIO

from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from ingest import pulse
from ingest.document import BlockKind, Parsed
from ingest.formats.hidden import kept_hidden_warnings
from ingest.formats.outline import Outline
from ingest.formats.tables import write_sheet
from kb_qa.errors import ParseError

_RUST = "pyo3_runtime"
"""Where the exception lives that Rust's panics become; it is no `Exception`, nor importable."""

Cell = str | float | bool | date | datetime | time | timedelta


def read_workbook(data: bytes, *, title: str) -> Parsed:
    """Each sheet's title lines, then its tables.

    Args:
        data: the file's bytes.
        title: of the document.

    Raises:
        ParseError: calamine gives up on it.
    """
    try:
        return _read(CalamineWorkbook.from_filelike(BytesIO(data)), title=title)
    except BaseException as error:
        if type(error).__module__ != _RUST:
            raise
        raise ParseError(f"damaged: its sheets cannot be read ({error})") from error


def _read(workbook: CalamineWorkbook, *, title: str) -> Parsed:
    sheets = [each for each in workbook.sheets_metadata if each.typ is SheetTypeEnum.WorkSheet]
    outline, hidden = Outline(), []
    for number, sheet in enumerate(sheets, start=1):
        pulse.page(number)
        outline.page = number
        rows = workbook.get_sheet_by_name(sheet.name).to_python()
        if rows:
            outline.add(BlockKind.HEADING, sheet.name, level=1)
            write_sheet(map(_row, rows), outline)
            hidden += [sheet.name] * (sheet.visible is not SheetVisibleEnum.Visible)
    warnings = kept_hidden_warnings("sheet", hidden)
    return Parsed(title, outline.blocks(), len(sheets), warnings)


def _row(cells: list[Cell]) -> list[str]:
    """The cells as people read them, up to the last that holds something."""
    blank = cells.count("")
    if blank == len(cells):
        return []
    if blank:
        while cells[-1] == "":
            cells.pop()
    return [cell if isinstance(cell, str) else _shown(cell) for cell in cells]


def _shown(cell: Cell) -> str:
    """A cell as a person reads it: no .0 after whole numbers, no midnight after dates."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float):
        return f"{cell:.15g}"
    if isinstance(cell, datetime):
        return cell.isoformat(" ").removesuffix(" 00:00:00")
    return str(cell)
