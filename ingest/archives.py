"""Archives as folders: what files they hold, and the bytes of each.

Nothing is unpacked to disk. What counts is what really comes out of an archive, never
what it says of itself: sizes are read under caps, and names are only ever shown.
"""

import bz2
import gzip
import hashlib
import lzma
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, Self, cast

from ingest import pulse
from ingest.encoding import decode
from kb_qa.errors import ParseError

Place = tuple[int, ...]
"""Where a file stands in an archive: its number, and its number in the archive that is."""

MOST_BYTES = 4 << 30
MOST_BYTES_OF_A_MEMBER = 256 << 20
MOST_MEMBERS = 20_000
DEEPEST = 3
"""What is read of an archive: bytes that come out of it in all, of one file, files, and archives
within archives."""

_ENCRYPTED = 1
_UTF8_NAME = 1 << 11
_AT_ONCE = 1 << 20
_LONGEST_NAME = 200
_LONGEST_PATH = 800
"""Characters of a name, and of all names on the way to it, of which the last ones are kept."""

_LINK = "a link or a device"
_LEFT_ALONE = "__MACOSX"
_NEWLINE = re.compile(rb"[\r\n]")

_DAMAGED = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error,
    EOFError, OSError, RuntimeError, ValueError, LookupError, OverflowError,
)  # fmt: skip


@dataclass(frozen=True)
class Member:
    """A file in an archive.

    Attributes:
        place: where it stands.
        name: its path in the archive, for people and for its suffix; never a path to open.
        sha256: hex digest of its bytes; empty if they were not read.
        reason: why they were not; empty if they were.
    """

    place: Place
    name: str
    sha256: str = ""
    reason: str = ""


def is_archive(name: str) -> bool:
    """Whether a file of this name is read as a folder."""
    return _opener(name) is not None


def members(path: Path, *, wanted: Callable[[str], bool]) -> Iterator[Member]:
    """The files in an archive, in its order.

    Args:
        path: the archive.
        wanted: whether a file of this name is to be read.

    Raises:
        ParseError: it is damaged, encrypted, or goes beyond a cap.
    """
    with _told_as_damaged(), path.open("rb") as file:
        yield from _Listing(wanted).members(_open(path.name, file), place=(), folder="")


class MemberReader:
    """Reads files in archives, one archive after the other; use it as a context manager.

    The archive stays open: its files are asked for in its own order, and a stream that is
    unpacked goes forward only.
    """

    def __init__(self) -> None:
        self._path: Path | None = None
        self._stamp: tuple[int, int] | None = None
        self._file: IO[bytes] | None = None
        self._open: dict[Place, _Archive] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the archive that is open."""
        self._open.clear()
        if self._file is not None:
            self._file.close()

    def read(self, path: Path, place: Place) -> bytes:
        """The bytes of a file in an archive.

        Raises:
            ParseError: they cannot be read, or are too many.
        """
        with _told_as_damaged():
            status = path.stat()
            stamp = (status.st_size, status.st_mtime_ns)
            if (path, stamp) != (self._path, self._stamp):
                self.close()
                self._path, self._stamp, self._file = path, stamp, path.open("rb")
                self._open[()] = _open(path.name, self._file)
            return _read(self._archive(place[:-1]), place[-1])

    def _archive(self, place: Place) -> "_Archive":
        if place not in self._open:
            outer = self._archive(place[:-1])
            names = {each.number: each.name for each in outer.entries()}
            # Of archives within archives only those that lead here are kept.
            self._open = {at: each for at, each in self._open.items() if at == place[: len(at)]}
            self._open[place] = _open(names[place[-1]], BytesIO(_read(outer, place[-1])))
        return self._open[place]


@dataclass(frozen=True)
class _Entry:
    """A file as its archive names it; the reason says why it cannot be read, if it cannot."""

    number: int
    name: str
    reason: str = ""


class _Archive(Protocol):
    """An open archive."""

    def entries(self) -> Iterator[_Entry]:
        """Its files, in its order."""

    def open(self, number: int) -> IO[bytes]:
        """A file's bytes as they are unpacked."""


class _Listing:
    """The walk through an archive and those within it, under the caps of the whole."""

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        self._wanted = wanted
        self._bytes = 0
        self._count = 0
        self._names: set[str] = set()

    def members(self, archive: _Archive, *, place: Place, folder: str) -> Iterator[Member]:
        for entry in archive.entries():
            if name := _clean(entry.name):
                self._count += 1
                if self._count > MOST_MEMBERS:
                    raise ParseError(f"holds more than {MOST_MEMBERS:,} files: unpack it")
                pulse.page(self._count)
                here = (*place, entry.number)
                yield from self._entered(archive, entry, here, self._unique(folder + name))

    def _entered(
        self, archive: _Archive, entry: _Entry, place: Place, name: str
    ) -> Iterator[Member]:
        nested = is_archive(name)
        if entry.reason:
            yield Member(place, name, reason=entry.reason)
        elif nested and len(place) >= DEEPEST:
            yield Member(place, name, reason=f"an archive within {DEEPEST} others: unpack it")
        elif nested or self._wanted(name):
            try:
                data = _read(archive, entry.number)
                self._bytes += len(data)
                if self._bytes <= MOST_BYTES:
                    yield from self._read(data, place, name, nested=nested)
            except _DAMAGED as error:
                yield Member(place, name, reason=f"damaged: {_said(error)}")
            except ParseError as error:
                yield Member(place, name, reason=str(error))
            if self._bytes > MOST_BYTES:
                raise ParseError(f"takes more than {MOST_BYTES >> 30} GiB when unpacked: unpack it")
        else:
            yield Member(place, name)

    def _read(self, data: bytes, place: Place, name: str, *, nested: bool) -> Iterator[Member]:
        if nested:
            yield from self.members(_open(name, BytesIO(data)), place=place, folder=f"{name}/")
        else:
            yield Member(place, name, hashlib.sha256(data).hexdigest())

    def _unique(self, name: str) -> str:
        """The name, numbered if another file has it already."""
        stem, dot, suffix = name.rpartition(".")
        unique, number = name, 1
        while unique in self._names:
            number += 1
            unique = f"{stem} ({number}).{suffix}" if dot else f"{name} ({number})"
        self._names.add(unique)
        return unique


class _Zip:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = zipfile.ZipFile(file)
        self._entries = self._file.infolist()

    def entries(self) -> Iterator[_Entry]:
        names = _zip_names(self._entries)
        for number, (entry, name) in enumerate(zip(self._entries, names, strict=True)):
            if not entry.filename.endswith("/"):
                yield _Entry(number, name, self._reason(entry))

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

    def entries(self) -> Iterator[_Entry]:
        self._entries = self._file.getmembers()
        for number, entry in enumerate(self._entries):
            if not entry.isdir():
                name = entry.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
                yield _Entry(number, name, "" if entry.isreg() else _LINK)

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

    def entries(self) -> Iterator[_Entry]:
        yield _Entry(0, self._name)

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


_Open = Callable[[IO[bytes], str], _Archive]


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


def _open(name: str, file: IO[bytes]) -> _Archive:
    opener = _opener(name)
    if opener is None:
        raise ParseError(f"no archive that is read: {' '.join(SUFFIXES)}")
    return opener(file, name)


def _read(archive: _Archive, number: int) -> bytes:
    """A file's bytes; what it says of its size is not asked."""
    pieces, size = [], 0
    file = archive.open(number)
    while piece := file.read(_AT_ONCE):
        pieces.append(piece)
        size += len(piece)
        if size > MOST_BYTES_OF_A_MEMBER:
            most = MOST_BYTES_OF_A_MEMBER >> 20
            raise ParseError(f"takes more than {most} MiB when unpacked: unpack it")
    return b"".join(pieces)


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


def _clean(name: str) -> str:
    """A name as a path downward; "" for what is hidden or has none."""
    parts = [
        "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in part)
        for part in name.replace("\\", "/").split("/")
        if part not in ("", ".", "..")
    ]
    hidden = any(part.startswith(".") or part == _LEFT_ALONE for part in parts)
    path = "/".join(part[-_LONGEST_NAME:] for part in parts)
    return "" if hidden else path[-_LONGEST_PATH:].lstrip("/")


def _without_suffix(name: str) -> str:
    return name.rpartition("/")[2].rpartition(".")[0]


@contextmanager
def _told_as_damaged() -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        raise ParseError(f"damaged, or no archive: {_said(error)}") from error


def _said(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
