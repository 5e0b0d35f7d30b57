"""Decode steps recorded once and replayed: the host's part of a step is one copy and one call."""

from collections.abc import Sequence as Works
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kb_qa.xverse.engine.batch import Batch, pad, places_of
from kb_qa.xverse.engine.blocks import SPARE
from kb_qa.xverse.engine.cache import KeyValueCache
from kb_qa.xverse.engine.model import Model
from kb_qa.xverse.engine.operations import Operations
from kb_qa.xverse.engine.runner import PlainRunner, by_work, chosen_rows
from kb_qa.xverse.engine.sampler import Sampler, is_plain
from kb_qa.xverse.engine.scheduler import Work

_FINE = 8  # sequences up to which recordings are for powers of two, and then for multiples
_LEAST_WIDTH = 16  # blocks of the narrowest recording


@dataclass(frozen=True)
class Size:
    """What a recording is made for.

    Attributes:
        sequences: at most.
        queries: rows of each, exactly.
        width: blocks of each, at most.
    """

    sequences: int
    queries: int
    width: int

    @property
    def rows(self) -> int:
        return self.sequences * self.queries


class Recording:
    """One step, its inputs and outputs at fixed places in the card's memory."""

    def __init__(
        self,
        size: Size,
        model: Model,
        cache: KeyValueCache,
        operations: Operations,
        pool: Any,
    ) -> None:
        self._size, self._block_tokens = size, cache.block_tokens
        count = 3 * size.rows + size.sequences * (2 + size.width)
        self._staged = torch.zeros(count, dtype=torch.int32, pin_memory=True)
        self._given = self._staged.to(model.device)
        self._chosen = torch.empty(size.rows, dtype=torch.int64, pin_memory=True)
        batch = self._batch()

        def compute() -> tuple[Tensor, Tensor]:
            logits = model(batch, cache, operations)
            return logits, operations.likeliest(logits)

        compute()  # what is compiled, or set up on first use, must be before it is recorded
        torch.cuda.synchronize(model.device)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph, pool=pool):
            self._logits, self._likeliest = compute()

    def replay(self, works: Works[Work]) -> Tensor:
        """The logits of the works' rows, and the padding's: (sequences x queries, vocabulary)."""
        numbers = numbers_of(works, self._size, block_tokens=self._block_tokens)
        self._staged.copy_(torch.tensor(numbers, dtype=torch.int32))
        self._given.copy_(self._staged, non_blocking=True)
        self._graph.replay()
        return self._logits

    def likeliest(self) -> list[int]:
        """The likeliest token of each row; waits for it."""
        self._chosen.copy_(self._likeliest, non_blocking=True)
        torch.cuda.current_stream().synchronize()
        return self._chosen.tolist()

    def _batch(self) -> Batch:
        size = self._size
        parts = (size.rows, size.rows, size.rows, size.sequences, size.sequences)
        tokens, positions, places, firsts, lengths, tables = torch.split(
            self._given, [*parts, size.sequences * size.width]
        )
        return Batch(
            tokens=tokens,
            positions=positions,
            places=places,
            chosen=None,
            counts=[size.queries] * size.sequences,
            starts=[],
            firsts=firsts,
            lengths=lengths,
            tables=tables.view(size.sequences, size.width),
            block_tokens=self._block_tokens,
        )


def numbers_of(works: Works[Work], size: Size, *, block_tokens: int) -> list[int]:
    """What a recording is given: tokens, positions, places, firsts, lengths, tables.

    Padding is 0 everywhere: a place in the spare block, and a position that exists.
    """
    missing = size.sequences - len(works)
    firsts = [work.sequence.computed for work in works]
    lengths = [first + len(work.tokens) for first, work in zip(firsts, works, strict=True)]
    positions = [list(range(*each)) for each in zip(firsts, lengths, strict=True)]
    of_rows = (
        [work.tokens for work in works],
        positions,
        [places_of(w, block_tokens) for w in works],
    )
    numbers = []
    for rows in of_rows:
        numbers += [number for row in rows for number in pad(row, size.queries, 0)]
        numbers += [0] * (missing * size.queries)
    numbers += [*pad(firsts, size.sequences, 0), *pad(lengths, size.sequences, 0)]
    for work in works:
        numbers += pad(work.sequence.blocks, size.width, SPARE)
    return numbers + [SPARE] * (missing * size.width)


class CardRunner:
    """Replays decode steps, and runs the rest operation by operation.

    Args:
        most: sequences that are under way at once.
        guesses: tokens guessed for one at most.
    """

    def __init__(
        self,
        model: Model,
        cache: KeyValueCache,
        operations: Operations,
        sampler: Sampler,
        *,
        most: int,
        guesses: int,
        context: int,
    ) -> None:
        self._model, self._cache = model, cache
        self._operations, self._sampler = operations, sampler
        self._plain = PlainRunner(model, cache, operations, sampler)
        self._most, self._most_queries = most, guesses + 1
        self._widest = -(-context // cache.block_tokens)
        self._recordings: dict[Size, Recording] = {}
        self._pool = torch.cuda.graph_pool_handle()

    @torch.inference_mode()
    def run(self, works: Works[Work]) -> list[list[int]]:
        if any(work.choices < len(work.tokens) for work in works):
            return self._plain.run(works)
        size = self._size(works)
        recording = self._recording(size)
        logits = recording.replay(works)
        if all(is_plain(work.sequence) for work in works):
            chosen = recording.likeliest()
            return [
                chosen[index * size.queries : index * size.queries + work.choices]
                for index, work in enumerate(works)
            ]
        kept = [
            index * size.queries + row
            for index, work in enumerate(works)
            for row in range(work.choices)
        ]
        tokens = self._sampler.choose(logits[kept], chosen_rows(works)).tolist()
        return by_work(works, tokens)

    @torch.inference_mode()
    def warm_up(self) -> None:
        """Have what is compiled on first use compiled before the first request."""
        for sequences, queries in ((1, 1), (1, self._most_queries), (self._most, 1)):
            self._recording(Size(sequences, queries, self._widest))

    def _size(self, works: Works[Work]) -> Size:
        longest = max(len(work.tokens) for work in works)
        widest = max(len(work.sequence.blocks) for work in works)
        return Size(
            sequences=_sequences(len(works), self._most),
            queries=1 if longest == 1 else _power_of_two(longest),
            width=min(max(_power_of_two(widest), _LEAST_WIDTH), self._widest),
        )

    def _recording(self, size: Size) -> Recording:
        if size not in self._recordings:
            self._recordings[size] = Recording(
                size, self._model, self._cache, self._operations, self._pool
            )
        return self._recordings[size]


def _power_of_two(number: int) -> int:
    """The least that is not less."""
    return 1 << (number - 1).bit_length()


def _sequences(number: int, most: int) -> int:
    """Few sizes, so that few recordings are made; not much padding, for padding takes time."""
    size = _power_of_two(number) if number <= _FINE else -(-number // _FINE) * _FINE
    return min(size, most)
