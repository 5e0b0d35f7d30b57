"""Batches of sequences, spread over the cores."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from threading import Barrier

import numpy as np
import torch
from numpy.typing import NDArray

Tokens = Sequence[int]
Compute = Callable[[Sequence[Tokens]], Iterable[NDArray[np.float32]]]
"""From a batch of sequences to what is computed of each."""

FEWEST_TOKENS = 256
MOST_TOKENS = 2048
MOST_TOKENS_ON_A_GPU = 32768


class Workers:
    """Threads that each compute one batch on one core.

    Splitting each operation over the cores instead makes every one of them wait
    for the slowest core, hundreds of times a batch: where others compute too, a
    question took 15 ms on one core and 30 to 350 ms on two.
    """

    def __init__(self, device: torch.device) -> None:
        self._on_cpu = device.type == "cpu"
        self._count = torch.get_num_threads() if self._on_cpu else 1
        self._many = start_threads(self._count)
        self._one = start_threads(self._count)

    def map(self, compute: Compute, sequences: Sequence[Tokens]) -> list[NDArray[np.float32]]:
        """What is computed of each of one or more sequences, in the order given."""
        order = sorted(range(len(sequences)), key=lambda index: -len(sequences[index]))
        batches = list(cut([sequences[index] for index in order], self._budget(sequences)))
        # A question shall not wait until the batches of a long list are done.
        pool = self._one if len(batches) == 1 else self._many
        computed = list(chain.from_iterable(pool.map(compute, batches)))
        places = sorted(range(len(order)), key=order.__getitem__)
        return [computed[place] for place in places]

    def _budget(self, sequences: Sequence[Tokens]) -> int:
        """Tokens of a batch: two batches or more for each thread, where there is work enough."""
        share = sum(map(len, sequences)) // (2 * self._count)
        most = MOST_TOKENS if self._on_cpu else MOST_TOKENS_ON_A_GPU
        return min(max(share, FEWEST_TOKENS), most)


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


def start_threads(count: int) -> ThreadPoolExecutor:
    """Threads in which torch uses one core; all others keep as many as they had.

    torch gives a thread its number of cores when it first asks for it, and that
    is the number set last, in whatever thread: so a thread asks before it sets
    its own, and the common number is set again when all have.
    """
    cores = torch.get_num_threads()
    started = Barrier(count)

    def start() -> None:
        torch.get_num_threads()
        torch.set_num_threads(1)
        started.wait()

    pool = ThreadPoolExecutor(count, thread_name_prefix="embed", initializer=start)
    list(pool.map(lambda _: None, range(count)))
    torch.set_num_threads(cores)
    return pool
