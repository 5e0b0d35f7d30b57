"""Passages and questions for the store: text of real length, vectors in clusters, two languages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kb_qa.embeddings.base import EmbedderIdentity, PassageEmbeddings, Vectors

DIMENSION = 384
CHUNKS_A_DOCUMENT = 20
_TOPICS, _DIRECTIONS = 300, 96
_LIKENESS = 0.85  # of a question and its passage
_MOST_READ = 4000  # documents that questions are made from
_LETTERS = 340  # of a Chinese chunk; an English one has four times as many


_COMMON = "the of and to in a is that for it as was with on by at from this are be".split()


@dataclass(frozen=True)
class Passages:
    """One document's chunks."""

    texts: list[str]
    vectors: Vectors


@dataclass(frozen=True)
class Asked:
    """A question with its vector."""

    text: str
    vector: NDArray[np.float32]


class Planned(PassageEmbeddings):
    """An embedder that takes no time: each question's vector was made before."""

    def __init__(self, asked: Sequence[Asked] = ()) -> None:
        self._vectors = {each.text: each.vector for each in asked}

    @property
    def identity(self) -> EmbedderIdentity:
        return EmbedderIdentity("planned", weights="none", dimension=DIMENSION)

    @property
    def max_tokens(self) -> int:
        return 512

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text) for text in texts]

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return unit(np.random.default_rng(1).standard_normal((len(texts), DIMENSION)))

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return np.stack([self._vectors[text] for text in texts])


def documents(count: int, *, seed: int = 0) -> Iterator[Passages]:
    """So many documents, one in two Chinese."""
    chance = np.random.default_rng(seed)
    sentences = {"en": _english(chance), "zh": _chinese(chance)}
    for number in range(count):
        pool = sentences["zh" if number % 2 else "en"]
        picked = chance.integers(0, len(pool), (CHUNKS_A_DOCUMENT, 8))
        yield Passages(
            [_joined([pool[i] for i in row], is_chinese=bool(number % 2)) for row in picked],
            _vectors(number, is_chinese=bool(number % 2)),
        )


def questions(count: int, *, among: int, seed: int = 7) -> list[Asked]:
    """Questions about chunks of the first documents: words of one, and a vector near its."""
    chance = np.random.default_rng(seed)
    read = min(among, _MOST_READ)
    asked = []
    for number, passages in enumerate(documents(read)):
        if number % max(1, read // count) == 0 and len(asked) < count:
            chunk = int(chance.integers(CHUNKS_A_DOCUMENT))
            off = _latent(int(chance.integers(10**9)), 1)[0] @ _directions()
            vector = unit(_LIKENESS * passages.vectors[chunk] + np.sqrt(1 - _LIKENESS**2) * off)
            text = passages.texts[chunk]
            letters = 14 if number % 2 else 90
            begin = int(chance.integers(len(text) - letters))
            asked.append(Asked(f"{text[begin : begin + letters]} {number}", vector))
    return asked


def unit(vectors: NDArray[np.floating]) -> Vectors:
    """Of length 1, each row."""
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def _vectors(number: int, *, is_chinese: bool) -> Vectors:
    """Chunks of a document share a subject, subjects a topic, and those of a language a direction.

    As with vectors of texts, most of what tells them apart lies in few directions.
    """
    topic = _latent(number * 7919 % _TOPICS, 1)
    subject, own = _latent(10**6 + number, 1), _latent(2 * 10**6 + number, CHUNKS_A_DOCUMENT)
    language = unit(np.random.default_rng(1 + is_chinese).standard_normal((1, DIMENSION)))
    return unit(language + unit(0.6 * topic + 0.6 * subject + 0.5 * own) @ _directions())


def _latent(seed: int, count: int) -> NDArray[np.float64]:
    """Unit vectors of the few directions, the first of which say most."""
    drawn = np.random.default_rng(seed).standard_normal((count, _DIRECTIONS))
    return unit(drawn / np.sqrt(1 + np.arange(_DIRECTIONS))).astype(np.float64)


@lru_cache(1)
def _directions() -> NDArray[np.float64]:
    drawn = np.random.default_rng(3).standard_normal((DIMENSION, _DIRECTIONS))
    return np.linalg.qr(drawn)[0].T


def _english(chance: np.random.Generator) -> list[str]:
    """Sentences of words as frequent as words are."""
    letters = np.array(list("etaoinshrdlucmfwypvbgk"))
    lengths = chance.integers(3, 11, 40_000)
    words = _COMMON + ["".join(chance.choice(letters, length)) for length in lengths]
    ranks = np.minimum(chance.zipf(1.25, (20_000, 30)) - 1, len(words) - 1)
    return [" ".join(words[i] for i in row).capitalize() + "." for row in ranks]


def _chinese(chance: np.random.Generator) -> list[str]:
    """Sentences of characters as frequent as characters are."""
    characters = [chr(0x4E00 + i) for i in chance.permutation(4000)]
    ranks = np.minimum(chance.zipf(1.15, (20_000, 42)) - 1, len(characters) - 1)
    return ["".join(characters[i] for i in row) + "。" for row in ranks]


def _joined(sentences: Sequence[str], *, is_chinese: bool) -> str:
    return "".join(sentences)[:_LETTERS] if is_chinese else " ".join(sentences)[: 4 * _LETTERS]
