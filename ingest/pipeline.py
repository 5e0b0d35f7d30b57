"""Files in, a knowledge base out: find, plan, parse, split, embed, store.

Parsers run in processes; cutting, embedding and storing in a thread each, so that none
waits for another as long as there is work for it.
"""

import os
import time
from collections.abc import Sequence
from contextlib import closing, nullcontext
from pathlib import Path

from ingest.abilities import abilities
from ingest.ahead import Stages
from ingest.ingestion import Ingestion, planned
from ingest.options import Options
from ingest.parcels import Elsewhere
from ingest.progress import Progress
from ingest.report import Report
from ingest.sandbox import ParserPool
from ingest.selection import Selection
from ingest.verdicts import refusal_report, removal_report, wanted_report
from kb_qa.errors import PathMissing
from kb_qa.store.base import Store
from kb_qa.store.records import Location, Refusal

_BATCHES_AHEAD = 2


def ingest(
    paths: Sequence[Path],
    *,
    knowledge_base: Store,
    options: Options = Options(),
    progress: Progress | None = None,
    pool: ParserPool | None = None,
    elsewhere: Elsewhere | None = None,
) -> Report:
    """Make the knowledge base hold what the files under these paths hold.

    Args:
        paths: files and folders; what the knowledge base knows below them and
            is no longer there goes.
        knowledge_base: where to store; made if it does not exist.
        options: how to go about it.
        progress: told of each file.
        pool: the processes to parse in; if not given, some are started and ended.
        elsewhere: what parses, cuts and embeds in the place of this process, if anything does.

    Raises:
        KnowledgeBaseBusy: another process is writing.
        EmbedderMismatch: another embedder made the knowledge base's vectors.
        PathMissing: a path is not there, and never was.
        PatternError: a pattern cannot be read.
        SandboxError: no parser process can be started.
    """
    selection = _selection(paths, options, knowledge_base)
    parsers = nullcontext(pool) if pool else ParserPool(jobs=options.jobs)
    with (
        knowledge_base.write(wait_seconds=options.wait_seconds, publish=options.publish) as writer,
        parsers as running,
    ):
        run = Ingestion(knowledge_base, writer, running, progress or Progress(), options)
        work = run.plan(selection)
        run.settle(work)
        if elsewhere is not None:
            with closing(elsewhere.made(work.wanted)) as made:
                for batch in run.taken(made):
                    run.store(batch)
            return run.end()
        with Stages(on_stop=running.interrupt) as stages:
            batches = stages.ahead(lambda: run.cut(work.wanted), most=_BATCHES_AHEAD)
            vectors = stages.ahead(lambda: run.embedded(batches), most=_BATCHES_AHEAD)
            for batch in vectors:
                run.store(batch)
        return run.end()


def preview(
    paths: Sequence[Path], *, knowledge_base: Store, options: Options = Options()
) -> Report:
    """What `ingest` would do with the files; nothing is parsed or stored.

    Raises:
        PathMissing: a path is not there, and never was.
        PatternError: a pattern cannot be read.
        SandboxError: no process can be started to list archives in.
    """
    selection = _selection(paths, options, knowledge_base)
    locations, refusals = _known(knowledge_base)
    began = time.perf_counter()
    with ParserPool(jobs=options.jobs) as pool:
        work = planned(selection, pool, locations, refusals, options.abilities or abilities())
    files = (
        *work.settled,
        *(each.report for each in work.placed),
        *(refusal_report(each, former=None) for each in work.refused),
        *(wanted_report(file) for files in work.wanted.values() for file in files),
        *(removal_report(path) for path in work.removed),
    )
    return Report(knowledge_base.folder, files, {"total": time.perf_counter() - began})


def _selection(paths: Sequence[Path], options: Options, knowledge_base: Store) -> Selection:
    """A path that is gone may be a deletion; one that was never known is a slip."""
    for path in paths:
        if not os.path.lexists(path) and not is_known(path, knowledge_base):
            raise PathMissing(f"no such file or folder: {path}")
    return Selection(paths, include=options.include, exclude=options.exclude, within=options.within)


def is_known(path: Path, knowledge_base: Store) -> bool:
    """Whether a knowledge base knows of a file at this path, or below it."""
    about = Selection([path])
    return any(about.has(known) for each in _known(knowledge_base) for known in each)


def _known(knowledge_base: Store) -> tuple[dict[str, Location], dict[str, Refusal]]:
    if not knowledge_base.catalog.exists():
        return {}, {}
    with knowledge_base.catalog.read() as snapshot:
        return snapshot.locations(), snapshot.refusals()
