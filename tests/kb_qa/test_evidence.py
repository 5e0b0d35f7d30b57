"""Evidence: which sentences speak to a question, and how strongly."""

from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from numpy.typing import NDArray

from ingest.pipeline import ingest
from kb_qa.answer import Source
from kb_qa.embeddings.base import Reading
from kb_qa.evidence import Evidence, Weigher
from kb_qa.store.knowledge_base import KnowledgeBase
from kb_qa.terms import terms
from tests.fakes import WordEmbeddings


class TokenEmbeddings(WordEmbeddings):
    """Each word is a token, and each token lies in the direction that its checksum names."""

    def read_passages(self, texts: Sequence[str]) -> list[Reading]:
        return [
            Reading(vector, pieces := tuple(terms(text)), self._tokens(pieces))
            for vector, text in zip(self.embed_passages(texts), texts, strict=True)
        ]

    def read_queries(self, texts: Sequence[str]) -> list[Reading]:
        return self.read_passages(texts)

    def _tokens(self, pieces: Sequence[str]) -> NDArray[np.float32]:
        tokens = np.zeros((len(pieces), self.identity.dimension), np.float32)
        for token, piece in zip(tokens, pieces, strict=True):
            token[crc32(piece.encode()) % len(token)] = 1
        return tokens


@pytest.fixture
def embeddings() -> WordEmbeddings:
    return TokenEmbeddings()


@pytest.fixture
def knowledge_base(tmp_path: Path, embeddings: WordEmbeddings) -> KnowledgeBase:
    (tmp_path / "note.txt").write_text("A note on something else.", encoding="utf-8")
    made = KnowledgeBase(tmp_path / "kb", embeddings=embeddings)
    ingest([tmp_path / "note.txt"], knowledge_base=made)
    return made


def source(text: str, *, title: str = "Pangolin", score: float = 0.0) -> Source:
    return Source(1, "/a", title, text, 0, len(text), score=score)


def weigh(
    knowledge_base: KnowledgeBase, question: str, *sources: Source, **weights: float
) -> Evidence:
    return Weigher(knowledge_base, **weights).weigh(question, sources)


def test_no_sentences_are_no_evidence(knowledge_base: KnowledgeBase) -> None:
    """Where nothing was found, every floor is above what there is."""
    assert weigh(knowledge_base, "Where do pangolins live?").score == float("-inf")


def test_what_the_title_says_is_not_looked_for(knowledge_base: KnowledgeBase) -> None:
    """A sentence gains by what is asked beyond the subject, which any of its document names."""
    text = "The pangolin has scales. It hibernates in burrows. It weighs little."
    question = "Where does the pangolin hibernates?"
    with_tokens = weigh(knowledge_base, question, source(text))
    without = weigh(knowledge_base, question, source(text), token_weight=0.0)
    gains = {
        each.text: each.score - other.score
        for each in with_tokens.sentences
        for other in without.sentences
        if each.start == other.start
    }
    assert gains["It hibernates in burrows."] > 0.2
    assert gains["The pangolin has scales."] == pytest.approx(gains["It weighs little."], abs=1e-6)


def test_a_model_that_tells_of_no_tokens_is_weighed_without(tmp_path: Path) -> None:
    """Its sentences are weighed by meaning and words alone, on the same scale."""
    (tmp_path / "note.txt").write_text("A note on something else.", encoding="utf-8")
    made = KnowledgeBase(tmp_path / "kb", embeddings=WordEmbeddings())
    ingest([tmp_path / "note.txt"], knowledge_base=made)
    text = "The pangolin has scales. It hibernates in burrows."
    question = "Where does it hibernates?"
    assert weigh(made, question, source(text)) == weigh(
        made, question, source(text), token_weight=0.0
    )


def test_a_question_of_the_subject_alone_is_weighed_without_tokens(
    knowledge_base: KnowledgeBase,
) -> None:
    """Nothing is asked beyond the title, so no sentence gains or loses."""
    text = "It has scales. It hibernates in burrows."
    with_tokens = weigh(knowledge_base, "What is a pangolin?", source(text))
    without = weigh(knowledge_base, "What is a pangolin?", source(text), token_weight=0.0)
    assert with_tokens.sentences == without.sentences


def test_a_sentence_carries_the_score_of_its_passage(knowledge_base: KnowledgeBase) -> None:
    """Of the same words in two passages, those of the better one are better evidence."""
    text = "It hibernates in burrows."
    first, second = weigh(
        knowledge_base, "Who hibernates?", source(text, score=0.1), source(text, score=0.3)
    ).sentences
    assert first.source.score == 0.3
    assert first.score - second.score == pytest.approx(0.2, abs=1e-6)


def test_words_cannot_match_in_another_language(knowledge_base: KnowledgeBase) -> None:
    """A passage in another language than the question's is not charged for all that it misses."""
    text = "它冬天在洞穴里。"
    question = "Where does the pangolin hibernate in winter?"
    passage = Source(1, "/a", "穿山甲", text, 0, len(text), language="zh")

    def of_words(asked: str) -> float:
        [with_words] = weigh(knowledge_base, asked, passage).sentences
        [without] = weigh(knowledge_base, asked, passage, mass_weight=0.0).sentences
        return with_words.score - without.score

    assert of_words(question) == pytest.approx(0.3 * 0.4, abs=1e-6)
    assert of_words("pangolin winter") == pytest.approx(0, abs=1e-6)  # of no language


class CountingEmbeddings(TokenEmbeddings):
    """Knows how many passages it was asked to read at once."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[int] = []

    def read_passages(self, texts: Sequence[str]) -> list[Reading]:
        self.read.append(len(texts))
        return super().read_passages(texts)


def test_few_of_many_sentences_are_read(tmp_path: Path) -> None:
    """However long the passages, the embedder reads the 20 sentences most like the question."""
    (tmp_path / "note.txt").write_text("A note on something else.", encoding="utf-8")
    embeddings = CountingEmbeddings()
    knowledge_base = KnowledgeBase(tmp_path / "kb", embeddings=embeddings)
    ingest([tmp_path / "note.txt"], knowledge_base=knowledge_base)
    fillers = " ".join(f"Chapter {number} treats of something else." for number in range(60))
    text = f"{fillers} Pangolins sleep in burrows. {fillers}"
    passage = Source(1, "/a", "Pangolin", text, 0, len(text), language="en")
    evidence = weigh(knowledge_base, "Where do pangolins sleep?", passage)
    assert max(embeddings.read) == 20
    assert evidence.sentences[0].text == "Pangolins sleep in burrows."
    assert len(evidence.sentences) == 121


def test_every_sentence_in_another_language_is_read(tmp_path: Path) -> None:
    """Their words cannot say which of them is worth it."""
    (tmp_path / "note.txt").write_text("A note on something else.", encoding="utf-8")
    embeddings = CountingEmbeddings()
    knowledge_base = KnowledgeBase(tmp_path / "kb", embeddings=embeddings)
    ingest([tmp_path / "note.txt"], knowledge_base=knowledge_base)
    text = " ".join(f"Chapter {number} treats of something else." for number in range(30))
    passage = Source(1, "/a", "Pangolin", text, 0, len(text), language="en")
    weigh(knowledge_base, "穿山甲睡在什么地方？", passage)
    assert 30 in embeddings.read
