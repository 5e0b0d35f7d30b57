"""A copy of a knowledge base, made while others read it and one writes.

The catalog is copied, one generation of it, in the format it has, and the calibration. What is
derived is made again from it, in memory by who reads the copy, on disk by who writes to it.
"""

import shutil
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kb_qa.errors import BackupError, KnowledgeBaseDamaged
from kb_qa.store.calibration import CALIBRATION
from kb_qa.store.catalog import Catalog
from kb_qa.store.files import new_folder
from kb_qa.store.knowledge_base import CATALOG
from kb_qa.store.records import Summary
from kb_qa.store.snapshot import Snapshot

# What SQLite says of the file it reads from; all else is about the copy.
_OF_THE_SOURCE = (
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_IOERR_READ,
    sqlite3.SQLITE_IOERR_SHORT_READ,
)


@dataclass(frozen=True)
class Backup:
    """What a backup holds.

    Attributes:
        folder: where it lies; a knowledge base like any other.
        documents: in it.
        chunks: in it.
        size: in bytes.
    """

    folder: Path
    documents: int
    chunks: int
    size: int


def back_up(folder: Path, *, to: Path) -> Backup:
    """Copy a knowledge base's present state into a new folder, checked and flushed to disk.

    Raises:
        BackupError: the new folder is there already, lies within the knowledge base, or cannot
            be written; nothing is left of it.
        KnowledgeBaseMissing: there is nothing to copy.
        KnowledgeBaseDamaged: the catalog is damaged; nothing is left of the copy.
    """
    with new_folder(to, outside=folder) as aside:
        copy = aside / CATALOG
        with Catalog(folder / CATALOG).read_as_it_is() as snapshot:
            expected = snapshot.summary
            _copy(snapshot, copy, to=to)
        _check(copy, expected, source=folder)
        with suppress(FileNotFoundError):
            shutil.copyfile(folder / CALIBRATION, aside / CALIBRATION)
        size = copy.stat().st_size
    return Backup(to, expected.documents, expected.chunks, size)


def _copy(snapshot: Snapshot, copy: Path, *, to: Path) -> None:
    free = shutil.disk_usage(copy.parent).free
    if free < snapshot.size:
        raise BackupError(
            f"{to} needs {snapshot.size:,} bytes and {free:,} are free: "
            "make room, or name another disk"
        )
    try:
        snapshot.copy_to(copy)
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0)
        if {code, code & 0xFF} & set(_OF_THE_SOURCE):
            raise
        raise BackupError(
            f"{to} cannot be written: {error}; make room, or name another place"
        ) from error


def _check(copy: Path, expected: Summary, *, source: Path) -> None:
    """Raise if the copy is not sound, or not what was copied."""
    try:
        with Catalog(copy).read_as_it_is() as snapshot:
            fault = next(iter(snapshot.faults()), "")
            if not fault and snapshot.summary != expected:
                fault = "the copy holds other numbers of documents and chunks"
    except KnowledgeBaseDamaged as error:
        fault = str(error.__cause__)
    if fault:
        raise KnowledgeBaseDamaged(
            f"{source / CATALOG} cannot be backed up: {fault}; "
            f"see `python -m kb_qa doctor --kb {source}`"
        )
