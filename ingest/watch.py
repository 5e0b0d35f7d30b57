"""Go on after a run: what changes on disk is in the knowledge base a moment later."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event

from watchfiles import Change
from watchfiles import watch as changes

from ingest.options import Options
from ingest.pipeline import ingest, is_known
from ingest.progress import Progress
from ingest.report import Report
from ingest.sandbox import ParserPool
from ingest.selection import IGNORE_FILE
from kb_qa.store.base import Store

_QUIET_MILLISECONDS = 200
"""Without a change, until what changed is read: programs save in several steps."""

_LONGEST_MILLISECONDS = 1000
_LOOK_UP_MILLISECONDS = 500
_WAIT_SECONDS = 600.0
"""For another writer: a change that is seen is not given up."""

_PUBLISH_SECONDS = 60.0
"""At most between the times that what is derived is saved."""


def watch(
    paths: Sequence[Path],
    *,
    knowledge_base: Store,
    options: Options,
    progress: Progress | None = None,
    stopping: Event | None = None,
) -> Iterator[Report]:
    """Ingest all, then every change as it is seen; a report for each.

    Args:
        paths: files and folders.
        knowledge_base: where to store.
        options: how to go about it.
        progress: told of each file.
        stopping: ends it when set; Ctrl-C does too.

    Raises:
        KbQaError: as `ingest` does.
    """
    own = knowledge_base.folder.resolve()
    batches = changes(
        *(path if path.is_dir() else path.parent for path in paths),
        watch_filter=lambda _change, path: not Path(path).is_relative_to(own),
        step=_QUIET_MILLISECONDS,
        debounce=_LONGEST_MILLISECONDS,
        rust_timeout=_LOOK_UP_MILLISECONDS,
        yield_on_timeout=True,
        stop_event=stopping,
    )
    next(batches)  # from here on nothing is missed, also not what changes during the first run
    with ParserPool(jobs=options.jobs) as pool:
        run = partial(ingest, knowledge_base=knowledge_base, progress=progress, pool=pool)
        yield run(paths, options=options)
        published = time.monotonic()
        for batch in batches:
            if touched := _touched(paths, batch, knowledge_base):
                publish = time.monotonic() - published > _PUBLISH_SECONDS
                published = time.monotonic() if publish else published
                yield run(touched, options=_patient(options, paths, publish=publish))


def _patient(options: Options, paths: Sequence[Path], *, publish: bool) -> Options:
    wait_seconds = max(options.wait_seconds, _WAIT_SECONDS)
    return replace(options, wait_seconds=wait_seconds, publish=publish, within=tuple(paths))


def _touched(
    paths: Sequence[Path], batch: Iterable[tuple[Change, str]], knowledge_base: Store
) -> list[Path]:
    """What a run is to look at: the files and folders that changed, or all of them."""
    changed = {Path(path) for change, path in batch if not _is_only_touched(change, Path(path))}
    if any(path.name == IGNORE_FILE for path in changed):
        return list(paths)
    roots = [path.resolve() for path in paths]
    ours = (path for path in changed if any(path.is_relative_to(root) for root in roots))
    return sorted(path for path in ours if path.exists() or is_known(path, knowledge_base))


def _is_only_touched(change: Change, path: Path) -> bool:
    """A folder that changed because of what is in it, of which more is heard."""
    return change is Change.modified and path.is_dir()
