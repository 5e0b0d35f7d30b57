"""How fast each kernel of the engine reads its weights, by how it cuts them.

    python -m benchmarks.kernel_tiles [--quick]

Needs a CUDA card. Each kernel runs as in a step of one text: in a recorded
graph, over weights that do not fit the card's cache. The ceiling is a read of
as many bytes, measured in the same run.
"""

import argparse
import itertools
import multiprocessing
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.shapes import XVERSE_7B
from kb_qa.xverse.engine import kernels
from kb_qa.xverse.engine.batch import make_batch
from kb_qa.xverse.engine.cache import KeyValueCache
from kb_qa.xverse.engine.card_operations import CardOperations, Tile, Tuning
from kb_qa.xverse.engine.linear import Int4Weight, Int8Weight, Weight, WholeWeight
from kb_qa.xverse.engine.operations import Normed
from kb_qa.xverse.engine.request import Mailbox, Sampling, Usage
from kb_qa.xverse.engine.scheduler import Work
from kb_qa.xverse.engine.sequence import Sequence

LAYERS = {
    "queries, keys, values": (12288, 4096, kernels.MIX),
    "attention output": (4096, 4096, kernels.ADD),
    "gate, up": (22016, 4096, kernels.FEED),
    "down": (4096, 11008, kernels.ADD),
    "head": (100534, 4096, kernels.PLAIN),
}
BLOCK_TOKENS = 64
TEXTS = ((1, 1, 3000), (1, 8, 3000), (1, 1, 8000), (8, 1, 2750), (32, 1, 2750))
SPANS = ((256, 64, 2, 2), (128, 64, 2, 2), (192, 64, 2, 2), (256, 64, 4, 3), (384, 64, 2, 2))
TILES = {
    16: [
        Tile(32, 128, 2, 4),
        Tile(32, 128, 2, 4, 2),
        Tile(32, 128, 2, 4, 4),
        Tile(32, 128, 4, 4, 2),
        Tile(32, 256, 2, 3, 2),
        Tile(32, 256, 4, 3, 2),
        Tile(32, 256, 4, 4, 2),
        Tile(32, 512, 4, 3, 2),
        Tile(64, 128, 4, 3),
        Tile(64, 128, 4, 4),
        Tile(64, 128, 4, 4, 4),
    ],
    8: [
        Tile(32, 256, 2, 4, 2),
        Tile(32, 256, 2, 4, 4),
        Tile(32, 256, 2, 5),
        Tile(64, 256, 4, 3),
        Tile(64, 256, 4, 3, 4),
    ],
    4: [
        Tile(32, 64, 1, 4),
        Tile(32, 64, 2, 4),
        Tile(32, 64, 2, 4, 4),
        Tile(32, 64, 1, 4, 4),
        Tile(32, 64, 1, 4, 8),
        Tile(64, 64, 2, 4, 4),
    ],
}


@dataclass(frozen=True)
class Case:
    """One kernel to time."""

    layer: str
    bits: int
    rows: int
    tile: Tile


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one way to cut for each")
    parser.add_argument("--attention", action="store_true", help="nothing else")
    options = parser.parse_args()
    if options.attention:
        describe()
        time_attention()
        return
    cases = list(all_cases(quick=options.quick))
    compile_aside(cases)
    torch.manual_seed(0)
    describe()
    print("| layer | bits | rows | outputs x inputs, warps, stages, splits | us | TB/s |")
    print("|---|---|---|---|---|---|", flush=True)
    for (layer, bits, rows), group in itertools.groupby(cases, lambda c: (c.layer, c.bits, c.rows)):
        weights = make_weights(layer, bits)
        results = sorted(((time_case(case, weights), case) for case in group), key=lambda r: r[0])
        for seconds, case in results[:4]:
            t = case.tile
            cut = f"{t.outputs} x {t.inputs}, {t.warps}, {t.stages}, {t.splits}"
            print_row(layer, bits, rows, cut, seconds, size(weights[0]))
        if bits == 16:
            seconds = time_torch(layer, rows, weights)
            print_row(layer, bits, rows, "torch", seconds, size(weights[0]))
        del weights
        torch.cuda.empty_cache()
    print()
    time_attention()
    time_likeliest()


def print_row(layer: str, bits: int, rows: int, cut: str, seconds: float, bytes_: int) -> None:
    rate = bytes_ / seconds / 1e12
    print(
        f"| {layer} | {bits} | {rows} | {cut} | {seconds * 1e6:.1f} | {rate:.2f} |",
        flush=True,
    )


def all_cases(*, quick: bool) -> Iterator[Case]:
    for bits, rows in ((16, 1), (16, 8), (8, 1), (4, 1), (4, 8)):
        for layer in LAYERS:
            if layer == "head" and bits == 4:
                continue
            tiles = TILES[bits][:1] if quick else TILES[bits]
            if rows == 8:
                tiles = tiles[::2]
            for tile in tiles:
                if tile.splits > 1 and layer not in ("attention output", "down"):
                    continue
                yield Case(layer, bits, rows, tile)


def compile_aside(cases: list[Case]) -> None:
    """Compile in many processes; the results are kept on the disk."""
    start = time.time()
    count = min(12, len(cases))
    context = multiprocessing.get_context("spawn")
    with context.Pool(count) as pool:
        pool.map(_compile, [cases[index::count] for index in range(count)])
    print(f"compiled {len(cases)} kernels in {time.time() - start:.0f} s", flush=True)


def _compile(cases: list[Case]) -> None:
    for case in cases:
        weights = make_weights(case.layer, case.bits, count=1)
        try:
            run_case(case, weights)()
            torch.cuda.synchronize()
        except Exception as error:  # noqa: BLE001 - too large for this card
            print(case, str(error).splitlines()[-1], flush=True)


def make_weights(layer: str, bits: int, count: int | None = None) -> list[Weight]:
    """Enough copies that none is found in the cache again."""
    outputs, inputs, _ = LAYERS[layer]
    count = count or max(2, int(400e6 / (outputs * inputs * bits / 8)) + 1)

    def one() -> Weight:
        match bits:
            case 16:
                values = torch.randn(outputs, inputs, device="cuda", dtype=torch.bfloat16)
                return WholeWeight(values.mul_(0.02))
            case 8:
                steps = torch.randint(-127, 128, (outputs, inputs), device="cuda")
                return Int8Weight(steps.to(torch.int8), torch.full((outputs,), 2e-4, device="cuda"))
            case _:
                words = torch.randint(-(2**15), 2**15, (outputs, inputs // 4), device="cuda")
                scales = torch.full((inputs // 128, outputs, 1), 4e-3, device="cuda")
                both = torch.cat((torch.full_like(scales, -8), scales), 2).bfloat16()
                return Int4Weight(words.to(torch.int16), both.view(torch.int32).squeeze(2))

    return [one() for _ in range(count)]


def size(weight: Weight) -> int:
    return sum(each.numel() * each.element_size() for each in vars(weight).values())


def run_case(case: Case, weights: list[Weight]) -> Callable[[], None]:
    _, inputs, ending = LAYERS[case.layer]
    operations = CardOperations(
        XVERSE_7B,
        device=torch.device("cuda"),
        rows=64,
        read_tokens=64,
        dtype=torch.bfloat16,
        quantized=case.bits < 16,
        tuning=Tuning(tiles={case.bits: case.tile}, adding_tiles={case.bits: case.tile}),
    )
    hidden = torch.randn(case.rows, inputs, device="cuda", dtype=torch.bfloat16)
    gain = torch.ones(inputs, device="cuda", dtype=torch.bfloat16)
    batch, cache = decode_batch(case.rows, 64)
    width = {kernels.MIX: 4096, kernels.ADD: 4096, kernels.FEED: 11008}.get(ending, 100534)
    outputs = torch.zeros(case.rows, width, device="cuda", dtype=torch.bfloat16)
    normed = operations.norm(hidden, gain)
    if ending == kernels.ADD:
        normed = Normed(normed.values)
    result = operations.norm(outputs[:, :4096].contiguous(), gain[:4096])

    def run() -> None:
        for weight in weights:
            operations._multiply(
                normed,
                weight,
                outputs,
                ending=ending,
                gain=gain,
                result=result,
                batch=batch,
                cache=cache.layers[0],
            )

    return run


def decode_batch(sequences: int, length: int, queries: int = 1, layers: int = 1):
    blocks = -(-length // BLOCK_TOKENS)
    shape = replace(XVERSE_7B, layers=layers)
    cache = KeyValueCache(
        shape,
        blocks=1 + sequences * blocks,
        block_tokens=BLOCK_TOKENS,
        dtype=torch.bfloat16,
        device=torch.device("cuda"),
    )
    works = [
        Work(
            Sequence(
                [1] * length,
                Sampling(),
                8192,
                0,
                Mailbox(Usage()),
                blocks=[1 + index + sequences * block for block in range(blocks)],
                computed=length - queries,
            ),
            [1] * queries,
            queries,
        )
        for index in range(sequences)
    ]
    batch = make_batch(works, block_tokens=BLOCK_TOKENS, device=torch.device("cuda"))
    return batch, cache


def seconds_of(run: Callable[[], None], repeats: int = 20) -> float:
    """Of one run, recorded and replayed."""
    for _ in range(2):
        run()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    times = []
    for _ in range(repeats):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        graph.replay()
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end) / 1e3)
    return sorted(times)[len(times) // 2]


def time_case(case: Case, weights: list[Weight]) -> float:
    try:
        return seconds_of(run_case(case, weights)) / len(weights)
    except Exception:  # noqa: BLE001 - the same
        return float("inf")


def time_torch(layer: str, rows: int, weights: list[Weight]) -> float:
    hidden = torch.randn(rows, LAYERS[layer][1], device="cuda", dtype=torch.bfloat16)

    def run() -> None:
        for weight in weights:
            functional.linear(hidden, weight.values)

    return seconds_of(run) / len(weights)


def time_attention() -> None:
    print("| texts | rows each | tokens | span, tile, warps, stages | us | TB/s |")
    print("|---|---|---|---|---|---|")
    for sequences, queries, length in TEXTS:
        for span in SPANS:
            seconds = time_span(sequences, queries, length, span)
            rate = sequences * length * 16384 / seconds / 1e12
            print(
                f"| {sequences} | {queries} | {length} | {span} "
                f"| {seconds * 1e6:.1f} | {rate:.2f} |",
                flush=True,
            )


def time_span(sequences: int, queries: int, length: int, span: tuple[int, int, int, int]) -> float:
    layers = max(1, int(400e6 / (sequences * length * 16384)))
    batch, cache = decode_batch(sequences, length, queries, layers)
    asked = torch.randn(sequences * queries, 32, 128, device="cuda", dtype=torch.bfloat16)
    operations = CardOperations(
        XVERSE_7B,
        device=torch.device("cuda"),
        rows=64,
        read_tokens=64,
        dtype=torch.bfloat16,
        quantized=False,
        tuning=Tuning(span=span),
    )

    def run() -> None:
        for layer in cache.layers:
            operations.attend(asked, asked, batch, layer)

    return seconds_of(run) / layers


def time_likeliest() -> None:
    operations = CardOperations(
        XVERSE_7B,
        device=torch.device("cuda"),
        rows=64,
        read_tokens=64,
        dtype=torch.bfloat16,
        quantized=False,
    )
    logits = torch.randn(1, XVERSE_7B.vocabulary, device="cuda", dtype=torch.bfloat16)
    assert operations.likeliest(logits).item() == logits.argmax().item()
    print(
        f"\nthe likeliest of a row: {seconds_of(lambda: operations.likeliest(logits)) * 1e6:.1f} us"
    )


def describe() -> None:
    memory = torch.empty(4 * 2**30, dtype=torch.uint8, device="cuda").view(torch.float32)
    memory.normal_()
    seconds = seconds_of(lambda: read_sum(memory))
    name = torch.cuda.get_device_name()
    print(f"\n{time.strftime('%Y-%m-%d')}, {name}, torch {torch.__version__};")
    print(f"a read of 4 GiB reached {4 * 2**30 / seconds / 1e12:.2f} TB/s.\n", flush=True)


def read_sum(memory: Tensor) -> None:
    memory.sum()


if __name__ == "__main__":
    main()
