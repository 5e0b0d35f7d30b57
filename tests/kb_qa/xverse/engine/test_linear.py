"""Weights in 8 and 4 bits are near the weights they were made from."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kb_qa.xverse.engine import Sampling, load_engine
from kb_qa.xverse.engine.linear import (
    GROUP,
    Int4Weight,
    Int8Weight,
    Quantization,
    WholeWeight,
    make_weight,
)
from tests.kb_qa.xverse.engine.conftest import Tiny
from tests.kb_qa.xverse.engine.models import generate, save_llama

SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 4).map(lambda count: 256 * count))
SPREADS: dict[str, Callable[[Tensor], Tensor]] = {
    "normal": lambda values: values,
    "far from zero": lambda values: values + 5,
    "small": lambda values: values * 1e-6,
    "one outlier": lambda values: values.index_fill(1, torch.tensor([3]), 50.0),
    "zero": torch.zeros_like,
}


@given(shape=SHAPES, seed=st.integers(0, 1000), spread=st.sampled_from(list(SPREADS)))
@settings(max_examples=60)
def test_8_bits_are_half_a_step_away_at_most(
    shape: tuple[int, int], seed: int, spread: str
) -> None:
    """A step is the row's greatest weight by 127."""
    values = random_weight(shape, seed, spread)
    error = (make_weight(values, Quantization.INT8).whole(torch.float32) - values).abs()
    steps = values.abs().amax(1, keepdim=True).clamp(min=1e-12) / 127
    assert (error <= 0.5001 * steps).all()


@given(shape=SHAPES, seed=st.integers(0, 1000), spread=st.sampled_from(list(SPREADS)))
@settings(max_examples=60)
def test_4_bits_are_no_worse_than_even_steps_from_least_to_greatest(
    shape: tuple[int, int], seed: int, spread: str
) -> None:
    """In the mean of a group, whose ends are zero's side at least; none is far off."""
    values = random_weight(shape, seed, spread)
    weight = make_weight(values, Quantization.INT4)
    assert isinstance(weight, Int4Weight)
    groups = values.view(len(values), -1, GROUP)
    error = weight.whole(torch.float32).view_as(groups) - groups
    span = groups.amax(2).clamp(min=0) - groups.amin(2).clamp(max=0)
    step = (span / 15).clamp(min=1e-8) * (1 + 2**-8)
    # Half a step, and as much again at an end: the least value is a whole number of steps.
    assert (error.square().mean(2).sqrt() <= step + 1e-9).all()
    assert (error.abs().amax(2) <= 0.2 * span + 2 * step).all()


def test_4_bits_lose_a_tenth_of_a_normal_weight() -> None:
    """The error of a usual weight is a tenth of it, as of other ways to round to 16 steps."""
    values = random_weight((64, 1024), 0, "normal")
    error = make_weight(values, Quantization.INT4).whole(torch.float32) - values
    assert 0.05 < (error.square().mean() / values.square().mean()).sqrt() < 0.11


def test_weights_that_lie_on_the_steps_are_exact() -> None:
    """What needs no rounding is not changed, in 8 bits or in 4."""
    torch.manual_seed(1)
    eights = torch.randint(-127, 128, (8, 256)).float()
    eights[:, 0] = 127
    fours = torch.randint(-8, 8, (8, 256)).float() * 0.25
    fours[:, ::64], fours[:, 1::64] = -2.0, 1.75
    for values, quantization in ((eights, Quantization.INT8), (fours, Quantization.INT4)):
        assert torch.equal(make_weight(values, quantization).whole(torch.float32), values)


@pytest.mark.parametrize("quantization", [Quantization.INT8, Quantization.INT4])
def test_rows_are_rounded_each_by_itself(quantization: Quantization) -> None:
    """A weight of many rows, rounded some at a time, is what each row is alone."""
    values = random_weight((5000, 256), 2, "normal")
    whole = make_weight(values, quantization).whole(torch.float32)
    for row in (0, 2047, 2048, 4999):
        alone = make_weight(values[row : row + 1], quantization).whole(torch.float32)
        assert torch.equal(whole[row : row + 1], alone)


def test_inputs_that_do_not_divide_are_kept_in_8_bits() -> None:
    """4 bits need a multiple of 256 inputs; nothing is refused."""
    assert isinstance(make_weight(torch.randn(4, 384), Quantization.INT4), Int8Weight)
    assert isinstance(make_weight(torch.randn(4, 512), Quantization.INT4), Int4Weight)
    assert isinstance(make_weight(torch.randn(4, 512), Quantization.NONE), WholeWeight)


@pytest.mark.parametrize("quantize", ["int8", "int4"])
def test_a_quantized_engine_answers_nearly_the_same(
    quantize: str, llama: Tiny, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Fewer bits choose other tokens now and then, and the same ones however they are batched."""
    folder = tmp_path_factory.mktemp("wide")
    save_llama(folder, hidden_size=256, intermediate_size=512, num_hidden_layers=1)
    one = Sampling(max_tokens=1)
    with load_engine(folder, device="cpu", dtype="float32") as engine:
        exact = generate(engine, llama.prompts[:100], one)
    with load_engine(folder, device="cpu", dtype="float32", quantize=quantize) as engine:
        together = generate(engine, llama.prompts[:100], one)
        alone = [generate(engine, [prompt], one)[0] for prompt in llama.prompts[:100]]
    assert together == alone
    same = sum(a == b for a, b in zip(exact, together, strict=True))
    assert same >= {"int8": 90, "int4": 40}[quantize]


def random_weight(shape: tuple[int, int], seed: int, spread: str) -> Tensor:
    values = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return SPREADS[spread](values)
