"""A step's tokens as tensors."""

from collections.abc import Sequence as Works
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import torch
from torch import Tensor

from kb_qa.xverse.engine.blocks import SPARE
from kb_qa.xverse.engine.scheduler import Work


@dataclass(frozen=True)
class Batch:
    """Tokens of several sequences, one after the other.

    Attributes:
        tokens: (rows).
        positions: of each token in its text, (rows).
        places: of each token in the cache, (rows).
        chosen: rows that are asked what follows them; all if none are named.
        counts: rows of each sequence.
        firsts: position of each sequence's first row, (sequences).
        lengths: tokens of each sequence with these, (sequences).
        tables: blocks of each sequence, (sequences, blocks).
        starts: tokens of each sequence before these.
    """

    tokens: Tensor
    positions: Tensor
    places: Tensor
    chosen: Tensor | None
    counts: list[int]
    starts: list[int]
    firsts: Tensor
    lengths: Tensor
    tables: Tensor
    block_tokens: int

    @property
    def queries(self) -> int:
        """Rows of each sequence, if all have as many; else 0."""
        return self.counts[0] if len(set(self.counts)) == 1 else 0

    @property
    def is_fresh(self) -> bool:
        """Whether no sequence has anything in the cache yet."""
        return not any(self.starts)

    @cached_property
    def ends(self) -> Tensor:
        """Where each sequence's rows end, with a 0 before: (sequences + 1)."""
        return self._ends(self.counts)

    @cached_property
    def all_ends(self) -> Tensor:
        """The same of all their tokens, those in the cache included."""
        return self._ends(self.totals)

    @property
    def longest(self) -> int:
        return max(self.counts)

    @property
    def all_longest(self) -> int:
        return max(self.totals)

    @cached_property
    def all_places(self) -> Tensor:
        """Of all tokens of all sequences in the cache, one sequence after the other."""
        size = self.block_tokens
        offsets = torch.arange(size, device=self.tables.device)
        places = (self.tables[:, :, None] * size + offsets).flatten(1)
        parts = [row[:total] for row, total in zip(places, self.totals, strict=True)]
        return torch.cat(parts)

    @property
    def totals(self) -> list[int]:
        """Tokens of each sequence with these."""
        return [start + count for start, count in zip(self.starts, self.counts, strict=True)]

    def _ends(self, counts: list[int]) -> Tensor:
        ends = [0, *accumulate(counts)]
        return torch.tensor(ends, dtype=torch.int32, device=self.tokens.device)


def make_batch(works: Works[Work], *, block_tokens: int, device: torch.device) -> Batch:
    """The tensors of a step."""
    counts = [len(work.tokens) for work in works]
    starts = [work.sequence.computed for work in works]
    positions = [
        p for start, n in zip(starts, counts, strict=True) for p in range(start, start + n)
    ]
    places = [place for work in works for place in places_of(work, block_tokens)]
    ends = accumulate(counts)
    chosen = [
        row for work, end in zip(works, ends, strict=True) for row in range(end - work.choices, end)
    ]
    widest = max(len(work.sequence.blocks) for work in works)
    tables = [pad(work.sequence.blocks, widest, SPARE) for work in works]
    lengths = [start + count for start, count in zip(starts, counts, strict=True)]

    def tensor(values: object) -> Tensor:
        return torch.tensor(values, device=device)

    return Batch(
        tokens=tensor([token for work in works for token in work.tokens]),
        positions=tensor(positions),
        places=tensor(places),
        chosen=None if len(chosen) == sum(counts) else tensor(chosen).long(),
        counts=counts,
        starts=starts,
        firsts=tensor(starts).int(),
        lengths=tensor(lengths).int(),
        tables=tensor(tables).int(),
        block_tokens=block_tokens,
    )


def places_of(work: Work, block_tokens: int) -> list[int]:
    """Where the keys and values of a sequence's next tokens go."""
    blocks, start = work.sequence.blocks, work.sequence.computed
    positions = range(start, start + len(work.tokens))
    return [blocks[p // block_tokens] * block_tokens + p % block_tokens for p in positions]


def pad(values: list[int], width: int, filler: int) -> list[int]:
    """Values and fillers, so many in all."""
    return values + [filler] * (width - len(values))
