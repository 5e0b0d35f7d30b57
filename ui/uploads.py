"""Files that visitors bring: kept under names that lead nowhere else, up to a size.

What a browser calls a file is data. Each part of a name is made harmless by itself, so
that no upload leaves the folder, hides, or takes the place of anything but its own
earlier version. Contents are looked at by nobody here: ingestion reads them in its sandbox.
"""

import re
import secrets
import shutil
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kb_qa.errors import UploadError

_PARTS = re.compile(r"[/\\]+")
_HARMFUL = re.compile(r'[\x00-\x1f\x7f<>:"|?*\u202a-\u202e\u2066-\u2069]')
_LONGEST_PART = 180  # bytes; a file system takes 255
_LONGEST_SUFFIX = 15
_DEEPEST = 12
_NOT_FIRST, _NOT_LAST = ".- \t\u3000\xa0", ". \t\u3000\xa0"
_NAMELESS = "unnamed"


class Upload(Protocol):
    """A file that a browser sent."""

    name: str
    size: int

    def seek(self, offset: int, /) -> int:
        """Go to an offset from its beginning."""

    def read(self, size: int = -1, /) -> bytes:
        """So many bytes from there, or fewer at its end."""


@dataclass(frozen=True)
class Kept:
    """What became of uploads.

    Attributes:
        files: where those stand that were kept.
        refused: names of the others, and why.
    """

    files: tuple[Path, ...]
    refused: tuple[tuple[str, str], ...]


def keep(
    uploads: Iterable[Upload], *, folder: Path, megabytes: int, suffixes: frozenset[str]
) -> Kept:
    """Keep uploads in a folder, each whole or not at all.

    Args:
        uploads: binary files with a name and a size.
        folder: made if it does not exist.
        megabytes: a larger file is refused.
        suffixes: in lower case; a file of another kind is refused.

    Raises:
        UploadError: the folder cannot be written.
    """
    files: list[Path] = []
    refused: list[tuple[str, str]] = []
    for upload in uploads:
        place = harmless(upload.name)
        if not place.name.lower().endswith(tuple(suffixes)):
            refused.append((str(place), "kind"))
        elif upload.size > megabytes << 20:
            refused.append((str(place), "size"))
        else:
            files.append(_write(upload, folder / place))
    return Kept(tuple(files), tuple(refused))


def harmless(name: str) -> Path:
    """A relative path of a file, whatever a browser called it."""
    parts = [_part(each) for each in _PARTS.split(name)]
    kept = [each for each in parts if each]
    return Path(*kept[-_DEEPEST:]) if kept else Path(_NAMELESS)


def _part(text: str) -> str:
    tidy = _HARMFUL.sub("_", unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode()))
    tidy = tidy.lstrip(_NOT_FIRST).rstrip(_NOT_LAST)
    if len(tidy.encode()) <= _LONGEST_PART:
        return tidy
    stem, dot, suffix = tidy.rpartition(".")
    end = f"{dot}{suffix}" if stem and len(suffix.encode()) <= _LONGEST_SUFFIX else ""
    room = _LONGEST_PART - len(end.encode())
    return tidy.encode()[:room].decode("utf-8", "ignore").rstrip(_NOT_LAST) + end


def _write(upload: Upload, place: Path) -> Path:
    aside = place.with_name(f".{secrets.token_hex(8)}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("xb") as file:
            upload.seek(0)
            shutil.copyfileobj(upload, file)
        aside.replace(place)
    except OSError as error:
        with suppress(OSError):
            aside.unlink()
        raise UploadError(
            f"{place}: {error.strerror}: free the disk, or set KB_QA_PAGE to another folder"
        ) from error
    return place
