"""The catalog as its single writer holds it."""

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from kb_qa.embeddings.base import EmbedderIdentity, Vectors
from kb_qa.language import detect_language
from kb_qa.store.records import Chunk, Document, Refusal, Run
from kb_qa.store.schema import MODIFIED
from kb_qa.store.snapshot import Snapshot


class Writer(Snapshot):
    """The catalog as its single writer holds it."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block's changes, as one new generation, or none of them."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._set_meta("generation", str(self.generation + 1))
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # a full disk ends it by itself
                self._connection.execute("ROLLBACK")
            raise

    def set_embedder(
        self, embedder: EmbedderIdentity, *, background: Mapping[str, NDArray[np.float32]]
    ) -> None:
        """Record who makes the vectors; what is derived of former ones is void.

        Args:
            embedder: the embedder.
            background: its mean vectors of ordinary passages, by language.
        """
        means = {language: [float(x) for x in mean] for language, mean in background.items()}
        self._set_meta("lineage", secrets.token_hex(8))
        self._set_meta("embedder", json.dumps(asdict(embedder)))
        self._set_meta("background", json.dumps(means))

    def put(
        self,
        document: Document,
        *,
        chunks: Sequence[Chunk],
        vectors: Vectors,
        languages: Sequence[str] | None = None,
    ) -> int:
        """Store a document, in the place of one with the same content; returns its id.

        Args:
            document: the document.
            chunks: its chunks, in reading order.
            vectors: of the chunks.
            languages: of the chunks; detected if not given.
        """
        former = self.document_id(document.sha256, format=document.format)
        if former is not None:
            self._connection.execute(
                "UPDATE documents SET sha256 = 'former ' || id WHERE id = ?", (former,)
            )
        cursor = self._connection.execute(
            "INSERT INTO documents "
            "(sha256, format, title, pages, warnings, unread, metadata, generation) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                document.sha256,
                document.format,
                document.title,
                document.pages,
                json.dumps(document.warnings, ensure_ascii=False),
                document.unread,
                json.dumps(dict(document.metadata), ensure_ascii=False),
                self.generation,
            ),
        )
        key = cursor.lastrowid or 0
        if former is not None:
            self._connection.execute(
                "UPDATE paths SET document = ? WHERE document = ?", (key, former)
            )
            self._drop_if_nowhere(former)
        self._connection.execute("INSERT INTO texts VALUES (?, ?)", (key, document.text))
        if languages is None:
            languages = [detect_language(chunk.text) for chunk in chunks]
        for ordinal, each in enumerate(zip(chunks, vectors, languages, strict=True)):
            self._put_chunk(key, ordinal, *each)
        return key

    def place(
        self,
        path: str,
        *,
        document: int,
        stamp: str,
        verdict: str = "added",
        modified: float | None = None,
    ) -> None:
        """Say where a document was found; the path's former document may go.

        Args:
            path: where.
            document: its id.
            stamp: what the file system said of the file.
            verdict: of the run that places it.
            modified: unix seconds when the file was last changed; if not given, as the stamp
                says, where it is of a file.
        """
        former = self.location(path)
        self._connection.execute("DELETE FROM refusals WHERE path = ?", (path,))
        self._connection.execute(
            "REPLACE INTO paths (path, document, stamp, verdict, modified) "
            f"VALUES (?1, ?2, ?3, ?4, coalesce(?5, {MODIFIED.format('?3')}))",
            (path, document, stamp, verdict, modified),
        )
        if former and former.document != document:
            self._drop_if_nowhere(former.document)

    def refuse(self, refusal: Refusal) -> None:
        """Record that a file cannot be read; what was read of it before stays."""
        self._connection.execute(
            "REPLACE INTO refusals (path, stamp, verdict, reason) VALUES (?, ?, ?, ?)",
            (refusal.path, refusal.stamp, refusal.verdict, refusal.reason),
        )

    def unplace(self, path: str) -> None:
        """Forget a path, and its document if it was the only one."""
        former = self.location(path)
        self._connection.execute("DELETE FROM refusals WHERE path = ?", (path,))
        self._connection.execute("DELETE FROM paths WHERE path = ?", (path,))
        if former:
            self._drop_if_nowhere(former.document)

    def record(self, run: Run) -> None:
        """Keep what became of a run of ingestion; what readers search is the same after it."""
        self._connection.execute(
            "INSERT INTO runs (began, seconds, totals) VALUES (?, ?, ?)",
            (run.began, json.dumps(dict(run.seconds)), json.dumps(dict(run.totals))),
        )

    def replace_vectors(self, vectors: Mapping[int, NDArray[np.float32]]) -> None:
        """Give chunks the vectors of another embedder; `set_embedder` goes with it."""
        self._connection.executemany(
            "UPDATE vectors SET vector = ? WHERE chunk = ?",
            ((vector.astype(np.float32).tobytes(), chunk) for chunk, vector in vectors.items()),
        )

    def all_chunks(self) -> list[int]:
        """The ids of all chunks, ascending."""
        return [row[0] for row in self._connection.execute("SELECT id FROM chunks ORDER BY id")]

    def _put_chunk(
        self,
        document: int,
        ordinal: int,
        chunk: Chunk,
        vector: NDArray[np.float32],
        language: str,
    ) -> None:
        cursor = self._connection.execute(
            'INSERT INTO chunks (document, ordinal, start, "end", page, breaks, scanned, heading, '
            "context, language, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                document,
                ordinal,
                chunk.start,
                chunk.end,
                chunk.page,
                json.dumps(chunk.breaks),
                chunk.scanned,
                json.dumps(chunk.heading, ensure_ascii=False),
                chunk.context,
                language,
                chunk.text,
            ),
        )
        row = (cursor.lastrowid, np.ascontiguousarray(vector, np.float32).tobytes())
        self._connection.execute("INSERT INTO vectors VALUES (?, ?)", row)

    def _drop_if_nowhere(self, document: int) -> None:
        query = "SELECT 1 FROM paths WHERE document = ?"
        if self._connection.execute(query, (document,)).fetchone():
            return
        self._connection.execute(
            "INSERT INTO removals SELECT ?, min(id), max(id) FROM chunks "
            "WHERE document = ? HAVING count(*) > 0",
            (self.generation, document),
        )
        self._connection.execute("DELETE FROM documents WHERE id = ?", (document,))

    def _set_meta(self, key: str, value: str) -> None:
        self._connection.execute("REPLACE INTO meta VALUES (?, ?)", (key, value))
