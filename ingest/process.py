"""A process of `ingest.worker` as its owner sees it: what it was given, said, and died of."""

import contextlib
import math
import os
import subprocess
import sys
import tempfile
import time

from ingest import wire
from ingest.environment import environment
from ingest.task import Task

_SECONDS_TO_START = 60.0
_READ_AT_ONCE = 1 << 20
_LAST_WORDS = 1 << 16


class Worker:
    """A process that does one task after the other.

    Args:
        seconds_per_page: it may be silent: for a page, or a file that has none.
        seconds_per_file: it may take for a task.
        memory: bytes of address space it may have.

    Attributes:
        replies: where its lines come from.
        task: what it has been given; None while it is free.
        page: the page it is at, from 1; 0 if it has named none.
        done: how many tasks it has done.
        is_ready: whether it has started.

    Raises:
        OSError: the system has no process or file to give.
    """

    def __init__(self, *, seconds_per_page: float, seconds_per_file: float, memory: int) -> None:
        self._seconds_per_page = seconds_per_page
        self._seconds_per_file = seconds_per_file
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 -- closed with the process
        module = [sys.executable, "-P", "-m", "ingest.worker"]
        self._process = subprocess.Popen(  # noqa: S603 -- our own module, no shell
            [*module, str(memory), str(seconds_per_page)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=environment(),
            process_group=0,  # a Ctrl-C in the terminal is for the caller alone
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise OSError("a process was started without pipes")
        self._requests, self.replies = self._process.stdin, self._process.stdout
        self._heard = bytearray()
        self._silence_ends = self._task_ends = math.inf
        self.task: Task | None = None
        self.page = 0
        self.done = 0
        self.is_ready = False

    @property
    def deadline(self) -> float:
        """When it is late, on the monotonic clock."""
        return min(self._silence_ends, self._task_ends)

    @property
    def unsaid(self) -> int:
        """Bytes of a line that it has not ended."""
        return len(self._heard)

    def take(self, task: Task) -> None:
        """Give it a task; it begins as soon as it is ready."""
        self.task = task
        self._task_ends = time.monotonic() + _SECONDS_TO_START
        if self.is_ready:
            self.begin()

    def begin(self) -> None:
        """Let it do the task it was given."""
        self.is_ready = True
        if self.task is None:
            return
        now = time.monotonic()
        self._silence_ends = now + self._seconds_per_page
        self._task_ends = now + self._seconds_per_file
        with contextlib.suppress(BrokenPipeError):  # that it died is heard as well
            self._requests.write(wire.encode_task(self.task))
            self._requests.flush()

    def hear(self) -> list[bytes] | None:
        """Take in what it has to say.

        Returns:
            The lines it has ended, without their ends; None if it will say no more.
        """
        said = os.read(self.replies.fileno(), _READ_AT_ONCE)
        if not said:
            return None
        self._silence_ends = time.monotonic() + self._seconds_per_page
        if b"\n" not in said:
            self._heard += said
            return []
        *lines, rest = said.split(b"\n")
        lines[0] = bytes(self._heard) + lines[0]
        self._heard = bytearray(rest)
        return lines

    def release(self) -> Task | None:
        """The task it was given and has done; it is free again."""
        task, self.task = self.task, None
        self._silence_ends = self._task_ends = math.inf
        self.page = 0
        self.done += 1
        return task

    def lateness(self) -> str:
        """What took too long; "" if nothing has."""
        now = time.monotonic()
        if now >= self._task_ends:
            return f"it took longer than {self._seconds_per_file:g} s"
        if now >= self._silence_ends:
            what = f"page {self.page}" if self.page else "it"
            return f"{what} took longer than {self._seconds_per_page:g} s"
        return ""

    def kill(self) -> int:
        """End it, if it has not ended; its exit code, negative for a signal."""
        self._process.kill()
        return self._process.wait()

    def last_words(self) -> bytes:
        """The beginning of what it wrote to standard error."""
        self._stderr.seek(0)
        return self._stderr.read(_LAST_WORDS)

    def close(self) -> None:
        """Close its pipes."""
        with contextlib.suppress(BrokenPipeError):
            self._requests.close()
        self.replies.close()
        self._stderr.close()
