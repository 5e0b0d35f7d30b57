"""What a prepared folder consists of, written when all of it is there.

A folder without this file is not finished, and is never served.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from kb_qa.errors import CheckpointError
from kb_qa.xverse.shards import read_json

MANIFEST = "prepared.json"
FORMAT = 1
BLOCK = 1 << 22


@dataclass(frozen=True)
class FileRecord:
    """The size and the SHA-256 of a file."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """A prepared folder's files, and the files it was made from.

    Args:
        source: where it was made from: a folder, or a model's id.
        made_from: the source's files by name.
        files: the folder's files by name, but for the manifest itself.
    """

    source: str
    made_from: Mapping[str, FileRecord]
    files: Mapping[str, FileRecord]

    def write(self, folder: Path) -> None:
        """Write it into the folder, whole or not at all."""
        write_json(folder / MANIFEST, {"format": FORMAT, **asdict(self)})


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a prepared folder.

    Raises:
        CheckpointError: there is none, or another version of this program wrote it.
    """
    written = read_json(folder / MANIFEST)
    try:
        if written["format"] != FORMAT:
            raise CheckpointError(
                f"{folder} was prepared in format {written['format']}, this program reads "
                f"{FORMAT}: delete the folder, and prepare it again"
            )
        made_from, files = (
            {name: FileRecord(**record) for name, record in written[part].items()}
            for part in ("made_from", "files")
        )
        return Manifest(str(written["source"]), made_from, files)
    except (KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{folder / MANIFEST} is damaged: delete the folder, and prepare it again"
        ) from error


def is_prepared(folder: Path) -> bool:
    """Whether a folder says of itself that it was prepared whole."""
    return (folder / MANIFEST).is_file()


def check_prepared(folder: Path) -> Path:
    """The folder, if each of its files is there in its full size.

    Raises:
        CheckpointError: something is missing or of another size.
    """
    for name, record in read_manifest(folder).files.items():
        size = _size(folder / name)
        if size != record.bytes:
            found = "is missing" if size is None else f"has {size} bytes instead of {record.bytes}"
            raise CheckpointError(
                f"{folder / name} {found}: delete {folder}, and prepare the model again"
            )
    return folder


def made_from(folder: Path, source: Path) -> bool:
    """Whether the files that a folder was prepared from are still those in the source.

    A file that is no younger than the manifest is known by its size, another by its hash.
    """
    manifest = folder / MANIFEST
    prepared_at = manifest.stat().st_mtime_ns
    younger = []
    for name, record in read_manifest(folder).made_from.items():
        if _size(source / name) != record.bytes:
            return False
        if (source / name).stat().st_mtime_ns > prepared_at:
            younger.append((source / name, record))
    if any(record_of(path) != record for path, record in younger):
        return False
    if younger:
        with suppress(OSError):
            manifest.touch()
    return True


def record_of(path: Path) -> FileRecord:
    """The size and hash of a file as it is on the disk."""
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
        return FileRecord(file.tell(), digest.hexdigest())


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write aside, flush to disk, rename."""
    aside = path.with_name(f"{path.name}.tmp")
    with aside.open("w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, indent=2)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def flush_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, as their bytes are."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
