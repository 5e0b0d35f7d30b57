"""Many threads ask at once for some minutes: is every answer right, and memory flat?

    python -m benchmarks.soak [--seconds 120] [--threads 64]

On the processor, with a tiny Llama of random weights. Each thread asks one
question after the other, of a few whose answers are known; some it cancels.
"""

import argparse
import random
import resource
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from kb_qa.xverse.engine import Engine, FinishReason, Sampling, load_engine

VOCABULARY, NEW, QUESTIONS = 500, 16, 100
CANCELLED_SHARE = 0.1
WARM_UP = 0.25  # of the time, after which memory is measured first


@dataclass
class Soaked:
    """What the threads counted, and resident memory in MiB at times."""

    right: int = 0
    wrong: int = 0
    cancelled: int = 0
    lost: int = 0
    memory: list[tuple[float, float]] = field(default_factory=list)

    @property
    def growth(self) -> float:
        """Of the memory after the warm-up, in MiB."""
        return self.memory[-1][1] - self.memory[0][1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--threads", type=int, default=64)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        save_tiny_llama(Path(work))
        with load_engine(Path(work), device="cpu", dtype="float32") as engine:
            chance = random.Random(0)
            prompts = [
                [chance.randrange(VOCABULARY) for _ in range(chance.randint(1, 120))]
                for _ in range(QUESTIONS)
            ]
            answers = [ask(engine, prompt) for prompt in prompts]
            found = soak(engine, prompts, answers, seconds=options.seconds, threads=options.threads)
    print(f"{time.strftime('%Y-%m-%d')}, {options.threads} threads, {options.seconds:.0f} s\n")
    print("| answers right | wrong | cancelled | lost | answers/s |")
    print("|---|---|---|---|---|")
    rate = found.right / options.seconds
    print(f"| {found.right} | {found.wrong} | {found.cancelled} | {found.lost} | {rate:.0f} |\n")
    print("| after s | resident MiB |")
    print("|---|---|")
    for passed, size in found.memory:
        print(f"| {passed:.0f} | {size:.1f} |")


def save_tiny_llama(folder: Path) -> None:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=256,
        initializer_range=0.2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)


def soak(
    engine: Engine,
    prompts: Sequence[Sequence[int]],
    answers: Sequence[Sequence[int]],
    *,
    seconds: float,
    threads: int,
) -> Soaked:
    """Ask from all threads until the time is over."""
    found, lock = Soaked(), threading.Lock()
    begin = time.monotonic()

    def work(seed: int) -> None:
        chance = random.Random(seed)
        while time.monotonic() < begin + seconds:
            index = chance.randrange(len(prompts))
            if chance.random() < CANCELLED_SHARE:
                outcome = ask_and_leave(engine, prompts[index], len(answers[index]))
            else:
                answer = ask(engine, prompts[index], len(answers[index]))
                outcome = "right" if answer == answers[index] else "wrong"
            with lock:
                setattr(found, outcome, getattr(found, outcome) + 1)

    workers = [threading.Thread(target=work, args=(seed,), daemon=True) for seed in range(threads)]
    for each in workers:
        each.start()
    times = [seconds * (WARM_UP + (1 - WARM_UP) * part / 6) for part in range(7)]
    for passed in times:
        time.sleep(max(0.0, begin + passed - time.monotonic()))
        found.memory.append((passed, resident_mib()))
    for each in workers:
        each.join(timeout=60)
        found.lost += each.is_alive()
    return found


def ask(engine: Engine, prompt: Sequence[int], new: int = NEW) -> list[int]:
    generation = engine.submit(prompt, Sampling(max_tokens=new))
    return [token for piece in generation for token in piece]


def ask_and_leave(engine: Engine, prompt: Sequence[int], new: int) -> str:
    """Read one piece, and cancel."""
    generation = engine.submit(prompt, Sampling(max_tokens=new))
    for _ in generation:
        break
    for _ in generation:  # what had come before it was heard
        pass
    ended = generation.finish_reason in {FinishReason.CANCELLED, FinishReason.LENGTH}
    return "cancelled" if ended else "wrong"


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    main()
