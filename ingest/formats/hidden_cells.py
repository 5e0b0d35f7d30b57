"""Sheets with rows or columns that do not show: calamine reads them, and does not say so.

A filter hides rows, and a click brings them back: they are read, as hidden sheets are, and told.
Columns that are hidden beyond the last one in use are only how a sheet ends.
"""

import re
from collections.abc import Iterator

from ingest.formats.extents import SHEET_PART, column_number, name_of_sheet
from ingest.formats.hidden import kept_cells_warnings
from ingest.formats.ooxml import Package

_HIDDEN = re.compile(rb"hidden=[\"'](?:1|true)[\"']")
_ROW = re.compile(rb"<row ([^<>]{0,400})(?<!/)>\s{0,20}<c ")
_COLUMNS = re.compile(rb"<col ([^<>]{0,400})>")
_FIRST = re.compile(rb"min=[\"']([0-9]{1,5})[\"']")
_LAST_IN_USE = re.compile(rb"<dimension ref=[\"'][A-Z]{1,3}[0-9]{1,7}:([A-Z]{1,3})[0-9]{1,7}[\"']")
_OVERLAP = 700


def hidden_cells_warnings(package: Package) -> tuple[str, ...]:
    """What the report says of a workbook's hidden rows and columns; nothing if it has none."""
    parts = filter(SHEET_PART.fullmatch, package.parts())
    names = [name_of_sheet(part, package) for part in parts if _hides(part, package)]
    return kept_cells_warnings(names)


def _hides(part: str, package: Package) -> bool:
    last = 1 << 14
    for number, piece in enumerate(_overlapping(part, package)):
        if not number and (used := _LAST_IN_USE.search(piece)):
            last = column_number(used[1])
        if any(map(_HIDDEN.search, _ROW.findall(piece))):
            return True
        columns = filter(_HIDDEN.search, _COLUMNS.findall(piece))
        firsts = map(_FIRST.search, columns)
        if any(first and int(first[1]) <= last for first in firsts):
            return True
    return False


def _overlapping(part: str, package: Package) -> Iterator[bytes]:
    rest = b""
    for piece in package.pieces(part):
        yield rest + piece
        rest = piece[-_OVERLAP:]
