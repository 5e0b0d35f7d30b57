"""Work that outlives the page: ingestion, evaluation, downloads, each in processes of its own.

A job is a command under a small process that waits for it (`ui.run_job`). What it prints
goes to files, so a closed browser, or a page that was restarted, finds it again; the lock
that the process holds says whether it still runs.
"""

import fcntl
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from kb_qa.errors import JobError

JOB, LOCK, PRINTED, ERRORS, EXIT = "job.json", "lock", "out", "err", "exit"
_KEPT = 50  # jobs, the last ones
_LAST_WORDS = 4096  # bytes of what a job said last


class State(StrEnum):
    """What became of a job."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Job:
    """A command that was started.

    Attributes:
        id: the name of its folder; ids of later jobs sort later.
        kind: what it is, such as "ingest"; one of `ui`'s own words.
        about: what it works on, such as the folder of a knowledge base.
        owner: the visitor who started it.
        command: what was started, and with which arguments.
        began: when: ISO 8601, UTC.
    """

    id: str
    kind: str
    about: str
    owner: str
    command: tuple[str, ...]
    began: str


class Jobs:
    """The jobs of this page, kept in a folder.

    Args:
        folder: made if it does not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def start(self, kind: str, command: Sequence[str], *, about: str, owner: str) -> Job:
        """Start a module of this project with its arguments, `python -m` being understood.

        Raises:
            JobError: the folder cannot be written, or no process can be started.
        """
        now = datetime.now(UTC)
        key = f"{now:%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}"
        job = Job(key, kind, about, owner, tuple(command), now.isoformat(timespec="seconds"))
        place = self._folder / key
        try:
            place.mkdir(parents=True)
            (place / JOB).write_text(json.dumps(asdict(job), ensure_ascii=False), "utf-8")
            self._run(place, job.command)
        except OSError as error:
            raise JobError(
                f"{place}: {error.strerror}: set KB_QA_PAGE to a folder that can be written"
            ) from error
        self._tidy()
        return job

    def _run(self, place: Path, command: Sequence[str]) -> None:
        """The process inherits a lock that is held already: at no time does it seem to be over."""
        with (
            (place / LOCK).open("w") as lock,
            (place / PRINTED).open("wb") as printed,
            (place / ERRORS).open("wb") as errors,
        ):
            fcntl.flock(lock, fcntl.LOCK_EX)
            runner = subprocess.Popen(  # noqa: S603 -- our own modules, no shell
                [sys.executable, "-m", "ui.run_job", str(place), *command],
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=errors,
                start_new_session=True,  # a Ctrl-C for the page is not one for the job
                pass_fds=[lock.fileno()],
            )
            lock.write(str(runner.pid))
        # Whoever waits for it lets the system forget it; the page has other things to do.
        threading.Thread(target=runner.wait, name="job", daemon=True).start()

    def all(self) -> list[Job]:
        """The jobs there are, the last first."""
        found = sorted(self._folder.glob(f"*/{JOB}"), reverse=True)
        return [job for path in found if (job := _read(path)) is not None]

    def latest(self, kind: str, *, about: str) -> Job | None:
        """The last job of a kind about something; None if there was none."""
        return next((job for job in self.all() if (job.kind, job.about) == (kind, about)), None)

    def state(self, job: Job) -> State:
        """Whether it runs, and how it ended; one that was killed has failed."""
        place = self._folder / job.id
        try:
            code = int((place / EXIT).read_text("utf-8"))
        except (OSError, ValueError):
            return State.RUNNING if self._is_held(place) else State.FAILED
        return State.DONE if code == 0 else State.FAILED

    def exit_code(self, job: Job) -> int | None:
        """What it ended with; None while it runs, or if it was killed."""
        try:
            return int((self._folder / job.id / EXIT).read_text("utf-8"))
        except (OSError, ValueError):
            return None

    def printed(self, job: Job, *, since: int = 0) -> tuple[list[str], int]:
        """The lines it printed from an offset on, and the offset to go on from.

        A line is given when it has ended.
        """
        try:
            with (self._folder / job.id / PRINTED).open("rb") as file:
                file.seek(since)
                said = file.read()
        except OSError:
            return [], since
        whole, end, _ = said.rpartition(b"\n")
        return whole.decode("utf-8", "replace").splitlines(), since + len(whole) + len(end)

    def last_words(self, job: Job) -> str:
        """The end of what it wrote to standard error."""
        try:
            with (self._folder / job.id / ERRORS).open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _LAST_WORDS))
                return file.read().decode("utf-8", "replace").strip()
        except OSError:
            return ""

    def stop(self, job: Job) -> None:
        """Ask it to end, as Ctrl-C does; what it had stored stays."""
        place = self._folder / job.id
        if self._is_held(place):
            os.kill(int((place / LOCK).read_text("utf-8")), signal.SIGTERM)

    def _is_held(self, place: Path) -> bool:
        try:
            with (place / LOCK).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def _tidy(self) -> None:
        for job in self.all()[_KEPT:]:
            if self.state(job) is not State.RUNNING:
                shutil.rmtree(self._folder / job.id, ignore_errors=True)


def _read(path: Path) -> Job | None:
    try:
        values = json.loads(path.read_text("utf-8"))
        return Job(**{**values, "command": tuple(values["command"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None  # half written when the machine went down
