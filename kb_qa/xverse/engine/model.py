"""A dense Llama: a batch of tokens in, logits out."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from kb_qa.xverse.engine.batch import Batch
from kb_qa.xverse.engine.cache import KeyValueCache, LayerCache
from kb_qa.xverse.engine.linear import Weight
from kb_qa.xverse.engine.operations import Operations
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

    def __call__(
        self, hidden: Tensor, batch: Batch, cache: LayerCache, operations: Operations
    ) -> Tensor:
        """One step: (rows, hidden) to (rows, hidden)."""
        queries, keys_values = operations.mixed(
            hidden, self.attention_gain, self.queries_keys_values, batch, cache
        )
        attended = operations.attend(queries, keys_values, batch, cache)
        hidden = operations.add_linear(hidden, attended, self.attention_output)
        fed = operations.feed(hidden, self.feed_gain, self.gate_up)
        return operations.add_linear(hidden, fed, self.down)


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
        for layer, layer_cache in zip(self.layers, cache.layers, strict=True):
            hidden = layer(hidden, batch, layer_cache, operations)
        if not len(batch.chosen):
            return hidden.new_empty(0, self.shape.vocabulary)
        return operations.logits(hidden[batch.chosen], self.gain, self.head)

    @property
    def device(self) -> torch.device:
        return self.embeddings.device

    @property
    def dtype(self) -> torch.dtype:
        return self.embeddings.dtype
