"""Keys and values of all tokens computed so far, in blocks."""

from dataclasses import dataclass

import torch
from torch import Tensor

from kb_qa.xverse.engine.shape import Shape


@dataclass(frozen=True)
class LayerCache:
    """One layer's keys and values: each (blocks, heads, tokens of a block, head size)."""

    keys: Tensor
    values: Tensor

    def store(self, keys: Tensor, values: Tensor, places: Tensor) -> None:
        """Put new tokens, (tokens, heads, head size), to their places."""
        blocks, offsets = self._split(places)
        self.keys[blocks, :, offsets] = keys
        self.values[blocks, :, offsets] = values

    def gather(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """The keys and values at these places: each (places, heads, head size)."""
        blocks, offsets = self._split(places)
        return self.keys[blocks, :, offsets], self.values[blocks, :, offsets]

    def _split(self, places: Tensor) -> tuple[Tensor, Tensor]:
        size = self.keys.shape[2]
        return places // size, places % size


class KeyValueCache:
    """The caches of all layers, in one piece of memory.

    Args:
        blocks: how many.
        block_tokens: tokens a block holds.
    """

    def __init__(
        self,
        shape: Shape,
        *,
        blocks: int,
        block_tokens: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        size = (shape.layers, 2, blocks, shape.cached_heads, block_tokens, shape.head_size)
        self._memory = torch.zeros(size, dtype=dtype, device=device)
        self.layers = [LayerCache(*each) for each in self._memory]
        self.blocks, self.block_tokens = blocks, block_tokens

    @property
    def tokens(self) -> int:
        """Tokens it holds, without those of the spare block."""
        return (self.blocks - 1) * self.block_tokens
