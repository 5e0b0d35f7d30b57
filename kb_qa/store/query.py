"""A question as a store's present state sees it, and what passages are to it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kb_qa.store.records import Candidate, Passage
from kb_qa.terms import contained, mass


@dataclass(frozen=True)
class Query:
    """A question as a knowledge base's present state sees it.

    Attributes:
        text: the question.
        vector: its unit vector: float32, shape (dimension,).
        idf: its terms and what they weigh.
        centre: language to what is taken off a cosine with a text of that language.
    """

    text: str
    vector: NDArray[np.float32]
    idf: Mapping[str, float]
    centre: Callable[[str], float]

    def weighed(
        self, passages: Sequence[Passage], vectors: Sequence[NDArray[np.float32]]
    ) -> list[Candidate]:
        """Passages with the evidence that each is for an answer, in their order.

        Args:
            passages: what was found.
            vectors: their unit vectors, each float32 of shape (dimension,).
        """
        if not passages:
            return []
        cosines = (np.stack(vectors) @ self.vector).tolist()
        return self.candidates(list(zip(passages, cosines, strict=True)))

    def candidates(self, found: Sequence[tuple[Passage, float]]) -> list[Candidate]:
        """The same of passages whose cosines are known."""
        centres = {name: self.centre(name) for name in {each.language for each, _ in found}}
        return [
            Candidate(
                passage,
                cosine,
                centred=cosine - centres[passage.language],
                mass=mass(contained(passage.indexed_text, self.idf), self.idf),
            )
            for passage, cosine in found
        ]
