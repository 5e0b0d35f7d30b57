"""A question into the passages that may answer it, best first."""

from collections.abc import Iterable

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from kb_qa.answer import Source
from kb_qa.store.base import Store
from kb_qa.store.records import Candidate


class HybridRetriever(BaseRetriever):
    """Meaning and words together, fused on bounded scores: `centred + weight x mass`.

    A sum of bounded scores can carry a floor, and abstains by itself where no
    word of the question occurs; ranks (reciprocal rank fusion) and min-max
    scaling do neither.

    Attributes:
        knowledge_base: where to look.
        passages: how many come back.
        candidates: how many each side of the search offers.
        mass_weight: weight of the question's words found, beside the cosine.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    knowledge_base: Store
    passages: int = 5
    candidates: int = 50
    mass_weight: float = 0.12

    def rank(self, candidates: Iterable[Candidate], *, passages: int | None = None) -> list[Source]:
        """The best of the candidates, best first: as many as asked for, or as set."""
        ranked = sorted(candidates, key=self._score, reverse=True)[: passages or self.passages]
        return [_source(each, score=self._score(each)) for each in ranked]

    def _score(self, candidate: Candidate) -> float:
        return candidate.centred + self.mass_weight * candidate.mass

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002 (LangChain passes it by name)
        passages: int | None = None,
    ) -> list[Document]:
        found = self.knowledge_base.candidates(query, limit=self.candidates)
        return [source.to_document() for source in self.rank(found, passages=passages)]


def _source(candidate: Candidate, *, score: float) -> Source:
    passage = candidate.passage
    chunk = passage.chunk
    return Source(
        id=passage.id,
        source=passage.paths[0] if passage.paths else passage.title,
        title=passage.title,
        text=chunk.text,
        start=chunk.start,
        end=chunk.end,
        heading=chunk.heading,
        context=chunk.context,
        page=chunk.page,
        breaks=chunk.breaks,
        language=passage.language,
        score=score,
        scanned=chunk.scanned,
    )
