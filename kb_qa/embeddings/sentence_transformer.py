"""Any sentence-transformers model, from a folder or from a hub.

A hub is asked only for a model that the user named by its id, and only for
files that hold no code; from then on the model is a folder like any other.
Weights are read from safetensors alone: unpickling can run anything.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock

import numpy as np
from huggingface_hub import snapshot_download
from sentence_transformers import SentenceTransformer
from transformers.utils.logging import disable_progress_bar

from kb_qa.embeddings.base import EmbedderIdentity, PassageEmbeddings, Vectors
from kb_qa.embeddings.devices import choose_device
from kb_qa.embeddings.pieces import join_pieces
from kb_qa.errors import EmbeddingsError

HUB_ID = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")
MODEL_FILES = ("*.safetensors", "*.json", "*.txt", "*.model")
PICKLES = ("pytorch_model*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt")
MOST_TOKENS = 8192
SAMPLES, SAMPLE_BYTES = 256, 65536


class SentenceTransformerEmbeddings(PassageEmbeddings):
    """A sentence-transformers model with its prompts.

    A text longer than the model reads is halved until each piece fits; its
    vector is their mean, weighted by tokens.

    Args:
        model: the model, already on its device.
        identity: what the knowledge base records of it, the prompts included.
    """

    def __init__(self, model: SentenceTransformer, *, identity: EmbedderIdentity) -> None:
        self._model, self._identity = model, identity
        # The library changes its tokenizer's padding and truncation with each call.
        self._calling = Lock()

    @property
    def identity(self) -> EmbedderIdentity:
        """What the knowledge base records of this model."""
        return self._identity

    @property
    def max_tokens(self) -> int:
        """Tokens the model reads of one text."""
        return int(min(self._model.max_seq_length or MOST_TOKENS, MOST_TOKENS))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens each text takes as a passage, as if the model read it whole."""
        return [self._count(self._identity.passage_prompt + text) for text in texts]

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of passages."""
        return self._embed(texts, prompt=self._identity.passage_prompt)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of questions."""
        return self._embed(texts, prompt=self._identity.query_prompt)

    def _embed(self, texts: Sequence[str], *, prompt: str) -> Vectors:
        pieces = [
            (owner, piece, tokens)
            for owner, text in enumerate(texts)
            for piece, tokens in self._cut(text, prompt)
        ]
        if not pieces:
            return np.empty((0, self._identity.dimension), np.float32)
        owners, parts, weights = zip(*pieces, strict=True)
        vectors = self._encode([prompt + part for part in parts])
        return join_pieces(vectors, owners=owners, weights=weights, texts=len(texts))

    def _cut(self, text: str, prompt: str) -> Iterator[tuple[str, int]]:
        """The pieces of a text, each with its number of tokens."""
        tokens, middle = self._count(prompt + text), len(text) // 2
        if tokens <= self.max_tokens or not middle:
            yield text, tokens
            return
        yield from self._cut(text[:middle], prompt)
        yield from self._cut(text[middle:], prompt)

    def _count(self, text: str) -> int:
        with self._calling:
            features = self._model.tokenizer(text, truncation=False, padding=False, verbose=False)
        return len(features["input_ids"])

    def _encode(self, texts: list[str]) -> Vectors:
        with self._calling:
            vectors: Vectors = self._model.encode(
                texts, prompt="", normalize_embeddings=True, show_progress_bar=False
            )
        return vectors


def load_sentence_transformer(
    name: str, *, device: str | None, query_prompt: str | None, passage_prompt: str | None
) -> SentenceTransformerEmbeddings:
    """The model in a folder, or the one that a hub has under an id.

    Raises:
        EmbeddingsError: there is no such model, or it cannot be loaded safely.
    """
    on = choose_device(device)
    folder = _folder(name)
    _refuse_pickles(folder)
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


def _folder(name: str) -> Path:
    """The folder of this name, or of the hub's files, fetched once.

    Any other name is a mistake that no hub is asked about.
    """
    folder = Path(name).expanduser()
    if name and folder.is_dir():
        return folder
    if not HUB_ID.fullmatch(name):
        raise EmbeddingsError(
            f"There is no folder {name!r}, and it cannot be the id of a model on a hub "
            "(owner/name). Set KB_QA_EMBEDDINGS to one of them, or to bundled"
        )
    try:
        return Path(snapshot_download(name, allow_patterns=list(MODEL_FILES)))
    # Between here and the hub almost anything can fail.
    except Exception as error:
        raise EmbeddingsError(
            f"The model {name} is no folder here and could not be fetched: {_first_line(error)} "
            "Check its id and the network, or give the folder of a downloaded model"
        ) from error


def _refuse_pickles(folder: Path) -> None:
    """Stop before the library falls back to pickled weights."""
    safe = {path.parent for path in folder.rglob("*.safetensors")}
    pickles = [path for pattern in PICKLES for path in folder.rglob(pattern)]
    unsafe = sorted(path for path in pickles if path.parent not in safe)
    if unsafe or not safe:
        found = f"only {unsafe[0].name}, a pickle" if unsafe else "no weights"
        raise EmbeddingsError(
            f"The model in {folder} has {found}, and only safetensors are loaded. "
            "Choose a model that has them, or save this one anew with sentence-transformers"
        )


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
            f"The model in {folder} cannot be loaded: {_first_line(error)} "
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


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0].rstrip(".") + "."
