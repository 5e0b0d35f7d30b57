"""What fits is known before anything is loaded, and what does not is said with what would."""

import re
from pathlib import Path

import pytest
import torch

from benchmarks.memory import XVERSE_7B, cached_tokens
from kb_qa.errors import DeviceError
from kb_qa.xverse.engine import load_engine
from kb_qa.xverse.engine.linear import Quantization
from kb_qa.xverse.engine.memory import (
    GIB,
    Plan,
    choose_device,
    free_bytes,
    plan_memory,
    read_tokens,
    step_bytes,
    weight_bytes,
)
from kb_qa.xverse.engine.shape import Shape, read_shape
from kb_qa.xverse.engine.weights import read_model
from tests.kb_qa.xverse.engine.conftest import Tiny
from tests.kb_qa.xverse.engine.models import save_llama

CPU = torch.device("cpu")


@pytest.mark.parametrize("quantization", Quantization)
@pytest.mark.parametrize("tied", [False, True])
def test_the_weights_take_what_was_reckoned(
    quantization: Quantization,
    tied: bool,  # noqa: FBT001 - pytest passes it by name
    tmp_path: Path,
) -> None:
    """Bytes of the tensors of a loaded model, to a hundredth."""
    sizes = {"hidden_size": 256, "intermediate_size": 512, "vocab_size": 3000}
    save_llama(tmp_path, tie_word_embeddings=tied, **sizes)
    shape = read_shape(tmp_path)
    model = read_model(tmp_path, shape, device=CPU, dtype=torch.float32, quantization=quantization)
    tensors = {each.data_ptr(): each.nbytes for each in tensors_of(model)}
    assert sum(tensors.values()) == pytest.approx(weight_bytes(shape, quantization, 4), rel=0.01)


def test_the_7b_weights_are_as_the_card_says() -> None:
    """7,299,846,144 parameters, less the norms' gains, of two bytes."""
    gains = 65 * 4096
    assert weight_bytes(XVERSE_7B, Quantization.NONE, 2) == 2 * (7_299_846_144 - gains)
    assert XVERSE_7B.cache_bytes(2) == 512 * 1024


def test_a_24_gb_card_holds_two_whole_conversations() -> None:
    """22 GiB are enough for the weights as they are and 16,384 tokens; fewer bits, more tokens."""
    tokens = cached_tokens(XVERSE_7B, 22 * GIB)
    assert tokens[Quantization.NONE] >= 2 * 8192
    assert tokens[Quantization.NONE] < tokens[Quantization.INT8] < tokens[Quantization.INT4]
    assert tokens[Quantization.INT4] < 22 * GIB // XVERSE_7B.cache_bytes(2)


def test_a_step_of_longer_chunks_takes_more() -> None:
    """And so does one whose weights must be made whole."""
    few, many = (bytes_of_step(chunk, Quantization.NONE) for chunk in (1024, 8192))
    assert few < many
    assert bytes_of_step(8192, Quantization.INT8) > many
    assert read_tokens(XVERSE_7B, 8192) == 16384


def test_the_cache_is_no_larger_than_its_use() -> None:
    """A few short conversations do not take the whole card."""
    plan = plan_for(XVERSE_7B, free=80 * GIB, context=2048, requests=4)
    assert plan.cache_tokens == 4 * 2048
    assert plan.context == 2048


def test_without_a_wish_the_context_is_what_fits() -> None:
    """The model's own at most."""
    assert plan_for(XVERSE_7B, free=80 * GIB).context == 8192
    assert 1024 <= plan_for(XVERSE_7B, free=int(15.2 * GIB)).context < 8192


@pytest.mark.parametrize(
    ("free", "ways"), [(15.0, ["none", "int8", "int4"]), (12.0, ["int8", "int4"]), (6.5, ["int4"])]
)
def test_too_little_memory_is_told_with_what_would_fit(free: float, ways: list[str]) -> None:
    """One line: what is free, what is needed, and each way to do with it, which holds."""
    with pytest.raises(DeviceError) as raised:
        plan_for(XVERSE_7B, free=int(free * GIB), context=8192)
    said = str(raised.value)
    assert re.match(rf"cuda:0 has {free} GiB free, and 1\d\.\d GiB are needed for 8,192 tok", said)
    assert "\n" not in said
    offers = re.findall(r"quantize='(\w+)' with max_model_len up to ([\d,]+)", said)
    assert [way for way, _ in offers] == ways
    for way, context in offers:
        plan_for(
            XVERSE_7B,
            free=int(free * GIB),
            context=int(context.replace(",", "")),
            quantization=Quantization(way),
        )


def test_when_nothing_fits_that_is_said() -> None:
    """There is no offer that would be refused in its turn."""
    with pytest.raises(DeviceError, match=r"nothing that fits was found; end what else uses"):
        plan_for(XVERSE_7B, free=2 * GIB)


def test_loading_keeps_to_its_allowance(llama: Tiny) -> None:
    """`memory` is a limit: with a little less than the model needs it is refused."""
    with pytest.raises(DeviceError, match=r"^cpu has 0\.0 GiB free, and"):
        load_engine(llama.folder, device="cpu", memory=400_000)
    assert free_bytes(CPU, 1000) == 1000
    assert free_bytes(CPU, None) > GIB // 4


def test_a_device_that_is_not_there_is_named(llama: Tiny) -> None:
    """The line says which, and why not."""
    for name in ("cuda:7", "abacus"):
        with pytest.raises(DeviceError, match=rf"^device='{name}' cannot be used: [^\n]+$"):
            choose_device(name, llama.folder)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a card is there")
def test_a_large_model_does_not_run_on_the_processor_unasked(llama: Tiny, tmp_path: Path) -> None:
    """Without a card a small model runs; a large one is refused with what could be done."""
    assert choose_device(None, llama.folder) == CPU
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.truncate(3 * GIB)
    with pytest.raises(DeviceError, match=r"take 3\.0 GiB: give device='cpu' to run them slowly"):
        choose_device(None, tmp_path)
    assert choose_device("cpu", tmp_path) == CPU


def plan_for(
    shape: Shape,
    *,
    free: int,
    context: int | None = None,
    requests: int = 64,
    quantization: Quantization = Quantization.NONE,
) -> Plan:
    return plan_memory(
        shape,
        quantization,
        free=free,
        item_bytes=2,
        chunk_tokens=1024,
        context=context,
        requests=requests,
        where="cuda:0",
    )


def bytes_of_step(chunk_tokens: int, quantization: Quantization) -> int:
    return step_bytes(XVERSE_7B, quantization, chunk_tokens=chunk_tokens, item_bytes=2)


def tensors_of(value: object) -> list[torch.Tensor]:
    """All tensors in dataclasses and lists."""
    if isinstance(value, torch.Tensor):
        return [value]
    parts = value if isinstance(value, list) else getattr(value, "__dict__", {}).values()
    return [tensor for part in parts for tensor in tensors_of(part)]
