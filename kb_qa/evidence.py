"""Which sentences of the passages speak to a question, and how strongly.

The best passage of a knowledge base without the answer is still about the same
subject. What tells an answer apart is a sentence: near the question in
meaning, and holding those of its words that the title does not give away.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kb_qa.answer import Source
from kb_qa.sentences import sentence_spans
from kb_qa.store.base import Searchable
from kb_qa.store.knowledge_base import Query
from kb_qa.store.records import indexed_text
from kb_qa.tables import header_of, is_header, is_row
from kb_qa.terms import mass, terms


@dataclass(frozen=True)
class Sentence:
    """A sentence of a passage.

    Attributes:
        source: the passage.
        start: offset of its first character in the document's extracted text.
        end: offset past its last character.
        score: how strongly it speaks to the question.
    """

    source: Source
    start: int
    end: int
    score: float

    @property
    def text(self) -> str:
        """The sentence, word for word."""
        return self.source.text[self.start - self.source.start : self.end - self.source.start]


@dataclass(frozen=True)
class Evidence:
    """What the passages found hold for a question.

    Attributes:
        question: the question.
        sources: the passages, best first.
        sentences: their sentences, best first.
    """

    question: str
    sources: tuple[Source, ...]
    sentences: tuple[Sentence, ...]

    @property
    def score(self) -> float:
        """The strongest sentence's score; minus infinity without any."""
        return self.sentences[0].score if self.sentences else float("-inf")


@dataclass(frozen=True)
class Weigher:
    """Weighs sentences: their own meaning and words, and their passage's score.

    Attributes:
        knowledge_base: what the sources come from.
        mass_weight: weight of the question's words found, beside the cosine.
    """

    knowledge_base: Searchable
    mass_weight: float = 0.3

    def weigh(self, question: str, sources: Sequence[Source]) -> Evidence:
        """Score every sentence of the sources."""
        query = self.knowledge_base.query(question)
        sentences = [(source, *span) for source in sources for span in _spans(source)]
        if not sentences:
            return Evidence(question, tuple(sources), ())
        vectors = self.knowledge_base.embeddings.embed_passages(
            [_in_place(source, start, end) for source, start, end in sentences]
        )
        scored = [
            Sentence(source, start, end, self._score(query, source, start, end, cosine))
            for (source, start, end), cosine in zip(sentences, vectors @ query.vector, strict=True)
        ]
        scored.sort(key=lambda sentence: sentence.score, reverse=True)
        return Evidence(question, tuple(sources), tuple(scored))

    def _score(
        self, query: Query, source: Source, start: int, end: int, cosine: np.float32
    ) -> float:
        words = set(terms(_in_place(source, start, end)))
        centred = float(cosine) - query.centre(source.language)
        return centred + self.mass_weight * mass(words, query.idf) + source.score


def header(source: Source, start: int) -> str:
    """The header row of the table that the text at an offset is a row of; empty if of none."""
    begin = start - source.start
    if not is_row(source.text[begin:]):
        return ""
    return header_of(source.text, begin) or source.context


def _spans(source: Source) -> Iterator[tuple[int, int]]:
    """The sentences and rows that say something; a table's header says what others mean."""
    for start, end in sentence_spans(source.text):
        if terms(source.text[start:end]) and not is_header(source.text, start):
            yield source.start + start, source.start + end


def _in_place(source: Source, start: int, end: int) -> str:
    """A sentence with the title and headings it stands under: its subject is often there."""
    text = source.text[start - source.start : end - source.start]
    return indexed_text(source.title, source.heading, header(source, start), text)
