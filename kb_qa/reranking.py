"""Passages put in order by a model that reads each of them beside the question.

It sees what no vector of a passage alone can say, and computes for every pair: so it is asked
for the best passages only, and only where a model is named for it.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

from kb_qa.answer import Source
from kb_qa.settings import Settings
from kb_qa.store.records import indexed_text

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


class Reranker(ABC):
    """Says how well texts answer a question."""

    @abstractmethod
    def relevance(self, question: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers, comparable within one question."""

    def reranked(self, question: str, sources: Sequence[Source]) -> list[Source]:
        """The sources, the most relevant first; equal ones keep their order.

        Their scores stay what they are: the floor is calibrated on those, and a model's own
        have no scale that is known.
        """
        texts = [
            indexed_text(each.title, each.heading, each.context, each.text) for each in sources
        ]
        relevance = self.relevance(question, texts) if texts else []
        order = sorted(range(len(sources)), key=lambda place: -relevance[place])
        return [sources[place] for place in order]


class CrossEncoderReranker(Reranker):
    """A CrossEncoder of sentence-transformers, loaded with the first question.

    Args:
        name: the folder of a model, or its id on a hub.
        device: where to compute, as torch names it; by default a GPU if there is one.
    """

    def __init__(self, name: str, *, device: str | None = None) -> None:
        self._name, self._device = name, device
        self._model: CrossEncoder | None = None
        self._computing = Lock()

    def relevance(self, question: str, texts: Sequence[str]) -> list[float]:
        """The model's logits; of a text longer than the model reads, of its beginning.

        Raises:
            RerankerError: there is no such model, or it cannot be loaded safely.
        """
        with self._computing:
            if self._model is None:
                from kb_qa.cross_encoder import load_cross_encoder

                self._model = load_cross_encoder(self._name, device=self._device)
            pairs = [(question, text) for text in texts]
            scores = self._model.predict(pairs, show_progress_bar=False)
        return [float(score) for score in scores]


def configured_reranker(settings: Settings) -> Reranker | None:
    """The reranker that the settings name, the same for all who ask; None if they name none."""
    return _shared(settings.reranker, settings.device) if settings.reranker else None


@cache
def _shared(name: str, device: str | None) -> Reranker:
    return CrossEncoderReranker(name, device=device)
