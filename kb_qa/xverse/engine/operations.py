"""What a layer is made of, for any device, in plain torch: the reference for all others."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from kb_qa.xverse.engine.batch import Batch
from kb_qa.xverse.engine.cache import LayerCache
from kb_qa.xverse.engine.linear import Weight
from kb_qa.xverse.engine.shape import Shape


@dataclass(frozen=True)
class Normed:
    """Rows after a norm, (rows, hidden); by whom else than its maker it is read is undefined.

    Attributes:
        values: normed; or with the gain alone, if there are squares.
        squares: of parts of each row before, (rows, parts).
    """

    values: Tensor
    squares: Tensor | None = None


class Operations(Protocol):
    """The steps of a layer; `hidden` is always (rows, hidden), and may be overwritten."""

    def norm(self, hidden: Tensor, gain: Tensor) -> Normed:
        """Root mean square norm of each row."""

    def mixed(
        self, normed: Normed, weight: Weight, batch: Batch, cache: LayerCache
    ) -> tuple[Tensor, Tensor]:
        """Queries, keys and values, rotated; the last two go to the cache.

        Returns the queries, (rows, heads, head size), and the keys and values
        of the rows, (2, rows, cached heads, head size).
        """

    def attend(
        self, queries: Tensor, keys_values: Tensor, batch: Batch, cache: LayerCache
    ) -> Tensor:
        """What each row reads from its sequence so far: (rows, heads x head size)."""

    def add_linear(
        self, hidden: Tensor, inputs: Tensor, weight: Weight, gain: Tensor
    ) -> tuple[Tensor, Normed]:
        """`hidden` plus the linear layer of `inputs`; and the norm of that."""

    def feed(self, normed: Normed, weight: Weight) -> Tensor:
        """silu(gate) x up, the two side by side in the weight: (rows, feed forward)."""

    def logits(self, normed: Normed, weight: Weight) -> Tensor:
        """The head: (rows, vocabulary)."""

    def likeliest(self, logits: Tensor) -> Tensor:
        """The first of the greatest of each row: (rows)."""


class PlainOperations:
    """The steps in torch's own operators."""

    def __init__(self, shape: Shape, *, device: torch.device) -> None:
        self._shape = shape
        self.angles = rotation_angles(shape, device)

    def norm(self, hidden: Tensor, gain: Tensor) -> Normed:
        return Normed(functional.rms_norm(hidden, gain.shape, gain, self._shape.epsilon))

    def mixed(
        self, normed: Normed, weight: Weight, batch: Batch, cache: LayerCache
    ) -> tuple[Tensor, Tensor]:
        shape = self._shape
        rows = self._linear(normed.values, weight)
        rows = rows.view(len(rows), -1, shape.head_size)
        heads = [shape.heads, shape.cached_heads, shape.cached_heads]
        queries, keys, values = torch.split(rows, heads, dim=1)
        cosines, sines = self.angles[:, batch.positions].to(rows.dtype)
        queries, keys = rotate(queries, cosines, sines), rotate(keys, cosines, sines)
        cache.store(keys, values, batch.places)
        return queries, torch.stack((keys, values))

    def attend(
        self,
        queries: Tensor,
        keys_values: Tensor,  # noqa: ARG002 - all are read from the cache, the new ones too
        batch: Batch,
        cache: LayerCache,
    ) -> Tensor:
        keys, values = cache.gather(batch.all_places)
        ends, all_ends = batch.ends.tolist(), batch.all_ends.tolist()
        parts = [
            self._attend(queries[a:b], keys[c:d], values[c:d])
            for a, b, c, d in zip(ends, ends[1:], all_ends, all_ends[1:], strict=False)
        ]
        return torch.cat(parts).flatten(1)

    def add_linear(
        self, hidden: Tensor, inputs: Tensor, weight: Weight, gain: Tensor
    ) -> tuple[Tensor, Normed]:
        hidden = hidden + self._linear(inputs, weight)
        return hidden, self.norm(hidden, gain)

    def feed(self, normed: Normed, weight: Weight) -> Tensor:
        gate, up = self._linear(normed.values, weight).chunk(2, dim=-1)
        return functional.silu(gate) * up

    def logits(self, normed: Normed, weight: Weight) -> Tensor:
        return self._linear(normed.values, weight)

    def likeliest(self, logits: Tensor) -> Tensor:
        return logits.argmax(-1)

    def _linear(self, inputs: Tensor, weight: Weight) -> Tensor:
        return functional.linear(inputs, weight.whole(inputs.dtype))

    def _attend(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """One sequence: its last rows look at all before them."""
        count, length = len(queries), len(keys)
        visible = torch.ones(count, length, dtype=torch.bool, device=queries.device)
        queries, keys, values = (each.transpose(0, 1)[None] for each in (queries, keys, values))
        attended = functional.scaled_dot_product_attention(
            queries, keys, values, attn_mask=visible.tril(length - count), enable_gqa=True
        )
        return attended[0].transpose(0, 1)


def rotation_angles(shape: Shape, device: torch.device) -> Tensor:
    """Cosines and sines of every position: (2, positions, head size / 2), in float32.

    Source: J. Su et al., "RoFormer", arXiv:2104.09864, the halves of a head paired.
    """
    halves = torch.arange(0, shape.head_size, 2, dtype=torch.float32, device=device)
    frequencies = 1.0 / shape.rotation_base ** (halves / shape.head_size)
    positions = torch.arange(shape.context, dtype=torch.float32, device=device)
    angles = positions[:, None] * frequencies
    return torch.stack((angles.cos(), angles.sin()))


def rotate(vectors: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Turn (rows, heads, head size) by the angles of each row."""
    first, second = vectors.chunk(2, dim=-1)
    cosines, sines = cosines[:, None], sines[:, None]
    turned = (first * cosines - second * sines, second * cosines + first * sines)
    return torch.cat(turned, dim=-1)
