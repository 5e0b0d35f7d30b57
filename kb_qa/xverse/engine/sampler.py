"""Choosing the next token from the model's logits."""

from collections.abc import Sequence as Rows

import torch
from torch import Tensor

from kb_qa.xverse.engine.sequence import Sequence

_GOLDEN, _MIX_1, _MIX_2 = -7046029254386353131, -4658895280553007687, -7723592293110705685
"""The constants of splitmix64 as signed numbers. Source: S. Vigna, prng.di.unimi.it, 2015."""


ROWS_AT_ONCE = 16
"""Rows of which probabilities and random numbers are in memory together."""


class Sampler:
    """Chooses for many sequences at once, each by its own rules.

    A random choice depends on the sequence's seed and on the place in its
    text, not on what else is computed with it: a seed gives one answer.

    Args:
        slots: sequences at once.
        vocabulary: tokens to choose from.
    """

    def __init__(self, *, slots: int, vocabulary: int, device: torch.device) -> None:
        self._seen = torch.zeros(slots, vocabulary, dtype=torch.bool, device=device)
        self._counted: list[tuple[Sequence | None, int]] = [(None, 0)] * slots
        self._vocabulary, self._device = vocabulary, device

    def choose(self, logits: Tensor, rows: Rows[tuple[Sequence, int]]) -> Tensor:
        """A token for each row of logits.

        Args:
            logits: (rows, vocabulary).
            rows: of each, the sequence, and how many of its guesses come before.
        """
        if all(is_plain(sequence) for sequence, _ in rows):
            return logits.argmax(-1)
        starts = range(0, len(rows), ROWS_AT_ONCE)
        parts = [slice(start, start + ROWS_AT_ONCE) for start in starts]
        return torch.cat([self._choose(logits[part], rows[part]) for part in parts])

    def _choose(self, logits: Tensor, rows: Rows[tuple[Sequence, int]]) -> Tensor:
        logits = self._penalize(logits.float(), rows)
        temperature = self._values([each.sampling.temperature for each, _ in rows])
        scaled = _keep_likeliest(logits / temperature.clamp(min=1e-4)[:, None], rows)
        drawn = (scaled + self._noise(rows)).argmax(-1)
        return torch.where(temperature > 0, drawn, logits.argmax(-1))

    def _penalize(self, logits: Tensor, rows: Rows[tuple[Sequence, int]]) -> Tensor:
        """Divide positive, multiply negative logits of tokens that the text has.

        Source: N. Keskar et al., "CTRL", arXiv:1909.05858, section 4.1, as in transformers.
        """
        if all(each.sampling.repetition_penalty == 1 for each, _ in rows):
            return logits
        for sequence in {each for each, _ in rows}:
            self._count(sequence)
        seen = self._seen[[each.slot for each, _ in rows]]
        for row, (sequence, guesses) in enumerate(rows):
            if guesses:
                seen[row, sequence.guesses[:guesses]] = True
        penalty = self._values([each.sampling.repetition_penalty for each, _ in rows])[:, None]
        penalized = torch.where(logits > 0, logits / penalty, logits * penalty)
        return torch.where(seen, penalized, logits)

    def _count(self, sequence: Sequence) -> None:
        """Take in the tokens that are new since the last time."""
        owner, counted = self._counted[sequence.slot]
        if owner is not sequence:
            self._seen[sequence.slot], counted = False, 0
        self._seen[sequence.slot, sequence.tokens[counted:]] = True
        self._counted[sequence.slot] = (sequence, len(sequence.tokens))

    def _noise(self, rows: Rows[tuple[Sequence, int]]) -> Tensor:
        """Gumbel noise: its maximum over logits is a draw from their softmax."""
        places = [_wrapped(each.seed + len(each.tokens) + guesses) for each, guesses in rows]
        states = _mixed(torch.tensor(places, device=self._device) * _GOLDEN)[:, None]
        states = states + torch.arange(self._vocabulary, device=self._device) * _GOLDEN
        uniform = ((_mixed(states) >> 11) & (2**53 - 1)).double() * 2.0**-53
        return -torch.log(-torch.log(uniform.clamp(min=2.0**-53, max=1 - 2.0**-53))).float()

    def _values(self, values: Rows[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=self._device)


def is_plain(sequence: Sequence) -> bool:
    """Whether the likeliest token is all that is asked for."""
    return sequence.sampling.temperature == 0 and sequence.sampling.repetition_penalty == 1


def _keep_likeliest(logits: Tensor, rows: Rows[tuple[Sequence, int]]) -> Tensor:
    """Rule out what lies beyond the `top_k` likeliest, then beyond `top_p` of their mass."""
    samplings = [each.sampling for each, _ in rows]
    if all(each.top_k == 0 and each.top_p == 1 for each in samplings):
        return logits
    vocabulary = logits.shape[-1]
    counts = [min(each.top_k or vocabulary, vocabulary) for each in samplings]
    values, indices = logits.topk(max(counts), dim=-1)
    ranks = torch.arange(max(counts), device=logits.device)
    beyond = ranks >= torch.tensor(counts, device=logits.device)[:, None]
    values = values.masked_fill(beyond, -torch.inf)
    before = values.softmax(-1).cumsum(-1) - values.softmax(-1)
    mass = torch.tensor([each.top_p for each in samplings], device=logits.device)[:, None]
    values = values.masked_fill((before >= mass) & (mass < 1), -torch.inf)
    return torch.full_like(logits, -torch.inf).scatter(-1, indices, values)


def _mixed(states: Tensor) -> Tensor:
    """splitmix64's last step: every bit of the input changes half of the output's."""
    states = (states ^ ((states >> 30) & (2**34 - 1))) * _MIX_1
    states = (states ^ ((states >> 27) & (2**37 - 1))) * _MIX_2
    return states ^ ((states >> 31) & (2**33 - 1))


def _wrapped(number: int) -> int:
    """As a signed 64-bit number."""
    return (number + 2**63) % 2**64 - 2**63
