"""One run of ingestion: its stages, their clocks, and what became of every file."""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

import numpy as np

from ingest.abilities import Abilities, abilities
from ingest.cutting import Batch, Cut, Refused, cut, embedded, gathered
from ingest.document import Parsed
from ingest.find import Found, find, stamp
from ingest.options import Options
from ingest.parcels import Made
from ingest.plan import Content, Placed, Plan, Wanted, plan
from ingest.progress import Progress
from ingest.reading import Reader
from ingest.recognized import RECOGNIZED, RecognizedPages
from ingest.report import FileReport, Report, Verdict
from ingest.sandbox import ParserPool
from ingest.selection import Selection
from ingest.task import Task
from ingest.unpacking import Known, unpacked
from ingest.verdicts import refusal_report, removal_report, stored_report
from kb_qa import language
from kb_qa.errors import ParseError
from kb_qa.paths import shown
from kb_qa.store.base import Store, Writer
from kb_qa.store.records import Location, Refusal, Run

T = TypeVar("T")

STAGES = ("find", "parse", "split", "embed", "store")

_PUBLISH_CHUNKS = 4096
_PUBLISH_SHARE = 0.25
"""New chunks, and their share of all, after which readers that open later need not catch up: what
is derived is written whole, so that the times it is written may not grow with it."""


class Ingestion:
    """One run: its stages, their clocks, and what became of every file."""

    def __init__(
        self,
        knowledge_base: Store,
        writer: Writer,
        pool: ParserPool,
        progress: Progress,
        options: Options,
    ) -> None:
        self._knowledge_base = knowledge_base
        self._embeddings = knowledge_base.embeddings
        self._writer = writer
        self._pool = pool
        self._progress = progress
        self._publishes = options.publish
        self._published = writer.summary.chunks
        self._abilities = options.abilities or abilities()
        self._files: list[FileReport] = []
        self._seconds = dict.fromkeys(STAGES, 0.0)
        self._began = time.perf_counter()
        self._began_at = datetime.now().astimezone().isoformat(timespec="seconds")
        self._unpublished = 0
        self._is_confined = True

    def plan(self, selection: Selection) -> Plan:
        """What each file needs."""
        with self._stage("find"):
            return planned(
                selection,
                self._pool,
                self._writer.locations(),
                self._writer.refusals(),
                self._abilities,
            )

    def settle(self, work: Plan) -> None:
        """Do what needs no parser."""
        wanted = [file.found.size for files in work.wanted.values() for file in files]
        others = len(work.settled) + len(work.placed) + len(work.refused) + len(work.removed)
        self._progress.began(len(wanted) + others, sum(wanted))
        for report in work.settled:
            self._end(report)
        for placed in work.placed:
            self._place(placed)
        for found in work.refused:
            self._refuse(found)
        if work.removed:
            with self._stage("store"), self._writer.transaction():
                for path in work.removed:
                    self._writer.unplace(path)
        for path in work.removed:
            self._end(removal_report(path))

    def cut(self, wanted: Mapping[Content, list[Wanted]]) -> Iterator[tuple[Cut | Refused, ...]]:
        """Parse each content once, and cut it; in batches."""
        # Unpacking what it loads leaves Python to the others.
        threading.Thread(target=language.prepare, name="languages", daemon=True).start()
        return gathered(self._cut(wanted), most=self._embeddings.passages_at_once)

    def embedded(self, batches: Iterable[tuple[Cut | Refused, ...]]) -> Iterator[Batch]:
        """The batches with their chunks' vectors."""
        for batch in batches:
            with self._stage("embed"):
                made = embedded(batch, embed=self._embeddings.embed_passages)
            yield made

    def taken(self, arrivals: Iterable[Sequence[Made]]) -> Iterator[Batch]:
        """What was made elsewhere, in batches as it arrives."""
        for arrived in arrivals:
            items: list[Cut | Refused] = []
            vectors = [self._embeddings.embed_passages(())]
            for made in arrived:
                self._is_confined &= made.is_confined
                for stage, seconds in made.seconds.items():
                    self._seconds[stage] += seconds
                untouched, changed = _sorted_out(made.item.files)
                items += changed
                if untouched:
                    items.append(replace(made.item, files=untouched))
                    vectors.append(made.vectors)
            yield Batch(tuple(items), np.concatenate(vectors))

    def store(self, batch: Batch) -> None:
        """Commit all of a batch's documents together, and tell what became of its files."""
        with self._stage("store"), self._writer.transaction():
            for each, vectors in batch.documents:
                key = self._writer.put(each.document, chunks=each.chunks, vectors=vectors)
                for file in each.files:
                    self._writer.place(
                        file.found.path,
                        document=key,
                        stamp=file.found.stamp,
                        verdict=file.verdict,
                    )
        self._publish(len(batch.vectors))
        for item in batch.items:
            for file in item.files:
                if isinstance(item, Cut):
                    self._end(stored_report(item, file), of=file.found)
                else:
                    self._refuse_parsed(item, file.found)

    def end(self) -> Report:
        """What became of all files; kept for later too."""
        seconds = {**self._seconds, "total": time.perf_counter() - self._began}
        report = Report(
            self._knowledge_base.folder,
            tuple(self._files),
            seconds,
            self._is_confined and self._pool.is_confined,
        )
        self._writer.record(Run(self._began_at, seconds, report.totals))
        return report

    def _cut(self, wanted: Mapping[Content, list[Wanted]]) -> Iterator[Cut | Refused]:
        tasks = {_task(files[0].found): (content, files) for content, files in wanted.items()}
        reader = Reader(self._pool, recognized=self._recognized(), converts=self._abilities.office)
        for task, result in self._timed("parse", reader.documents(tasks)):
            content, files = tasks[task]
            untouched, changed = _sorted_out(files)
            yield from changed
            if not untouched:
                continue
            if isinstance(result, Parsed):
                with self._stage("split"):
                    item = cut(
                        result, content=content, files=untouched, embeddings=self._embeddings
                    )
                yield item
            else:
                yield Refused(untouched, result)

    def _recognized(self) -> RecognizedPages | None:
        """The pages that OCR has read before; None where there is no OCR."""
        folder, engine = self._knowledge_base.folder / RECOGNIZED, self._abilities.ocr
        return RecognizedPages(folder, engine=engine) if engine else None

    def _place(self, placed: Placed) -> None:
        path = placed.found.path
        with self._stage("store"), self._writer.transaction():
            known = self._writer.location(path)
            verdict = placed.report.verdict
            if verdict is Verdict.UNCHANGED and known:
                verdict = Verdict(known.verdict)
            self._writer.place(
                path, document=placed.document, stamp=placed.found.stamp, verdict=verdict
            )
            if placed.former:
                self._writer.unplace(placed.former)
        self._end(placed.report)

    def _refuse(self, found: Found) -> None:
        former = self._writer.location(found.path)
        report = refusal_report(found, former=former)
        refusal = Refusal(
            found.path,
            self._abilities.refusal(found.stamp),
            report.verdict,
            report.reason,
        )
        with self._stage("store"), self._writer.transaction():
            self._writer.refuse(refusal)
        self._end(report, of=found)

    def _refuse_parsed(self, item: Refused, found: Found) -> None:
        if item.is_final:
            self._refuse(found.failed(item.error))
        else:
            reason = str(item.error)
            self._end(FileReport(shown(found.path), Verdict.FAILED, reason), of=found)

    def _publish(self, chunks: int) -> None:
        self._unpublished += chunks
        enough = max(_PUBLISH_CHUNKS, _PUBLISH_SHARE * self._published)
        if self._publishes and self._unpublished >= enough:
            with self._stage("store"):
                self._knowledge_base.publish(self._writer)
            self._published += self._unpublished
            self._unpublished = 0

    def _end(self, report: FileReport, *, of: Found | None = None) -> None:
        self._files.append(report)
        self._progress.ended(report, of.size if of else 0)

    def _timed(self, name: str, results: Iterator[T]) -> Iterator[T]:
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


_CHANGED = ParseError("changed while it was read: run again")


def _sorted_out(files: Sequence[Wanted]) -> tuple[tuple[Wanted, ...], list[Refused]]:
    """The files that nobody touched while one of them was read, and what is said of the others."""
    untouched = tuple(file for file in files if _is_untouched(file.found))
    changed = tuple(file for file in files if file not in untouched)
    return untouched, [Refused(changed, _CHANGED, is_final=False)] if changed else []


def _task(found: Found) -> Task:
    return Task(found.file, found.name, found.place)


def _is_untouched(found: Found) -> bool:
    """A file that changes while it is read would be stored under the wrong digest."""
    try:
        return stamp(found.file) == found.stamp
    except OSError:
        return False


def planned(
    selection: Selection,
    pool: ParserPool,
    locations: Mapping[str, Location],
    refusals: Mapping[str, Refusal],
    able: Abilities,
) -> Plan:
    """The files that a run is about, and what each needs."""
    stamps = {path: each.stamp for path, each in locations.items()}
    stamps |= {path: each.stamp for path, each in refusals.items()}
    files = unpacked(find(selection), known=Known(stamps, able), pool=pool)
    return plan(
        files,
        is_about=selection.has,
        locations=locations,
        refusals=refusals,
        abilities=able,
    )
