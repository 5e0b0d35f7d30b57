"""Files in, a knowledge base out: find, plan, parse, split, embed, store."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ingest.document import EmptyDocument, Parsed
from ingest.find import find, stamp
from ingest.plan import Placed, Plan, Wanted, below, plan
from ingest.progress import Progress
from ingest.report import FileReport, Report, Verdict
from ingest.sandbox import ParserPool, Result
from ingest.splitting import split
from kb_qa.errors import ParseError, PathMissing
from kb_qa.paths import shown
from kb_qa.store.knowledge_base import KnowledgeBase
from kb_qa.store.records import Chunk, Document, Refusal, indexed_text
from kb_qa.store.writer import Writer

STAGES = ("parse", "split", "embed", "store")

_BATCH_CHUNKS = 256  # chunks embedded and committed together: enough to sort by length
_PUBLISH_CHUNKS = 4096  # chunks after which readers that open later need not catch up


def ingest(
    paths: Sequence[Path],
    *,
    knowledge_base: KnowledgeBase,
    progress: Progress | None = None,
    wait_seconds: float = 0.0,
) -> Report:
    """Make the knowledge base hold what the files under these paths hold.

    Args:
        paths: files and folders; what the knowledge base knows below them and
            is no longer there goes.
        knowledge_base: where to store; made if it does not exist.
        progress: told of each file.
        wait_seconds: how long to wait for another writer.

    Raises:
        KnowledgeBaseBusy: another process is writing.
        EmbedderMismatch: another embedder made the knowledge base's vectors.
        PathMissing: a path is not there, and never was.
    """
    _check(paths, knowledge_base)
    with knowledge_base.write(wait_seconds=wait_seconds) as writer:
        run = _Run(knowledge_base, writer, progress or Progress())
        work = plan(
            find(paths), named=paths, locations=writer.locations(), refusals=writer.refusals()
        )
        run.begin(work)
        run.place(work.placed)
        run.remove(work.removed)
        for batch in run.batches(run.parsed(work.wanted)):
            run.store(batch)
        return run.report()


def _check(paths: Sequence[Path], knowledge_base: KnowledgeBase) -> None:
    """A path that is gone may be a deletion; one that was never known is a slip."""
    for path in paths:
        if not path.exists() and not _is_known(path, knowledge_base):
            raise PathMissing(f"no such file or folder: {path}")


def _is_known(path: Path, knowledge_base: KnowledgeBase) -> bool:
    if not knowledge_base.catalog.exists():
        return False
    with knowledge_base.read() as snapshot:
        return bool(below([path], {*snapshot.locations(), *snapshot.refusals()}))


@dataclass(frozen=True)
class _Parsed:
    """A document that was parsed and cut, and the files that hold it."""

    document: Document
    chunks: tuple[Chunk, ...]
    warnings: tuple[str, ...]
    wanted: tuple[Wanted, ...]


class _Run:
    def __init__(self, knowledge_base: KnowledgeBase, writer: Writer, progress: Progress) -> None:
        self._knowledge_base = knowledge_base
        self._embeddings = knowledge_base.embeddings
        self._writer = writer
        self._progress = progress
        self._files: list[FileReport] = []
        self._seconds = dict.fromkeys(STAGES, 0.0)
        self._began = time.perf_counter()
        self._unpublished = 0

    def begin(self, work: Plan) -> None:
        wanted = sum(len(files) for files in work.wanted.values())
        self._progress.began(len(work.settled) + len(work.placed) + len(work.removed) + wanted)
        for report in work.settled:
            self._end(report)

    def place(self, placed: Sequence[Placed]) -> None:
        for each in placed:
            with self._stage("store"), self._writer.transaction():
                path = str(each.found.path)
                self._writer.place(path, document=each.document, stamp=each.found.stamp)
                if each.former:
                    self._writer.unplace(each.former)
            self._end(each.report)

    def remove(self, paths: Sequence[str]) -> None:
        for path in paths:
            with self._stage("store"), self._writer.transaction():
                self._writer.unplace(path)
            self._end(FileReport(shown(path), Verdict.REMOVED, "the file is gone"))

    def parsed(self, wanted: dict[str, list[Wanted]]) -> Iterator[_Parsed]:
        """Parse each content once, in worker processes, and cut it."""
        by_path = {files[0].found.path: (sha256, files) for sha256, files in wanted.items()}
        if not by_path:
            return
        with ParserPool() as pool:
            for path, result in self._timed("parse", pool.parse(by_path)):
                sha256, files = by_path[path]
                cut = self._cut(sha256, result, files)
                if isinstance(cut, ParseError):
                    self._refuse(files, cut)
                elif all(self._is_untouched(each) for each in files):
                    yield cut

    def batches(self, documents: Iterator[_Parsed]) -> Iterator[list[_Parsed]]:
        """Documents together that are worth embedding together."""
        batch: list[_Parsed] = []
        for document in documents:
            batch.append(document)
            if sum(len(each.chunks) for each in batch) >= _BATCH_CHUNKS:
                yield batch
                batch = []
        if batch:
            yield batch

    def store(self, batch: Sequence[_Parsed]) -> None:
        """Embed the documents' chunks and commit all of them."""
        with self._stage("embed"):
            vectors = self._embeddings.embed_passages(
                [
                    indexed_text(each.document.title, chunk.heading, chunk.context, chunk.text)
                    for each in batch
                    for chunk in each.chunks
                ]
            )
        with self._stage("store"), self._writer.transaction():
            begin = 0
            for each in batch:
                rows = vectors[begin : begin + len(each.chunks)]
                begin += len(each.chunks)
                key = self._writer.put(each.document, chunks=each.chunks, vectors=rows)
                for file in each.wanted:
                    path = str(file.found.path)
                    self._writer.place(path, document=key, stamp=file.found.stamp)
        self._publish(len(vectors))
        for each in batch:
            self._end_stored(each)

    def report(self) -> Report:
        seconds = {**self._seconds, "total": time.perf_counter() - self._began}
        return Report(self._knowledge_base.folder, tuple(self._files), seconds)

    def _cut(
        self, sha256: str, parsed: Parsed | ParseError, files: Sequence[Wanted]
    ) -> _Parsed | ParseError:
        if isinstance(parsed, ParseError):
            return parsed
        try:
            with self._stage("split"):
                chunks = split(
                    parsed,
                    count_tokens=self._embeddings.count_tokens,
                    max_tokens=self._embeddings.max_tokens,
                )
        except ParseError as error:
            return error
        document = Document(sha256, parsed.title, parsed.text, parsed.pages)
        return _Parsed(document, tuple(chunks), parsed.warnings, tuple(files))

    def _publish(self, chunks: int) -> None:
        self._unpublished += chunks
        if self._unpublished >= _PUBLISH_CHUNKS:
            with self._stage("store"):
                self._knowledge_base.publish(self._writer)
            self._unpublished = 0

    def _is_untouched(self, file: Wanted) -> bool:
        """A file that changes while it is read would be stored under the wrong digest."""
        try:
            if stamp(file.found.path) == file.found.stamp:
                return True
        except FileNotFoundError:
            pass
        reason = "changed while it was read: run again"
        self._end(FileReport(shown(str(file.found.path)), Verdict.FAILED, reason))
        return False

    def _refuse(self, files: Sequence[Wanted], error: ParseError) -> None:
        verdict = Verdict.SKIPPED if isinstance(error, EmptyDocument) else Verdict.FAILED
        for file in files:
            path = str(file.found.path)
            former = self._writer.location(path)
            kept = "; what was read of it before is kept" if former else ""
            reason = f"{error}{kept}"
            with self._stage("store"), self._writer.transaction():
                self._writer.refuse(Refusal(path, file.found.stamp, verdict, reason))
            chunks = former.chunks if former else 0
            self._end(FileReport(shown(path), verdict, reason, chunks=chunks))

    def _end_stored(self, stored: _Parsed) -> None:
        for file in stored.wanted:
            report = FileReport(
                shown(str(file.found.path)),
                file.verdict,
                pages=stored.document.pages,
                chunks=len(stored.chunks),
                warnings=stored.warnings,
            )
            self._end(report)

    def _end(self, report: FileReport) -> None:
        self._files.append(report)
        self._progress.ended(report)

    def _timed(self, name: str, results: Iterator[Result]) -> Iterator[Result]:
        """The results, and the time that is spent waiting for them."""
        while True:
            with self._stage(name):
                result = next(results, None)
            if result is None:
                return
            yield result

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[name] += time.perf_counter() - began
