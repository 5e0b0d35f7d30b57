"""Batches of sequences, spread over the cores."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import torch
from numpy.typing import NDArray

Tokens = Sequence[int]
Compute = Callable[[Sequence[Tokens]], NDArray[np.float32]]
"""From a batch of sequences to a vector for each."""

FEWEST_TOKENS = 256
MOST_TOKENS = 2048
MOST_TOKENS_ON_A_GPU = 32768


class Workers:
    """Threads that each compute one batch on one core.

    Splitting each operation over the cores instead makes every one of them wait
    for the slowest core, hundreds of times a batch.
    """

    def __init__(self, compute: Compute, *, device: torch.device) -> None:
        self._compute = compute
        self._count = torch.get_num_threads() if device.type == "cpu" else 1
        self._most = MOST_TOKENS if device.type == "cpu" else MOST_TOKENS_ON_A_GPU
        self._pool = _start_threads(self._count)

    def compute(self, sequences: Sequence[Tokens]) -> NDArray[np.float32]:
        """A vector for each of one or more sequences, in the order given."""
        order = sorted(range(len(sequences)), key=lambda index: -len(sequences[index]))
        batches = list(cut([sequences[index] for index in order], self._budget(sequences)))
        # One batch stays in the caller's thread, where torch may use every core for it.
        spread = map if len(batches) == 1 else self._pool.map
        vectors = np.concatenate(list(spread(self._compute, batches)))
        return vectors[np.argsort(order)]

    def _budget(self, sequences: Sequence[Tokens]) -> int:
        """Tokens of a batch: two batches or more for each thread, where there is work enough."""
        share = sum(map(len, sequences)) // (2 * self._count)
        return min(max(share, FEWEST_TOKENS), self._most)


def cut(sequences: Sequence[Tokens], budget: int) -> Iterator[list[Tokens]]:
    """Neighbours in batches of at most `budget` tokens, or of one sequence."""
    batch: list[Tokens] = []
    tokens = 0
    for sequence in sequences:
        if batch and tokens + len(sequence) > budget:
            yield batch
            batch, tokens = [], 0
        batch.append(sequence)
        tokens += len(sequence)
    if batch:
        yield batch


def _start_threads(count: int) -> ThreadPoolExecutor:
    """Threads in which torch uses one core; elsewhere it goes on using all it used before.

    Setting a thread's number also sets that of every thread that has not
    computed yet, hence the last line, when all have started.
    """
    cores = torch.get_num_threads()
    started = Barrier(count)

    def start() -> None:
        torch.set_num_threads(1)
        started.wait()

    pool = ThreadPoolExecutor(count, thread_name_prefix="embed", initializer=start)
    list(pool.map(lambda _: None, range(count)))
    torch.set_num_threads(cores)
    return pool
