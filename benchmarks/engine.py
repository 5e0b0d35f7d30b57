"""The engine beside transformers, vLLM and the card's floor, in one run.

    python -m benchmarks.engine MODEL [--stages ours,guessing,int4,vllm,...] [--vllm FOLDER]

Needs a CUDA card; MODEL is a folder that need not exist: a Llama of XVERSE-7B's
shape with random weights is written there, as a prepared checkpoint is. Prompts
are random ids, 2,500 to 3,000 of them, answered with 128 new ones; each stage
is a process of its own. Times are wall clock at the caller: all questions of a
batch are handed over at once, and the first token's time is when it arrives.
The floor counts bytes and operations; their ceilings are measured in this run.
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

SHAPE = {
    "vocab_size": 100534,
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 32,
    "max_position_embeddings": 8192,
    "rms_norm_eps": 1e-6,
    "tie_word_embeddings": False,
    "bos_token_id": 2,
    "eos_token_id": 3,
    "pad_token_id": 1,
}
LAYER_WEIGHTS = 4 * 4096**2 + 3 * 4096 * 11008
WEIGHTS = 32 * LAYER_WEIGHTS + 100534 * 4096
TOKEN_BYTES = 2 * 32 * 4096 * 2
LEAST, MOST, NEW = 2500, 3000, 128
STAGES = ("ours", "vllm", "int4", "int8", "guessing", "small", "transformers")
BATCHES = (1, 8, 32)


@dataclass
class Asked:
    """One question's times, from when its batch was handed over."""

    first: float
    last: float
    tokens: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--stages", default=",".join(STAGES))
    parser.add_argument("--layers", type=int, default=32, help="fewer, to try the script")
    parser.add_argument("--vllm", default="", help="folder that holds vLLM, if it is not installed")
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        print(json.dumps(run_stage(options.stage, options.model)))
        return
    write_model(options.model, options.layers)
    results = {"card": in_process("card", options.model)}
    for stage in options.stages.split(","):
        if measured := in_process(stage, options.model, options.vllm):
            results[stage] = measured
    report(results)


def in_process(stage: str, model: Path, vllm: str = "") -> Any:
    start = time.time()
    command = [sys.executable, "-m", "benchmarks.engine", str(model), "--stage", stage]
    paths = [os.environ.get("PYTHONPATH", ""), vllm if stage == "vllm" else ""]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=150, check=False, env=environment
        )
    except subprocess.TimeoutExpired as error:
        print(f"{stage}: {error}", file=sys.stderr, flush=True)
        return None
    said = done.stdout.splitlines()[-1] if done.stdout else ""
    print(f"{stage}: {time.time() - start:.0f} s {said}", file=sys.stderr, flush=True)
    if done.returncode:
        print(done.stderr[-3000:], file=sys.stderr, flush=True)
        return None
    return json.loads(said)


def run_stage(stage: str, model: Path) -> dict[str, Any]:
    stages = {
        "card": measure_card,
        "small": lambda: measure_small(model),
        "transformers": lambda: measure_transformers(model),
        "vllm": lambda: asyncio.run(measure_vllm(model)),
        "ours": lambda: measure_ours(model, guesses=0),
        "guessing": lambda: measure_ours(model, batches=(1,)),
        "int8": lambda: measure_ours(model, guesses=0, quantize="int8"),
        "int4": lambda: measure_ours(model, guesses=0, quantize="int4"),
    }
    return stages[stage]()


def write_model(folder: Path, layers: int) -> None:
    if (folder / "config.json").exists():
        return
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    with torch.device("cuda"):
        config = LlamaConfig(**SHAPE | {"num_hidden_layers": layers})
        torch.set_default_dtype(torch.bfloat16)
        model = LlamaForCausalLM(config)
    model.save_pretrained(folder, max_shard_size="4GB")


def prompt(seed: int, length: int) -> list[int]:
    chance = random.Random(seed)
    return [chance.randrange(5, 100000) for _ in range(length)]


def prompts(seed: int, count: int) -> list[list[int]]:
    chance = random.Random(seed)
    return [prompt(1000 * seed + i, chance.randint(LEAST, MOST)) for i in range(count)]


def measure_card() -> dict[str, Any]:
    """What the card reads and multiplies in a second."""
    import torch

    memory = torch.empty(2**31, dtype=torch.bfloat16, device="cuda").normal_()
    square = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)

    def best(run: Any) -> float:
        times = []
        for _ in range(8):
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            run()
            end.record()
            torch.cuda.synchronize()
            times.append(start.elapsed_time(end) / 1e3)
        return min(times[2:])

    read = memory.numel() * 2 / best(lambda: memory.view(torch.float32).sum())
    multiplied = 2 * 8192**3 / best(lambda: square @ square)
    return {
        "name": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "read": read,
        "multiplied": multiplied,
    }


def measure_ours(
    model: Path,
    *,
    quantize: str = "none",
    guesses: int = 7,
    batches: tuple[int, ...] = BATCHES,
) -> dict[str, Any]:
    from kb_qa.xverse.engine import Options, Sampling, load_engine

    start = time.perf_counter()
    options = Options(chunk_tokens=8192, guesses=guesses)
    engine = load_engine(model, quantize=quantize, max_requests=32, options=options)
    loaded = time.perf_counter() - start
    sampling = Sampling(max_tokens=NEW)

    def ask(texts: list[list[int]]) -> list[Asked]:
        began = time.perf_counter()
        results: list[Asked | None] = [None] * len(texts)

        def read(index: int, generation: Any) -> None:
            first = last = 0.0
            tokens = 0
            for piece in generation:
                last = time.perf_counter() - began
                first = first or last
                tokens += len(piece)
            results[index] = Asked(first, last, tokens)

        asked = [engine.submit(text, sampling) for text in texts]
        readers = [threading.Thread(target=read, args=each) for each in enumerate(asked)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        return [each for each in results if each]

    return {"loaded": loaded, **measure(ask, batches)}


def measure_small(model: Path) -> dict[str, Any]:
    """Two conversations of 8,192 tokens at once where the process may use 22 GiB, no byte more."""
    import torch

    from kb_qa.xverse.engine import Sampling, load_engine

    total = torch.cuda.mem_get_info()[1]
    torch.cuda.set_per_process_memory_fraction(22 * 2**30 / total)
    engine = load_engine(model, max_requests=4, memory=22 * 2**30)
    start = time.perf_counter()
    texts = [prompt(seed, 8192 - NEW) for seed in (1, 2)]
    asked = [engine.submit(text, Sampling(max_tokens=NEW)) for text in texts]
    tokens = sum(len(piece) for each in asked for piece in each)
    together = max(each.usage.first_token_seconds for each in asked) < min(
        each.usage.seconds for each in asked
    )
    return {
        "together": together,
        "context": engine.max_model_len,
        "tokens": tokens,
        "wall": time.perf_counter() - start,
        "peak": torch.cuda.max_memory_reserved() / 2**30,
        "used": torch.cuda.max_memory_allocated() / 2**30,
    }


def measure(ask: Any, batches: tuple[int, ...]) -> dict[str, Any]:
    """Batches of fresh questions, after one of each size to warm up; then follow-ups."""
    measured: dict[str, Any] = {}
    for count in batches:
        ask(prompts(900 + count, count))
        runs = [ask(prompts(100 * count + i, count)) for i in range(3 if count == 1 else 2)]
        measured[str(count)] = summary(sorted(runs, key=wall)[len(runs) // 2 if count == 1 else 0])
    head = prompt(7, 2800)
    ask([head + prompt(8, 100)])
    measured["follow_up"] = median(
        ask([head + prompt(seed, 60)])[0].first for seed in range(20, 25)
    )
    return measured


def wall(asked: list[Asked]) -> float:
    return max(each.last for each in asked)


def summary(asked: list[Asked]) -> dict[str, float]:
    firsts = sorted(each.first for each in asked)
    return {
        "wall": wall(asked),
        "tokens": sum(each.tokens for each in asked),
        "first_p50": firsts[len(firsts) // 2],
        "first_p95": firsts[min(len(firsts) - 1, round(0.95 * (len(firsts) - 1)))],
        "decode": median((each.tokens - 1) / (each.last - each.first) for each in asked),
    }


def measure_transformers(model: Path) -> dict[str, Any]:
    import torch
    from transformers import LlamaForCausalLM

    loaded = LlamaForCausalLM.from_pretrained(model, dtype=torch.bfloat16).cuda().eval()

    def generate(texts: list[list[int]], new: int) -> float:
        length = min(map(len, texts))
        given = torch.tensor([text[:length] for text in texts], device="cuda")
        torch.cuda.synchronize()
        start = time.perf_counter()
        with torch.inference_mode():
            loaded.generate(
                given,
                attention_mask=torch.ones_like(given),
                max_new_tokens=new,
                min_new_tokens=new,
                do_sample=False,
                pad_token_id=1,
            )
        torch.cuda.synchronize()
        return time.perf_counter() - start

    generate(prompts(1, 1), 8)
    measured = {}
    for count in BATCHES:
        texts = prompts(100 * count, count)
        first, whole = generate(texts, 1), generate(texts, NEW)
        measured[str(count)] = {
            "wall": whole,
            "tokens": count * NEW,
            "first_p50": first,
            "first_p95": first,
            "decode": (NEW - 1) / (whole - first),
        }
    return measured


async def measure_vllm(model: Path) -> dict[str, Any]:
    os.environ.update(
        VLLM_NO_USAGE_STATS="1",
        DO_NOT_TRACK="1",
        HF_HUB_OFFLINE="1",
        VLLM_HOST_IP="127.0.0.1",
        GLOO_SOCKET_IFNAME="lo",
        VLLM_USE_FLASHINFER_SAMPLER="0",
    )
    import vllm
    from vllm import SamplingParams
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.sampling_params import RequestOutputKind
    from vllm.v1.engine.async_llm import AsyncLLM

    start = time.perf_counter()
    arguments = AsyncEngineArgs(model=str(model), skip_tokenizer_init=True, max_model_len=4096)
    engine = AsyncLLM.from_engine_args(arguments)
    loaded = time.perf_counter() - start
    serial = iter(range(10**9))

    async def one(text: list[int], began: float) -> Asked:
        first = last = 0.0
        tokens = 0
        sampling = SamplingParams(
            temperature=0.0,
            max_tokens=NEW,
            ignore_eos=True,
            detokenize=False,
            output_kind=RequestOutputKind.DELTA,
        )
        async for output in engine.generate(
            {"prompt_token_ids": text}, sampling, str(next(serial))
        ):
            last = time.perf_counter() - began
            first = first or last
            tokens += len(output.outputs[0].token_ids)
        return Asked(first, last, tokens)

    async def ask(texts: list[list[int]]) -> list[Asked]:
        began = time.perf_counter()
        return await asyncio.gather(*(one(text, began) for text in texts))

    loop = asyncio.get_running_loop()
    try:
        measured = await asyncio.to_thread(
            measure,
            lambda texts: asyncio.run_coroutine_threadsafe(ask(texts), loop).result(),
            BATCHES,
        )
    finally:
        engine.shutdown()
    return {"loaded": loaded, "version": vllm.__version__, **measured}


def floor(card: dict[str, Any], count: int) -> dict[str, float]:
    """The least time there is: every byte once, every operation at the ceiling."""
    texts = prompts(100 * count, count)
    tokens = sum(map(len, texts))
    attention = sum(4 * len(text) ** 2 / 2 * 4096 * 32 for text in texts)
    operations = 2 * 32 * LAYER_WEIGHTS * tokens + attention
    reading = operations / card["multiplied"]
    bytes_of_step = 2 * WEIGHTS + (tokens + count * NEW / 2) * TOKEN_BYTES
    step = bytes_of_step / card["read"]
    return {
        "wall": reading + (NEW - 1) * step,
        "tokens": count * NEW,
        "first_p50": reading / 2 if count > 1 else reading,
        "first_p95": reading,
        "decode": 1 / step,
    }


def report(results: dict[str, Any]) -> None:
    card = results.pop("card")
    print(f"{time.strftime('%Y-%m-%d')}, {card['name']}, torch {card['torch']}")
    print(f"a read reached {card['read'] / 1e12:.2f} TB/s, ", end="")
    print(f"a product {card['multiplied'] / 1e12:.0f} TFLOP/s in bfloat16.\n")
    print("| | at once | wall s | tokens/s | first token p50, p95 s | each one's tokens/s after |")
    print("|---|---|---|---|---|---|")
    rows = {name: values for name, values in results.items() if values}
    rows["floor (bf16)"] = {str(count): floor(card, count) for count in BATCHES}
    for count in BATCHES:
        for name, values in rows.items():
            if numbers := values.get(str(count)):
                print_row(name, count, numbers)
    if small := results.get("small"):
        side = "side by side" if small["together"] else "one after the other"
        print(
            f"\nWith 22 GiB: two texts of {small['context']} tokens {side}, the last {NEW} of "
            f"each new, {small['tokens']} in {small['wall']:.1f} s; "
            f"at most {small['used']:.2f} GiB in use, {small['peak']:.2f} reserved."
        )
    print("\n| | ready after s | first token of a follow-up s |")
    print("|---|---|---|")
    for name, values in results.items():
        if values and "follow_up" in values:
            version = f" {values['version']}" if "version" in values else ""
            print(f"| {name}{version} | {values['loaded']:.0f} | {values['follow_up']:.4f} |")


def print_row(name: str, count: int, numbers: dict[str, float]) -> None:
    rate = numbers["tokens"] / numbers["wall"]
    print(
        f"| {name} | {count} | {numbers['wall']:.2f} | {rate:.0f} "
        f"| {numbers['first_p50']:.3f}, {numbers['first_p95']:.3f} | {numbers['decode']:.1f} |"
    )


if __name__ == "__main__":
    main()
