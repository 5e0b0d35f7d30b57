"""Compound files, the container of Office before 2007: what kind of document one holds."""

import struct
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from olefile import OleFileIO
from olefile.olefile import OleFileError

from kb_qa.errors import ParseError

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

_KINDS = {
    "EncryptedPackage": "an encrypted Office file",
    "WordDocument": "Word",
    "PowerPoint Document": "PowerPoint",
    "PP40": "PowerPoint",
    "Workbook": "Excel",
    "Book": "Excel",
    "__properties_version1.0": "an Outlook message",
    "VisioDocument": "a Visio drawing",
    "Quill": "a Publisher document",
    "BodyText": "a Hangul document",
}
"""By a stream or folder that only such a file has."""

_BEGINNINGS = {
    "WordDocument": ("<H", frozenset({0xA5EC, 0xA5DC})),
    "Current User": ("<2xH", frozenset({0x0FF6})),
    "Workbook": ("<H", frozenset({0x0809})),
    "Book": ("<H", frozenset({0x0809})),
}
"""What stands first in a stream: a layout, and the numbers that it may have."""

_ENCRYPTED_IN_WORD = 0x0100
_ENCRYPTED_IN_POWERPOINT = 0xF3D1C4DF
_ENOUGH = 1 << 14
"""Bytes at the beginning of a stream that say what it is."""

_FILEPASS, _RECORDS_LOOKED_AT = 0x2F, 50


class CompoundFile:
    """The streams of a compound file.

    Args:
        data: the file's bytes.

    Raises:
        ParseError: it is damaged.
    """

    def __init__(self, data: bytes) -> None:
        try:
            self._file = OleFileIO(BytesIO(data))
            self._names = {entry[0] for entry in self._file.listdir(storages=True)}
        except (OleFileError, OSError, ValueError, IndexError, struct.error) as error:
            raise ParseError("damaged: its container cannot be opened") from error

    @property
    def kind(self) -> str:
        """What people call such a file, "" if it is not known here."""
        return next((kind for stream, kind in _KINDS.items() if stream in self._names), "")

    def holds(self, stream: str) -> bool:
        """Whether there is a stream of this name."""
        return stream in self._names

    def is_damaged(self) -> bool:
        """Whether a stream begins with something else than it must."""
        return any(
            stream in self._names and self._number(stream, layout) not in known
            for stream, (layout, known) in _BEGINNINGS.items()
        )

    def is_circular(self, stream: str) -> bool:
        """Whether the sectors of a stream follow each other in a circle: calamine goes round it."""
        file: Any = self._file  # the stubs lack its tables
        file.loadminifat()
        starts = [file.first_dir_sector, file.first_mini_fat_sector, file.root.isectStart]
        chains = [(start, file.fat) for start in starts]
        for entry in file.direntries:
            if entry is not None and entry.name == stream:
                chains.append((entry.isectStart, file.minifat if entry.is_minifat else file.fat))
                break
        return any(_is_circle(start, following) for start, following in chains)

    def is_encrypted(self) -> bool:
        """Whether it opens with a password only."""
        if "EncryptedPackage" in self._names or "EncryptedSummary" in self._names:
            return True
        if "WordDocument" in self._names:
            return bool(self._number("WordDocument", "<10xH") & _ENCRYPTED_IN_WORD)
        if "PowerPoint Document" in self._names:
            return self._number("Current User", "<12xI") == _ENCRYPTED_IN_POWERPOINT
        return any(
            _has_password(self.read(stream, _ENOUGH))
            for stream in ("Workbook", "Book")
            if stream in self._names
        )

    def _number(self, stream: str, layout: str) -> int:
        data = self.read(stream, _ENOUGH)
        if len(data) < struct.calcsize(layout):
            return 0
        number: int = struct.unpack_from(layout, data)[0]
        return number

    def read(self, stream: str, size: int = -1) -> bytes:
        """What a stream holds, or begins with; nothing where there is no such stream.

        Raises:
            ParseError: it is damaged.
        """
        if stream not in self._names:
            return b""
        try:
            data: bytes = self._file.openstream(stream).read(size)
        except (OleFileError, OSError, ValueError) as error:
            raise ParseError(f"damaged: its part {stream} cannot be read") from error
        return data


def _is_circle(sector: int, following: Sequence[int]) -> bool:
    """Whether a chain of sectors is longer than there are sectors."""
    for _ in range(len(following) + 1):
        if sector >= len(following):
            return False
        sector = following[sector]
    return True


def _has_password(records: bytes) -> bool:
    """Whether Excel's first records say that what follows is encrypted."""
    position = 0
    for _ in range(_RECORDS_LOOKED_AT):
        if position + 4 > len(records):
            break
        kind, size = struct.unpack_from("<HH", records, position)
        if kind == _FILEPASS:
            return True
        position += 4 + size
    return False
