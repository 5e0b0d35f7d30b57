"""A process of `ingest.worker` as its owner sees it: what it was given, said, and died of."""

import contextlib
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_SECONDS_TO_START = 60.0
_READ_AT_ONCE = 1 << 20
_LAST_WORDS = 1 << 16


class Worker:
    """A process that parses one file after the other.

    Args:
        seconds: it may take for a file.
        memory: bytes of address space it may have.

    Attributes:
        replies: where its lines come from.
        heard: what it has said of the line it is at.
        path: the file it has been given; None while it is free.
        files: how many it has parsed.
        is_ready: whether it has started.
        deadline: when it is late, on the monotonic clock.

    Raises:
        OSError: the system has no process or file to give.
    """

    def __init__(self, *, seconds: float, memory: int) -> None:
        self._seconds = seconds
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 -- closed with the process
        arguments = [sys.executable, "-P", "-m", "ingest.worker", str(memory), str(seconds)]
        self._process = subprocess.Popen(  # noqa: S603 -- our own module, no shell
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=_environment(),
            process_group=0,  # a Ctrl-C in the terminal is for the caller alone
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise OSError("a process was started without pipes")
        self._requests, self.replies = self._process.stdin, self._process.stdout
        self.heard = bytearray()
        self.path: Path | None = None
        self.files = 0
        self.is_ready = False
        self.deadline = math.inf

    def take(self, path: Path) -> None:
        """Give it a file; it begins as soon as it is ready."""
        self.path = path
        self.deadline = time.monotonic() + _SECONDS_TO_START
        if self.is_ready:
            self.begin()

    def begin(self) -> None:
        """Let it parse the file it was given."""
        self.is_ready = True
        if self.path is None:
            return
        self.deadline = time.monotonic() + self._seconds
        request = os.fsencode(self.path.absolute()).hex().encode() + b"\n"
        with contextlib.suppress(BrokenPipeError):  # that it died is heard as well
            self._requests.write(request)
            self._requests.flush()

    def hear(self) -> bool:
        """Take in what it has to say; whether there was anything."""
        said = os.read(self.replies.fileno(), _READ_AT_ONCE)
        if not self.heard:  # it has parsed: now it is given time to tell
            self.deadline = time.monotonic() + self._seconds
        self.heard += said
        return bool(said)

    def line(self) -> bytes:
        """The line it has ended; b"" if it has not."""
        if not self.heard.endswith(b"\n"):
            return b""
        line = bytes(self.heard)
        self.heard.clear()
        return line

    def release(self) -> Path | None:
        """The file it was given and has parsed; it is free again."""
        path, self.path = self.path, None
        self.files += 1
        return path

    def is_late(self) -> bool:
        """Whether its time is up."""
        return time.monotonic() >= self.deadline

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


def _environment() -> dict[str, str]:
    """Ours, and where to import this package from if it is not installed."""
    here = str(Path(__file__).resolve().parents[1])
    paths = [here, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
