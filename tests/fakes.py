"""Fakes that subclass the public interface, simple enough to compute by hand."""

from collections.abc import Sequence
from zlib import crc32

import numpy as np

from kb_qa.embeddings.base import EmbedderIdentity, PassageEmbeddings, Vectors
from kb_qa.terms import terms


class WordEmbeddings(PassageEmbeddings):
    """A text's vector counts its terms, each in the dimension its checksum names."""

    def __init__(self, name: str = "words", dimension: int = 1024) -> None:
        self._identity = EmbedderIdentity(name, weights="none", dimension=dimension)
        self.embedded: list[str] = []

    @property
    def identity(self) -> EmbedderIdentity:
        return self._identity

    @property
    def max_tokens(self) -> int:
        return 512

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(terms(text)) + 2 for text in texts]

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.embedded.extend(texts)
        vectors = np.full((len(texts), self._identity.dimension), 0.001, np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for term in terms(text):
                row[crc32(term.encode()) % len(row)] += 1
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / norms, np.float32)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self.embed_passages(texts)
