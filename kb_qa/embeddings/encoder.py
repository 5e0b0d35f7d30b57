"""The BERT encoder of a packed model: token ids in, mean token vectors out.

The sequences of a batch lie one after the other in one (tokens, hidden)
tensor, so that no work is spent on padding; only attention knows where each
begins. Dropout, pooler and masks, which inference does not need, are left out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, groupby
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from kb_qa.embeddings.devices import Arithmetic
from kb_qa.embeddings.linear import Linear, make_linear
from kb_qa.embeddings.packed_file import BLOCK_BYTES, BLOCK_WEIGHTS, PackedFile, dequantize
from kb_qa.embeddings.workers import start_threads

Attention = Callable[[Tensor], Tensor]
"""From queries, keys and values, (tokens, 3, heads, head size), to (tokens, heads x head size)."""


@dataclass(frozen=True)
class Norm:
    """A layer norm."""

    weight: Tensor
    bias: Tensor
    epsilon: float

    def __call__(self, inputs: Tensor) -> Tensor:
        return functional.layer_norm(
            inputs, self.weight.shape, self.weight, self.bias, self.epsilon
        )


@dataclass(frozen=True)
class Layer:
    """One layer of the encoder."""

    heads: int
    queries_keys_values: Linear
    attention_output: Linear
    attention_norm: Norm
    feed_in: Linear
    feed_out: Linear
    output_norm: Norm

    def __call__(self, hidden: Tensor, attention: Attention) -> Tensor:
        """One step: (tokens, hidden) to (tokens, hidden)."""
        mixed = self.queries_keys_values(hidden).view(len(hidden), 3, self.heads, -1)
        attended = self.attention_output(attention(mixed))
        hidden = self.attention_norm(attended.add_(hidden))
        widened = torch.ops.aten.gelu_.default(self.feed_in(hidden))
        return self.output_norm(self.feed_out(widened).add_(hidden))


class Encoder:
    """A BERT encoder; safe to share between threads."""

    def __init__(self, packed: PackedFile, *, device: torch.device, arithmetic: Arithmetic) -> None:
        self._device, self._dtype = device, arithmetic.dtype
        weights = _Weights(packed, device, arithmetic)
        blocks_of_a_word = packed.shape.hidden // BLOCK_WEIGHTS
        self._words = packed.blocks("emb.word").reshape(-1, blocks_of_a_word, BLOCK_BYTES)
        self._places = weights.places()
        self._norm = weights.norm("emb.ln")
        with start_threads(torch.get_num_threads()) as pool:
            self._layers = list(pool.map(weights.layer, range(packed.shape.layers)))
        on_cuda = partial(_attend_on_cuda, device=device)
        self._attend = on_cuda if device.type == "cuda" else _attend_by_length

    @torch.inference_mode()
    def mean_vectors(self, sequences: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """The mean vector of the tokens of each sequence: (sequences, hidden).

        Neighbours of one length are attended to together, so sorted is faster.
        """
        means = torch.stack([part.mean(0) for part in self._tokens(sequences)])
        return means.cpu().numpy()

    @torch.inference_mode()
    def token_vectors(self, sequences: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        """The vectors of the tokens of each sequence, each of shape (tokens, hidden)."""
        return [part.cpu().numpy() for part in self._tokens(sequences)]

    def _tokens(self, sequences: Sequence[Sequence[int]]) -> Sequence[Tensor]:
        lengths = [len(sequence) for sequence in sequences]
        hidden = self._norm(self._embed(sequences))
        attention = self._attend(lengths)
        for layer in self._layers:
            hidden = layer(hidden, attention)
        return torch.split(hidden.float(), lengths)

    def _embed(self, sequences: Sequence[Sequence[int]]) -> Tensor:
        ids = np.concatenate([np.asarray(sequence) for sequence in sequences])
        places = torch.cat([self._places[: len(sequence)] for sequence in sequences])
        words = dequantize(self._words[ids].reshape(-1, BLOCK_BYTES)).reshape(len(ids), -1)
        return torch.from_numpy(words).to(self._device, self._dtype) + places


class _Weights:
    """Reads a packed model's tensors into layers."""

    def __init__(self, packed: PackedFile, device: torch.device, arithmetic: Arithmetic) -> None:
        self._packed, self._device, self._arithmetic = packed, device, arithmetic

    def places(self) -> Tensor:
        """What a token's position adds to its embedding, with that of the one token type."""
        shape = self._packed.shape
        positions = self._tensor("emb.pos", shape.positions, shape.hidden)
        types = self._tensor("emb.type", shape.token_types, shape.hidden)
        return (positions + types[0]).to(self._arithmetic.dtype)

    def norm(self, name: str) -> Norm:
        shape = self._packed.shape
        weight, bias = (self._tensor(f"{name}.{part}", shape.hidden) for part in "wb")
        dtype = self._arithmetic.dtype
        return Norm(weight.to(dtype), bias.to(dtype), shape.epsilon)

    def layer(self, index: int) -> Layer:
        shape = self._packed.shape
        prefix, hidden, wide = f"l{index}", shape.hidden, shape.feed_forward
        return Layer(
            heads=shape.heads,
            queries_keys_values=self._linear(hidden, hidden, *(f"{prefix}.{x}" for x in "qkv")),
            attention_output=self._linear(hidden, hidden, f"{prefix}.ao"),
            attention_norm=self.norm(f"{prefix}.aln"),
            feed_in=self._linear(wide, hidden, f"{prefix}.fi"),
            feed_out=self._linear(hidden, wide, f"{prefix}.fo"),
            output_norm=self.norm(f"{prefix}.oln"),
        )

    def _linear(self, outputs: int, inputs: int, *names: str) -> Linear:
        """One layer for several that read the same inputs, their outputs side by side."""
        weights = [self._tensor(f"{name}.w", outputs, inputs) for name in names]
        biases = [self._tensor(f"{name}.b", outputs) for name in names]
        return make_linear(_join(weights), _join(biases), arithmetic=self._arithmetic)

    def _tensor(self, name: str, *shape: int) -> Tensor:
        return torch.from_numpy(self._packed.floats(name)).reshape(shape).to(self._device)


def _join(tensors: list[Tensor]) -> Tensor:
    """One below the other; a single one is not copied."""
    return torch.cat(tensors) if len(tensors) > 1 else tensors[0]


def _attend_by_length(lengths: Sequence[int]) -> Attention:
    """Attention that takes neighbouring sequences of one length together."""
    groups = [(len(list(equal)), length) for length, equal in groupby(lengths)]
    sizes = [count * length for count, length in groups]

    def attend(mixed: Tensor) -> Tensor:
        parts = zip(torch.split(mixed, sizes), groups, strict=True)
        return torch.cat([_attend_to_equals(part, *group) for part, group in parts])

    return attend if len(groups) > 1 else partial(_attend_to_equals, count=len(lengths))


def _attend_to_equals(mixed: Tensor, count: int, length: int = -1) -> Tensor:
    """Attention of `count` sequences of one length."""
    queries, keys, values = mixed.view(count, length, *mixed.shape[1:]).permute(2, 0, 3, 1, 4)
    attended = functional.scaled_dot_product_attention(queries, keys, values)
    return attended.transpose(1, 2).reshape(len(mixed), -1)


def _attend_on_cuda(lengths: Sequence[int], *, device: torch.device) -> Attention:
    """Attention of all sequences in one kernel."""
    # Imported here: it brings in torch's compiler, which takes a second and serves no processor.
    from torch.nn.attention.varlen import varlen_attn

    ends = torch.tensor([0, *accumulate(lengths)], dtype=torch.int32, device=device)
    longest = max(lengths)

    def attend(mixed: Tensor) -> Tensor:
        queries, keys, values = mixed.unbind(1)
        attended = varlen_attn(queries, keys, values, ends, ends, longest, longest)
        return cast("Tensor", attended).flatten(1)

    return attend
