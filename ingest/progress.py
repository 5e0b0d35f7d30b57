"""How a run tells what it does: a bar on a terminal, plain lines elsewhere, events to a program."""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from ingest.report import FileReport, Verdict

_UNTOLD = (Verdict.UNCHANGED, Verdict.SKIPPED)  # told in the total only: there may be thousands


@dataclass(frozen=True)
class Progress:
    """Who is told how a run goes; by itself it tells nobody.

    Attributes:
        began: called once with the number of files, and of bytes that are to be read.
        ended: called with each file's verdict, and the bytes that were read for it.
    """

    began: Callable[[int, int], None] = lambda _files, _bytes: None
    ended: Callable[[FileReport, int], None] = lambda _report, _bytes: None


@contextmanager
def shown_progress(*, quiet: bool) -> Iterator[Progress]:
    """The progress for standard error, closed at the end; none if `quiet`."""
    if quiet:
        yield Progress()
    elif sys.stderr.isatty():
        with _bar() as progress:
            yield progress
    else:
        yield Progress(ended=_line)


def told_as_events() -> Progress:
    """A progress that prints a JSON object a line on standard output.

    The first is `{"event": "began", "files", "bytes"}`, those that follow are
    `{"event": "file", "bytes"}` with what a report says of a file.
    """

    def began(files: int, size: int) -> None:
        print_event("began", {"files": files, "bytes": size})

    def ended(report: FileReport, size: int) -> None:
        print_event("file", {"bytes": size, **asdict(report)})

    return Progress(began, ended)


def print_event(event: str, values: Mapping[str, Any]) -> None:
    """Print an event on a line of its own, at once."""
    print(json.dumps({"event": event, **values}, ensure_ascii=False), flush=True)


@contextmanager
def _bar() -> Iterator[Progress]:
    from tqdm import tqdm

    with tqdm(unit="B", unit_scale=True, dynamic_ncols=True, file=sys.stderr) as bar:
        counts = _Counts()

        def began(files: int, size: int) -> None:
            counts.files = files
            counts.began = time.monotonic()
            bar.reset(total=size)

        def ended(report: FileReport, size: int) -> None:
            if report.verdict not in _UNTOLD:
                bar.write(_safe(report.line), file=sys.stderr)
            counts.add(report, is_read=size > 0)
            bar.set_postfix_str(counts.line, refresh=False)
            bar.update(size)

        yield Progress(began, ended)


@dataclass
class _Counts:
    """What a bar of bytes says beside them."""

    files: int = 0
    ended: int = 0
    chunks: int = 0
    began: float = 0.0

    def add(self, report: FileReport, *, is_read: bool) -> None:
        self.ended += 1
        self.chunks += report.chunks if is_read else 0

    @property
    def line(self) -> str:
        rate = self.chunks / max(time.monotonic() - self.began, 0.1)
        return f"{self.ended}/{self.files} files, {self.chunks} chunks, {rate:.0f} chunks/s"


def tell(report: FileReport) -> None:
    """Print a file's verdict on standard error."""
    print(_safe(report.line), file=sys.stderr, flush=True)


def _line(report: FileReport, _size: int) -> None:
    if report.verdict not in _UNTOLD:
        tell(report)


def _safe(line: str) -> str:
    """File names and reasons may hold what a terminal would obey."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line
    )
