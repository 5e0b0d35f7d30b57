"""Excel: a sheet is a page, its name a heading, its rows a Markdown table.

calamine asks for memory for the whole rectangle that a sheet's cells span, so one stray
cell at the far corner ends the process; the sandbox turns that into a verdict.
"""

from datetime import date, datetime, time, timedelta
from io import BytesIO

from python_calamine import CalamineWorkbook, SheetTypeEnum

from ingest.document import BlockKind, Parsed
from ingest.formats.ooxml import Package
from ingest.formats.outline import Outline
from ingest.formats.tables import write_sheet
from kb_qa.errors import ParseError

Cell = str | float | bool | date | datetime | time | timedelta

_MOST_INFLATED = 512 << 20
"""Bytes the archive may take unpacked: about five million cells."""


def parse(data: bytes, *, name: str) -> Parsed:
    """A workbook: each sheet's title lines, then its tables.

    Raises:
        ParseError: it is encrypted, too large unpacked, or no workbook.
    """
    package = Package(data)
    if package.inflated_size() > _MOST_INFLATED:
        raise ParseError(f"takes more than {_MOST_INFLATED >> 20} MiB when unpacked")
    workbook = CalamineWorkbook.from_filelike(BytesIO(data))
    sheets = [each.name for each in workbook.sheets_metadata if each.typ is SheetTypeEnum.WorkSheet]
    outline = Outline()
    for outline.page, sheet in enumerate(sheets, start=1):
        rows = workbook.get_sheet_by_name(sheet).to_python()
        if rows:
            outline.add(BlockKind.HEADING, sheet, level=1)
            write_sheet([[_shown(cell) for cell in row] for row in rows], outline)
    return Parsed(package.title() or name, outline.blocks(), pages=len(sheets))


def _shown(cell: Cell) -> str:
    """A cell as a person reads it: no .0 after whole numbers, no midnight after dates."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float):
        return f"{cell:.15g}"
    if isinstance(cell, datetime):
        return cell.isoformat(" ").removesuffix(" 00:00:00")
    return str(cell)
