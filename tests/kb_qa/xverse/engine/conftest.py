"""Tiny Llamas, and what transformers generates with them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from transformers import LlamaForCausalLM

from kb_qa.xverse.engine import Engine, load_engine
from tests.kb_qa.xverse.engine.models import NEW, random_prompts, reference, save_llama

KINDS: dict[str, dict[str, object]] = {
    "plain": {},
    "grouped heads": {"num_key_value_heads": 2},
    "tied embeddings": {"tie_word_embeddings": True},
}
"""What differs from the plain model."""


@dataclass(frozen=True)
class Tiny:
    """A model on disk; with prompts, and transformers' greedy answers to them."""

    folder: Path
    model: LlamaForCausalLM
    prompts: list[list[int]]
    answers: list[list[int]]


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """The plain one, and 200 prompts."""
    return make_tiny(tmp_path_factory.mktemp("plain"), "plain", prompts=200)


@pytest.fixture(scope="session", params=list(KINDS)[1:])
def other_llama(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """Each of the others, and 50 prompts."""
    return make_tiny(tmp_path_factory.mktemp("other"), request.param, prompts=50)


@pytest.fixture(scope="session")
def repeating(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """One that hardly looks back, so that it runs in circles, and 30 texts that have begun to."""
    folder = tmp_path_factory.mktemp("repeating")
    model = save_llama(folder, attention=0.03)
    begun, prompts, answers = 120, random_prompts(30, longest=20), []
    for index, prompt in enumerate(prompts):
        text = reference(model, prompt, begun + NEW)
        prompts[index] = prompt + text[:begun]
        answers.append(text[begun:])
    return Tiny(folder, model, prompts, answers)


@pytest.fixture(scope="session")
def tiny_engine(llama: Tiny) -> Iterator[Engine]:
    """The plain model with the options that are usual on a processor."""
    with load_engine(llama.folder, device="cpu", dtype="float32") as engine:
        yield engine


def make_tiny(folder: Path, kind: str, *, prompts: int) -> Tiny:
    model = save_llama(folder, **KINDS[kind])
    texts = random_prompts(prompts)
    return Tiny(folder, model, texts, [reference(model, each) for each in texts])
