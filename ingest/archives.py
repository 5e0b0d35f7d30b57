"""Archives as folders: what files they hold, and the bytes of each.

Nothing is unpacked to disk. What counts is what really comes out of an archive, never
what it says of itself: sizes are read under caps, and names are only ever shown.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO

from ingest import pulse
from ingest.containers import DAMAGED, MOST_BYTES, Archive, Entry, is_archive, open_archive
from kb_qa.errors import ParseError

Place = tuple[int, ...]
"""Where a file stands in an archive: its number, and its number in the archive that is."""

MOST_BYTES_OF_A_MEMBER = 256 << 20
MOST_MEMBERS = 20_000
DEEPEST = 3
"""What is read of an archive: bytes of one file, files, and archives within archives."""

_AT_ONCE = 1 << 20
_LONGEST_NAME = 200
_LONGEST_PATH = 800
"""Characters of a name, and of all names on the way to it, of which the last ones are kept."""

_LEFT_ALONE = "__MACOSX"


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


def members(path: Path, *, wanted: Callable[[str], bool]) -> Iterator[Member]:
    """The files in an archive, in its order.

    Args:
        path: the archive.
        wanted: whether a file of this name is to be read.

    Raises:
        ParseError: it is damaged, encrypted, or goes beyond a cap.
    """
    with _told_as_damaged(), path.open("rb") as file:
        yield from _Listing(wanted).members(open_archive(file, name=path.name), place=(), folder="")


class MemberReader:
    """Reads files in archives, one archive after the other; close it when done.

    The archive stays open: its files are asked for in its own order, and a stream that is
    unpacked goes forward only.
    """

    def __init__(self) -> None:
        self._path: Path | None = None
        self._stamp: tuple[int, int] | None = None
        self._file: IO[bytes] | None = None
        self._open: dict[Place, Archive] = {}

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
                self._open[()] = open_archive(self._file, name=path.name)
            return _read(self._archive(place[:-1]), place[-1])

    def _archive(self, place: Place) -> Archive:
        if place not in self._open:
            outer = self._archive(place[:-1])
            names = {each.number: each.name for each in outer.entries()}
            # Of archives within archives only those that lead here are kept.
            self._open = {at: each for at, each in self._open.items() if at == place[: len(at)]}
            self._open[place] = open_archive(
                BytesIO(_read(outer, place[-1])), name=names[place[-1]]
            )
        return self._open[place]


class _Listing:
    """The walk through an archive and those within it, under the caps of the whole."""

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        self._wanted = wanted
        self._bytes = 0
        self._count = 0
        self._names: set[str] = set()

    def members(self, archive: Archive, *, place: Place, folder: str) -> Iterator[Member]:
        for entry in archive.entries():
            if name := _clean(entry.name):
                self._count += 1
                if self._count > MOST_MEMBERS:
                    raise ParseError(f"holds more than {MOST_MEMBERS:,} files: unpack it")
                pulse.page(self._count)
                here = (*place, entry.number)
                yield from self._entered(archive, entry, here, self._unique(folder + name))

    def _entered(self, archive: Archive, entry: Entry, place: Place, name: str) -> Iterator[Member]:
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
            except DAMAGED as error:
                yield Member(place, name, reason=f"damaged: {_said(error)}")
            except ParseError as error:
                yield Member(place, name, reason=str(error))
            if self._bytes > MOST_BYTES:
                raise ParseError(f"takes more than {MOST_BYTES >> 30} GiB when unpacked: unpack it")
        else:
            yield Member(place, name)

    def _read(self, data: bytes, place: Place, name: str, *, nested: bool) -> Iterator[Member]:
        if nested:
            yield from self.members(
                open_archive(BytesIO(data), name=name), place=place, folder=f"{name}/"
            )
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


def _read(archive: Archive, number: int) -> bytes:
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


@contextmanager
def _told_as_damaged() -> Iterator[None]:
    try:
        yield
    except DAMAGED as error:
        raise ParseError(f"damaged, or no archive: {_said(error)}") from error


def _said(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
