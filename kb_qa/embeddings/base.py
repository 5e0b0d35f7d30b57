"""What every embedder here promises beyond LangChain's `Embeddings`."""

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""Unit vectors, one a row: float32, shape (texts, dimension)."""


@dataclass(frozen=True)
class EmbedderIdentity:
    """What a knowledge base records of the embedder that made its vectors.

    Two embedders with equal identities give vectors that may be compared.

    Attributes:
        name: the model as the user names it, for messages.
        weights: a digest of the weights, or the hub revision.
        dimension: length of a vector.
        query_prompt: put before each question.
        passage_prompt: put before each passage.
        pooling: how token vectors become one vector ("mean", "cls", ...).
    """

    name: str
    weights: str
    dimension: int
    query_prompt: str = ""
    passage_prompt: str = ""
    pooling: str = "mean"

    @property
    def digest(self) -> str:
        """A short digest of everything above."""
        return hashlib.sha256(repr(sorted(asdict(self).items())).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Reading:
    """What a model makes of a text: of the whole, and of each token in its place.

    Attributes:
        vector: the unit vector of the whole, as it is embedded: float32, shape (dimension,).
        pieces: the text's own tokens as they are written; neither the prompt's nor special ones.
            A text that is too long for the model is read in parts, in any order.
        tokens: unit vectors of those: float32, shape (tokens, width).
    """

    vector: NDArray[np.float32]
    pieces: tuple[str, ...]
    tokens: NDArray[np.float32]


class PassageEmbeddings(Embeddings):
    """An embedder that knows its identity and counts its own tokens.

    Subclasses write `identity`, `max_tokens`, `count_tokens`, `embed_passages`
    and `embed_queries`; LangChain's methods follow from them. A model that can
    tell what it makes of each token also writes `read_passages` and
    `read_queries`. All methods may be called from several threads at once.
    """

    @property
    @abstractmethod
    def identity(self) -> EmbedderIdentity:
        """What the knowledge base records of this embedder."""

    @property
    @abstractmethod
    def max_tokens(self) -> int:
        """Tokens the model reads of one text, its prompt and special tokens included."""

    @property
    def passages_at_once(self) -> int:
        """Passages worth embedding together: enough to sort by length, few enough to watch."""
        return 128

    @abstractmethod
    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens each text takes as a passage, its prompt and special tokens included."""

    @abstractmethod
    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of passages, in the order given: float32, (texts, dimension)."""

    @abstractmethod
    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of questions, in the order given: float32, (texts, dimension)."""

    def read_passages(self, texts: Sequence[str]) -> list[Reading]:
        """Passages, whole and token by token; without tokens where the model tells of none."""
        return [whole(vector) for vector in self.embed_passages(texts)]

    def read_queries(self, texts: Sequence[str]) -> list[Reading]:
        """Questions, whole and token by token; without tokens where the model tells of none."""
        return [whole(vector) for vector in self.embed_queries(texts)]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """LangChain's name for `embed_passages`."""
        return [[float(value) for value in row] for row in self.embed_passages(texts)]

    def embed_query(self, text: str) -> list[float]:
        """LangChain's name for `embed_queries` of one question."""
        return [float(value) for value in self.embed_queries([text])[0]]


def whole(vector: NDArray[np.float32]) -> Reading:
    """A text of whose tokens nothing is known."""
    return Reading(vector, (), np.empty((0, len(vector)), np.float32))
