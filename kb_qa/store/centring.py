"""The mean vector of each language, taken off its passages when they are compared.

An embedder prefers passages in the question's own language, so a candidate's
score is `q.(p - mean of p's language)`. The mean is taken off on the question's
side, through one extra dimension a language: a row is `[p, one-hot(language)]`,
the question `[q, -q.mean(language) ...]`. So no row changes when a mean does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb_qa.embeddings.base import Vectors

LANGUAGES = 8  # slots; the last is shared by all languages that come later
# Passages a language must have to outweigh what is known without them. Knowledge
# bases of 1, 3 and 20 articles refuse what they cannot answer, and answer what they
# can, at the same floor as one of 256 (benchmarks/refusal.py).
_SHRINK = 50.0

Rows = NDArray[np.float32]
"""Vectors and the slots of their languages: float32, shape (texts, dimension + LANGUAGES)."""


@dataclass(frozen=True)
class Centring:
    """What the passages of each language have in common.

    Attributes:
        languages: those that have a slot of their own, in slot order.
        sums: of the vectors of each slot: float64, shape (LANGUAGES, dimension).
        counts: how many vectors each slot has: float64, shape (LANGUAGES,).
        background: mean vectors of ordinary passages, by language.
    """

    languages: tuple[str, ...]
    sums: NDArray[np.float64]
    counts: NDArray[np.float64]
    background: Mapping[str, NDArray[np.float32]]

    @classmethod
    def of_nothing(
        cls, dimension: int, background: Mapping[str, NDArray[np.float32]]
    ) -> "Centring":
        """No passages yet."""
        return cls((), np.zeros((LANGUAGES, dimension)), np.zeros(LANGUAGES), background)

    @cached_property
    def means(self) -> NDArray[np.float32]:
        """Each slot's mean, drawn towards that of ordinary passages while it rests on few.

        Without that, the only passage of a language would be its own mean, and its
        score always 0.
        """
        nothing = np.zeros(self.sums.shape[1], np.float32)
        known = [self.background[name] for name in sorted(self.background)] or [nothing]
        general = np.mean(known, axis=0)
        slots = [*self.languages, *[""] * (LANGUAGES - len(self.languages))]
        ordinary = np.stack([self.background.get(name, general) for name in slots])
        means = (self.sums + _SHRINK * ordinary) / (self.counts[:, None] + _SHRINK)
        return means.astype(np.float32)

    def question_row(self, question: NDArray[np.float32]) -> NDArray[np.float32]:
        """A question's unit vector, made for rows."""
        return np.append(question, -(self.means @ question))

    def centre(self, question: NDArray[np.float32]) -> Callable[[str], float]:
        """Language to what is taken off a question's cosine with a passage of it."""
        offsets = (self.means @ question).tolist()
        return lambda language: offsets[self._slot(language)]

    def added(self, vectors: Vectors, languages: Sequence[str]) -> tuple["Centring", Rows]:
        """With these passages too, and the rows made of them."""
        names = tuple(dict.fromkeys((*self.languages, *languages)))[: LANGUAGES - 1]
        wider = replace(self, languages=names)
        hot = np.zeros((len(vectors), LANGUAGES), np.float32)
        hot[np.arange(len(vectors)), [wider._slot(name) for name in languages]] = 1.0
        rows = np.concatenate([vectors, hot], axis=1)
        return wider.counted(rows, by=1), rows

    def counted(self, rows: Rows, *, by: int) -> "Centring":
        """With the rows' vectors counted in (1) or out (-1)."""
        dimension = self.sums.shape[1]
        vectors, hot = rows[:, :dimension], rows[:, dimension:].round()
        sums = self.sums + by * (hot.T @ vectors)
        return replace(self, sums=sums, counts=self.counts + by * hot.sum(axis=0))

    def to_json(self) -> dict[str, Any]:
        """All but the background, which the catalog keeps."""
        return {
            "languages": list(self.languages),
            "sums": self.sums.tolist(),
            "counts": self.counts.tolist(),
        }

    @classmethod
    def from_json(
        cls, said: Mapping[str, Any], background: Mapping[str, NDArray[np.float32]]
    ) -> "Centring":
        """What `to_json` said."""
        sums = np.array(said["sums"], np.float64)
        return cls(tuple(said["languages"]), sums, np.array(said["counts"], np.float64), background)

    def _slot(self, language: str) -> int:
        known = self.languages
        return known.index(language) if language in known else LANGUAGES - 1
