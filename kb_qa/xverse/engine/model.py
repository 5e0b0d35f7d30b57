"""A dense Llama: a batch of tokens in, logits out."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from kb_qa.xverse.engine.batch import Batch
from kb_qa.xverse.engine.cache import KeyValueCache, LayerCache
from kb_qa.xverse.engine.linear import Weight
from kb_qa.xverse.engine.operations import Normed, Operations
from kb_qa.xverse.engine.shape import Shape


@dataclass(frozen=True)
class Layer:
    """The weights of one layer: those that read the same inputs are joined."""

    attention_gain: Tensor
    queries_keys_values: Weight
    attention_output: Weight
    feed_gain: Tensor
    gate_up: Weight
    down: Weight


@dataclass(frozen=True)
class Model:
    """All weights of a model."""

    shape: Shape
    embeddings: Tensor
    layers: list[Layer]
    gain: Tensor
    head: Weight

    def __call__(self, batch: Batch, cache: KeyValueCache, operations: Operations) -> Tensor:
        """Logits of the rows that are asked what follows: (chosen, vocabulary)."""
        hidden = functional.embedding(batch.tokens, self.embeddings)
        normed = operations.norm(hidden, self.layers[0].attention_gain)
        gains = [*(layer.attention_gain for layer in self.layers[1:]), self.gain]
        for layer, layer_cache, gain in zip(self.layers, cache.layers, gains, strict=True):
            # What a step leaves has no name here: it would keep memory that the next one needs.
            hidden, normed = operations.add_linear(
                hidden,
                _read(normed, layer.queries_keys_values, batch, layer_cache, operations),
                layer.attention_output,
                layer.feed_gain,
            )
            hidden, normed = operations.add_linear(
                hidden, operations.feed(normed, layer.gate_up), layer.down, gain
            )
        if batch.chosen is not None:
            if not len(batch.chosen):
                return hidden.new_empty(0, self.shape.vocabulary)
            normed = operations.norm(hidden[batch.chosen], self.gain)
        return operations.logits(normed, self.head)

    @property
    def device(self) -> torch.device:
        return self.embeddings.device

    @property
    def dtype(self) -> torch.dtype:
        return self.embeddings.dtype


def _read(
    normed: Normed, weight: Weight, batch: Batch, cache: LayerCache, operations: Operations
) -> Tensor:
    """What each row reads from its sequence so far."""
    queries, keys_values = operations.mixed(normed, weight, batch, cache)
    return operations.attend(queries, keys_values, batch, cache)
