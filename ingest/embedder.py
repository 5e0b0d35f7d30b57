"""An embedder that works in a process of its own.

It loads while files are found, and computes while others are parsed and stored.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from ingest.embedder_process import EmbedderProcess, Wish
from kb_qa.embeddings.base import EmbedderIdentity, PassageEmbeddings, Vectors


class Embedder(PassageEmbeddings):
    """The embedder that a process has loaded; every method waits until it has.

    Args:
        process: whoever started it ends it.

    Raises:
        EmbeddingsError: by every method, if the model cannot be loaded or run.
    """

    def __init__(self, process: EmbedderProcess) -> None:
        self._process = process

    @cached_property
    def identity(self) -> EmbedderIdentity:
        """What the knowledge base records of it."""
        return EmbedderIdentity(**self._process.about["identity"])

    @property
    def max_tokens(self) -> int:
        """Tokens the model reads of one text."""
        return int(self._process.about["max_tokens"])

    @property
    def passages_at_once(self) -> int:
        """Passages worth embedding together."""
        return int(self._process.about["passages_at_once"])

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens each text takes as a passage."""
        return [int(count) for count in self._process.ask(Wish.TOKENS, texts).said["counts"]]

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of passages."""
        return self._vectors(Wish.PASSAGES, texts)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of questions."""
        return self._vectors(Wish.QUERIES, texts)

    def _vectors(self, wish: Wish, texts: Sequence[str]) -> Vectors:
        raw = self._process.ask(wish, texts).raw
        return np.frombuffer(raw, np.float32).reshape(len(texts), self.identity.dimension).copy()
