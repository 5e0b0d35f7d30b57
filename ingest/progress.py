"""How a run tells a person what it does: a bar on a terminal, plain lines elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ingest.report import FileReport, Verdict

_UNTOLD = (Verdict.UNCHANGED, Verdict.SKIPPED)  # told in the total only: there may be thousands


@dataclass(frozen=True)
class Progress:
    """Who is told how a run goes; by itself it tells nobody.

    Attributes:
        began: called once with the number of files.
        ended: called with each file's verdict.
    """

    began: Callable[[int], None] = lambda _count: None
    ended: Callable[[FileReport], None] = lambda _report: None


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


@contextmanager
def _bar() -> Iterator[Progress]:
    from tqdm import tqdm

    with tqdm(unit="file", dynamic_ncols=True, file=sys.stderr) as bar:

        def began(count: int) -> None:
            bar.reset(total=count)

        def ended(report: FileReport) -> None:
            if report.verdict not in _UNTOLD:
                bar.write(_safe(report.line), file=sys.stderr)
            bar.update()

        yield Progress(began, ended)


def _line(report: FileReport) -> None:
    if report.verdict not in _UNTOLD:
        print(_safe(report.line), file=sys.stderr, flush=True)


def _safe(line: str) -> str:
    """File names and reasons may hold what a terminal would obey."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line
    )
