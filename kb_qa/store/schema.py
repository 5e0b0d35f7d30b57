"""The catalog's tables, and how an older catalog becomes a current one."""

import sqlite3
from contextlib import closing

from kb_qa.errors import KnowledgeBaseDamaged, SchemaTooNew, SchemaTooOld

APPLICATION_ID = 0x6B627161  # "kbqa" in SQLite's file header
VERSION = 3

_NANOSECOND = "CAST(substr({0}, instr({0}, '-') + 1) AS INTEGER)"
_SECONDS = f"({_NANOSECOND} / 1000000000 + {_NANOSECOND} % 1000000000 / 1e9)"
MODIFIED = f"CASE WHEN {{0}} GLOB '[0-9]*-*[0-9]-[0-9]*' THEN {_SECONDS} END"
"""When a file was last changed, from its stamp: its size, that nanosecond, and its inode. In whole
seconds and the rest, which rounds once: as a `datetime` does."""

_TABLES = """
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A document's content never changes: other bytes are another document.
-- AUTOINCREMENT everywhere an id leaves the catalog: a derived index that is
-- behind must never find another text under an id it knows.
CREATE TABLE documents (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    sha256     TEXT NOT NULL,
    format     TEXT NOT NULL,
    title      TEXT NOT NULL,
    pages      INTEGER,
    warnings   TEXT NOT NULL,
    unread     INTEGER NOT NULL,
    metadata   TEXT NOT NULL,
    generation INTEGER NOT NULL,
    UNIQUE (sha256, format)
) STRICT;
CREATE INDEX documents_by_generation ON documents (generation);

CREATE TABLE texts (
    document INTEGER PRIMARY KEY REFERENCES documents ON DELETE CASCADE,
    text     TEXT NOT NULL
) STRICT;

-- Where a document was found: one row a place, several for the same content.
CREATE TABLE paths (
    path     TEXT PRIMARY KEY,
    document INTEGER NOT NULL REFERENCES documents,
    stamp    TEXT NOT NULL,
    verdict  TEXT NOT NULL,
    modified REAL -- unix seconds when the file was last changed; NULL if nobody knows
) STRICT, WITHOUT ROWID;
CREATE INDEX paths_by_document ON paths (document);
CREATE INDEX paths_by_modified ON paths (modified);

-- Files that could not be read, so that they are not tried again unchanged.
CREATE TABLE refusals (
    path    TEXT PRIMARY KEY,
    stamp   TEXT NOT NULL,
    verdict TEXT NOT NULL,
    reason  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What became of whole runs, for the report that is asked for later.
CREATE TABLE runs (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    began   TEXT NOT NULL,
    seconds TEXT NOT NULL,
    totals  TEXT NOT NULL
) STRICT;

CREATE TABLE chunks (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    ordinal  INTEGER NOT NULL,
    start    INTEGER NOT NULL,
    "end"    INTEGER NOT NULL,
    page     INTEGER,
    breaks   TEXT NOT NULL,
    scanned  INTEGER NOT NULL,
    heading  TEXT NOT NULL,
    context  TEXT NOT NULL,
    language TEXT NOT NULL,
    text     TEXT NOT NULL,
    UNIQUE (document, ordinal)
) STRICT;

-- Apart from the texts, so that reading all vectors reads nothing else.
CREATE TABLE vectors (
    chunk  INTEGER PRIMARY KEY REFERENCES chunks ON DELETE CASCADE,
    vector BLOB NOT NULL
) STRICT;

-- Ids that went, so that a derived index can follow without reading them all.
CREATE TABLE removals (
    generation  INTEGER NOT NULL,
    first_chunk INTEGER NOT NULL,
    last_chunk  INTEGER NOT NULL
) STRICT;
CREATE INDEX removals_by_generation ON removals (generation);
"""


# How a catalog becomes one of the next version, by its own.
_MIGRATIONS = {
    1: """
ALTER TABLE paths ADD COLUMN verdict TEXT NOT NULL DEFAULT 'added';
ALTER TABLE chunks ADD COLUMN scanned INTEGER NOT NULL DEFAULT 0;
CREATE TABLE runs (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    began   TEXT NOT NULL,
    seconds TEXT NOT NULL,
    totals  TEXT NOT NULL
) STRICT;
-- What is unique about a document cannot be altered in its place.
CREATE TABLE next_documents (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    sha256     TEXT NOT NULL,
    format     TEXT NOT NULL,
    title      TEXT NOT NULL,
    pages      INTEGER,
    warnings   TEXT NOT NULL,
    unread     INTEGER NOT NULL,
    metadata   TEXT NOT NULL,
    generation INTEGER NOT NULL,
    UNIQUE (sha256, format)
) STRICT;
INSERT INTO next_documents
    SELECT id, sha256, '', title, pages, '[]', 0, metadata, generation FROM documents;
-- Ids of documents that went are not given again.
DELETE FROM sqlite_sequence WHERE name = 'next_documents';
INSERT INTO sqlite_sequence
    SELECT 'next_documents', seq FROM sqlite_sequence WHERE name = 'documents';
DROP TABLE documents;
ALTER TABLE next_documents RENAME TO documents;
CREATE INDEX documents_by_generation ON documents (generation);
""",
    2: f"""
ALTER TABLE paths ADD COLUMN modified REAL;
UPDATE paths SET modified = {MODIFIED.format("stamp")};
CREATE INDEX paths_by_modified ON paths (modified);
""",
}


def prepare(connection: sqlite3.Connection, place: str) -> None:
    """Create the tables in an empty catalog; make an older one current, or leave it as it was.

    Raises:
        SchemaTooNew: a newer version of this program made it.
        SchemaTooOld: it is older, and not as any version left it.
        KnowledgeBaseDamaged: it is a database of something else.
    """
    check(connection, place)
    if version(connection) == 0:
        connection.executescript(
            f"BEGIN IMMEDIATE; {_TABLES}"
            "INSERT INTO meta VALUES ('generation', '0');"
            f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT;"
        )
    elif version(connection) < VERSION:
        _migrate(connection, place)


def check(connection: sqlite3.Connection, place: str) -> None:
    """Raise if this version can make nothing of the catalog; an empty or older one passes."""
    if version(connection) > VERSION:
        raise SchemaTooNew(
            f"{place} has format {version(connection)}, this program knows up to {VERSION}: "
            "upgrade kb-qa, or ingest into another --kb folder"
        )
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    ours = _pragma(connection, "application_id") == APPLICATION_ID
    if tables and not ours:
        raise KnowledgeBaseDamaged(
            f"{place} is a database of another program: choose another --kb folder"
        )


def version(connection: sqlite3.Connection) -> int:
    """Of which version the catalog is; 0 of an empty one."""
    return _pragma(connection, "user_version")


def _migrate(connection: sqlite3.Connection, place: str) -> None:
    """All steps in one transaction: a crash leaves the old catalog or the new one."""
    # A table that is replaced would take with it what refers to it. Not to be changed within.
    referring = _pragma(connection, "foreign_keys")
    connection.execute("PRAGMA foreign_keys = OFF")
    try:
        connection.execute("BEGIN IMMEDIATE")
        for former in range(version(connection), VERSION):  # others may have come first
            for statement in _statements(_MIGRATIONS[former]):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        if _columns(connection) != _current_columns():
            raise SchemaTooOld(_between(place))
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:  # a step met what no version made
            raise SchemaTooOld(_between(place)) from error
        raise
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.execute(f"PRAGMA foreign_keys = {referring}")


def _between(place: str) -> str:
    return (
        f"{place} is of a development version between two formats: remove the folder and ingest "
        "again, or ingest into another --kb folder"
    )


def _statements(script: str) -> list[str]:
    """One by one, since `executescript` commits before the first."""
    return [each for each in script.split(";\n") if each.strip()]


def _columns(connection: sqlite3.Connection) -> set[tuple[str, str, str]]:
    """Table, name and type of each."""
    return set(
        connection.execute(
            "SELECT tables.name, columns.name, columns.type "
            "FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns "
            "WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite%'"
        )
    )


def _current_columns() -> set[tuple[str, str, str]]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(_TABLES)
        return _columns(connection)


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
