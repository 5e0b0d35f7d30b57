"""Parsers in processes that can be killed: one bad file costs that file and nothing else.

A worker has a cap on its memory, limits on the time for a page and a file, and neither
network nor files to write; it talks in lines of JSON. One that dies is replaced. A task
that a worker died of after it had done others is tried once more in a fresh one: what
killed it may have come before.
"""

import os
import selectors
import signal
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

from ingest import wire
from ingest.process import Worker
from ingest.task import Answer, Task
from ingest.worker import OUT_OF_MEMORY, PAGE, READY, READY_UNCONFINED
from kb_qa.errors import KbQaError, ParseError

Result = tuple[Task, Answer]

_MOST_JOBS = 8
_LARGEST_REPLY = 256 << 20
_MOST_FAILED_STARTS = 5
"""Processes in a row that end before they are ready."""

_LOOK_UP_SECONDS = 0.2
"""How soon an interruption is noticed."""

_OUT_OF_MEMORY_WORDS = (b"memory allocation", b"bad_alloc", b"out of memory", b"Out of memory")
"""What allocators of Rust, C++ and C say before they abort."""


class SandboxError(KbQaError):
    """No parser process can be started."""


class ParserPool:
    """Does tasks in worker processes; use it as a context manager.

    Args:
        jobs: tasks done at once; as many as there are processors, but not above
            eight, if not given.
        seconds_per_page: after which a parser that says nothing is killed.
        seconds_per_file: after which it is killed in any case.
        memory_bytes: of address space that a parser may have (enforced on Linux).

    Attributes:
        is_confined: whether the kernel keeps parsers from the network and from writing;
            true until a worker says otherwise.
    """

    def __init__(
        self,
        *,
        jobs: int | None = None,
        seconds_per_page: float = 120.0,
        seconds_per_file: float = 1800.0,
        memory_bytes: int = 2 << 30,
    ) -> None:
        self._jobs = jobs or min(_processors(), _MOST_JOBS)
        self._seconds_per_page = seconds_per_page
        self._seconds_per_file = seconds_per_file
        self._memory = memory_bytes
        self._selector = selectors.DefaultSelector()
        self._workers: list[Worker] = []
        self._again: deque[Task] = deque()
        self._interrupted = threading.Event()
        self._failed_starts = 0
        self.is_confined = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all workers."""
        for worker in list(self._workers):
            self._dismiss(worker)
        self._selector.close()

    def interrupt(self) -> None:
        """End the answers that are under way; may be called from any thread."""
        self._interrupted.set()

    def answers(self, tasks: Iterable[Task]) -> Iterator[Result]:
        """Do tasks and yield each with its answer, as they end.

        Tasks are taken one for each worker that is free; while a result is in the
        caller's hands, the workers go on with one task each. When there are none left
        they are asked for again after each result, so that an answer may bring new ones.

        Args:
            tasks: taken in the caller's thread.

        Raises:
            SandboxError: no worker can be started.
        """
        waiting = iter(tasks)
        self._interrupted.clear()
        try:
            while not self._interrupted.is_set() and self._hand_out(waiting):
                for result in self._finished():
                    self._hand_out(waiting)
                    yield result
        finally:
            self._again.clear()
            for worker in self._busy():
                self._dismiss(worker)

    def _hand_out(self, waiting: Iterator[Task]) -> bool:
        """Give every free worker a task; whether any task is being done."""
        while len(self._busy()) < self._jobs:
            task = self._again.popleft() if self._again else next(waiting, None)
            if task is None:
                break
            free = (worker for worker in self._workers if worker.task is None)
            (next(free, None) or self._hire()).take(task)
        return bool(self._busy())

    def _busy(self) -> list[Worker]:
        return [worker for worker in self._workers if worker.task is not None]

    def _finished(self) -> list[Result]:
        """Wait until something happens; the results that it brings."""
        deadline = min(worker.deadline for worker in self._busy())
        patience = min(deadline - time.monotonic(), _LOOK_UP_SECONDS)
        events = self._selector.select(max(0.0, patience))
        heard: list[Worker] = [key.data for key, _ in events]
        results = [self._listen(worker) for worker in heard]
        # One that was heard is alive, however long nobody listened.
        silent = [worker for worker in self._busy() if worker not in heard and worker.lateness()]
        results += [self._end(worker, worker.lateness()) for worker in silent]
        return [result for result in results if result is not None]

    def _listen(self, worker: Worker) -> Result | None:
        """Hear what a worker says; the result, if it has said all of it."""
        lines = worker.hear()
        if lines is None:
            return self._bury(worker)
        if worker.unsaid > _LARGEST_REPLY:
            return self._end(worker, f"it holds more than {_LARGEST_REPLY >> 20} MiB of text")
        for line in lines:
            if line in (READY, READY_UNCONFINED):
                self.is_confined &= line == READY
                self._failed_starts = 0
                worker.begin()
            elif line == OUT_OF_MEMORY:
                return self._end(worker, self._needed_more(), may_retry=True)
            elif line.startswith(PAGE):
                number = line.removeprefix(PAGE)
                worker.page = int(number) if number.isdigit() else worker.page
            elif task := worker.release():
                return task, wire.decode(line)
        return None

    def _bury(self, worker: Worker) -> Result | None:
        """What became of the task that a worker died of."""
        code, words = worker.kill(), worker.last_words()
        if not worker.is_ready:
            self._start_again(worker, code, words)
            return None
        if code == -signal.SIGALRM:
            return self._end(worker, f"it took longer than {self._seconds_per_page:g} s")
        if any(each in words for each in _OUT_OF_MEMORY_WORDS):
            return self._end(worker, self._needed_more(), may_retry=True)
        if code == -signal.SIGKILL:
            reason = "the parser was killed (signal 9): the machine may be short of memory"
        elif code < 0:
            reason = f"the parser crashed (signal {-code})"
        else:
            reason = f"the parser ended by itself (exit code {code})"
        return self._end(worker, reason, may_retry=True)

    def _start_again(self, worker: Worker, code: int, words: bytes) -> None:
        """A process may be killed before it has begun: it is not the task that is to blame."""
        task = worker.task
        self._dismiss(worker)
        self._failed_starts += 1
        if self._failed_starts >= _MOST_FAILED_STARTS:
            said = words.decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise SandboxError(f"a parser process does not start (exit code {code}): {said}")
        if task is not None:
            self._again.append(task)

    def _end(self, worker: Worker, reason: str, *, may_retry: bool = False) -> Result | None:
        """Dismiss a worker that failed; the failure of its task, if it is not tried again."""
        task, is_fresh = worker.task, not worker.done
        self._dismiss(worker)
        if task is None:
            return None
        if may_retry and not is_fresh:
            self._again.append(task)
            return None
        return task, ParseError(reason)

    def _needed_more(self) -> str:
        return f"it needed more than {self._memory >> 20} MiB of memory"

    def _hire(self) -> Worker:
        try:
            worker = Worker(
                seconds_per_page=self._seconds_per_page,
                seconds_per_file=self._seconds_per_file,
                memory=self._memory,
            )
        except OSError as error:
            raise SandboxError(f"a parser process cannot be started: {error}") from error
        self._workers.append(worker)
        self._selector.register(worker.replies, selectors.EVENT_READ, worker)
        return worker

    def _dismiss(self, worker: Worker) -> None:
        self._workers.remove(worker)
        self._selector.unregister(worker.replies)
        worker.kill()
        worker.close()


def _processors() -> int:
    """Processors this process may run on."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
