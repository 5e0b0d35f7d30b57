"""A sentence-transformers model at work on a device: tokens in, unit vectors out.

The library tokenizes a batch, pads it, computes it and waits, and in whole
precision. Here a text is tokenized once; texts of like lengths are batched by
their tokens, and models known to allow it read them without any padding; a
card computes in half precision, and is not waited for. Pooling and what
follows it are the library's, in whole precision.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol, cast

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedConfig, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from kb_qa.embeddings.packed_attention import ATTENTION, first_position, fits_flash_attention
from kb_qa.embeddings.packing import pack, to_device
from kb_qa.embeddings.workers import MOST_TOKENS, MOST_TOKENS_ON_A_GPU
from kb_qa.errors import EmbeddingsError

Tokens = Mapping[str, Sequence[int]]
"""A text as a model's tokenizer gives it: `input_ids`, and what else the model reads of it."""

ON_PACKED = (Dense, Normalize, Pooling)
"""What may follow a model without padding: other modules read masks, or rows of texts."""

MOST_TOKENS_READ = 8192
MADE_BY_CORE = frozenset({"input_ids", "token_type_ids", "attention_mask"})


@dataclass(frozen=True)
class TokenVectors:
    """A text as a model reads it, its prompt included.

    Attributes:
        vector: the unit vector of the whole: (dimension,).
        tokens: vectors of its tokens but for special ones: (tokens, width).
    """

    vector: Tensor
    tokens: Tensor


class SentenceEncoder(Protocol):
    """Turns texts into vectors.

    Threads may tokenize at once, also while one computes vectors.
    """

    @property
    def max_tokens(self) -> int:
        """Tokens the model reads of one text."""

    def tokenize(self, texts: Sequence[str]) -> list[Tokens]:
        """The tokens of each of one or more texts, special ones included, however many."""

    def vectors(self, texts: Sequence[str], tokens: Sequence[Tokens]) -> Tensor:
        """Unit vectors of texts of one token or more: (texts, dimension), on the model's device.

        Neighbours of like lengths take the least time. A card may still be computing them.

        Args:
            texts: what to embed, its prompt included.
            tokens: what `tokenize` made of each.

        Raises:
            EmbeddingsError: the device has no memory for so long a text.
        """

    def read(self, texts: Sequence[str], tokens: Sequence[Tokens]) -> list[TokenVectors]:
        """What `vectors` gives, and the vector of each of the `pieces`."""

    def pieces(self, tokens: Tokens) -> tuple[str, ...]:
        """A text's tokens as they are written, but for special ones; none if none are read."""


def choose_encoder(model: SentenceTransformer) -> SentenceEncoder:
    """The fastest encoder that computes what the library would compute with this model."""
    first = next(iter(model))
    if isinstance(first, Transformer) and _reads_tokens_alone(first):
        return TokenEncoder(model, transformer=first)
    return LibraryEncoder(model)


def _reads_tokens_alone(transformer: Transformer) -> bool:
    """Whether the model's own tokenizer and one call make token vectors of a text."""
    text = {"text": {"method": "forward", "method_output_name": "last_hidden_state"}}
    plain = not transformer.processing_kwargs and transformer.query_expansion is None
    return plain and transformer.modality_config == text and transformer.backend == "torch"


class LibraryEncoder:
    """A model that only the library knows how to compute, such as one without attention."""

    def __init__(self, model: SentenceTransformer) -> None:
        self._model = model
        # The library changes its tokenizer's padding and truncation with each call.
        self._calling = Lock()

    @property
    def max_tokens(self) -> int:
        """Tokens the model reads of one text."""
        return _max_tokens(self._model)

    def tokenize(self, texts: Sequence[str]) -> list[Tokens]:
        """The tokens of each text, as far as their number matters."""
        tokenizer = self._model.tokenizer
        if isinstance(tokenizer, Tokenizer):
            encodings = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
            return [{"input_ids": encoding.ids} for encoding in encodings]
        if callable(tokenizer):
            with self._calling:
                return _tokenize(tokenizer, texts)
        return [{"input_ids": tokenizer.tokenize(text)} for text in texts]

    def vectors(self, texts: Sequence[str], tokens: Sequence[Tokens]) -> Tensor:  # noqa: ARG002
        """Unit vectors of texts."""
        with self._calling:
            return self._model.encode(
                list(texts),
                prompt="",
                normalize_embeddings=True,
                convert_to_tensor=True,
                show_progress_bar=False,
            )

    def read(self, texts: Sequence[str], tokens: Sequence[Tokens]) -> list[TokenVectors]:
        """Unit vectors of texts, without their tokens."""
        vectors = self.vectors(texts, tokens)
        return [TokenVectors(vector, vectors[:0]) for vector in vectors]

    def pieces(self, tokens: Tokens) -> tuple[str, ...]:  # noqa: ARG002
        """None: what the library makes of each token is not known here."""
        return ()


class TokenEncoder:
    """A model whose first module is a transformer that reads nothing but tokens.

    Args:
        model: the model, already on its device; its transformer is changed to compute faster.
        transformer: the model's first module.
        budget: tokens of a batch, padding included; by default what suits the device.
    """

    def __init__(
        self, model: SentenceTransformer, *, transformer: Transformer, budget: int | None = None
    ) -> None:
        self._model, self._transformer = model.eval(), transformer
        self._device = torch.device(model.device)
        on_cpu = self._device.type == "cpu"
        self._budget = budget or (MOST_TOKENS if on_cpu else MOST_TOKENS_ON_A_GPU)
        self._tokenizer = cast("Any", transformer.tokenizer)
        self._special = frozenset(self._tokenizer.all_special_ids)
        self._core = _core(self._tokenizer)
        config = transformer.model.config
        dtype = _fast_dtype(self._device, config)
        if dtype is not None:
            _convert_weights(transformer.model, dtype)
        flashes = dtype == torch.bfloat16 and fits_flash_attention(config)
        followers = [module.float() for module in list(model)[1:]]
        packs = (on_cpu or flashes) and all(isinstance(each, ON_PACKED) for each in followers)
        self._first_position = first_position(config) if packs else None
        if self._first_position is not None:
            transformer.model.set_attn_implementation(ATTENTION)

    @property
    def max_tokens(self) -> int:
        """Tokens the model reads of one text."""
        config = self._transformer.model.config
        first = first_position(config)
        positions = MOST_TOKENS_READ if first is None else config.max_position_embeddings - first
        return min(_max_tokens(self._model), positions)

    def tokenize(self, texts: Sequence[str]) -> list[Tokens]:
        """The tokens of each text, special ones included, however many."""
        if self._core is None:
            return _tokenize(self._tokenizer, texts)
        encodings = self._core.encode_batch_fast(list(texts))
        return [{"input_ids": each.ids, "token_type_ids": each.type_ids} for each in encodings]

    @torch.inference_mode()
    def vectors(self, texts: Sequence[str], tokens: Sequence[Tokens]) -> Tensor:  # noqa: ARG002
        """Unit vectors of texts; a card may still be computing them."""
        most = self.max_tokens
        batches = self._batches([_shorten(text, most) for text in tokens])
        return torch.cat([self._within_memory(batch) for batch in batches])

    @torch.inference_mode()
    def read(self, texts: Sequence[str], tokens: Sequence[Tokens]) -> list[TokenVectors]:  # noqa: ARG002
        """Unit vectors of texts and the vectors of their tokens."""
        most = self.max_tokens
        batches = self._batches([_shorten(text, most) for text in tokens])
        return [each for batch in batches for each in self._read(batch)]

    def pieces(self, tokens: Tokens) -> tuple[str, ...]:
        """A text's tokens as they are written, but for special ones."""
        read = _shorten(tokens, self.max_tokens)
        own = (read["input_ids"][place] for place in self._own(read))
        return tuple(self._tokenizer.decode([token]).strip() for token in own)

    def _batches(self, texts: Sequence[Tokens]) -> Iterator[Sequence[Tokens]]:
        """Neighbours that would be at most the budget's tokens if all were as long as the longest.

        Where nothing is padded that is a little less than they could be.
        """
        begin, longest = 0, 0
        for index, text in enumerate(texts):
            longest = max(longest, len(text["input_ids"]))
            if index > begin and longest * (index + 1 - begin) > self._budget:
                yield texts[begin:index]
                begin, longest = index, len(text["input_ids"])
        yield texts[begin:]

    def _within_memory(self, batch: Sequence[Tokens]) -> Tensor:
        """The vectors of a batch, in halves if the device's memory is too small for it."""
        longest = max(len(text["input_ids"]) for text in batch)
        try:
            return self._compute(batch)
        except torch.OutOfMemoryError:
            if len(batch) == 1:
                raise EmbeddingsError(
                    f"The GPU has no memory left for a text of {longest} tokens. Close what else "
                    "runs on it, or set KB_QA_DEVICE=cpu"
                ) from None
        # Outside of the handler, which holds on to what was computed so far.
        middle = len(batch) // 2
        self._budget = min(self._budget, longest * middle)
        return torch.cat([self._within_memory(half) for half in (batch[:middle], batch[middle:])])

    def _compute(self, batch: Sequence[Tokens]) -> Tensor:
        return self._pooled(self._features(batch))

    def _read(self, batch: Sequence[Tokens]) -> Iterator[TokenVectors]:
        features = self._features(batch)
        states = self._states(features, [len(text["input_ids"]) for text in batch])
        for vector, rows, text in zip(self._pooled(features), states, batch, strict=True):
            yield TokenVectors(vector, rows[self._own(text)])

    def _own(self, text: Tokens) -> list[int]:
        """The places of all tokens but the special ones."""
        ids = text["input_ids"]
        return [place for place, token in enumerate(ids) if token not in self._special]

    def _states(self, features: Mapping[str, Tensor], lengths: Sequence[int]) -> Sequence[Tensor]:
        """The vectors of each text's tokens."""
        states = features["token_embeddings"].float()
        if self._first_position is None:
            states = states[features["attention_mask"].bool()]
        return torch.split(states.reshape(-1, states.shape[-1]), list(lengths))

    def _features(self, batch: Sequence[Tokens]) -> dict[str, Any]:
        first = self._first_position
        features = self._padded(batch) if first is None else self._packed(batch, first)
        return _to_float32(self._transformer(features))

    def _pooled(self, features: dict[str, Any]) -> Tensor:
        for module in list(self._model)[1:]:
            features = module(features)
        vectors = features["sentence_embedding"][:, : self._model.truncate_dim]
        return functional.normalize(vectors.float(), dim=-1)

    def _packed(self, batch: Sequence[Tokens], first: int) -> dict[str, Any]:
        """The features under the names that the library has for texts without padding."""
        ids = [text["input_ids"] for text in batch]
        packed = pack(ids, first_position=first, device=self._device)
        return {
            "input_ids": packed.ids,
            "position_ids": packed.positions,
            "seq_idx": packed.owners,
            "cu_seq_lens_q": packed.ends,
            "max_length_q": packed.longest,
        }

    def _padded(self, batch: Sequence[Tokens]) -> dict[str, Any]:
        names = {*self._tokenizer.model_input_names}
        texts = [{name: text[name] for name in text if name in names} for text in batch]
        features = self._tokenizer.pad(texts, return_tensors="pt")
        return {name: to_device(tensor, self._device) for name, tensor in features.items()}


def _fast_dtype(device: torch.device, config: PreTrainedConfig) -> torch.dtype | None:
    """What a card multiplies fastest, or None to leave the weights as they are.

    float16 has too small a range for some models; those that can be packed keep within it.
    """
    if device.type != "cuda":
        return None
    if torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16
    return None if first_position(config) is None else torch.float16


def _convert_weights(module: nn.Module, dtype: torch.dtype) -> None:
    """Convert the weights alone: a rotation's frequencies, which are none, stay precise."""
    for weight in module.parameters():
        weight.data = weight.data.to(dtype)


def _max_tokens(model: SentenceTransformer) -> int:
    return int(min(model.max_seq_length or MOST_TOKENS_READ, MOST_TOKENS_READ))


def _tokenize(tokenizer: Any, texts: Sequence[str]) -> list[Tokens]:
    features = tokenizer(list(texts), truncation=False, padding=False, verbose=False)
    rows = zip(*features.values(), strict=True)
    return [dict(zip(features, row, strict=True)) for row in rows]


def _core(tokenizer: PreTrainedTokenizerBase | None) -> Tokenizer | None:
    """What a tokenizer itself calls, set to neither cut texts nor pad them.

    It takes half the time, for the tokenizer makes and drops more of each text. None if there
    is no such core, or the model reads what only the tokenizer makes.
    """
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        return None
    if not MADE_BY_CORE.issuperset(tokenizer.model_input_names):
        return None
    core: Tokenizer = tokenizer.backend_tokenizer
    core.no_truncation()
    core.no_padding()
    return core


def _shorten(text: Tokens, most: int) -> Tokens:
    """The text, or if it is too long its beginning with its last token, the one that ends texts."""
    if len(text["input_ids"]) <= most:
        return text
    return {name: [*values[: most - 1], values[-1]] for name, values in text.items()}


def _to_float32(features: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.float() if isinstance(value, Tensor) and value.is_floating_point() else value
        for name, value in features.items()
    }
