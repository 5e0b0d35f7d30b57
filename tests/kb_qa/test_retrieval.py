"""The retriever: meaning and words fused, best first, and LangChain's standard."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.retrievers import BaseRetriever
from langchain_tests.integration_tests import RetrieversIntegrationTests

from kb_qa.answer import Source
from kb_qa.embeddings import PassageEmbeddings
from kb_qa.retrieval import HybridRetriever
from kb_qa.store.knowledge_base import KnowledgeBase
from kb_qa.store.records import Candidate, Chunk, Passage

QUESTION = "How many days of annual leave do I have in the first year?"


class TestStandard(RetrieversIntegrationTests):
    """LangChain's own suite, on the sample documents."""

    @pytest.fixture(autouse=True)
    def _sample(self, sample_kb: Path, bundled: PassageEmbeddings) -> None:
        type(self).knowledge_base = KnowledgeBase(sample_kb, embeddings=bundled)

    knowledge_base: KnowledgeBase

    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return HybridRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"knowledge_base": self.knowledge_base, "passages": 3}

    @property
    def num_results_arg_name(self) -> str:
        return "passages"

    @property
    def retriever_query_example(self) -> str:
        return "annual leave"


def candidate(key: int, *, centred: float, mass: float, language: str = "en") -> Candidate:
    chunk = Chunk(f"text {key}", 0, 6)
    passage = Passage(key, key, 0, chunk, language, "title", (f"/{key}",), {})
    return Candidate(passage, cosine=0.8, centred=centred, mass=mass)


def test_the_score_is_meaning_plus_weighted_words(knowledge_base: KnowledgeBase) -> None:
    """`centred + 0.12 x mass`, whatever the order the candidates come in."""
    retriever = HybridRetriever(knowledge_base=knowledge_base, passages=2)
    candidates = [
        candidate(1, centred=0.10, mass=0.0),
        candidate(2, centred=0.05, mass=0.5),
        candidate(3, centred=0.02, mass=1.0),
    ]
    found = retriever.rank(candidates, question=QUESTION)
    assert [(source.id, round(source.score, 4)) for source in found] == [(3, 0.14), (2, 0.11)]
    assert retriever.rank(reversed(candidates), question=QUESTION) == found


@given(mass=st.floats(0, 1), other=st.floats(0, 1))
def test_words_of_another_language_are_not_all_missed(mass: float, other: float) -> None:
    """A passage of another language counts a fifth of the words it misses as found.

    So it never counts more than all, nor changes places with another of its language.
    """
    retriever = HybridRetriever.model_construct(passages=9, mass_weight=0.12)
    candidates = [
        candidate(1, centred=0.0, mass=mass, language="zh"),
        candidate(2, centred=0.0, mass=mass),
        candidate(3, centred=0.0, mass=other, language="zh"),
        candidate(4, centred=0.0, mass=mass, language="und"),
    ]
    scores = {each.id: each.score for each in retriever.rank(candidates, question=QUESTION)}
    assert scores[1] == pytest.approx(0.12 * (mass + 0.2 * (1 - mass)))
    assert scores[2] == scores[4] == pytest.approx(0.12 * mass)
    assert scores[1] <= 0.12 * (1 + 1e-9)
    assert (scores[1] >= scores[3]) == (mass >= other) or scores[1] == pytest.approx(scores[3])


def test_a_passage_of_another_language_comes_before_everyday_words(
    knowledge_base: KnowledgeBase,
) -> None:
    """The nearer passage in Chinese stands before an English one that shares a common word."""
    found = HybridRetriever(knowledge_base=knowledge_base).rank(
        [
            candidate(1, centred=0.04, mass=0.15),
            candidate(2, centred=0.05, mass=0.0, language="zh"),
        ],
        question=QUESTION,
    )
    assert [source.id for source in found] == [2, 1]


def test_a_source_survives_langchain() -> None:
    """What a Document carries gives the same Source back, also through JSON's lists."""
    source = Source(
        *(7, "/a.pdf", "A", "text", 10, 14, ("H",), "| h |", 2, ((12, 3),), "en", 0.5, True)
    )
    document = source.to_document()
    assert Source.from_document(document) == source
    document.metadata |= {"heading": ["H"], "breaks": [[12, 3]]}
    assert Source.from_document(document) == source


def test_a_page_is_told_at_an_offset() -> None:
    """A passage that runs over a page break cites the page its words stand on."""
    source = Source(7, "/a.pdf", "A", "text", 10, 14, page=2, breaks=((12, 3),))
    assert [source.page_at(offset) for offset in (10, 11, 12, 13)] == [2, 2, 3, 3]


def copies(*texts: str) -> list[Candidate]:
    """Candidates with these texts, the first the best, each at a place of its own."""
    return [
        Candidate(
            Passage(
                *(key, key, 0, Chunk(text, 0, len(text)), "en", "title", (f"/{key}", f"/{key}b")),
                metadata={},
            ),
            cosine=0.8,
            centred=0.5 - key / 100,
            mass=0.0,
        )
        for key, text in enumerate(texts)
    ]


def test_the_same_words_count_once(knowledge_base: KnowledgeBase) -> None:
    """Copies are one source that names all their places; others come in their stead."""
    retriever = HybridRetriever(knowledge_base=knowledge_base, passages=2)
    found = retriever.rank(
        copies("Leave: 15 days.", "leave, 15 days", "Leave: 16 days.", "Leave:  15 days!", "Lunch"),
        question=QUESTION,
    )
    assert [source.text for source in found] == ["Leave: 15 days.", "Leave: 16 days."]
    assert [source.also for source in found] == [("/0b", "/1", "/1b", "/3", "/3b"), ("/2b",)]


def test_what_has_no_words_is_itself(knowledge_base: KnowledgeBase) -> None:
    """Passages of signs alone are not all the same."""
    retriever = HybridRetriever(knowledge_base=knowledge_base, passages=3)
    assert len(retriever.rank(copies("→", "←", "→"), question=QUESTION)) == 2
