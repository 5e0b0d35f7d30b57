"""The kernels give what plain torch gives. Needs a CUDA card: `make gpu-test`."""

import pytest
import torch
from torch import Tensor

from kb_qa.xverse.engine.batch import Batch, make_batch
from kb_qa.xverse.engine.cache import KeyValueCache
from kb_qa.xverse.engine.card_operations import CardOperations
from kb_qa.xverse.engine.linear import Quantization, Weight, make_weight
from kb_qa.xverse.engine.model import Layer, Model
from kb_qa.xverse.engine.operations import Operations, PlainOperations
from kb_qa.xverse.engine.request import Mailbox, Sampling, Usage
from kb_qa.xverse.engine.scheduler import Work
from kb_qa.xverse.engine.sequence import Sequence
from kb_qa.xverse.engine.shape import Shape

CARD = torch.device("cuda")
BLOCK_TOKENS = 64
HEADS = {"as many": (32, 32, 128), "grouped": (8, 2, 128), "odd sizes": (9, 3, 64)}
STEPS = {
    "one row": ([1], [0]),
    "some rows": ([1, 1, 1], [300, 5, 699]),
    "guesses": ([8, 8], [500, 13]),
    "at a part's end": ([4] * 4, [0, 255, 256, 257]),
    "more than few": ([1] * 20, list(range(20))),
    "all texts long": ([1] * 40, [900] * 40),
    "prompts": ([30, 3], [0, 0]),
    "prompts that go on": ([30, 50], [70, 0]),
    "a long prompt": ([700], [0]),
    "a long prompt that goes on": ([300], [650]),
}


@pytest.mark.parametrize("quantization", Quantization)
@pytest.mark.parametrize("heads", HEADS)
def test_a_model_computes_what_plain_torch_does(heads: str, quantization: Quantization) -> None:
    """Whatever the step, logits and cache differ from plain torch's by bfloat16's rounding."""
    torch.manual_seed(0)
    model = make_model(make_shape(*HEADS[heads]), quantization)
    operations = (
        PlainOperations(model.shape, device=CARD),
        CardOperations(
            model.shape,
            device=CARD,
            rows=64,
            read_tokens=2048,
            dtype=torch.bfloat16,
            quantized=quantization != Quantization.NONE,
        ),
    )
    for step in STEPS.values():
        batch = make_step(*step)
        cached = torch.randn(cache_of(model, batch)._memory.shape, device=CARD)
        (plain, plain_cache), (logits, cache) = (
            run(model, batch, cached.bfloat16(), each) for each in operations
        )
        assert difference(logits, plain) < 0.02, step
        assert difference(cache, plain_cache) < 0.01, step


@pytest.mark.parametrize("quantization", Quantization)
def test_a_row_does_not_depend_on_what_else_is_computed(quantization: Quantization) -> None:
    """Checking guesses gives, bit for bit, the logits of computing them one by one."""
    torch.manual_seed(1)
    model = make_model(make_shape(*HEADS["as many"]), quantization)
    operations = CardOperations(
        model.shape,
        device=CARD,
        rows=64,
        read_tokens=2048,
        dtype=torch.bfloat16,
        quantized=quantization != Quantization.NONE,
    )
    for start in (5, 250, 700):
        together = make_step([8], [start])
        cached = torch.randn(cache_of(model, together)._memory.shape, device=CARD).bfloat16()
        checked, _ = run(model, together, cached, operations)
        cache = cache_of(model, together)
        cache._memory.copy_(cached)
        for row in range(8):
            one = make_step([1], [start + row], tokens=[together.tokens[row].item()])
            assert torch.equal(model(one, cache, operations)[0], checked[row]), (start, row)


def test_the_first_of_the_greatest_is_chosen() -> None:
    """The likeliest token is the first of the greatest logits, as in plain torch."""
    operations = CardOperations(
        make_shape(*HEADS["grouped"]),
        device=CARD,
        rows=64,
        read_tokens=2048,
        dtype=torch.bfloat16,
        quantized=False,
    )
    logits = torch.randn(17, 100534, device=CARD).bfloat16()
    for _ in range(3):  # what one run leaves behind must not reach the next
        expected = logits.float().cpu().max(-1).values
        chosen = operations.likeliest(logits).cpu()
        firsts = [
            (row == top).nonzero()[0].item()
            for row, top in zip(logits.float().cpu(), expected, strict=True)
        ]
        assert chosen.tolist() == firsts
        logits = torch.randn_like(logits)


def make_shape(heads: int, cached_heads: int, head_size: int) -> Shape:
    return Shape(
        vocabulary=1000,
        hidden=heads * head_size,
        feed_forward=1536,
        layers=2,
        heads=heads,
        cached_heads=cached_heads,
        head_size=head_size,
        context=1024,
        epsilon=1e-5,
        rotation_base=10000.0,
        tied=False,
        dtype="bfloat16",
    )


def make_model(shape: Shape, quantization: Quantization) -> Model:
    def weight(outputs: int, inputs: int, kind: Quantization = quantization) -> Weight:
        values = torch.randn(outputs, inputs, device=CARD) / inputs**0.5
        return make_weight(values.bfloat16(), kind)

    def gain() -> Tensor:
        return (1 + 0.1 * torch.randn(shape.hidden, device=CARD)).bfloat16()

    size = shape.heads * shape.head_size
    layers = [
        Layer(
            gain(),
            weight(shape.mixed, shape.hidden),
            weight(shape.hidden, size),
            gain(),
            weight(2 * shape.feed_forward, shape.hidden),
            weight(shape.hidden, shape.feed_forward),
        )
        for _ in range(shape.layers)
    ]
    whole = quantization == Quantization.NONE
    head = weight(shape.vocabulary, shape.hidden, Quantization.NONE if whole else Quantization.INT8)
    embeddings = torch.randn(shape.vocabulary, shape.hidden, device=CARD).bfloat16()
    return Model(shape, embeddings, layers, gain(), head)


def make_step(counts: list[int], starts: list[int], tokens: list[int] | None = None) -> Batch:
    works, taken = [], 1
    for count, start in zip(counts, starts, strict=True):
        needed = -(-(count + start) // BLOCK_TOKENS)
        blocks = list(range(taken, taken + needed))
        taken += needed
        texts = tokens or torch.randint(5, 1000, (count,)).tolist()
        sequence = Sequence(
            [1] * (count + start), Sampling(), 1024, 0, Mailbox(Usage()), blocks, computed=start
        )
        works.append(Work(sequence, texts, choices=count))
    return make_batch(works, block_tokens=BLOCK_TOKENS, device=CARD)


def cache_of(model: Model, batch: Batch) -> KeyValueCache:
    blocks = 1 + int(batch.tables.max().item())
    return KeyValueCache(
        model.shape, blocks=blocks, block_tokens=BLOCK_TOKENS, dtype=torch.bfloat16, device=CARD
    )


def run(
    model: Model, batch: Batch, cached: Tensor, operations: Operations
) -> tuple[Tensor, Tensor]:
    cache = cache_of(model, batch)
    cache._memory.copy_(cached)
    return model(batch, cache, operations).clone(), cache._memory


def difference(one: Tensor, other: Tensor) -> float:
    one, other = one.float(), other.float()
    return ((one - other).norm() / other.norm()).item()
