"""What is derived from the catalog, as it lies on disk: whole, checksummed, named by generation.

A side (`dense`, `lexical`) is a folder of files that never change, and a
manifest that names it, written last. A crash leaves the old one or the new one.
"""

import json
import logging
import os
import secrets
import shutil
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kb_qa.store.files import write_whole

_READ_BYTES = 1 << 20
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Published:
    """One side of one generation.

    Attributes:
        folder: where its files are.
        generation: the catalog's generation it was made from.
        lineage: the lineage of that catalog.
        checksums: of each file, by name.
        details: what else its maker noted, plain JSON.
    """

    folder: Path
    generation: int
    lineage: str
    checksums: Mapping[str, str]
    details: Mapping[str, Any]

    def is_sound(self) -> bool:
        """Whether its files are what was written; if not, that is told."""
        if damage := self.damage():
            _log.warning("%s: made again from the catalog", damage)
        return not damage

    def is_there(self) -> bool:
        """Whether all its files are: a writer that publishes a newer one removes them."""
        return all((self.folder / name).exists() for name in self.checksums)

    def damage(self) -> str:
        """What is wrong with its files, in a few words; empty if nothing is."""
        for name, expected in self.checksums.items():
            try:
                if checksum(self.folder / name) != expected:
                    return f"{self.folder.name}/{name} is not what was written"
            except OSError as error:
                return f"{self.folder.name}/{name}: {error.strerror}"
        return ""


def published(parent: Path, side: str, *, lineage: str) -> Published | None:
    """A side as its manifest tells; None if there is none, or it is of another catalog."""
    try:
        said = _manifest(parent, side)
        found = Published(
            folder=parent / Path(said["folder"]).name,
            generation=int(said["generation"]),
            lineage=str(said["lineage"]),
            checksums={Path(name).name: str(each) for name, each in said["files"].items()},
            details=dict(said["details"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return found if found.lineage == lineage else None


def publish(
    parent: Path,
    side: str,
    *,
    generation: int,
    lineage: str,
    fill: Callable[[Path], Mapping[str, Any]],
) -> None:
    """Put a new generation of a side in the place of the former one.

    Args:
        parent: the knowledge base's folder.
        side: its name.
        generation: of the catalog it is made from.
        lineage: of that catalog.
        fill: writes the files into the folder it is given; returns the details to note.
    """
    name = f"{side}-{generation}-{secrets.token_hex(4)}"
    aside = parent / f"{name}.tmp"
    aside.mkdir()
    try:
        details = fill(aside)
        checksums = {path.name: _flushed(path) for path in sorted(aside.iterdir())}
        aside.rename(parent / name)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    manifest = {
        "folder": name,
        "generation": generation,
        "lineage": lineage,
        "files": checksums,
        "details": dict(details),
    }
    text = json.dumps(manifest)
    write_whole(parent / f"{side}.json", f"{text}\n{_checksum_of(text)}\n".encode())
    for former in leftovers(parent, side):
        shutil.rmtree(former, ignore_errors=True)


def leftovers(parent: Path, side: str) -> list[Path]:
    """Folders of a side that its manifest does not name: former ones, and those of killed writers.

    A reader that has one open reads on, for its files stay until it lets go of them.
    """
    try:
        named = _manifest(parent, side)["folder"]
    except (OSError, ValueError, KeyError, TypeError):
        named = ""
    return [each for each in parent.glob(f"{side}-*") if each.name != named and each.is_dir()]


def _manifest(parent: Path, side: str) -> dict[str, Any]:
    """What a manifest says: one line of JSON, and one with its checksum.

    Raises:
        ValueError: it is not what was written.
    """
    text, _, told = (parent / f"{side}.json").read_text(encoding="utf-8").partition("\n")
    if told.strip() != _checksum_of(text):
        raise ValueError(f"{side}.json is not what was written")
    return dict(json.loads(text))


def _checksum_of(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"


def checksum(path: Path) -> str:
    """Size and CRC-32 of a file: damage shows, and a gigabyte takes half a second."""
    total = 0
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            total = zlib.crc32(block, total)
        return f"{file.tell()}-{total:08x}"


def _flushed(path: Path) -> str:
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return checksum(path)
