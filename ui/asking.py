"""A question under way: its answer comes on an event loop, and the page takes it in parts.

A page can be stopped only while it draws. So it never waits for a model: it
looks for parts at every beat. On an event loop a question can be given up at
any moment, also while the model has yet to write its first word.
"""

import asyncio
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import aclosing, suppress
from queue import Empty, SimpleQueue
from typing import Any

from kb_qa import KnowledgeBaseQA
from ui.queueing import Queue, Ticket


class EventLoop:
    """An event loop on a thread of its own, for the life of the process."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="questions", daemon=True).start()

    def start(self, work: Coroutine[Any, Any, None]) -> Future[None]:
        """Begin a piece of work; cancelling what is given back cancels it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)


class Asking:
    """One question, from asking to the answer.

    Args:
        chain: who is asked.
        asked: what its `astream` takes.
        visitor: who asks.
        queue: where it waits for its turn.
        loop: where it runs; the queue's only one.
    """

    def __init__(
        self,
        chain: KnowledgeBaseQA,
        asked: dict[str, Any],
        *,
        visitor: str,
        queue: Queue,
        loop: EventLoop,
    ) -> None:
        self._ticket = Ticket(visitor)
        self._queue = queue
        self._parts: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        self._work = loop.start(self._run(chain, asked))
        self._work.add_done_callback(lambda _: self._parts.put(None))
        self.finished = False

    @property
    def place(self) -> int:
        """How many questions are answered before it, and it: 0 when it is being answered."""
        return self._ticket.place

    def take(self, *, within: float, at_once: bool = False) -> list[dict[str, Any]]:
        """The parts that come within so many seconds, or sooner the last ones; none when finished.

        Args:
            within: seconds.
            at_once: whether to give the first part as it comes.

        Raises:
            KbQaError: what went wrong; other errors as they are.
        """
        until = time.monotonic() + within
        parts: list[dict[str, Any]] = []
        with suppress(Empty):
            while (part := self._parts.get(timeout=max(0.0, until - time.monotonic()))) is not None:
                parts.append(part)
                if at_once:
                    return parts
            self._parts.put(None)  # what came before an error is handed out before it
            self.finished = not parts
        if self.finished:
            self._work.result()
        return parts

    def close(self) -> None:
        """Give the question up, if it is not answered; the model stops."""
        self._work.cancel()

    async def _run(self, chain: KnowledgeBaseQA, asked: dict[str, Any]) -> None:
        async with self._queue.turn(self._ticket), aclosing(chain.astream(asked)) as parts:
            async for part in parts:
                self._parts.put(part)
