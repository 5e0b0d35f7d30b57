"""Greedy tokens are those of transformers, however they were computed."""

import pytest

from kb_qa.xverse.engine import Engine, Options, Sampling, load_engine
from tests.kb_qa.xverse.engine.conftest import Tiny
from tests.kb_qa.xverse.engine.models import (
    NEW,
    generate,
    make_tiny_engine,
    reference,
    tokens_of,
)

GREEDY = Sampling(max_tokens=NEW)
OPTIONS = {
    "usual": Options(),
    "no guesses": Options(guesses=0),
    "small blocks and chunks": Options(block_tokens=4, chunk_tokens=7),
    "small, no guesses": Options(block_tokens=4, chunk_tokens=7, guesses=0),
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_batched_tokens_equal_those_of_transformers(llama: Tiny, options: Options) -> None:
    """200 prompts at once, and once more with their beginnings cached, answer as one by one."""
    with make_tiny_engine(
        llama.folder, cache_tokens=50_000, options=options, max_requests=64
    ) as engine:
        for _ in range(2):
            generations = [engine.submit(prompt, GREEDY) for prompt in llama.prompts]
            assert [tokens_of(each) for each in generations] == llama.answers
        size = options.block_tokens
        full_blocks = [(len(prompt) - 1) // size * size for prompt in llama.prompts]
        assert [each.usage.cached_tokens for each in generations] == full_blocks


@pytest.mark.parametrize("kind", ["usual", "small, no guesses"])
def test_tokens_computed_alone_equal_those_of_transformers(llama: Tiny, kind: str) -> None:
    """One prompt after the other, each of which may begin as an earlier one did."""
    with load(llama, OPTIONS[kind]) as engine:
        for prompt, answer in zip(llama.prompts, llama.answers, strict=True):
            assert generate(engine, [prompt], GREEDY) == [answer]


def test_other_models_tokens_equal_those_of_transformers(other_llama: Tiny) -> None:
    """Grouped heads and tied embeddings change nothing of that."""
    with load(other_llama, OPTIONS["small blocks and chunks"]) as engine:
        assert generate(engine, other_llama.prompts, GREEDY) == other_llama.answers


def test_right_guesses_save_steps_and_change_no_token(repeating: Tiny) -> None:
    """Where texts repeat themselves, a step gives several tokens, and they are the same."""
    with load(repeating, OPTIONS["usual"]) as engine:
        generations = [engine.submit(prompt, GREEDY) for prompt in repeating.prompts]
        assert [tokens_of(each) for each in generations] == repeating.answers
        alone = []
        for prompt, answer in zip(repeating.prompts, repeating.answers, strict=True):
            alone.append(engine.submit(prompt, GREEDY))
            assert tokens_of(alone[-1]) == answer
    assert sum(each.usage.steps for each in alone) < 0.8 * NEW * len(alone)
    assert all(each.usage.new_tokens == NEW for each in alone)


def test_an_answer_ends_before_the_token_that_stops_it(llama: Tiny, tiny_engine: Engine) -> None:
    """A stop token ends the answer and is not handed out; usage counts what was."""
    prompt, answer = llama.prompts[0], llama.answers[0]
    stop = answer[5]
    generation = tiny_engine.submit(prompt, Sampling(max_tokens=NEW, stop_ids=frozenset({stop})))
    assert tokens_of(generation) == answer[: answer.index(stop)]
    assert generation.finish_reason == "stop"
    assert generation.usage.new_tokens == answer.index(stop)


def test_an_answer_ends_where_the_context_does(llama: Tiny, tiny_engine: Engine) -> None:
    """Prompt and answer together are as long as the model's context, never longer."""
    prompt = (llama.prompts[0] * 300)[: tiny_engine.max_model_len - 3]
    generation = tiny_engine.submit(prompt, Sampling(max_tokens=50))
    assert tokens_of(generation) == reference(llama.model, prompt, 3)
    assert generation.finish_reason == "length"


def load(llama: Tiny, options: Options) -> Engine:
    return load_engine(llama.folder, device="cpu", dtype="float32", options=options)
