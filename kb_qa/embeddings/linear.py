"""Linear layers, in the arithmetic that a processor does fastest.

The torch operators for 8-bit products are private ones; which torch they come
with is pinned, and the tests hold their results against float32.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from kb_qa.embeddings.devices import Arithmetic

Linear = Callable[[Tensor], Tensor]
"""From (tokens, inputs) to (tokens, outputs)."""

LEVELS = 255
MIDDLE = 128


def make_linear(weight: Tensor, bias: Tensor, *, arithmetic: Arithmetic) -> Linear:
    """A linear layer from its float32 weight, shape (outputs, inputs), and bias."""
    if arithmetic is Arithmetic.INT8:
        return Int8Linear(weight, bias)
    return FloatLinear(weight.to(arithmetic.dtype), bias.to(arithmetic.dtype))


class FloatLinear:
    """A linear layer in floating point."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self._weight, self._bias = weight, bias

    def __call__(self, inputs: Tensor) -> Tensor:
        return functional.linear(inputs, self._weight, self._bias)


class Int8Linear:
    """A linear layer of 8-bit products, scaled by row on both sides.

    A token's inputs are cut into 255 steps between their own least and
    greatest value: a few channels of this kind of encoder are ten times larger
    than the rest and of one sign, and a few tokens ten times larger than the
    rest. Steps common to all tokens cost a cosine of 0.003, steps symmetric
    about zero 0.0004.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        scale = weight.abs().amax(1) / 127
        rounded = (weight / scale[:, None]).round_()
        self._weight = torch.ops.onednn.qlinear_prepack(rounded.to(torch.int8), None)
        self._scale = scale
        self._sums = (rounded * scale[:, None]).sum(1)
        self._zero = torch.zeros(len(bias), dtype=torch.int64)
        self._bias = bias

    def __call__(self, inputs: Tensor) -> Tensor:
        low = inputs.amin(1, keepdim=True)
        step = inputs.amax(1, keepdim=True).sub_(low).div_(LEVELS)
        middle = torch.add(low, step, alpha=MIDDLE)
        steps = (inputs - middle).div_(step).round_().to(torch.int8)
        outputs = self._multiply(steps)
        torch.addcmul(self._bias, outputs, step, out=outputs)
        return outputs.addr_(middle[:, 0], self._sums)

    def _multiply(self, steps: Tensor) -> Tensor:
        """The exact integer product, times the scale of each output.

        Only unsigned inputs have a fast kernel; flipping the top bit of a
        signed byte adds `MIDDLE`, which the kernel takes off again.
        """
        product: Tensor = torch.ops.onednn.qlinear_pointwise(
            steps.view(torch.uint8).bitwise_xor_(MIDDLE),
            1.0,
            MIDDLE,
            self._weight,
            self._scale,
            self._zero,
            None,  # bias
            1.0,
            0,
            torch.float32,
            "none",
            [],
            "",
        )
        return product
