CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A document's content never changes: other bytes are another document.
-- AUTOINCREMENT everywhere an id leaves the catalog: a derived index that is
-- behind must never find another text under an id it knows.
CREATE TABLE documents (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    sha256     TEXT NOT NULL UNIQUE,
    title      TEXT NOT NULL,
    pages      INTEGER,
    metadata   TEXT NOT NULL,
    generation INTEGER NOT NULL
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
    stamp    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX paths_by_document ON paths (document);

-- Files that could not be read, so that they are not tried again unchanged.
CREATE TABLE refusals (
    path    TEXT PRIMARY KEY,
    stamp   TEXT NOT NULL,
    verdict TEXT NOT NULL,
    reason  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE chunks (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    ordinal  INTEGER NOT NULL,
    start    INTEGER NOT NULL,
    "end"    INTEGER NOT NULL,
    page     INTEGER,
    breaks   TEXT NOT NULL,
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
