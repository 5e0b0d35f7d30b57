"""Stages that work at the same time: a thread for each makes what the next one takes."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from queue import Empty, Full, Queue
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")

_LOOK_UP_SECONDS = 0.1
"""How soon a thread notices that the others have stopped."""


class Stages:
    """The stages of one run; use it as a context manager.

    When the block ends, so do all stages: each once the item that it is at is made.

    Args:
        on_stop: called then, to end what a stage may be waiting for.
    """

    def __init__(self, *, on_stop: Callable[[], None]) -> None:
        self._on_stop = on_stop
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._on_stop()
        for thread in self._threads:
            thread.join()

    def ahead(self, items: Callable[[], Iterator[T]], *, most: int) -> Iterator[T]:
        """Make items in a thread of their own, some of them ahead of whoever takes them.

        Args:
            items: called in the thread; what it returns is used and closed there.
            most: items that wait to be taken.

        Returns:
            The items; what their maker raises is raised where they are taken.
        """
        stage = _Stage(items, most, self._stopping)
        thread = threading.Thread(target=stage.make, name="ingest stage", daemon=True)
        self._threads.append(thread)
        thread.start()
        return stage.taken()


class _Failure:
    """What a stage died of, on its way to whoever takes from it."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class _End:
    """There is nothing more."""


class _Stage(Generic[T]):
    def __init__(
        self, items: Callable[[], Iterator[T]], most: int, stopping: threading.Event
    ) -> None:
        self._items = items
        self._made: Queue[T | _Failure | _End] = Queue(most)
        self._stopping = stopping

    def taken(self) -> Iterator[T]:
        """The items, until there are no more or all stages stop."""
        while not self._stopping.is_set():
            try:
                item = self._made.get(timeout=_LOOK_UP_SECONDS)
            except Empty:
                continue
            if isinstance(item, _Failure):
                raise item.error
            if isinstance(item, _End):
                return
            yield item

    def make(self) -> None:
        """Make the items and hand them on."""
        last: _Failure | _End = _End()
        try:
            with closing(_Closable(self._items())) as items:
                for item in items.each:
                    if not self._hand_on(item):
                        return
        except BaseException as error:  # noqa: BLE001 -- raised where it is waited for
            last = _Failure(error)
        self._hand_on(last)

    def _hand_on(self, item: T | _Failure | _End) -> bool:
        """Wait until there is room; false if all stages stop first."""
        while not self._stopping.is_set():
            try:
                self._made.put(item, timeout=_LOOK_UP_SECONDS)
            except Full:
                continue
            return True
        return False


class _Closable(Generic[T]):
    """An iterator that is closed if it is a generator."""

    def __init__(self, each: Iterator[T]) -> None:
        self.each = each

    def close(self) -> None:
        close = getattr(self.each, "close", None)
        if close is not None:
            close()
