"""The mean vector of each language, and where it goes in a row's vector.

As in `centring`, a row is `[p, one-hot(slot)]` and a question `[q, -mean.q ...]`,
so one search finds what is near whatever its language. Slots are fixed, because
machines that write at once agree on nothing else.
"""

import base64
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb_qa.embeddings.base import Vectors
from kb_qa.store.centring import LANGUAGES, Centring

_WITH_A_SLOT = ("zh", "en", "ja", "ko", "de", "fr", "es")  # the last slot is all others'

Sums = Mapping[str, tuple[int, NDArray[np.float64]]]
"""By language: how many vectors, and their sum."""


def row_vectors(vectors: Vectors, languages: Iterable[str]) -> Vectors:
    """Passages' vectors made for rows."""
    hot = np.zeros((len(vectors), LANGUAGES), np.float32)
    for row, language in zip(hot, languages, strict=True):
        row[_slot(language)] = 1.0
    return np.concatenate([np.asarray(vectors, np.float32), hot], axis=1)


class Means:
    """What the passages of each language have in common.

    Args:
        sums: of the passages' vectors.
        background: mean vectors of ordinary passages, by language.
    """

    def __init__(self, sums: Sums, background: Mapping[str, NDArray[np.float32]]) -> None:
        dimension = len(next(iter(background.values())))
        nothing = (0, np.zeros(dimension))
        self._own = {language: _mean({language: sums[language]}, background) for language in sums}
        self._unknown = {
            language: _mean({language: nothing}, background) for language in ("", *background)
        }
        self._slots = np.stack([self._of_slot(slot, sums, background) for slot in range(LANGUAGES)])

    def centre(self, language: str, question: NDArray[np.float32]) -> float:
        """What is taken off a cosine with a passage of this language."""
        mean = self._own.get(language)
        if mean is None:
            mean = self._unknown.get(language, self._unknown[""])
        return float(mean @ question)

    def question_row(self, question: NDArray[np.float32]) -> NDArray[np.float32]:
        """A question's unit vector, made for rows."""
        return np.append(question, -(self._slots @ question)).astype(np.float32)

    def _of_slot(
        self, slot: int, sums: Sums, background: Mapping[str, NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        if slot < len(_WITH_A_SLOT):
            language = _WITH_A_SLOT[slot]
            return self._own.get(language, self._unknown.get(language, self._unknown[""]))
        others = {language: each for language, each in sums.items() if _slot(language) == slot}
        return _mean(others, background)


def summed(vectors: Vectors, languages: Iterable[str]) -> dict[str, tuple[int, Vectors]]:
    """How many vectors of each language, and their sum."""
    names = np.array(list(languages))
    return {
        str(name): (int((names == name).sum()), vectors[names == name].sum(axis=0))
        for name in np.unique(names)
    }


def to_text(vector: NDArray[Any]) -> str:
    """A vector as text: what a row can hold beside its one vector."""
    return base64.b64encode(np.asarray(vector, "<f8").tobytes()).decode()


def from_text(text: str) -> NDArray[np.float64]:
    """The vector that `to_text` wrote."""
    numbers: NDArray[np.float64] = np.frombuffer(base64.b64decode(text), "<f8")
    return numbers


def _slot(language: str) -> int:
    known = language in _WITH_A_SLOT
    return _WITH_A_SLOT.index(language) if known else LANGUAGES - 1


def _mean(sums: Sums, background: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    """The mean of passages of one language, or of several that share a slot."""
    dimension = len(next(iter(background.values())))
    whole, counts = np.zeros((LANGUAGES, dimension)), np.zeros(LANGUAGES)
    whole[0] = sum((each for _, each in sums.values()), np.zeros(dimension))
    counts[0] = sum(count for count, _ in sums.values())
    name = next(iter(sums)) if len(sums) == 1 else ""
    mean: NDArray[np.float32] = Centring((name,), whole, counts, background).means[0]
    return mean
