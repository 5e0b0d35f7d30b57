"""Linear layers without bias, their weights whole or in 8 or 4 bits.

Only the weights are in fewer bits: what a step of one text waits for is their
way from memory, and every product is still computed in the inputs' type.
"""

from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor

GROUP = 128
"""Weights of a row that share one scale in 4 bits."""

_NIBBLES = 4  # of a 16-bit word
_ROWS_AT_ONCE = 2048


class Quantization(StrEnum):
    """In what the weights of the layers are kept."""

    NONE = "none"
    INT8 = "int8"
    INT4 = "int4"

    @property
    def weight_bits(self) -> float | None:
        """Bits of a weight with its share of the scales; those of its type if not quantized."""
        return {"int8": 8.0, "int4": 4 + 32 / GROUP}.get(self)


@dataclass(frozen=True)
class WholeWeight:
    """A weight in its own type, shape (outputs, inputs)."""

    values: Tensor

    @property
    def outputs(self) -> int:
        return len(self.values)

    def whole(self, dtype: torch.dtype) -> Tensor:
        """The weight in a type to multiply with: (outputs, inputs)."""
        return self.values.to(dtype)


@dataclass(frozen=True)
class Int8Weight:
    """A weight in 127 steps either side of zero, a scale for each output."""

    values: Tensor
    scales: Tensor

    @property
    def outputs(self) -> int:
        return len(self.values)

    def whole(self, dtype: torch.dtype) -> Tensor:
        """The weight in a type to multiply with: (outputs, inputs)."""
        return (self.values.to(torch.float32) * self.scales[:, None]).to(dtype)


@dataclass(frozen=True)
class Int4Weight:
    """A weight in 16 steps, a scale and a least value for each group of a row's inputs.

    A 16-bit word holds four of them, a quarter of the row apart: neighbouring
    words give neighbouring weights, whichever quarter is unpacked.

    Attributes:
        words: int16, (outputs, inputs / 4).
        scales: int32, (inputs / GROUP, outputs): the size of a step in the
            upper half, the least value counted in steps in the lower, both
            as bfloat16.
    """

    words: Tensor
    scales: Tensor

    @property
    def outputs(self) -> int:
        return len(self.words)

    def whole(self, dtype: torch.dtype) -> Tensor:
        """The weight in a type to multiply with: (outputs, inputs)."""
        shifts = torch.arange(0, 16, 4, device=self.words.device, dtype=torch.int16)[:, None]
        steps = ((self.words[:, None] >> shifts) & 15).view(self.outputs, -1, GROUP)
        lows, scales = self.scales.view(torch.bfloat16).view(*self.scales.shape, 2).unbind(2)
        groups = (steps.float() + lows.T.float()[:, :, None]) * scales.T.float()[:, :, None]
        return groups.view(self.outputs, -1).to(dtype)


Weight = WholeWeight | Int8Weight | Int4Weight


def make_weight(values: Tensor, quantization: Quantization) -> Weight:
    """A weight of shape (outputs, inputs), in as many bits as wanted.

    Inputs that are no multiple of 256 are kept in 8 bits instead of 4. Rows
    are rounded some at a time: all at once would need several times the
    weight's own memory, which a small card has not.
    """
    slices = torch.split(values, _ROWS_AT_ONCE)
    match quantization:
        case Quantization.INT4 if values.shape[1] % (2 * GROUP) == 0:
            fours = [_in_4_bits(each) for each in slices]
            words, scales = [each.words for each in fours], [each.scales for each in fours]
            return Int4Weight(torch.cat(words), torch.cat(scales, dim=1))
        case Quantization.INT4 | Quantization.INT8:
            eights = [_in_8_bits(each) for each in slices]
            parts = [each.values for each in eights]
            return Int8Weight(torch.cat(parts), torch.cat([each.scales for each in eights]))
        case _:
            return WholeWeight(values)


def _in_8_bits(values: Tensor) -> Int8Weight:
    scales = values.float().abs().amax(1).clamp(min=1e-12) / 127
    steps = (values.float() / scales[:, None]).round_().clamp_(-127, 127)
    return Int8Weight(steps.to(torch.int8), scales)


def _in_4_bits(values: Tensor) -> Int4Weight:
    """Round to the nearest of 16 steps between the shrunk least and greatest of each group.

    Ends a little inside a group's own are often nearer to most of its weights;
    which, is tried for each group.
    """
    groups = values.float().view(len(values), -1, GROUP)
    best = torch.full(groups.shape[:2], torch.inf, device=values.device)
    scales, lows = torch.zeros_like(best), torch.zeros_like(best)
    for share in (1.0, 0.95, 0.9, 0.85, 0.8):
        scale, low = _steps_between(groups.amin(2) * share, groups.amax(2) * share)
        rounded = _rounded(groups, scale, low).add_(low[:, :, None]).mul_(scale[:, :, None])
        error = rounded.sub_(groups).square_().sum(2)
        better = error < best
        best = torch.where(better, error, best)
        scales, lows = torch.where(better, scale, scales), torch.where(better, low, lows)
    steps = _rounded(groups, scales, lows).to(torch.int16).view(len(values), _NIBBLES, -1)
    words = torch.zeros_like(steps[:, 0])
    for nibble in range(_NIBBLES):
        words |= steps[:, nibble] << (4 * nibble)
    # Scales were rounded to bfloat16 before the weights to steps of them; lows are whole numbers.
    both = torch.stack((lows.T, scales.T), dim=2).to(torch.bfloat16).contiguous()
    return Int4Weight(words, both.view(torch.int32).squeeze(2))


def _steps_between(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """The size of 15 steps, and the least value counted in them, a whole number."""
    scale = ((high.clamp(min=0) - low.clamp(max=0)) / 15).clamp(min=1e-8)
    scale = scale.to(torch.bfloat16).float()
    return scale, (low.clamp(max=0) / scale).round()


def _rounded(groups: Tensor, scale: Tensor, low: Tensor) -> Tensor:
    return (groups / scale[:, :, None] - low[:, :, None]).round_().clamp_(0, 15)
