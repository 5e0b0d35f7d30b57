"""What a layer is made of, on a card: our kernels where few rows wait for the weights.

With many rows the products are torch's own: they are bound by arithmetic, and
nothing beats the vendor's library there.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
import triton
from torch import Tensor
from torch.nn import functional

from kb_qa.xverse.engine import kernels
from kb_qa.xverse.engine.batch import Batch
from kb_qa.xverse.engine.cache import LayerCache
from kb_qa.xverse.engine.linear import Int4Weight, Int8Weight, Weight, WholeWeight
from kb_qa.xverse.engine.operations import Normed, rotation_angles
from kb_qa.xverse.engine.shape import Shape

_FEW_ROWS, _FEW_QUANTIZED_ROWS = 16, 64
"""Rows up to which our linear kernel is the faster one.

What a matrix unit takes at once costs hardly more than one; with more, making
a quantized weight whole for the vendor's library pays only when rows are many.
"""

_SPAN = (256, 64, 2, 2)  # tokens that a program of the attention reads, in all and at once
_MOST_QUERIES = 16
_LEAST_ROWS = 8  # of a matrix unit
_NIBBLES = 4  # of a word
_MOST_SPLITS = 8  # of the inputs of a linear layer
_BLOCK_HEADS = 32  # turned by one program
_CHOOSERS = 64  # programs that look for the likeliest token of a row
_LEAST_OUTPUTS = 32  # of a program that adds to the rows, and leaves the squares of its part


@dataclass(frozen=True)
class Tile:
    """How a linear kernel cuts a weight, and how many threads and loads it has under way.

    Attributes:
        outputs: of a program.
        inputs: read at once.
        warps: of a program.
        stages: loads under way at once.
        splits: programs that share the inputs of one output.
    """

    outputs: int
    inputs: int
    warps: int
    stages: int
    splits: int = 1


TILES = {
    16: Tile(outputs=64, inputs=128, warps=4, stages=3),
    8: Tile(outputs=64, inputs=256, warps=4, stages=3),
    4: Tile(outputs=32, inputs=64, warps=2, stages=4),
}
ADDING_TILES = {
    16: Tile(outputs=32, inputs=128, warps=2, stages=4, splits=4),
    8: Tile(outputs=32, inputs=256, warps=2, stages=4, splits=4),
    4: Tile(outputs=32, inputs=64, warps=1, stages=4, splits=8),
}
"""By the bits of a weight. Those that add to the rows have few outputs, so that several programs
share each. Chosen with benchmarks/kernel_tiles.py; on an H200, but small enough for any card."""


@dataclass(frozen=True)
class Tuning:
    """How the kernels do their work.

    Attributes:
        tiles: how to cut weights, by their bits.
        adding_tiles: how to cut those that add to the rows.
        span: tokens that a program of the attention reads, in all and at once; warps, and loads.
    """

    tiles: Mapping[int, Tile] = field(default_factory=lambda: TILES)
    adding_tiles: Mapping[int, Tile] = field(default_factory=lambda: ADDING_TILES)
    span: tuple[int, int, int, int] = _SPAN


class CardOperations:
    """The steps in Triton kernels and torch's operators.

    What is large is at a place of its own from the start: memory that is asked for in
    ever other sizes falls to pieces. So the logits of a step are where those before were.

    Args:
        rows: the most that are decoded in one step.
        read_tokens: the most that prompts of one step read in the cache, all together.
        dtype: of what is computed.
        quantized: whether the weights are.
        tuning: how the kernels do it.
    """

    def __init__(
        self,
        shape: Shape,
        *,
        device: torch.device,
        rows: int,
        read_tokens: int,
        dtype: torch.dtype,
        quantized: bool,
        tuning: Tuning | None = None,
    ) -> None:
        self._shape = shape
        self._few = _FEW_QUANTIZED_ROWS if quantized else _FEW_ROWS
        tuning = tuning or Tuning()
        self._tiles, self._adding_tiles = tuning.tiles, tuning.adding_tiles
        self._angles = rotation_angles(shape, device)
        self._span, self._span_tile, self._span_warps, self._span_stages = tuning.span
        splits = triton.next_power_of_2(triton.cdiv(shape.context, self._span))
        lines = rows * shape.heads
        self._sums = torch.empty(lines, splits, shape.head_size, device=device)
        self._scales = torch.empty(lines, splits, 2, device=device)
        self._arrivals = torch.zeros(lines, dtype=torch.int32, device=device)
        self._splits = splits
        # One for all layers: each is read before the next writes it; what no program writes is 0.
        self._squares = torch.zeros(_FEW_QUANTIZED_ROWS, self._parts, device=device)
        most = _MOST_SPLITS * shape.hidden * _FEW_QUANTIZED_ROWS
        self._parts_of_sums = torch.empty(most, device=device)
        self._summed = torch.zeros(shape.hidden, dtype=torch.int32, device=device)
        self._tops = torch.empty(rows, _CHOOSERS, device=device)
        self._indices = torch.empty(rows, _CHOOSERS, dtype=torch.int32, device=device)
        self._choosers = torch.zeros(rows, dtype=torch.int32, device=device)
        self._nothing = torch.empty(1, device=device)
        self._logits = torch.empty(rows, shape.vocabulary, dtype=dtype, device=device)
        size = (2, read_tokens, shape.cached_heads, shape.head_size)
        self._gathered = torch.empty(size, dtype=dtype, device=device)

    def norm(self, hidden: Tensor, gain: Tensor) -> Normed:
        rows, size = hidden.shape
        outputs = torch.empty_like(hidden)
        parts = self._parts if rows <= self._few else 0
        squares = self._squares if parts else None
        kernels.norm_kernel[(rows,)](
            hidden,
            gain,
            outputs,
            self._nothing if squares is None else squares,
            self._shape.epsilon,
            SIZE=size,
            BLOCK=triton.next_power_of_2(size),
            PARTS=parts,
            num_warps=8,
        )
        return Normed(outputs, squares)

    def mixed(
        self, normed: Normed, weight: Weight, batch: Batch, cache: LayerCache
    ) -> tuple[Tensor, Tensor]:
        shape, rows = self._shape, len(normed.values)
        if rows <= self._few:
            queries = normed.values.new_empty(rows, shape.heads, shape.head_size)
            self._multiply(normed, weight, queries, ending=kernels.MIX, batch=batch, cache=cache)
            return queries, queries  # the keys and values are in the cache, and few read them there
        mixed = self._linear(normed, weight).view(rows, -1, shape.head_size)
        kernels.rotate_kernel[(rows, triton.cdiv(mixed.shape[1], _BLOCK_HEADS))](
            mixed,
            self._angles,
            batch.positions,
            batch.places,
            cache.keys,
            cache.values,
            shape.context,
            HEADS=shape.heads,
            CACHED_HEADS=shape.cached_heads,
            HEAD_SIZE=shape.head_size,
            BLOCK_TOKENS=cache.keys.shape[2],
            BLOCK_HEADS=_BLOCK_HEADS,
            num_warps=4,
        )
        keys_values = mixed[:, shape.heads :].view(rows, 2, shape.cached_heads, -1).transpose(0, 1)
        return mixed[:, : shape.heads], keys_values

    def attend(
        self, queries: Tensor, keys_values: Tensor, batch: Batch, cache: LayerCache
    ) -> Tensor:
        asked = batch.queries
        if asked and asked * self._shape.heads // self._shape.cached_heads <= _MOST_QUERIES:
            return self._attend_to_cache(queries.contiguous(), batch, cache, asked)
        if batch.is_fresh and keys_values is not queries:
            keys, values = keys_values
        else:
            keys, values = self._gather(batch, cache)
        # torch's public name for it is `varlen_attn`, whose arguments change with its versions.
        attended = torch.ops.aten._flash_attention_forward(
            queries,
            keys,
            values,
            batch.ends,
            batch.all_ends,
            batch.longest,
            batch.all_longest,
            dropout_p=0.0,
            is_causal=True,
            return_debug_mask=False,
        )
        rows: Tensor = attended[0]
        return rows.flatten(1)

    def add_linear(
        self, hidden: Tensor, inputs: Tensor, weight: Weight, gain: Tensor
    ) -> tuple[Tensor, Normed]:
        rows = len(inputs)
        if rows <= self._few:
            normed = Normed(torch.empty_like(hidden), self._squares)
            given = Normed(inputs.contiguous())
            self._multiply(given, weight, hidden, ending=kernels.ADD, gain=gain, result=normed)
            return hidden, normed
        torch.addmm(hidden, inputs, self._whole(weight, inputs.dtype).t(), out=hidden)
        return hidden, self.norm(hidden, gain)

    def feed(self, normed: Normed, weight: Weight) -> Tensor:
        rows, wide = len(normed.values), self._shape.feed_forward
        fed = normed.values.new_empty(rows, wide)
        if rows <= self._few:
            self._multiply(normed, weight, fed, ending=kernels.FEED)
            return fed
        both = self._linear(normed, weight)
        kernels.feed_kernel[(rows, triton.cdiv(wide, 1024))](
            both, fed, SIZE=wide, BLOCK=1024, num_warps=4
        )
        return fed

    def logits(self, normed: Normed, weight: Weight) -> Tensor:
        rows = len(normed.values)
        if rows > len(self._logits):  # answers that guess, beside prompts that end
            return self._linear(normed, weight)
        logits = self._logits[:rows]
        if rows <= self._few:
            self._multiply(normed, weight, logits, ending=kernels.PLAIN)
            return logits
        whole = self._whole(weight, normed.values.dtype)
        return torch.matmul(normed.values, whole.t(), out=logits)

    def likeliest(self, logits: Tensor) -> Tensor:
        rows, count = logits.shape
        share = triton.cdiv(count, _CHOOSERS)
        chosen = torch.empty(rows, dtype=torch.int64, device=logits.device)
        kernels.likeliest_kernel[(_CHOOSERS, rows)](
            logits,
            chosen,
            self._tops,
            self._indices,
            self._choosers,
            count,
            PROGRAMS=_CHOOSERS,
            SHARE=share,
            BLOCK=triton.next_power_of_2(share),
            num_warps=4,
        )
        return chosen

    def _multiply(
        self,
        inputs: Normed,
        weight: Weight,
        outputs: Tensor,
        *,
        ending: str,
        gain: Tensor | None = None,
        result: Normed | None = None,
        batch: Batch | None = None,
        cache: LayerCache | None = None,
    ) -> None:
        """A linear layer of few rows, and what comes before and after it."""
        shape, nothing = self._shape, self._nothing
        rows, size = inputs.values.shape
        bits, values, scales = _numbers(weight)
        tile = self._tile(bits, ending)
        constants, launched = linear_launch(tile, rows)
        kernels.linear_kernel[(triton.cdiv(weight.outputs, tile.outputs), tile.splits)](
            inputs.values,
            _or(inputs.squares, nothing),
            values,
            _or(scales, nothing),
            outputs,
            _or(gain, nothing),
            nothing if result is None else result.values,
            nothing if result is None else _or(result.squares, nothing),
            self._angles,
            nothing if batch is None else batch.positions,
            nothing if batch is None else batch.places,
            nothing if cache is None else cache.keys,
            nothing if cache is None else cache.values,
            self._parts_of_sums,
            self._summed,
            rows,
            weight.outputs,
            shape.epsilon,
            shape.context,
            INPUTS=size,
            BITS=bits,
            PARTS=0 if inputs.squares is None else self._parts,
            NEXT_PARTS=self._parts,
            ENDING=ending,
            HEADS=shape.heads,
            CACHED_HEADS=shape.cached_heads,
            HEAD_SIZE=shape.head_size,
            BLOCK_TOKENS=1 if cache is None else cache.keys.shape[2],
            **constants,
            **launched,
        )

    def _attend_to_cache(
        self, queries: Tensor, batch: Batch, cache: LayerCache, asked: int
    ) -> Tensor:
        shape = self._shape
        width, block_tokens = batch.tables.shape[1], cache.keys.shape[2]
        outputs = queries.new_empty(len(queries), shape.heads * shape.head_size)
        splits = triton.cdiv(width * block_tokens, self._span)
        kernels.attend_kernel[(splits, shape.cached_heads, len(batch.tables))](
            queries,
            cache.keys,
            cache.values,
            batch.tables,
            batch.firsts,
            batch.lengths,
            outputs,
            self._sums,
            self._scales,
            self._arrivals,
            math.log2(math.e) / math.sqrt(shape.head_size),
            width,
            QUERIES=asked,
            HEADS=shape.heads,
            CACHED_HEADS=shape.cached_heads,
            HEAD_SIZE=shape.head_size,
            BLOCK_TOKENS=block_tokens,
            SPAN=self._span,
            TILE=min(self._span_tile, block_tokens),
            MOST_SPLITS=self._splits,
            ROWS=16,
            num_warps=self._span_warps,
            num_stages=self._span_stages,
        )
        return outputs

    def _gather(self, batch: Batch, cache: LayerCache) -> tuple[Tensor, Tensor]:
        """The keys and values of all sequences, each (tokens, heads, head size)."""
        shape, (sequences, width) = self._shape, batch.tables.shape
        keys, values = self._gathered
        kernels.gather_kernel[(width, shape.cached_heads, sequences)](
            cache.keys,
            cache.values,
            batch.tables,
            batch.all_ends,
            keys,
            values,
            width,
            CACHED_HEADS=shape.cached_heads,
            HEAD_SIZE=shape.head_size,
            BLOCK_TOKENS=cache.keys.shape[2],
            num_warps=4,
        )
        tokens = sum(batch.totals)
        return keys[:tokens], values[:tokens]

    def _tile(self, bits: int, ending: str) -> Tile:
        """How to cut; the outputs of a program that turns them are of one head."""
        if ending == kernels.ADD:
            return self._adding_tiles[bits]
        tile = self._tiles[bits]
        if ending == kernels.MIX:
            return replace(tile, outputs=min(tile.outputs, self._shape.head_size))
        return tile

    @property
    def _parts(self) -> int:
        """Programs that make a row of `hidden`: each leaves the squares of its part."""
        return int(triton.next_power_of_2(triton.cdiv(self._shape.hidden, _LEAST_OUTPUTS)))

    def _linear(self, normed: Normed, weight: Weight) -> Tensor:
        return functional.linear(normed.values, self._whole(weight, normed.values.dtype))

    def _whole(self, weight: Weight, dtype: torch.dtype) -> Tensor:
        if isinstance(weight, WholeWeight):
            return weight.values
        bits, values, scales = _numbers(weight)
        inputs = values.shape[1] * (_NIBBLES if isinstance(weight, Int4Weight) else 1)
        whole = torch.empty(weight.outputs, inputs, dtype=dtype, device=values.device)
        kernels.whole_kernel[(triton.cdiv(whole.numel(), 2048),)](
            values,
            scales,
            whole,
            whole.numel(),
            weight.outputs,
            INPUTS=inputs,
            BITS=bits,
            BLOCK=2048,
            num_warps=8,
        )
        return whole


def linear_launch(tile: Tile, rows: int) -> tuple[dict[str, int], dict[str, int]]:
    """The constants of a linear kernel that cuts its weight so, and how it is launched."""
    constants = {
        "ROWS": max(_LEAST_ROWS, triton.next_power_of_2(rows)),
        "BLOCK_OUTPUTS": tile.outputs,
        "BLOCK_INPUTS": tile.inputs,
        "SPLITS": tile.splits,
    }
    # The inputs of many rows take the room of the loads that would be under way.
    stages = tile.stages if rows <= _FEW_ROWS else 2
    return constants, {"num_warps": tile.warps, "num_stages": stages}


def _numbers(weight: Weight) -> tuple[int, Tensor, Tensor | None]:
    """Bits of a weight, its values, and their scales."""
    match weight:
        case WholeWeight(values):
            return 16, values, None
        case Int8Weight(values, scales):
            return 8, values, scales
        case Int4Weight(words, scales):
            return 4, words, scales


def _or(tensor: Tensor | None, nothing: Tensor) -> Tensor:
    return nothing if tensor is None else tensor
