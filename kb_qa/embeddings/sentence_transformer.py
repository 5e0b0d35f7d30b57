"""Any sentence-transformers model, from a folder or from a hub.

A hub is asked only for a model that the user named by its id; from then on
the model is a folder like any other.
"""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor
from transformers.utils.logging import disable_progress_bar

from kb_qa.embeddings.base import EmbedderIdentity, PassageEmbeddings, Reading, Vectors, whole
from kb_qa.embeddings.devices import choose_device
from kb_qa.embeddings.pieces import join_pieces, unit
from kb_qa.embeddings.sentence_encoder import Tokens, choose_encoder
from kb_qa.errors import EmbeddingsError
from kb_qa.model_folder import MODEL_FILES, first_line, model_folder

SETTING = "KB_QA_EMBEDDINGS"
PART = 512
"""Texts that are tokenized at once: enough for every core, and for a card to compute meanwhile."""

CARD_PASSAGES = 2 * PART
SAMPLES, SAMPLE_BYTES = 256, 65536


@dataclass(frozen=True)
class Piece:
    """What the model reads at once of a text.

    Attributes:
        owner: which text it is of.
        text: with its prompt.
        tokens: of that.
    """

    owner: int
    text: str
    tokens: Tokens

    def __len__(self) -> int:
        return len(self.tokens["input_ids"])


class SentenceTransformerEmbeddings(PassageEmbeddings):
    """A sentence-transformers model with its prompts.

    A text longer than the model reads is halved until each piece fits; its
    vector is their mean, weighted by tokens. Texts are taken in parts, the
    longest first: one is tokenized while a card computes the one before, and
    the card is first waited for when it has been given all of them.

    Args:
        model: the model, already on its device.
        identity: what the knowledge base records of it, the prompts included.
    """

    def __init__(self, model: SentenceTransformer, *, identity: EmbedderIdentity) -> None:
        self._encoder, self._identity = choose_encoder(model), identity
        self._on_card = model.device.type == "cuda"
        self._computing = Lock()
        self._tokenizing = ThreadPoolExecutor(1, thread_name_prefix="tokenize")

    @property
    def identity(self) -> EmbedderIdentity:
        """What the knowledge base records of this model."""
        return self._identity

    @property
    def max_tokens(self) -> int:
        """Tokens the model reads of one text."""
        return self._encoder.max_tokens

    @property
    def passages_at_once(self) -> int:
        """Passages worth embedding together: for a card, so many that it need not wait."""
        return CARD_PASSAGES if self._on_card else super().passages_at_once

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens each text takes as a passage, as if the model read it whole."""
        if not texts:
            return []
        prompted = [self._identity.passage_prompt + text for text in texts]
        return [len(tokens["input_ids"]) for tokens in self._encoder.tokenize(prompted)]

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of passages."""
        return self._embed(texts, prompt=self._identity.passage_prompt)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of questions."""
        return self._embed(texts, prompt=self._identity.query_prompt)

    def read_passages(self, texts: Sequence[str]) -> list[Reading]:
        """Passages, whole and, if the model reads tokens, token by token."""
        return self._read(texts, prompt=self._identity.passage_prompt)

    def read_queries(self, texts: Sequence[str]) -> list[Reading]:
        """Questions, whole and, if the model reads tokens, token by token."""
        return self._read(texts, prompt=self._identity.query_prompt)

    def _read(self, texts: Sequence[str], *, prompt: str) -> list[Reading]:
        pieces = [piece for part in self._tokenized(texts, prompt) for piece in part]
        vectors = np.zeros((len(texts), self._identity.dimension), np.float32)
        if not pieces:
            return [whole(vector) for vector in vectors]
        with self._computing:
            reads = self._encoder.read(
                [piece.text for piece in pieces], [piece.tokens for piece in pieces]
            )
        vectors = join_pieces(
            torch.stack([read.vector for read in reads]).float().cpu().numpy(),
            owners=[piece.owner for piece in pieces],
            weights=[len(piece) for piece in pieces],
            texts=len(texts),
        )
        prompted = self._length(prompt.rstrip())
        written: list[list[str]] = [[] for _ in texts]
        tokens: list[list[Vectors]] = [[] for _ in texts]
        for piece, read in zip(pieces, reads, strict=True):
            written[piece.owner] += self._encoder.pieces(piece.tokens)[prompted:]
            tokens[piece.owner].append(read.tokens[prompted:].float().cpu().numpy())
        return [
            Reading(vector, tuple(words), unit(np.concatenate(rows))) if rows else whole(vector)
            for vector, words, rows in zip(vectors, written, tokens, strict=True)
        ]

    def _length(self, prompt: str) -> int:
        """Tokens of a prompt, special ones not counted."""
        return len(self._encoder.pieces(self._encoder.tokenize([prompt])[0])) if prompt else 0

    def _embed(self, texts: Sequence[str], *, prompt: str) -> Vectors:
        pieces: list[Piece] = []
        vectors: list[Tensor] = []
        for part in filter(None, self._tokenized(texts, prompt)):
            pieces += part
            vectors.append(self._compute(part))
        if not pieces:
            return np.zeros((len(texts), self._identity.dimension), np.float32)
        return join_pieces(
            torch.cat(vectors).float().cpu().numpy(),
            owners=[piece.owner for piece in pieces],
            weights=[len(piece) for piece in pieces],
            texts=len(texts),
        )

    def _tokenized(self, texts: Sequence[str], prompt: str) -> Iterator[list[Piece]]:
        """The pieces of some texts, then of others; those that follow are already being made."""
        order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
        cut = partial(self._cut, texts, prompt=prompt)
        # Most often there is but one part, such as a question: no thread for the first.
        pieces = cut(order[:PART])
        for begin in range(PART, len(order), PART):
            following = self._tokenizing.submit(cut, order[begin : begin + PART])
            yield pieces
            pieces = following.result()
        yield pieces

    def _compute(self, pieces: Sequence[Piece]) -> Tensor:
        with self._computing:
            return self._encoder.vectors(
                [piece.text for piece in pieces], [piece.tokens for piece in pieces]
            )

    def _cut(self, texts: Sequence[str], owners: Sequence[int], *, prompt: str) -> list[Piece]:
        """The pieces of the owners' texts, the longest first; of a text without tokens none."""
        pieces: list[Piece] = []
        most = self.max_tokens
        uncut = [(owner, texts[owner]) for owner in owners]
        while uncut:
            tokenized = self._encoder.tokenize([prompt + text for _, text in uncut])
            halves: list[tuple[int, str]] = []
            for (owner, text), tokens in zip(uncut, tokenized, strict=True):
                piece, middle = Piece(owner, prompt + text, tokens), len(text) // 2
                if len(piece) > most and middle:
                    halves += [(owner, text[:middle]), (owner, text[middle:])]
                elif len(piece):
                    pieces.append(piece)
            uncut = halves
        return sorted(pieces, key=len, reverse=True)


def load_sentence_transformer(
    name: str, *, device: str | None, query_prompt: str | None, passage_prompt: str | None
) -> SentenceTransformerEmbeddings:
    """The model in a folder, or the one that a hub has under an id.

    Raises:
        EmbeddingsError: there is no such model, or it cannot be loaded safely.
    """
    on = choose_device(device)
    folder = model_folder(name, setting=SETTING, error=EmbeddingsError)
    model = _load(folder, device=str(on))
    identity = EmbedderIdentity(
        name=name,
        weights=_revision(folder) or digest(folder),
        dimension=model.get_embedding_dimension() or model.encode(["."]).shape[1],
        query_prompt=_prompt(model, query_prompt, "query"),
        passage_prompt=_prompt(model, passage_prompt, "passage", "document"),
        pooling=_pooling(model),
    )
    return SentenceTransformerEmbeddings(model, identity=identity)


def digest(folder: Path) -> str:
    """A digest of the files that decide a model's vectors.

    Of a large file only samples spread over it are read, for hashing gigabytes
    takes seconds at every start: whatever trains a model changes nearly all of
    its weights.
    """
    total = hashlib.blake2b(digest_size=16)
    files = {path for pattern in MODEL_FILES for path in folder.rglob(pattern)}
    for path in sorted(files):
        total.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode())
        for sample in _samples(path):
            total.update(sample)
    return total.hexdigest()


def _samples(path: Path) -> Iterator[bytes]:
    size = path.stat().st_size
    stride = max(size // SAMPLES, SAMPLE_BYTES)
    with path.open("rb") as file:
        for offset in range(0, size, stride):
            file.seek(offset)
            yield file.read(SAMPLE_BYTES)


def _load(folder: Path, *, device: str) -> SentenceTransformer:
    disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        return SentenceTransformer(
            str(folder),
            device=device,
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )
    # A model's files can make the library raise almost anything.
    except Exception as error:
        raise EmbeddingsError(
            f"The model in {folder} cannot be loaded: {first_line(error)} "
            "It must be one of sentence-transformers, without code of its own"
        ) from error


def _revision(folder: Path) -> str | None:
    """The hub's revision, after which its client names the folder of a snapshot."""
    return folder.name if folder.parent.name == "snapshots" else None


def _prompt(model: SentenceTransformer, chosen: str | None, *names: str) -> str:
    """The prompt the user chose, or the model's first that is not empty."""
    if chosen is not None:
        return chosen
    return next((prompt for name in names if (prompt := model.prompts.get(name))), "")


def _pooling(model: SentenceTransformer) -> str:
    modes = (str(getattr(module, "pooling_mode", "")) for module in model)
    return next(filter(None, modes), "none")
