"""The container of Office files from before 2007, written as small as it can be."""

import struct
from collections.abc import Mapping

_SECTOR = 512
_SMALLEST_STREAM = 4096
_FREE, _END, _TABLE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_HEADER = "<8s16sHHHHH6xIIIIIIIII"


def compound_file(streams: Mapping[str, bytes]) -> bytes:
    """A compound file; each stream is filled up to the size from which it has whole sectors."""
    sectors: list[bytes] = []
    table: list[int] = []
    entries = [_entry("Root Entry", 5, _END, 0, first=1)]
    for number, (name, data) in enumerate(streams.items(), start=1):
        filled = data.ljust(_SMALLEST_STREAM, b"\0")
        filled += bytes(-len(filled) % _SECTOR)
        start, count = len(sectors), len(filled) // _SECTOR
        sectors += [filled[i * _SECTOR : (i + 1) * _SECTOR] for i in range(count)]
        table += [*range(start + 1, start + count), _END]
        following = number + 1 if number < len(streams) else _FREE
        entries.append(_entry(name, 2, start, len(filled), following=following))
    directory = b"".join(entries)
    directory += bytes(-len(directory) % _SECTOR)
    first_of_directory, count = len(sectors), len(directory) // _SECTOR
    sectors += [directory[i * _SECTOR : (i + 1) * _SECTOR] for i in range(count)]
    table += [*range(first_of_directory + 1, first_of_directory + count), _END]
    place = len(sectors)
    table += [_TABLE, *[_FREE] * (127 - len(table))]
    sectors.append(struct.pack("<128I", *table))
    header = struct.pack(
        _HEADER, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", bytes(16), 0x3E, 3, 0xFFFE, 9, 6,
        0, 1, first_of_directory, 0, _SMALLEST_STREAM, _END, 0, _END, 0,
    )  # fmt: skip
    places = struct.pack("<109I", place, *[_FREE] * 108)
    return header + places + b"".join(sectors)


def _entry(
    name: str, kind: int, start: int, size: int, *, following: int = _FREE, first: int = _FREE
) -> bytes:
    encoded = name.encode("utf-16-le")
    return struct.pack(
        "<64sHBBIII16xI8x8xIII",
        encoded, len(encoded) + 2, kind, 1, _FREE, following, first, 0, start, size, 0,
    )  # fmt: skip
