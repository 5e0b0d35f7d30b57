"""Linear layers, in the arithmetic that a processor does fastest.

Some of torch's operators used here are not documented: the version they come
with is pinned, and tests hold their results against plain float32 products.
"""

import warnings
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
    match arithmetic:
        case Arithmetic.INT8:
            return Int8Linear(weight, bias)
        case Arithmetic.FLOAT16_WEIGHTS:
            return Float16WeightsLinear(weight, bias)
        case _:
            return FloatLinear(weight.to(arithmetic.dtype), bias.to(arithmetic.dtype))


class FloatLinear:
    """A linear layer of products in the type of its inputs."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self._weight, self._bias = weight, bias

    def __call__(self, inputs: Tensor) -> Tensor:
        return functional.linear(inputs, self._weight, self._bias)


class Float16WeightsLinear:
    """A linear layer of float32 products whose weights are kept in half the bytes.

    What a question takes is the time to read them. The operator in use is on
    its way out; `quantized.linear_dynamic_fp16` is its heir, and takes a
    question 2.5 ms longer, for how it is called.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self._packed = torch.fbgemm_pack_gemm_matrix_fp16(weight)
        self._bias = bias

    def __call__(self, inputs: Tensor) -> Tensor:
        return torch.fbgemm_linear_fp16_weight_fp32_activation(inputs, self._packed, self._bias)


def _take_warnings() -> None:
    """Have torch warn of those operators now, out of sight: it does so once a process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Float16WeightsLinear(torch.zeros(1, 1), torch.zeros(1))(torch.zeros(1, 1))


if "fbgemm" in torch.backends.quantized.supported_engines:
    _take_warnings()


class Int8Linear:
    """A linear layer of 8-bit products, scaled by row on both sides.

    A token's inputs are cut into 255 steps between their own least and
    greatest value: a few channels of this kind of encoder are ten times larger
    than the rest and of one sign, and a few tokens ten times larger than the
    rest. Steps common to all tokens cost a cosine of 0.003, steps symmetric
    about zero 0.0004.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self._scale = torch.maximum(weight.amax(1), -weight.amin(1)) / 127
        rounded = (weight / self._scale[:, None]).round_()
        self._weight = torch.ops.onednn.qlinear_prepack(rounded.to(torch.int8), None)
        self._sums = rounded.sum(1) * self._scale
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
        product: Tensor = torch.ops.onednn.qlinear_pointwise.default(
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
