"""A knowledge base as plain files, and back: for other programs, and for whoever keeps it for long.

`documents.jsonl`, `chunks.jsonl`, `paths.jsonl` and `refusals.jsonl` hold one JSON object a line;
`vectors.npy` one row a line of `chunks.jsonl`; `meta.json` whose vectors they are, and how many
lines each file has. Lines come one after the other, so that a million need little memory.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Generic, NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError

from kb_qa.embeddings.base import EmbedderIdentity, Vectors
from kb_qa.errors import KnowledgeBaseDamaged, KnowledgeBaseError
from kb_qa.store.catalog import Catalog
from kb_qa.store.files import new_folder
from kb_qa.store.knowledge_base import CATALOG
from kb_qa.store.records import Chunk, Document, Passage, Refusal, Run
from kb_qa.store.snapshot import Snapshot
from kb_qa.store.writer import Writer

FORMAT = 1
META, VECTORS = "meta.json", "vectors.npy"
DOCUMENTS, CHUNKS, PATHS, REFUSALS = (
    f"{name}.jsonl" for name in ("documents", "chunks", "paths", "refusals")
)
_AT_ONCE = 500  # documents or paths a transaction


@dataclass(frozen=True)
class Transferred:
    """What was written.

    Attributes:
        folder: where.
        documents: how many.
        chunks: how many.
    """

    folder: Path
    documents: int
    chunks: int


class _Line(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _DocumentLine(_Line):
    id: int
    sha256: str
    format: str
    title: str
    text: str
    pages: int | None
    warnings: list[str]
    unread: int
    metadata: dict[str, Any]


class _ChunkLine(_Line):
    document: int
    start: NonNegativeInt
    end: NonNegativeInt
    page: int | None
    breaks: list[Annotated[tuple[int, int], Field(strict=False)]]  # JSON knows no tuples
    scanned: bool
    heading: list[str]
    context: str
    language: str
    text: str


class _PathLine(_Line):
    path: str
    document: int
    stamp: str
    verdict: str
    modified: float | None


class _RefusalLine(_Line):
    path: str
    stamp: str
    verdict: str
    reason: str


class _Embedder(_Line):
    name: str
    weights: str
    dimension: PositiveInt
    query_prompt: str
    passage_prompt: str
    pooling: str


class _Run(_Line):
    began: str
    seconds: dict[str, float]
    totals: dict[str, int]


class _Meta(_Line):
    format: int
    embedder: _Embedder | None
    background: dict[str, list[float]]
    last_run: _Run | None
    lines: dict[str, int]


_AnyLine = TypeVar("_AnyLine", bound=_Line)


def export(folder: Path, *, to: Path) -> Transferred:
    """Write a knowledge base's present state as plain files into a new folder.

    Raises:
        BackupError: the new folder is there already, lies within the knowledge base, or cannot
            be written; nothing is left of it.
        KnowledgeBaseMissing: there is nothing to export.
        KnowledgeBaseDamaged: the catalog is damaged; nothing is left of the export.
    """
    with new_folder(to, outside=folder) as aside, Catalog(folder / CATALOG).read() as snapshot:
        lines = {
            **_write_documents(snapshot, aside, catalog=folder / CATALOG),
            PATHS: _write(aside / PATHS, _path_lines(snapshot)),
            REFUSALS: _write(aside / REFUSALS, map(asdict, snapshot.refusals().values())),
        }
        meta = {
            "format": FORMAT,
            "embedder": asdict(snapshot.embedder) if snapshot.embedder else None,
            "background": {each: mean.tolist() for each, mean in snapshot.background.items()},
            "last_run": asdict(run) if (run := snapshot.last_run()) else None,
            "lines": lines,
        }
        _write(aside / META, iter([meta]))
    return Transferred(to, lines[DOCUMENTS], lines[CHUNKS])


def import_(source: Path, *, to: Path) -> Transferred:
    """Make a new knowledge base of exported files, all of them or nothing.

    Raises:
        KnowledgeBaseError: a file is not as it must be; the message names its line.
        BackupError: the new folder is there already, or cannot be written.
    """
    meta = _meta(source)
    with new_folder(to, outside=source) as aside, Catalog(aside / CATALOG).write() as writer:
        _Import(source, meta, writer).run()
        made = writer.summary
    return Transferred(to, made.documents, made.chunks)


def _write_documents(snapshot: Snapshot, aside: Path, *, catalog: Path) -> dict[str, int]:
    """Documents, their chunks and the chunks' vectors."""
    embedder = snapshot.embedder
    shape = (snapshot.chunk_count(), embedder.dimension if embedder else 0)
    counts = {DOCUMENTS: 0, CHUNKS: 0}
    with (
        (aside / DOCUMENTS).open("wb") as documents,
        (aside / CHUNKS).open("wb") as chunks,
        (aside / VECTORS).open("wb") as vectors,
    ):
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(vectors, header)
        for key in snapshot.changes_since(0).added:
            document = {"id": key, **asdict(snapshot.document(key))}
            documents.write(_line(document))
            passages = snapshot.passages_of(key)
            rows = snapshot.vectors([passage.id for passage in passages])
            for passage in passages:
                row = rows.get(passage.id)
                if row is None or len(row) != shape[1]:
                    raise KnowledgeBaseDamaged(
                        f"{catalog} cannot be exported: chunk {passage.id} has no vector of "
                        f"{shape[1]} numbers; see `python -m kb_qa doctor --kb {catalog.parent}`"
                    )
                chunks.write(_line(_chunk_line(passage)))
                vectors.write(row.astype("<f4").tobytes())
            counts[DOCUMENTS] += 1
            counts[CHUNKS] += len(passages)
    return counts


def _chunk_line(passage: Passage) -> dict[str, Any]:
    return {
        "document": passage.document,
        **asdict(passage.chunk),
        "language": passage.language,
    }


def _path_lines(snapshot: Snapshot) -> Iterator[dict[str, Any]]:
    for each in snapshot.each_location():
        yield {name: getattr(each, name) for name in _PathLine.model_fields}


def _write(path: Path, lines: Iterator[Mapping[str, Any]]) -> int:
    count = 0
    with path.open("wb") as file:
        for line in lines:
            file.write(_line(line))
            count += 1
    return count


def _line(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode() + b"\n"


class _Lines(Generic[_AnyLine]):
    """The lines of a file, each checked; the present one can be blamed.

    Args:
        path: of the file.
        kind: what a line is.
        expected: how many there must be.
    """

    def __init__(self, path: Path, kind: type[_AnyLine], *, expected: int | None = None) -> None:
        self.number = 0
        self._path, self._kind, self._expected = path, kind, expected

    def __iter__(self) -> Iterator[_AnyLine]:
        try:
            with self._path.open("rb") as file:
                for raw in file:
                    self.number += 1
                    yield self._checked(raw)
        except OSError as error:
            raise KnowledgeBaseError(f"{self._path}: {error.strerror}: export again") from error
        if self._expected not in (None, self.number):
            raise KnowledgeBaseError(
                f"{self._path} has {self.number} lines, {META} says {self._expected}: export again"
            )

    def blame(self, fault: str, *, cause: Exception | None = None) -> NoReturn:
        """Raise an error that names the present line."""
        raise KnowledgeBaseError(
            f"{self._path} line {self.number}: {fault}; nothing was imported"
        ) from cause

    def _checked(self, raw: bytes) -> _AnyLine:
        try:
            return self._kind.model_validate(json.loads(raw.decode()))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            self.blame(f"{place}: {first['msg']}" if place else first["msg"], cause=error)
        except (ValueError, RecursionError) as error:
            self.blame(f"no JSON in UTF-8: {error}", cause=error)


def _meta(source: Path) -> _Meta:
    lines = _Lines(source / META, _Meta)
    meta = next(iter(lines), None)
    if meta is None:
        raise KnowledgeBaseError(f"{source / META} is empty: export again")
    if meta.format != FORMAT:
        lines.blame(f"format {meta.format}, this program knows {FORMAT}")
    if missing := {DOCUMENTS, CHUNKS, PATHS, REFUSALS} - set(meta.lines):
        lines.blame(f"lines: nothing is said of {min(missing)}")
    return meta


class _Import:
    """One import into an empty catalog."""

    def __init__(self, source: Path, meta: _Meta, writer: Writer) -> None:
        self._meta, self._writer = meta, writer
        self._documents = _Lines(source / DOCUMENTS, _DocumentLine, expected=meta.lines[DOCUMENTS])
        self._chunks = _Lines(source / CHUNKS, _ChunkLine, expected=meta.lines[CHUNKS])
        self._paths = _Lines(source / PATHS, _PathLine, expected=meta.lines[PATHS])
        self._refusals = _Lines(source / REFUSALS, _RefusalLine, expected=meta.lines[REFUSALS])
        self._vectors = _vectors(source / VECTORS, meta)
        self._vectors_path = source / VECTORS
        self._keys: dict[int, int] = {}
        self._nowhere: dict[int, int] = {}

    def run(self) -> None:
        """Read all, in one order; raise at the first line that is not as it must be."""
        with self._writer.transaction():
            self._set_embedder()
        self._in_transactions(self._put_documents())
        self._in_transactions(self._place())
        if self._nowhere:
            number, document = next(iter((line, key) for key, line in self._nowhere.items()))
            self._documents.number = number
            self._documents.blame(f"document {document} has no line in {PATHS}")
        with self._writer.transaction():
            for line in self._refusals:
                self._writer.refuse(Refusal(**line.model_dump()))
            if run := self._meta.last_run:
                self._writer.record(Run(**run.model_dump()))

    def _set_embedder(self) -> None:
        if embedder := self._meta.embedder:
            self._writer.set_embedder(
                EmbedderIdentity(**embedder.model_dump()),
                background={
                    language: np.array(mean, np.float32)
                    for language, mean in self._meta.background.items()
                },
            )

    def _in_transactions(self, steps: Iterator[None]) -> None:
        """Some steps at a time; what is half done is thrown away with its folder."""
        is_more = True
        while is_more:
            with self._writer.transaction():
                is_more = sum(1 for _ in zip(range(_AT_ONCE), steps, strict=False)) == _AT_ONCE

    def _put_documents(self) -> Iterator[None]:
        chunks = iter(self._chunks)
        chunk = next(chunks, None)
        row = 0
        for line in self._documents:
            if line.id in self._keys:
                self._documents.blame(f"document {line.id} is there twice")
            if self._writer.document_id(line.sha256, format=line.format) is not None:
                self._documents.blame("another document has the same sha256 and format")
            own: list[_ChunkLine] = []
            while chunk and chunk.document == line.id:
                own.append(chunk)
                chunk = next(chunks, None)
            self._keys[line.id] = self._put(line, own, self._vectors[row : row + len(own)], row)
            self._nowhere[line.id] = self._documents.number
            row += len(own)
            yield
        if chunk:
            self._chunks.blame(
                f"document {chunk.document} is not in {DOCUMENTS}, or not in the same order"
            )

    def _put(self, line: _DocumentLine, chunks: list[_ChunkLine], rows: Vectors, first: int) -> int:
        vectors = np.array(rows, np.float32)
        if not np.isfinite(vectors).all():
            bad = first + int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
            raise KnowledgeBaseError(
                f"{self._vectors_path} row {bad}: not finite; nothing was imported"
            )
        values = line.model_dump(exclude={"id", "warnings"})
        return self._writer.put(
            Document(**values, warnings=tuple(line.warnings)),
            chunks=[_chunk(each) for each in chunks],
            vectors=vectors,
            languages=[each.language for each in chunks],
        )

    def _place(self) -> Iterator[None]:
        for line in self._paths:
            if line.document not in self._keys:
                self._paths.blame(f"document {line.document} is not in {DOCUMENTS}")
            if self._writer.location(line.path):
                self._paths.blame("the path is there twice")
            self._writer.place(
                line.path,
                document=self._keys[line.document],
                stamp=line.stamp,
                verdict=line.verdict,
                modified=line.modified,
            )
            self._nowhere.pop(line.document, None)
            yield


def _chunk(line: _ChunkLine) -> Chunk:
    values = line.model_dump(exclude={"document", "language", "heading", "breaks"})
    return Chunk(**values, heading=tuple(line.heading), breaks=tuple(line.breaks))


def _vectors(path: Path, meta: _Meta) -> NDArray[np.float32]:
    """Read from disk as they are used."""
    shape = (meta.lines[CHUNKS], meta.embedder.dimension if meta.embedder else 0)
    try:
        # A file without rows cannot be mapped.
        vectors = np.load(path, mmap_mode="r" if all(shape) else None)
    except OSError as error:
        fault = error.strerror or "damaged"
        raise KnowledgeBaseError(f"{path}: {fault}: export again") from error
    except (ValueError, EOFError) as error:
        raise KnowledgeBaseError(f"{path} holds no vectors ({error}): export again") from error
    if vectors.shape != shape or vectors.dtype != np.float32:
        raise KnowledgeBaseError(
            f"{path} has shape {vectors.shape} of {vectors.dtype}, {META} says {shape} of float32: "
            "export again"
        )
    return np.asanyarray(vectors, np.float32)
