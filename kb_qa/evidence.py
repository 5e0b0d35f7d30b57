"""Which sentences of the passages speak to a question, and how strongly.

The best passage of a knowledge base without the answer is still about the same
subject. What tells an answer apart is a sentence: near the question in
meaning, and taking up what the question asks beyond its subject.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import median

import numpy as np
from numpy.typing import NDArray

from kb_qa.answer import Source
from kb_qa.embeddings.base import PassageEmbeddings, Reading
from kb_qa.language import UNKNOWN, detect_question_language
from kb_qa.sentences import sentence_spans
from kb_qa.store.background import ORDINARY
from kb_qa.store.base import Searchable
from kb_qa.store.query import Query
from kb_qa.store.records import indexed_text
from kb_qa.tables import header_of, is_header, is_row
from kb_qa.terms import mass, question_terms, terms

_READ = 20
"""Sentences in the question's language that the embedder reads; the best is among them."""

_TRANSLATED = 0.4
"""Share of the words missed that count as found in a passage of another language."""

_WORD = re.compile(r"\w")


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

    What of the question a passage's title does not say is looked for token by
    token, each where the sentence comes nearest to it. What counts is how much
    nearer that is than ordinary passages of its language come: tokens of some
    languages are nearer to each other than those of others. In another language than
    the question's words cannot match, so a share of those missed counts as found.

    Attributes:
        knowledge_base: what the sources come from.
        mass_weight: weight of the question's words found, beside the cosine.
        token_weight: weight of how near a sentence comes to the question's tokens.
    """

    knowledge_base: Searchable
    mass_weight: float = 0.3
    token_weight: float = 1.0

    def weigh(self, question: str, sources: Sequence[Source]) -> Evidence:
        """Score every sentence of the sources.

        The embedder reads those with the most of the question's words in the best passages, and
        all in another language; what it does not read counts as the least that it read.
        """
        sentences = [(source, *span) for source in sources for span in _spans(source)]
        if not sentences:
            return Evidence(question, tuple(sources), ())
        asked = self._asked(question)
        found_in = [source for source, _, _ in sentences]
        texts = [_in_place(*each) for each in sentences]
        scores = np.array([self._found(asked, *each) for each in zip(found_in, texts, strict=True)])
        read = _worth_reading([asked.shares_words(each) for each in found_in], scores)
        readings = self._embeddings.read_passages([texts[place] for place in read])
        meant = [
            self._meant(asked, found_in[place], reading)
            for place, reading in zip(read, readings, strict=True)
        ]
        added = np.full(len(sentences), min(meant))
        added[read] = meant
        scored = [
            Sentence(*each, float(score))
            for each, score in zip(sentences, scores + added, strict=True)
        ]
        scored.sort(key=lambda sentence: sentence.score, reverse=True)
        return Evidence(question, tuple(sources), tuple(scored))

    def _asked(self, question: str) -> "_Asked":
        [reading] = self._embeddings.read_queries([question])
        query = self.knowledge_base.query(question)
        language = detect_question_language(question)
        return _Asked(query, reading, language, question_terms(question), self._ordinary)

    def _found(self, asked: "_Asked", source: Source, text: str) -> float:
        """What needs no reading: the question's words, and the passage's score."""
        words = mass(set(terms(text)), asked.query.idf)
        if not asked.shares_words(source):
            words += _TRANSLATED * (1 - words)
        return self.mass_weight * words + source.score

    def _meant(self, asked: "_Asked", source: Source, reading: Reading) -> float:
        """What reading tells: how near the whole comes, and its tokens."""
        query = asked.query
        centred = float(reading.vector @ query.vector) - query.centre(source.language)
        given = " ".join((source.title, *source.heading)).lower()
        ahead = asked.ahead(reading, given=given, language=source.language)
        return centred + self.token_weight * ahead

    @cached_property
    def _ordinary(self) -> dict[str, list[Reading]]:
        """Passages about nothing that is asked, as the model reads them, by language."""
        return {
            language: self._embeddings.read_passages(texts) for language, texts in ORDINARY.items()
        }

    @property
    def _embeddings(self) -> PassageEmbeddings:
        return self.knowledge_base.embeddings


@dataclass(frozen=True)
class _Asked:
    """A question as the knowledge base sees it, and as the model reads it.

    Attributes:
        query: the one.
        reading: the other.
        language: that it is asked in.
        words: its terms that an answer can be expected to share.
        ordinary: passages about nothing that is asked, as the model reads them, by language.
    """

    query: Query
    reading: Reading
    language: str
    words: Sequence[str]
    ordinary: Mapping[str, Sequence[Reading]]
    _expected: dict[tuple[str, str], float] = field(default_factory=dict)

    def shares_words(self, source: Source) -> bool:
        """Whether a passage can have the question's words: not in another language."""
        return self.language in (UNKNOWN, source.language)

    def ahead(self, sentence: Reading, *, given: str, language: str) -> float:
        """How much nearer a sentence comes to what is asked than ordinary passages do.

        Nothing where the model tells of no tokens, or what is given says all that is asked.

        Args:
            sentence: as the model reads it.
            given: what is said anyway, such as the title, in lower case.
            language: of the sentence.
        """
        tokens = self._beyond(given)
        if not len(tokens) or not len(sentence.tokens):
            return 0.0
        if (given, language) not in self._expected:
            self._expected[given, language] = self._reached(tokens, language)
        return _nearness(tokens, sentence) - self._expected[given, language]

    def _reached(self, tokens: NDArray[np.float32], language: str) -> float:
        """How near most ordinary passages come; of a language without, those of the nearest."""
        known = self.ordinary.get(language)
        return max(
            median(_nearness(tokens, each) for each in passages)
            for passages in ([known] if known else self.ordinary.values())
        )

    def _beyond(self, given: str) -> NDArray[np.float32]:
        """The tokens of what is asked beyond what is given."""
        places = [place for place, piece in self._telling if piece not in given]
        return self.reading.tokens[places]

    @cached_property
    def _telling(self) -> list[tuple[int, str]]:
        """The tokens of the words that tell what is asked for, with their places."""
        pieces = enumerate(piece.lower() for piece in self.reading.pieces)
        return [
            (place, piece)
            for place, piece in pieces
            if _WORD.search(piece) and any(piece in word or word in piece for word in self.words)
        ]


def _worth_reading(alike: Sequence[bool], scores: NDArray[np.float64]) -> list[int]:
    """The places of the best that are alike, and of all others."""
    best = sorted(np.flatnonzero(alike), key=lambda place: -scores[place])[:_READ]
    return sorted((*best, *np.flatnonzero(np.logical_not(alike))))


def _nearness(tokens: NDArray[np.float32], passage: Reading) -> float:
    """How near a passage comes to each of the tokens: their mean cosine."""
    return float((tokens @ passage.tokens.T).max(axis=1).mean())


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
