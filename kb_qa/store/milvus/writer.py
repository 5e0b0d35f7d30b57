"""A knowledge base in Milvus as one of its writers holds it.

There is no lock, and no transaction in Milvus. A batch is written in an order that
makes it safe to cut short anywhere: what may be left over is noted first, then
chunks, then documents, and last the paths, each of which is one row. What no path
leads to is not found, and goes when a writer comes upon the note.
"""

import os
import secrets
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray

from kb_qa.embeddings.base import Vectors
from kb_qa.store.milvus import rows
from kb_qa.store.milvus.connection import Row, literal, one_of
from kb_qa.store.milvus.means import to_text
from kb_qa.store.milvus.snapshot import CHANGE, MEAN, RUN, MilvusSnapshot
from kb_qa.store.milvus.tables import Tables, VectorTables
from kb_qa.store.records import Chunk, Document, Refusal, Run

_NOTE = "batch "
_IS_NOTE = f"key like {literal(_NOTE + '%')}"
_NOTED_AT_ONCE = 2000  # documents a note: a value has 64 kB at most
_ABANDONED_SECONDS = 600.0
"""Of another machine's note, after which that machine is taken to have stopped."""

_MOST_SUMMED = 20_000
"""Documents whose sums make the means; of more, so large a part."""

_KEYS = 2**63


@dataclass
class _Put:
    document: Document
    chunks: Sequence[Chunk]
    vectors: Vectors


@dataclass
class _Batch:
    """What is to be stored together, by document and by path; a path may lead nowhere."""

    documents: dict[int, _Put] = field(default_factory=dict)
    places: dict[str, "_Placing"] = field(default_factory=dict)
    refusals: dict[str, Refusal] = field(default_factory=dict)


@dataclass(frozen=True)
class _Placing:
    document: int
    stamp: str = ""
    verdict: str = ""


class MilvusWriter(MilvusSnapshot):
    """A knowledge base in Milvus as one of its writers holds it.

    Args:
        tables: its collections.
        vectors: those of the embedder's vectors.
    """

    def __init__(self, tables: Tables, vectors: VectorTables) -> None:
        super().__init__(tables)
        self._of_vectors = vectors
        self._batch: _Batch | None = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Store all of the block's changes, or begin with none of them."""
        self._batch = _Batch()
        try:
            yield
            batch = self._batch
        finally:
            self._batch = None
        self._store(batch)

    def put(self, document: Document, *, chunks: Sequence[Chunk], vectors: Vectors) -> int:
        """Store a document, in the place of one with the same content; returns its id."""
        key = rows.document_key(document, chunks)
        self._open.documents[key] = _Put(document, chunks, vectors)
        return key

    def place(self, path: str, *, document: int, stamp: str, verdict: str = "added") -> None:
        """Say where a document was found; the path's former document may go."""
        self._open.places[path] = _Placing(document, stamp, verdict)
        self._open.refusals.pop(path, None)

    def unplace(self, path: str) -> None:
        """Forget a path, and its document if it was the only one."""
        self._open.places[path] = _Placing(rows.NOWHERE)
        self._open.refusals.pop(path, None)

    def refuse(self, refusal: Refusal) -> None:
        """Record that a file cannot be read; what was read of it before stays."""
        self._open.refusals[refusal.path] = refusal

    def record(self, run: Run) -> None:
        """Keep what became of a run of ingestion."""
        self._tables.put(RUN, asdict(run))

    def clean_up(self, *, abandoned_seconds: float = _ABANDONED_SECONDS) -> None:
        """Remove what batches that were cut short have left.

        Args:
            abandoned_seconds: of another machine's batch, after which it is taken to be so.
        """
        notes = self._tables.known(_IS_NOTE)
        left = {key for key, note in notes.items() if _is_abandoned(note, abandoned_seconds)}
        busy = {each for key in notes.keys() - left for each in notes[key]["documents"]}
        self._drop_if_nowhere({each for key in left for each in notes[key]["documents"]} - busy)
        self._tables.forget(sorted(left))

    def publish_means(self) -> None:
        """Make the languages' means anew: exact, or of a part of many documents."""
        documents = self._connection.count(self._tables.documents)
        share = min(1.0, _MOST_SUMMED / max(1, documents))
        condition = f"document < {int(_KEYS * share)}" if share < 1 else "document > 0"
        counts: dict[str, int] = {}
        sums: dict[str, NDArray[np.float64]] = {}
        for row in self._connection.rows(
            self._of_vectors.sums, condition, fields=("language", "count", "vector")
        ):
            name, vector = row["language"], np.array(row["vector"], np.float64)
            counts[name] = counts.get(name, 0) + row["count"]
            sums[name] = sums.get(name, 0.0) + vector
        former = {f"{MEAN}{name}" for name in self.sums}
        said = [
            rows.meta_row(f"{MEAN}{name}", {"count": counts[name], "sum": to_text(sums[name])})
            for name in counts
        ]
        self._connection.upsert(self._tables.meta, said)
        self._tables.forget(sorted(former - {f"{MEAN}{name}" for name in counts}))
        self._changed()

    @property
    def _open(self) -> _Batch:
        if self._batch is None:
            raise RuntimeError("change a knowledge base in a transaction: `with w.transaction():`")
        return self._batch

    def _store(self, batch: _Batch) -> None:
        former = self._former(batch)
        doubtful = {*batch.documents, *(row["document"] for row in former.values())}
        doubtful.discard(rows.NOWHERE)
        note = self._noted(doubtful)
        self._store_documents(batch)
        self._store_places(batch, former)
        spared = doubtful & self._noted_by_others(note)
        self._drop_if_nowhere(doubtful - spared)
        self._changed()
        if not spared:
            self._tables.forget(note)

    def _former(self, batch: _Batch) -> dict[str, Row]:
        """The rows of the batch's paths, and of those that lead to the same content."""
        same = [
            key
            for each, put in batch.documents.items()
            for key in self._same(put.document.sha256, put.document.format)
            if key != each
        ]
        touched = sorted(rows.path_key(path) for path in {*batch.places, *batch.refusals})
        among = self._connection.among
        places = self._tables.places
        found = [
            *among(places, "id", touched, fields=rows.PLACE_FIELDS),
            *among(places, "document", same, fields=rows.PLACE_FIELDS),
        ]
        return {row["path"]: row for row in found}

    def _noted(self, documents: Iterable[int]) -> list[str]:
        """Note what may be left over if we do not get further; the notes' keys."""
        ids = sorted(documents)
        notes = {
            f"{_NOTE}{secrets.token_hex(8)}": {
                "host": socket.gethostname(),
                "process": os.getpid(),
                "at": time.time(),
                "documents": ids[begin : begin + _NOTED_AT_ONCE],
            }
            for begin in range(0, len(ids), _NOTED_AT_ONCE)
        }
        self._connection.upsert(
            self._tables.meta, [rows.meta_row(key, note) for key, note in notes.items()]
        )
        return list(notes)

    def _noted_by_others(self, ours: Sequence[str]) -> set[int]:
        """Documents that another batch is about, which may be about to lead a path to them."""
        notes = self._tables.known(_IS_NOTE)
        return {
            each for key, note in notes.items() if key not in ours for each in note["documents"]
        }

    def _store_documents(self, batch: _Batch) -> None:
        chunks, sums, texts, documents = [], [], [], []
        for key, put in batch.documents.items():
            of_chunks, of_sums = rows.chunk_rows(
                key, put.document, chunks=put.chunks, vectors=put.vectors
            )
            chunks += of_chunks
            sums += of_sums
            texts += rows.text_rows(key, put.document.text)
            documents.append(rows.document_row(key, put.document, chunks=len(put.chunks)))
        self._connection.upsert(self._of_vectors.chunks, chunks)
        self._connection.upsert(self._of_vectors.sums, sums)
        self._connection.upsert(self._tables.texts, texts)
        self._connection.upsert(self._tables.documents, documents)

    def _store_places(self, batch: _Batch, former: dict[str, Row]) -> None:
        """From here on the batch is found."""
        after = dict(former)
        content = {
            (put.document.sha256, put.document.format): key for key, put in batch.documents.items()
        }
        known = self._documents_of(row["document"] for row in former.values())
        for path, row in former.items():
            document = known.get(row["document"])
            newer = document and content.get((document["sha256"], document["format"]))
            if newer:
                after[path] = rows.led_to(row, document=newer)
        for path, each in batch.places.items():
            after[path] = rows.placed(
                after.get(path) or rows.empty_place(path),
                document=each.document,
                stamp=each.stamp,
                verdict=each.verdict,
            )
        for path, refusal in batch.refusals.items():
            after[path] = rows.refused(after.get(path) or rows.empty_place(path), refusal)
        changed = [row for path, row in after.items() if row != former.get(path)]
        stays = [row for row in changed if row["document"] != rows.NOWHERE or row["refused"]]
        gone = [row["id"] for row in changed if row not in stays]
        self._connection.upsert(self._tables.places, stays)
        if gone:
            self._connection.delete(self._tables.places, one_of("id", gone))

    def _drop_if_nowhere(self, documents: Iterable[int]) -> None:
        doubtful = sorted(documents)
        paths = self._paths(doubtful)
        nowhere = [key for key in doubtful if key not in paths]
        tables = self._tables
        columns = (
            (tables.documents, "id"),
            (self._of_vectors.chunks, "document"),
            (self._of_vectors.sums, "document"),
            (tables.texts, "document"),
        )
        for begin in range(0, len(nowhere), _NOTED_AT_ONCE):
            for collection, column in columns:
                condition = one_of(column, nowhere[begin : begin + _NOTED_AT_ONCE])
                self._connection.delete(collection, condition)

    def _changed(self) -> None:
        self._tables.put(CHANGE, secrets.randbits(52))


def _is_abandoned(note: Row, seconds: float) -> bool:
    if note["host"] == socket.gethostname() and not _runs(note["process"]):
        return True
    return time.time() - float(note["at"]) > seconds


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
