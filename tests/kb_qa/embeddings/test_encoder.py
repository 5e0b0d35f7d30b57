"""The encoder of the bundled model, in every arithmetic a processor may call for."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from kb_qa.embeddings.bundled import bundled_file
from kb_qa.embeddings.devices import Arithmetic, choose_device, choose_plan
from kb_qa.embeddings.encoder import Encoder
from kb_qa.embeddings.linear import FloatLinear, make_linear
from kb_qa.embeddings.packed_file import PackedFile, read_packed_file
from kb_qa.errors import EmbeddingsError

CPU = torch.device("cpu")
SEQUENCES = [
    [0, 46692, 12, *range(1000, 1000 + 7 * length, 7), 2] for length in (5, 5, 30, 5, 60, 60)
]
VNNI = bool(torch.cpu.get_capabilities().get("avx512_vnni"))


@pytest.fixture(scope="module")
def packed() -> PackedFile:
    """The bundled weights."""
    return read_packed_file(bundled_file())


@pytest.fixture(scope="module")
def exact(packed: PackedFile) -> NDArray[np.float32]:
    """Unit mean vectors of the sequences in float32."""
    return unit(Encoder(packed, device=CPU, arithmetic=Arithmetic.FLOAT32).mean_vectors(SEQUENCES))


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of length 1."""
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("arithmetic", "cosine"),
    [
        (Arithmetic.FLOAT16, 0.9999),
        (Arithmetic.BFLOAT16, 0.9995),
        (Arithmetic.FLOAT16_WEIGHTS, 0.9999),
        pytest.param(
            Arithmetic.INT8,
            0.999,
            marks=pytest.mark.skipif(not VNNI, reason="this processor has no AVX512-VNNI"),
        ),
    ],
)
def test_every_arithmetic_gives_comparable_vectors(
    packed: PackedFile, exact: NDArray[np.float32], arithmetic: Arithmetic, cosine: float
) -> None:
    """Vectors of any arithmetic may be compared with those of float32."""
    vectors = Encoder(packed, device=CPU, arithmetic=arithmetic).mean_vectors(SEQUENCES)
    assert vectors.dtype == np.float32
    assert (unit(vectors) * exact).sum(1).min() >= cosine


def test_sequences_are_read_apart(packed: PackedFile, exact: NDArray[np.float32]) -> None:
    """A sequence's vector is the same alone and between others, sorted or not."""
    encoder = Encoder(packed, device=CPU, arithmetic=Arithmetic.FLOAT32)
    for sequence, expected in zip(SEQUENCES, exact, strict=True):
        assert np.allclose(unit(encoder.mean_vectors([sequence])), expected, atol=1e-5)


@pytest.mark.skipif(not VNNI, reason="this processor has no AVX512-VNNI")
def test_large_channels_cost_an_8_bit_layer_little() -> None:
    """One channel and one token ten times the rest leave 2 % of error, a constant row less."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(96, 64, generator=generator)
    bias = torch.randn(96, generator=generator)
    inputs = torch.randn(50, 64, generator=generator)
    inputs[:, 3] += 10
    inputs[7] *= 10
    inputs[9] = 0.5
    exact = FloatLinear(weight, bias)(inputs)
    error = make_linear(weight, bias, arithmetic=Arithmetic.INT8)(inputs) - exact
    assert (error.norm(dim=1) / exact.norm(dim=1)).max() < 0.02
    assert error[9].abs().max() < 0.1


def test_the_processor_decides_the_arithmetic() -> None:
    """A plan is one of those that a processor with such instructions can compute."""
    plan = choose_plan(CPU)
    assert plan.queries is not Arithmetic.INT8
    assert plan.passages is not Arithmetic.INT8 or VNNI


def test_a_device_that_is_not_there_is_an_error_of_ours() -> None:
    """A name that torch does not know, or has no device for, is told with a remedy."""
    for name in ("abacus", "cuda:99"):
        with pytest.raises(EmbeddingsError, match=f"{name}.*cpu"):
            choose_device(name)
    assert choose_device("cpu") == CPU
