"""Archives of each kind, opened: the files they name, and their bytes as they are unpacked."""

import bz2
import gzip
import lzma
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Protocol, cast

from ingest.encoding import decode
from kb_qa.errors import ParseError

MOST_BYTES = 4 << 30
"""That are unpacked of one archive."""

DAMAGED = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error,
    EOFError, OSError, RuntimeError, ValueError, LookupError, OverflowError,
)  # fmt: skip
"""What opening and reading a damaged archive raises."""

_ENCRYPTED = 1
_UTF8_NAME = 1 << 11
_LINK = "a link or a device"
_NEWLINE = re.compile(rb"[\r\n]")


@dataclass(frozen=True)
class Entry:
    """A file as its archive names it; the reason says why it cannot be read, if it cannot."""

    number: int
    name: str
    reason: str = ""


class Archive(Protocol):
    """An open archive."""

    def entries(self) -> Iterator[Entry]:
        """Its files, in its order."""

    def open(self, number: int) -> IO[bytes]:
        """A file's bytes as they are unpacked."""


def is_archive(name: str) -> bool:
    """Whether a file of this name is read as a folder."""
    return _opener(name) is not None


def open_archive(file: IO[bytes], *, name: str) -> Archive:
    """An archive, of the kind that its name says.

    Raises:
        ParseError: the name says none, or it is too large when unpacked.
        Exception: one of `DAMAGED`.
    """
    opener = _opener(name)
    if opener is None:
        raise ParseError(f"no archive that is read: {' '.join(SUFFIXES)}")
    return opener(file, name)


class _Zip:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = zipfile.ZipFile(file)
        self._entries = self._file.infolist()

    def entries(self) -> Iterator[Entry]:
        names = _zip_names(self._entries)
        for number, (entry, name) in enumerate(zip(self._entries, names, strict=True)):
            if not entry.filename.endswith("/"):
                yield Entry(number, name, self._reason(entry))

    @staticmethod
    def _reason(entry: zipfile.ZipInfo) -> str:
        if entry.flag_bits & _ENCRYPTED:
            return "encrypted: unpack it"
        return _LINK if stat.S_ISLNK(entry.external_attr >> 16) else ""

    def open(self, number: int) -> IO[bytes]:
        file: IO[bytes] = self._file.open(self._entries[number])
        return file


class _Tar:
    def __init__(self, file: IO[bytes]) -> None:
        capped = cast("IO[bytes]", _Capped(file))  # it has all that tarfile asks for
        self._file = tarfile.open(fileobj=capped, mode="r:")  # noqa: SIM115 -- kept open
        self._entries: list[tarfile.TarInfo] = []

    def entries(self) -> Iterator[Entry]:
        self._entries = self._file.getmembers()
        for number, entry in enumerate(self._entries):
            if not entry.isdir():
                name = entry.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
                yield Entry(number, name, "" if entry.isreg() else _LINK)

    def open(self, number: int) -> IO[bytes]:
        self._entries = self._entries or self._file.getmembers()
        file = self._file.extractfile(self._entries[number])
        if file is None:
            raise ParseError(_LINK)
        return file


class _Packed:
    """A single file that is compressed and no archive: manual.txt.gz."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file = file
        self._name = name

    def entries(self) -> Iterator[Entry]:
        yield Entry(0, self._name)

    def open(self, _number: int) -> IO[bytes]:
        self._file.seek(0)
        return self._file


class _Capped:
    """A file that is unpacked as it is read, up to a place that none is to reach."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        self._check(self._file.tell() + max(size, 0))
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._check(offset)
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    @staticmethod
    def _check(place: int) -> None:
        if place > MOST_BYTES:
            raise ParseError(f"takes more than {MOST_BYTES >> 30} GiB when unpacked: unpack it")


_Open = Callable[[IO[bytes], str], Archive]


def _gzip(file: IO[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", gzip.GzipFile(fileobj=file))


def _bzip2(file: IO[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", bz2.BZ2File(file))


def _xz(file: IO[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", lzma.LZMAFile(file))


_OPENERS: dict[str, _Open] = {
    ".zip": lambda file, _name: _Zip(file),
    ".tar": lambda file, _name: _Tar(file),
    **dict.fromkeys((".tar.gz", ".tgz"), lambda file, _name: _Tar(_gzip(file))),
    **dict.fromkeys((".tar.bz2", ".tbz2"), lambda file, _name: _Tar(_bzip2(file))),
    **dict.fromkeys((".tar.xz", ".txz"), lambda file, _name: _Tar(_xz(file))),
    ".gz": lambda file, name: _Packed(_gzip(file), _without_suffix(name)),
    ".bz2": lambda file, name: _Packed(_bzip2(file), _without_suffix(name)),
    ".xz": lambda file, name: _Packed(_xz(file), _without_suffix(name)),
}
"""By the end of a name, the longer end first."""

SUFFIXES = tuple(_OPENERS)
_LAST_SUFFIXES = tuple({end[end.rindex(".") :] for end in SUFFIXES})


def _opener(name: str) -> _Open | None:
    lower = name.lower()
    if not lower.endswith(_LAST_SUFFIXES):
        return None
    return next((opener for end, opener in _OPENERS.items() if lower.endswith(end)), None)


def _zip_names(entries: list[zipfile.ZipInfo]) -> list[str]:
    """The names, of which those that are not marked as UTF-8 are in whatever the packer used."""
    unmarked = [entry for entry in entries if not entry.flag_bits & _UTF8_NAME]
    raw = [_NEWLINE.sub(b" ", each.orig_filename.encode("cp437", "replace")) for each in unmarked]
    try:
        read = decode(b"\n".join(raw)).text.split("\n") if raw else []
    except ParseError:
        read = []
    if len(read) != len(raw):
        read = [entry.filename for entry in unmarked]
    names = iter(read)
    return [entry.filename if entry.flag_bits & _UTF8_NAME else next(names) for entry in entries]


def _without_suffix(name: str) -> str:
    return name.rpartition("/")[2].rpartition(".")[0]
