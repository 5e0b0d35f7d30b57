"""Ingestion as the page starts and follows it: a command in the background, and its events."""

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from kb_qa.errors import JobError
from ui.jobs import Job, Jobs, State

KIND = "ingest"

_LISTED = 200  # files whose verdicts are kept to be shown
_SILENT = ("unchanged", "skipped")
_SOME_FAILED = 1  # exit code: all was done that could be


@dataclass
class Reading:
    """How far an ingestion is, from the events that it printed.

    Attributes:
        files: how many there are; 0 until that is known.
        bytes: how many are to be read.
        ended: how many files have ended.
        read: bytes of those.
        passages: how many were made or kept.
        failed: how many files could not be read.
        verdicts: of the last files that something became of: path, verdict, and what was said.
        totals: files by verdict, when all is done.
        offset: where the next events begin in what was printed.
    """

    files: int = 0
    bytes: int = 0
    ended: int = 0
    read: int = 0
    passages: int = 0
    failed: int = 0
    verdicts: list[tuple[str, str, str]] = field(default_factory=list)
    totals: Mapping[str, int] = field(default_factory=dict)
    offset: int = 0

    @property
    def share(self) -> float:
        """How much of it is done, 0 to 1: by size, since large files take longer."""
        if self.totals:
            return 1.0
        done, whole = (self.read, self.bytes) if self.bytes else (self.ended, self.files)
        return min(done / whole, 1.0) if whole else 0.0

    def take(self, lines: Iterable[str]) -> None:
        """Take in what was printed; a line that is no event is passed over."""
        for line in lines:
            try:
                event = json.loads(line)
                self._take(event)
            except (ValueError, KeyError, TypeError):
                continue

    def _take(self, event: Mapping[str, Any]) -> None:
        match event["event"]:
            case "began":
                self.files, self.bytes = int(event["files"]), int(event["bytes"])
            case "file":
                size, passages = int(event["bytes"]), int(event["chunks"])
                path, verdict = str(event["path"]), str(event["verdict"])
                said = "; ".join(filter(None, (event["reason"], *event["warnings"])))
                self.ended += 1
                self.read += size
                self.passages += passages
                self.failed += verdict == "failed"
                if verdict not in _SILENT:
                    self.verdicts.append((path, verdict, said))
                    del self.verdicts[:-_LISTED]
            case "ended":
                self.totals = event["totals"]


def start(jobs: Jobs, paths: Iterable[Path], *, kb: Path, owner: str) -> Job:
    """Begin to read documents into a knowledge base; another page's reading is waited for.

    Raises:
        JobError: no process can be started.
    """
    command = ["ingest", *(str(path.absolute()) for path in paths)]
    command += ["--kb", str(kb), "--events", "--wait", "3600"]
    return jobs.start(KIND, command, about=str(kb), owner=owner)


def follow(jobs: Jobs, job: Job, reading: Reading) -> State:
    """Take in what a job has printed since; returns whether it still runs."""
    state = jobs.state(job)  # before its output is read: what it printed last is not missed
    lines, reading.offset = jobs.printed(job, since=reading.offset)
    reading.take(lines)
    if state is State.FAILED and reading.totals and jobs.exit_code(job) == _SOME_FAILED:
        return State.DONE
    return state


def seconds_left(job_began: float, share: float) -> float | None:
    """What is left to wait, if it goes on as it did since it began; None before that is known."""
    took = time.time() - job_began
    return took * (1 - share) / share if 0 < share < 1 else None


@lru_cache(maxsize=1)
def suffixes() -> frozenset[str]:
    """The suffixes of files that are read, and of archives, in lower case.

    Raises:
        JobError: the command that tells them cannot be run.
    """
    command = [sys.executable, "-m", "ingest", "formats", "--json"]
    try:
        done = subprocess.run(command, capture_output=True, check=True)  # noqa: S603 -- our own
        told = json.loads(done.stdout)
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        raise JobError(f"python -m ingest formats: {error}: install kb-qa again") from error
    return frozenset(each.lower() for each in (*told["files"], *told["archives"]))
