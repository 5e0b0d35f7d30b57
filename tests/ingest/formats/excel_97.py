"""Workbooks as Excel 97 stores them, written as small as they can be."""

import struct
from collections.abc import Mapping, Sequence

from tests.ingest.formats.compound import compound_file

_BEGINNING, _END, _CODE_PAGE, _SHEET, _PASSWORD = 0x0809, 0x0A, 0x42, 0x85, 0x2F
_TEXT, _NUMBER, _SIZE = 0x0204, 0x0203, 0x0200
_GLOBALS, _WORKSHEET, _VERSION = 5, 0x10, 0x0600


def workbook(
    sheets: Mapping[str, Sequence[Sequence[str | float]]],
    *,
    hidden: str = "",
    encrypted: bool = False,
) -> bytes:
    """A workbook of texts and numbers.

    Args:
        sheets: their rows, by name.
        hidden: a sheet that is not shown.
        encrypted: whether it says that what follows is encrypted.
    """
    head = _begin(_GLOBALS) + (_record(_PASSWORD, bytes(54)) if encrypted else b"")
    head += _record(_CODE_PAGE, struct.pack("<H", 1200))
    parts = [_worksheet(rows) for rows in sheets.values()]
    place = len(head) + sum(len(_listed(name, 0, hidden=hidden)) for name in sheets) + 4
    for name, part in zip(sheets, parts, strict=True):
        head += _listed(name, place, hidden=hidden)
        place += len(part)
    return compound_file({"Workbook": head + _record(_END) + b"".join(parts)})


def _worksheet(rows: Sequence[Sequence[str | float]]) -> bytes:
    width = max(map(len, rows))
    cells = b"".join(
        _cell(row, column, value)
        for row, values in enumerate(rows)
        for column, value in enumerate(values)
    )
    size = _record(_SIZE, struct.pack("<IIHHH", 0, len(rows), 0, width, 0))
    return _begin(_WORKSHEET) + size + cells + _record(_END)


def _cell(row: int, column: int, value: str | float) -> bytes:
    if isinstance(value, str):
        return _record(_TEXT, struct.pack("<HHHH", row, column, 0, len(value)) + _wide(value))
    return _record(_NUMBER, struct.pack("<HHHd", row, column, 0, value))


def _listed(name: str, place: int, *, hidden: str) -> bytes:
    return _record(_SHEET, struct.pack("<IBBB", place, name == hidden, 0, len(name)) + _wide(name))


def _begin(kind: int) -> bytes:
    return _record(_BEGINNING, struct.pack("<HHHHII", _VERSION, kind, 0, 0, 0, 0))


def _wide(text: str) -> bytes:
    return b"\x01" + text.encode("utf-16-le")


def _record(kind: int, data: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(data)) + data
