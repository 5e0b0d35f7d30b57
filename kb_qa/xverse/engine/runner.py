"""Runs a step on its device: from what to compute to the tokens chosen."""

from collections.abc import Sequence as Works
from typing import Protocol

import torch

from kb_qa.xverse.engine.batch import make_batch
from kb_qa.xverse.engine.cache import KeyValueCache
from kb_qa.xverse.engine.model import Model
from kb_qa.xverse.engine.operations import Operations
from kb_qa.xverse.engine.sampler import Sampler
from kb_qa.xverse.engine.scheduler import Work
from kb_qa.xverse.engine.sequence import Sequence


class Runner(Protocol):
    """Computes steps."""

    def run(self, works: Works[Work]) -> list[list[int]]:
        """The tokens chosen after each work's last tokens, as many as its `choices`."""


class PlainRunner:
    """Runs every step operation by operation."""

    def __init__(
        self, model: Model, cache: KeyValueCache, operations: Operations, sampler: Sampler
    ) -> None:
        self._model, self._cache = model, cache
        self._operations, self._sampler = operations, sampler

    @torch.inference_mode()
    def run(self, works: Works[Work]) -> list[list[int]]:
        batch = make_batch(works, block_tokens=self._cache.block_tokens, device=self._model.device)
        logits = self._model(batch, self._cache, self._operations)
        rows = chosen_rows(works)
        tokens = self._sampler.choose(logits, rows).tolist() if rows else []
        return by_work(works, tokens)


def chosen_rows(works: Works[Work]) -> list[tuple[Sequence, int]]:
    """Of each row of logits, the sequence, and how many of its guesses come before."""
    return [(work.sequence, guesses) for work in works for guesses in range(work.choices)]


def by_work(works: Works[Work], tokens: list[int]) -> list[list[int]]:
    """The tokens of all rows, handed to the works they were chosen for."""
    rest = iter(tokens)
    return [[next(rest) for _ in range(work.choices)] for work in works]
