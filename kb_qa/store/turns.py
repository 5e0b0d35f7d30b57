"""Whose turn it is to search, where more ask at once than there are cores."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Lets as many in at once as there are cores; the others wait.

    More of them would only take the interpreter's lock from each other: eight threads that
    all search answer fewer questions than two do (benchmarks/store.py).

    Args:
        most: how many are let in at once; as many as this process may use cores if not given.
    """

    def __init__(self, most: int = 0) -> None:
        self._room = threading.Semaphore(most or _cores())
        self._counting = threading.Lock()
        self._asking = 0

    @contextmanager
    def taken(self) -> Iterator[bool]:
        """Wait for a turn; whether nobody else asks is given, so that all cores may be used."""
        with self._counting:
            self._asking += 1
            is_alone = self._asking == 1
        try:
            with self._room:
                yield is_alone
        finally:
            with self._counting:
                self._asking -= 1


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
