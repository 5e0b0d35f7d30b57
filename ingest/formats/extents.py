"""How far the cells of a sheet reach, told before they are read.

calamine asks for memory for the whole rectangle that a sheet's cells span, and for as many
texts as a workbook says that it has: one stray cell or number would end the process.
"""

import functools
import re
import string
import struct
from collections.abc import Iterator

from ingest.formats.ooxml import Package, attribute, descendants
from kb_qa.errors import ParseError

_MOST_CELLS = 1 << 24
"""Cells of a rectangle that is read: it takes half a gibibyte."""

SHEET_PART = re.compile(r"xl/worksheets/[^/]+\.xml", re.IGNORECASE)
_REFERENCE = re.compile(rb"<c [^>]{0,40}?r=[\"']([A-Z]{1,3}(?:[0-9]{7,400}|))")
"""A cell's column, and its row where that is far down: what is the same is found once."""

_ROW = re.compile(rb"<row [^>]{0,40}?r=[\"']([0-9]{1,400})")
_IN_USE = rb"[^>]{0,80}(?<!/)>(?!</c>)"
_COLUMN_IN_USE, _ROW_IN_USE = (
    re.compile(rb"<c [^>]{0,40}?r=[\"']" + place + rb"[\"']" + _IN_USE)
    for place in (rb"([A-Z]{1,3})[0-9]{1,10}", rb"[A-Z]{1,3}([0-9]{1,10})")
)
_LETTERS, _DIGITS = string.ascii_uppercase.encode(), string.digits.encode()
_ROWS = 1 << 20
_LONGEST_TAG = 200

_COUNT = re.compile(rb"uniqueCount=[\"']([0-9]{1,400})[\"']")
_BEGINNING_OF_LIST = 2_000

_BEGINNING, _SHEET, _SIZE = 0x0809, 0x85, 0x200
_LISTED = struct.Struct("<IxxB?")
"""Of a sheet: where it begins, the length of its name, whether that is in UTF-16."""

_SIZES = struct.Struct("<IIHH")
"""Of a sheet: its first row, the one after its last, and the same of columns."""

_LAST_COLUMNS = dict.fromkeys((0x06, 0xD6, 0xFD, 0x203, 0x204, 0x205, 0x27E), 2) | {0xBD: -2}
"""Kinds of records that hold cells, and where in them the last cell's column stands."""

_SMALLEST_CELL = 6
_ROWS_BEFORE_2007, _COLUMNS_BEFORE_2007 = 1 << 16, 1 << 8


def check_extents(package: Package) -> None:
    """Look at the sheets of a workbook since 2007.

    Raises:
        ParseError: cells of one lie too far apart, or where no sheet has any; or there are
            fewer texts than it says.
    """
    if "xl/sharedStrings.xml" in package.parts():
        _check_count("xl/sharedStrings.xml", package)
    for part in filter(SHEET_PART.fullmatch, package.parts()):
        references = {*_found(_REFERENCE, package, part)}
        numbered = {*map(int, _found(_ROW, package, part))}
        row = max((*(int(each.lstrip(_LETTERS) or 0) for each in references), *numbered), default=0)
        if row > _ROWS:
            raise ParseError(
                f"damaged: its sheet {name_of_sheet(part, package)} has a cell in row {row:,}, "
                f"and sheets have {_ROWS:,}"
            )
        columns = _span(column_number(each.rstrip(_DIGITS)) for each in references)
        rows = max(1, _span(iter(numbered)))
        if columns * rows <= _MOST_CELLS:
            continue
        # Many a sheet has cells far out that are coloured but empty: they do not count.
        columns = _span(map(column_number, _found(_COLUMN_IN_USE, package, part)))
        rows = _span(map(int, _found(_ROW_IN_USE, package, part)))
        if columns * rows > _MOST_CELLS:
            raise ParseError(
                f"its sheet {name_of_sheet(part, package)} spans {rows:,} rows of {columns:,} "
                "columns, too many to read: delete the cells that stand far from the others"
            )


def _check_count(part: str, package: Package) -> None:
    """Look at a list of texts: calamine asks for memory for as many as it says that it has."""
    beginning = next(package.pieces(part), b"")[:_BEGINNING_OF_LIST]
    said = max((int(count) for count in _COUNT.findall(beginning)), default=0)
    if said > package.size(part):
        raise ParseError(f"damaged: the list of its texts says that it holds {said:,}")


def _found(pattern: re.Pattern[bytes], package: Package, part: str) -> Iterator[bytes]:
    """What a pattern finds in a part, the same in one piece of it once."""
    rest = b""
    for piece in package.pieces(part):
        whole = rest + piece
        yield from set(pattern.findall(whole))
        rest = whole[max(whole.rfind(b"<c"), whole.rfind(b"<row"), len(whole) - _LONGEST_TAG) :]


def _span(numbers: Iterator[int]) -> int:
    """How many numbers lie between the least and the greatest, both included."""
    least = most = next(numbers, None)
    if least is None or most is None:
        return 0
    for number in numbers:
        least, most = min(least, number), max(most, number)
    return most - least + 1


def column_number(letters: bytes) -> int:
    """A column's number: A is 1, AA is 27."""
    return functools.reduce(lambda number, letter: number * 26 + letter - 64, letters, 0)


def name_of_sheet(part: str, package: Package) -> str:
    """A sheet's name, or its part's where that cannot be told."""
    book = package.xml("xl/workbook.xml")
    relations = package.relations("xl/workbook.xml")
    for sheet in () if book is None else descendants(book, "sheet"):
        relation = relations.get(attribute(sheet, "id"))
        if relation is not None and relation.target == part:
            return repr(sheet.get("name", ""))
    return part


def check_old_extents(stream: bytes) -> None:
    """Look at the sheets of a workbook from before 2007, given the stream that holds them.

    Raises:
        ParseError: a cell, or all of a sheet, is where no such workbook has any.
    """
    names: dict[int, str] = {}
    sheet = ""
    for place, kind, data in _records(stream):
        if kind == _SHEET and len(data) >= _LISTED.size:
            begins_at, length, is_wide = _LISTED.unpack_from(data)
            text = data[_LISTED.size :][: length << is_wide]
            names[begins_at] = text.decode("utf-16-le" if is_wide else "latin-1", "replace")
        elif kind == _BEGINNING:
            sheet = names.get(place, "")
        elif kind == _SIZE and len(data) >= _SIZES.size:
            first, last, left, right = _SIZES.unpack_from(data)
            if not (first <= last <= _ROWS_BEFORE_2007 and left <= right <= _COLUMNS_BEFORE_2007):
                raise ParseError(
                    f"damaged: its sheet {sheet!r} says that it spans rows {first + 1:,} to "
                    f"{last:,}, columns {left + 1:,} to {right:,}"
                )
        elif kind in _LAST_COLUMNS and len(data) >= _SMALLEST_CELL:
            (column,) = struct.unpack_from("<H", data, _LAST_COLUMNS[kind] % len(data))
            if column >= _COLUMNS_BEFORE_2007:
                raise ParseError(
                    f"damaged: its sheet {sheet!r} has a cell in column {column + 1:,}, "
                    f"and such files have {_COLUMNS_BEFORE_2007}"
                )


def _records(stream: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Where each record begins, its kind and what it holds."""
    place, end = 0, len(stream) - 4
    while place <= end:
        kind, size = struct.unpack_from("<HH", stream, place)
        yield place, kind, stream[place + 4 : place + 4 + size]
        place += 4 + size
