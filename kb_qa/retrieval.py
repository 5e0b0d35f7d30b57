"""A question into the passages that may answer it, best first."""

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
)
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from kb_qa.answer import Source
from kb_qa.language import detect_question_language
from kb_qa.neighbours import joined
from kb_qa.reranking import Reranker
from kb_qa.store.base import Searchable
from kb_qa.store.filter import ANYTHING, Filter
from kb_qa.store.records import Candidate

_UNKNOWN = frozenset(("", "und"))
_TRANSLATED = 0.2
"""Share of the words missed that count as found in a passage of another language than the question.

It says the same in words that cannot match; without this, passages in the question's language
that share its everyday words stand before it (decision 24).
"""
_SIGNS = re.compile(r"[\W_]+")


def _untimed(_stage: str) -> None:
    """For those who do not ask what each stage takes."""


class HybridRetriever(BaseRetriever):
    """Meaning and words together, fused on bounded scores: `centred + weight x mass`.

    A sum of bounded scores can carry a floor, and abstains by itself where no
    word of the question occurs; ranks (reciprocal rank fusion) and min-max
    scaling do neither.

    Attributes:
        knowledge_base: where to look.
        passages: how many come back; those that touch in their document come as one.
        candidates: how many each side of the search offers.
        mass_weight: weight of the question's words found, beside the cosine.
        where: which passages may be found, if a question does not say.
        reranker: puts the best of them in order, if there is one.
        reranked: how many of them it reads.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    knowledge_base: Searchable
    passages: int = 5
    candidates: int = 50
    mass_weight: float = 0.12
    where: Filter = ANYTHING
    reranker: Reranker | None = None
    reranked: int = 30

    def rank(
        self, candidates: Iterable[Candidate], *, question: str, passages: int | None = None
    ) -> list[Source]:
        """The best of a question's candidates, best first: as many as asked for, or as set.

        Passages of the same words, in copies and versions of a document, are one that names
        the places of all.
        """
        language = detect_question_language(question)
        scored = [(self._score(each, language=language), each) for each in candidates]
        scored.sort(key=lambda pair: pair[0], reverse=True)
        sources = (_source(each, score=score) for score, each in scored)
        return _folded(sources, most=passages or self.passages)

    def _score(self, candidate: Candidate, *, language: str) -> float:
        mass = candidate.mass
        if not _UNKNOWN & {language, candidate.passage.language}:
            mass += _TRANSLATED * (1 - mass) * (candidate.passage.language != language)
        return candidate.centred + self.mass_weight * mass

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002 (LangChain passes it by name)
        passages: int | None = None,
        where: Filter = ANYTHING,
        lap: Callable[[str], None] = _untimed,
    ) -> list[Document]:
        """Search, rank, rerank, join; `lap` is told the name of each stage as it ends."""
        wanted = passages or self.passages
        found = self.knowledge_base.candidates(
            query, limit=self.candidates, where=where or self.where
        )
        most = max(wanted, self.reranked) if self.reranker else wanted
        best = self.rank(found, question=query, passages=most)
        lap("retrieve")
        if self.reranker:
            best = self.reranker.reranked(query, best)[:wanted]
            lap("rerank")
        return [source.to_document() for source in joined(best)]

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **narrowed: Any
    ) -> list[Document]:
        """LangChain's own passes nothing beside the question."""
        return await asyncio.to_thread(
            self._get_relevant_documents, query, run_manager=run_manager.get_sync(), **narrowed
        )


def _folded(sources: Iterator[Source], *, most: int) -> list[Source]:
    """The first of each wording, until there are enough; later ones lend it their places."""
    kept: dict[str, Source] = {}
    for source in sources:
        wording = _SIGNS.sub(" ", source.text).strip().lower() or source.text
        if (first := kept.get(wording)) is not None:
            places = dict.fromkeys((*first.also, source.source, *source.also))
            places.pop(first.source, None)
            kept[wording] = replace(first, also=tuple(places))
        elif len(kept) == most:
            break
        else:
            kept[wording] = source
    return list(kept.values())


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
        also=passage.paths[1:],
        kb=candidate.kb,
    )
