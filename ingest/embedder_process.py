"""The process of `ingest.embedder_worker` as its owner sees it: asked from any thread.

Imports next to nothing, so that the process is on its way before its owner is.
"""

import itertools
import json
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock, Thread
from types import TracebackType
from typing import IO, Any, Self

from ingest.environment import environment
from kb_qa.errors import EmbeddingsError

_PATIENCE_SECONDS = 5.0
"""For a process that was told to end."""


class Wish(StrEnum):
    """What the process can be asked for."""

    ABOUT = "about"
    TOKENS = "tokens"
    PASSAGES = "passages"
    QUERIES = "queries"


@dataclass(frozen=True)
class Reply:
    """What the process answers.

    Attributes:
        number: of the request.
        said: a JSON object; what is in it is for whoever asked to know.
        raw: the bytes that came with it.
    """

    number: int
    said: Mapping[str, Any]
    raw: bytes


class EmbedderProcess:
    """A process that embeds as the settings say; use it as a context manager.

    Raises:
        OSError: the system has no process to give.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "ingest.embedder_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
            process_group=0,  # a Ctrl-C in the terminal is for the caller alone
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise OSError("a process was started without pipes")
        self._requests, self._replies = self._process.stdin, self._process.stdout
        self._numbers = itertools.count()
        self._waiting: dict[int, Future[Reply]] = {}
        self._asking = Lock()
        self._death = ""
        # Asked at once: it is told before anything is loaded that takes longer.
        self._about = self._asked(Wish.ABOUT, ())
        Thread(target=self._listen, name="embedder's replies", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def about(self) -> Mapping[str, Any]:
        """What the embedder says of itself; waits until it does.

        Raises:
            EmbeddingsError: it cannot be loaded, or the process has ended.
        """
        return _given(self._about).said

    def ask(self, wish: Wish, texts: Sequence[str]) -> Reply:
        """Have something done; waits for it.

        Raises:
            EmbeddingsError: it cannot be done, or the process has ended.
        """
        return _given(self._asked(wish, texts))

    def _asked(self, wish: Wish, texts: Sequence[str]) -> "Future[Reply]":
        answer: Future[Reply] = Future()
        with self._asking:
            if self._death:
                raise EmbeddingsError(self._death)
            number = next(self._numbers)
            self._waiting[number] = answer
            request = {"number": number, "wish": wish, "texts": list(texts)}
            try:
                # Escaped, so that half a surrogate pair in a text is nobody's trouble.
                self._requests.write(json.dumps(request).encode() + b"\n")
                self._requests.flush()
            except (BrokenPipeError, ValueError):
                pass  # that it died is heard as well
        return answer

    def close(self) -> None:
        """End it, whatever it is at."""
        self._process.kill()
        self._process.wait(_PATIENCE_SECONDS)
        with self._asking:
            self._requests.close()

    def _listen(self) -> None:
        """Hand each reply to whoever waits for it, until there are no more."""
        with self._replies as replies:
            while (reply := _read(replies)) is not None:
                self._waiting.pop(reply.number).set_result(reply)
        self._process.kill()
        code = self._process.wait()
        with self._asking:
            self._death = _cause(code)
            left, self._waiting = self._waiting, {}
        for answer in left.values():
            answer.set_exception(EmbeddingsError(self._death))


def _given(answer: "Future[Reply]") -> Reply:
    reply = answer.result()
    if "error" in reply.said:
        raise EmbeddingsError(str(reply.said["error"]))
    return reply


def _read(replies: IO[bytes]) -> Reply | None:
    """The next reply; None if there is none, or it is not one."""
    try:
        said = json.loads(replies.readline())
        number, size = int(said["number"]), int(said["bytes"])
    except (ValueError, KeyError, TypeError):
        return None
    raw = replies.read(size)
    return Reply(number, said, raw) if len(raw) == size else None


def _cause(code: int) -> str:
    if code >= 0:
        return f"the process that embeds ended with exit code {code}: what it said is above"
    name = signal.Signals(-code).name
    remedy = "is there memory enough? " if name == "SIGKILL" else ""
    return f"the process that embeds was ended by {name}: {remedy}Run again for the rest"
