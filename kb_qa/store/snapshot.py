"""One generation of the catalog, as a reader sees it."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb_qa.embeddings.base import EmbedderIdentity, Vectors
from kb_qa.store.filter import Filter
from kb_qa.store.records import Chunk, Document, Location, Passage, Refusal, Run, Summary

_COPIED_PAGES = 512  # a step of a copy, and how long an interruption waits
_READ_VECTORS = 4096  # at a time, to check them
_NOTHING: Mapping[str, Callable[[], Any]] = {"[]": list, "{}": dict}
_MANY = 500  # host parameters a statement, well under SQLite's limit

_PASSAGE = """
SELECT chunks.id, document, ordinal, start, "end", page, breaks, scanned, heading, context,
       language, text, title, metadata,
       (SELECT json_group_array(path) FROM paths WHERE document = documents.id)
FROM chunks JOIN documents ON documents.id = document
"""
_LOCATION = """
SELECT path, stamp, document, sha256, title, pages,
       (SELECT count(*) FROM chunks WHERE document = documents.id),
       verdict, unread, format, modified, warnings
FROM paths JOIN documents ON documents.id = document
"""


@dataclass(frozen=True)
class Changes:
    """What happened between two generations.

    Attributes:
        added: ids of the documents put, ascending; those removed again are left out.
        removed: first and last ids of the chunks that went.
    """

    added: tuple[int, ...]
    removed: tuple[tuple[int, int], ...]


class Snapshot:
    """One generation of the catalog, read only."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @property
    def version(self) -> int:
        """The version of its tables."""
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    @property
    def generation(self) -> int:
        """Counts the committed changes."""
        return int(self._meta("generation") or 0)

    @property
    def lineage(self) -> str:
        """A random name of this catalog's ids and vectors; what is derived belongs to one."""
        return self._meta("lineage") or ""

    @property
    def embedder(self) -> EmbedderIdentity | None:
        """Who made the vectors; None before the first one."""
        value = self._meta("embedder")
        return EmbedderIdentity(**json.loads(value)) if value else None

    @property
    def background(self) -> dict[str, NDArray[np.float32]]:
        """Mean vectors of ordinary passages, by language, as the embedder makes them."""
        means = json.loads(self._meta("background") or "{}")
        return {language: np.array(mean, np.float32) for language, mean in means.items()}

    @property
    def summary(self) -> Summary:
        """What is in it, in numbers."""
        count = "SELECT (SELECT count(*) FROM {}) "
        documents, paths, chunks, refusals = (
            int(self._connection.execute(count.format(table)).fetchone()[0])
            for table in ("documents", "paths", "chunks", "refusals")
        )
        rows = self._connection.execute("SELECT language, count(*) FROM chunks GROUP BY language")
        return Summary(documents, paths, chunks, refusals, languages=dict(rows.fetchall()))

    def chunk_count(self, *, since: int = 0) -> int:
        """Chunks of the documents put after a generation."""
        query = "SELECT count(*) FROM chunks"
        if since:
            query += " WHERE document IN (SELECT id FROM documents WHERE generation > ?)"
        row = self._connection.execute(query, (since,) if since else ()).fetchone()
        return int(row[0])

    def changes_since(self, generation: int) -> Changes:
        """What a derived index of that generation has missed."""
        added = self._connection.execute(
            "SELECT id FROM documents WHERE generation > ? ORDER BY id", (generation,)
        )
        removed = self._connection.execute(
            "SELECT first_chunk, last_chunk FROM removals WHERE generation > ? ORDER BY 1",
            (generation,),
        )
        return Changes(tuple(row[0] for row in added), tuple(removed.fetchall()))

    def chunks_meeting(self, where: Filter) -> NDArray[np.int64]:
        """The ids of the chunks that meet a filter, ascending."""
        conditions = _conditions(where)
        query = "SELECT DISTINCT chunks.id FROM chunks JOIN paths USING (document) WHERE "
        query += " AND ".join(condition for condition, _ in conditions) or "1"
        values = [value for _, some in conditions for value in some]
        rows = self._connection.execute(f"{query} ORDER BY chunks.id", values)
        return np.fromiter((row[0] for row in rows), np.int64)

    def passages(self, chunks: Sequence[int]) -> dict[int, Passage]:
        """The passages with these ids; ids that are gone are left out."""
        rows = self._many(_PASSAGE + "WHERE chunks.id IN ({})", chunks)
        return {row[0]: _passage(row) for row in rows}

    def passages_of(self, document: int) -> list[Passage]:
        """All passages of a document, in reading order."""
        rows = self._connection.execute(
            _PASSAGE + "WHERE document = ? ORDER BY ordinal", (document,)
        )
        return [_passage(row) for row in rows]

    def vectors(self, chunks: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        """The vectors of these chunks, float32."""
        rows = self._many("SELECT chunk, vector FROM vectors WHERE chunk IN ({})", chunks)
        return {chunk: np.frombuffer(vector, np.float32) for chunk, vector in rows}

    def vectors_of(self, documents: Sequence[int]) -> tuple[NDArray[np.int64], list[str], Vectors]:
        """Chunk ids, languages and vectors of documents, ascending by id."""
        rows = list(
            self._many(
                "SELECT chunks.id, language, vector FROM chunks JOIN vectors ON chunk = chunks.id "
                "WHERE document IN ({})",
                documents,
            )
        )
        rows.sort()
        embedder = self.embedder
        shape = (len(rows), embedder.dimension if embedder else 0)
        vectors = np.frombuffer(b"".join(row[2] for row in rows), np.float32).reshape(shape)
        return np.array([row[0] for row in rows], np.int64), [row[1] for row in rows], vectors

    def text(self, document: int) -> str:
        """A document's whole extracted text."""
        query = "SELECT text FROM texts WHERE document = ?"
        return str(self._connection.execute(query, (document,)).fetchone()[0])

    def document(self, document: int) -> Document:
        """A document, as it was stored."""
        query = (
            "SELECT sha256, title, text, pages, warnings, unread, format, metadata "
            "FROM documents JOIN texts ON document = id WHERE id = ?"
        )
        row = self._connection.execute(query, (document,)).fetchone()
        sha256, title, text, pages, warnings, unread, kind, metadata = row
        told = tuple(_read(warnings))
        return Document(sha256, title, text, pages, told, unread, kind, _read(metadata))

    def document_id(self, sha256: str, *, format: str = "") -> int | None:
        """The id of the document with this content, read as this format, if it is here."""
        query = "SELECT id FROM documents WHERE sha256 = ? AND format = ?"
        row = self._connection.execute(query, (sha256, format)).fetchone()
        return int(row[0]) if row else None

    def locations(self) -> dict[str, Location]:
        """Every place a document was found, by path."""
        return {each.path: each for each in self.each_location()}

    def each_location(self) -> Iterator[Location]:
        """The same, one after the other."""
        return map(_location, self._connection.execute(_LOCATION + "ORDER BY path"))

    def location(self, path: str) -> Location | None:
        """The document at one place."""
        rows = self._connection.execute(_LOCATION + "WHERE path = ?", (path,))
        return next((_location(row) for row in rows), None)

    def refusals(self) -> dict[str, Refusal]:
        """Every file that could not be read, by path."""
        rows = self._connection.execute("SELECT path, stamp, verdict, reason FROM refusals")
        return {row[0]: Refusal(*row) for row in rows}

    def last_run(self) -> Run | None:
        """The run of ingestion that ended last; None before the first."""
        query = "SELECT began, seconds, totals FROM runs ORDER BY id DESC LIMIT 1"
        row = self._connection.execute(query).fetchone()
        return Run(row[0], json.loads(row[1]), json.loads(row[2])) if row else None

    @property
    def size(self) -> int:
        """Bytes of the catalog's file, with what is still in its log."""
        pages, each = (
            int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "page_size")
        )
        return pages * each

    def copy_to(self, path: Path) -> None:
        """Write this generation to a new file, which needs no file beside it to be read.

        A writer goes on meanwhile. Nothing is flushed to disk.
        """
        with closing(sqlite3.connect(path, isolation_level=None)) as copy:
            copy.execute("PRAGMA synchronous = OFF")
            # Between the steps, the interpreter can be interrupted.
            self._connection.backup(copy, pages=_COPIED_PAGES, progress=lambda *_: None)
            copy.execute("PRAGMA journal_mode = DELETE")

    def faults(self) -> list[str]:
        """What is wrong with the file's structure and references, a line each."""
        rows = self._connection.execute("PRAGMA quick_check").fetchall()
        lines = [line for (told,) in rows for line in told.splitlines()]
        faults = [line for line in lines if line != "ok" and not line.startswith("***")]
        references = self._connection.execute("PRAGMA foreign_key_check").fetchall()
        return faults + [f"{row[0]} {row[1]} belongs to no {row[2]}" for row in references]

    def chunks_without_vector(self) -> int:
        """How many chunks have none."""
        query = "SELECT count(*) FROM chunks WHERE id NOT IN (SELECT chunk FROM vectors)"
        return int(self._connection.execute(query).fetchone()[0])

    def stored_vectors(self) -> Iterator[list[bytes]]:
        """All vectors as they are stored, in batches."""
        cursor = self._connection.execute("SELECT vector FROM vectors")
        while rows := cursor.fetchmany(_READ_VECTORS):
            yield [row[0] for row in rows]

    def _meta(self, key: str) -> str | None:
        query = "SELECT value FROM meta WHERE key = ?"
        row = self._connection.execute(query, (key,)).fetchone()
        return row[0] if row else None

    def _many(self, query: str, ids: Sequence[int]) -> Iterator[tuple[Any, ...]]:
        for begin in range(0, len(ids), _MANY):
            some = [int(i) for i in ids[begin : begin + _MANY]]
            yield from self._connection.execute(query.format(",".join("?" * len(some))), some)


def _location(row: tuple[Any, ...]) -> Location:
    *before, unread, kind, modified, warnings = row
    path, stamp, document, sha256, title, pages, chunks, verdict = before
    return Location(
        *(path, stamp, document, sha256, title, pages, chunks, verdict),
        *(tuple(_read(warnings)), unread, kind, modified),
    )


def _passage(row: tuple[Any, ...]) -> Passage:
    id_, document, ordinal, start, end, page, breaks, scanned, heading, context = row[:10]
    language, text, title, metadata, paths = row[10:]
    return Passage(
        id=id_,
        document=document,
        ordinal=ordinal,
        chunk=Chunk(
            text=text,
            start=start,
            end=end,
            heading=tuple(_read(heading)),
            context=context,
            page=page,
            breaks=tuple((offset, number) for offset, number in _read(breaks)),
            scanned=bool(scanned),
        ),
        language=language,
        title=title,
        paths=tuple(sorted(json.loads(paths))),
        metadata=_read(metadata),
    )


def _read(value: str) -> Any:
    """What JSON says; of a hundred candidates most have nothing to say here."""
    return _NOTHING[value]() if value in _NOTHING else json.loads(value)


def _conditions(where: Filter) -> list[tuple[str, list[str | float]]]:
    """What a filter asks of a chunk and a place of its document, in SQL, with its values."""
    conditions: list[tuple[str, list[str | float]]] = []
    if where.path:
        conditions.append(("path GLOB ?", [where.path]))
    if where.suffixes:
        some = " OR ".join(["lower(path) LIKE ? ESCAPE '\\'"] * len(where.suffixes))
        conditions.append((f"({some})", ["%" + _literally(each) for each in where.suffixes]))
    if where.heading:
        # JSON keeps all letters but quotes and backslashes as they are.
        within = json.dumps(where.heading, ensure_ascii=False)[1:-1]
        conditions.append(("instr(casefold(heading), casefold(?))", [within]))
    for sign, moment in ((">=", where.since), ("<=", where.until)):
        if moment:
            conditions.append((f"modified {sign} ?", [moment.timestamp()]))
    return conditions


def _literally(text: str) -> str:
    """Text that stands for itself in a pattern."""
    return "".join(f"\\{each}" if each in "\\%_" else each for each in text)
