"""The catalog: documents, chunks and vectors in one SQLite file, the truth.

What is derived (`dense`, `lexical`) can be made again from it. Every change is
one transaction that ends in a new generation; a reader sees one generation
from the beginning of a `Snapshot` to its end, whatever is written meanwhile.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kb_qa.errors import (
    KnowledgeBaseDamaged,
    KnowledgeBaseError,
    KnowledgeBaseMissing,
    SchemaTooOld,
)
from kb_qa.store import schema
from kb_qa.store.files import FULL, told_of_disk
from kb_qa.store.snapshot import Snapshot
from kb_qa.store.writer import Writer

_BUSY_SECONDS = 30.0
_PAGE_BYTES = 16384  # measured best for vectors of 384 dimensions


class Catalog:
    """The catalog of one knowledge base folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kept: tuple[int, sqlite3.Connection] | None = None

    def exists(self) -> bool:
        """Whether the file is there."""
        return self.path.is_file()

    @contextmanager
    def read(self) -> Iterator[Snapshot]:
        """One consistent state, for as long as the block lasts.

        A catalog of an older version is made current first.

        Raises:
            KnowledgeBaseMissing: there is no catalog.
            KnowledgeBaseDamaged: the file cannot be read.
            SchemaTooNew: a newer version of this program made it.
            SchemaTooOld: an older version made it, and it cannot be written here.
        """
        with self.read_as_it_is() as snapshot:
            version = snapshot.version
            if version in (0, schema.VERSION):
                yield snapshot
        if version not in (0, schema.VERSION):
            self._make_current(version)
            with self.read_as_it_is() as snapshot:
                yield snapshot

    @contextmanager
    def read_as_it_is(self) -> Iterator[Snapshot]:
        """The same of a catalog of any version up to ours, which stays what it is.

        Raises:
            KnowledgeBaseMissing: there is no catalog.
            KnowledgeBaseDamaged: the file cannot be read.
            SchemaTooNew: a newer version of this program made it.
        """
        if not self.exists():
            raise KnowledgeBaseMissing(
                f"no knowledge base in {self.path.parent}: "
                f"make one with `python -m ingest PATH --kb {self.path.parent}`"
            )
        with _told(self.path):
            self._keep_open()
            connection = self._open_to_read()
            try:
                schema.check(connection, str(self.path))
                connection.execute("BEGIN")
                yield Snapshot(connection)
            finally:
                connection.close()

    def _keep_open(self) -> None:
        """Have one idle connection to the file that is there now.

        Whoever is alone with a log that a killed writer left reads all of it first; while
        another connection is open it need not be read again.
        """
        try:
            file = self.path.stat().st_ino
        except OSError:
            return  # it went just now, which whoever reads it is told
        if self._kept is None or self._kept[0] != file:
            connection = self._open_to_read()
            self._kept = file, connection

    @contextmanager
    def write(self) -> Iterator[Writer]:
        """The connection of the single writer, made with the catalog if there is none.

        Who calls it holds the folder's lock.

        Raises:
            KnowledgeBaseError: the disk is full, or cannot be written.
            KnowledgeBaseDamaged: the file cannot be read.
            SchemaTooNew: a newer version of this program made it.
        """
        with told_of_disk(self.path.parent):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with _told(self.path):
                connection = _connect(f"{self.path.absolute().as_uri()}?mode=rwc")
                try:
                    connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
                    connection.execute("PRAGMA journal_mode = WAL")
                    connection.execute("PRAGMA synchronous = NORMAL")
                    connection.execute("PRAGMA foreign_keys = ON")
                    schema.prepare(connection, str(self.path))
                    yield Writer(connection)
                finally:
                    connection.close()

    def _make_current(self, version: int) -> None:
        """Make an older catalog one of this version; whoever writes it at the time ends first."""
        with _told(self.path):
            connection = _connect(f"{self.path.absolute().as_uri()}?mode=rw")
            try:
                schema.prepare(connection, str(self.path))
            except sqlite3.OperationalError as error:
                raise SchemaTooOld(
                    f"{self.path} has format {version}, this program needs "
                    f"{schema.VERSION}, and it cannot be brought up here ({error}): open it once "
                    "where there is room and it may be written, or ingest into another --kb folder"
                ) from error
            finally:
                connection.close()

    def _open_to_read(self) -> sqlite3.Connection:
        uri = f"{self.path.absolute().as_uri()}?mode=ro"
        connection = _connect(uri)
        try:
            connection.execute("SELECT 1 FROM sqlite_master")
        except sqlite3.OperationalError:
            # A write-ahead log needs a file beside it; on a read-only disk
            # there can be none, and no writer either.
            connection.close()
            connection = _connect(f"{uri}&immutable=1")
        return connection


def _connect(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    # SQLite's own lower() knows no letter beyond ASCII.
    connection.create_function("casefold", 1, str.casefold, deterministic=True)
    return connection


_REMEDIES = {
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_READONLY: "let this user write it and its folder, or use another --kb folder",
    sqlite3.SQLITE_CANTOPEN: "let this user read it, and write its folder to ingest",
    sqlite3.SQLITE_BUSY: "another program holds it: end that one, or wait until it ends",
    sqlite3.SQLITE_IOERR_WRITE: FULL,
    sqlite3.SQLITE_IOERR_TRUNCATE: FULL,
    sqlite3.SQLITE_IOERR_SHMSIZE: FULL,
}


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say a database error in one line that names the file."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0)
        if remedy := _REMEDIES.get(code) or _REMEDIES.get(code & 0xFF):
            raise KnowledgeBaseError(f"{path}: {error}; {remedy}") from error
        raise KnowledgeBaseDamaged(
            f"{path}: {error}; check the disk, or move the folder away and ingest again"
        ) from error
