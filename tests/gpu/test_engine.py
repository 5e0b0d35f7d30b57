"""The whole engine on a card: recorded steps, quantized weights, guesses. `make gpu-test`."""

import random
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from kb_qa.errors import DeviceError
from kb_qa.xverse.engine import Engine, Options, Sampling, load_engine
from kb_qa.xverse.engine.memory import RECORDED_BYTES

GIB = 2**30


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of random weights."""
    return save(make_model(0.08), tmp_path_factory.mktemp("random"))


@pytest.fixture(scope="module")
def repeating(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that follows each token with the next of the twenty it is among, again and again."""
    model = make_model(0.02)
    tokens = torch.arange(3000)
    followers = tokens - tokens % 20 + (tokens + 1) % 20
    torch.nn.init.normal_(model.model.embed_tokens.weight)
    model.lm_head.weight.data[followers] = model.model.embed_tokens.weight.data / 20
    return save(model, tmp_path_factory.mktemp("repeating"))


def make_model(spread: float) -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=3000,
        hidden_size=512,
        intermediate_size=1536,
        num_hidden_layers=4,
        num_attention_heads=8,
        max_position_embeddings=2048,
        tie_word_embeddings=False,
    )
    model = LlamaForCausalLM(config)
    for weight in model.parameters():
        if weight.dim() > 1:
            torch.nn.init.normal_(weight, std=spread)
    return model


def save(model: LlamaForCausalLM, folder: Path) -> Path:
    model.to(torch.bfloat16).save_pretrained(folder)
    return folder


def prompts(count: int, seed: int = 0) -> list[list[int]]:
    chance = random.Random(seed)
    return [
        [chance.randrange(5, 3000) for _ in range(chance.randint(1, 700))] for _ in range(count)
    ]


def answers(engine: Engine, texts: list[list[int]], **sampling: object) -> list[list[int]]:
    asked = [engine.submit(text, Sampling(max_tokens=40, **sampling)) for text in texts]
    return [[token for piece in each for token in piece] for each in asked]


@pytest.mark.parametrize("quantize", ["none", "int8", "int4"])
def test_guesses_change_no_token(folder: Path, repeating: Path, quantize: str) -> None:
    """Greedy tokens are the same with and without guesses, and guesses save steps."""
    for model, saves in ((repeating, True), (folder, False)):
        texts = [(text[:60] * 8)[:400] for text in prompts(6)]
        few = {"quantize": quantize, "memory": 2 * GIB, "max_requests": 4}
        with load_engine(model, options=Options(guesses=0), **few) as engine:
            expected = [answers(engine, [text])[0] for text in texts]
        with load_engine(model, **few) as engine:
            for text, tokens in zip(texts, expected, strict=True):
                asked = engine.submit(text, Sampling(max_tokens=40))
                assert [token for piece in asked for token in piece] == tokens
                if saves:
                    assert asked.usage.steps < 30


def test_tokens_are_those_of_transformers(folder: Path) -> None:
    """Nearly all greedy answers in bfloat16 begin as transformers' own do."""
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).cuda()
    texts = prompts(24)
    with load_engine(folder, memory=2 * GIB) as engine:
        ours = answers(engine, texts)
    same = 0
    for text, tokens in zip(texts, ours, strict=True):
        given = torch.tensor([text], device="cuda")
        theirs = model.generate(
            given,
            attention_mask=torch.ones_like(given),
            max_new_tokens=4,
            do_sample=False,
            eos_token_id=None,
            pad_token_id=1,
        )
        same += theirs[0, len(text) :].tolist() == tokens[:4]
    assert same >= 20


def test_a_beginning_seen_before_is_not_computed_again(repeating: Path) -> None:
    """A follow-up's common beginning comes from the cache and changes no token."""
    head = (prompts(1, seed=5)[0] * 600)[:600]
    texts = [head + tail[:50] for tail in prompts(6, seed=6)]
    with load_engine(repeating, memory=2 * GIB) as engine:
        fresh = [answers(engine, [text])[0] for text in texts]
        again = [engine.submit(text, Sampling(max_tokens=40)) for text in texts]
        tokens = [[token for piece in each for token in piece] for each in again]
        assert all(each.usage.cached_tokens >= 512 for each in again)
    assert tokens == fresh


def test_a_seed_gives_one_answer(folder: Path) -> None:
    """Random choices depend on the seed alone, and keep to the rules."""
    rules = {"temperature": 0.8, "top_k": 20, "top_p": 0.9, "repetition_penalty": 1.1, "seed": 7}
    text = prompts(1)[0]
    with load_engine(folder, memory=2 * GIB) as engine:
        assert answers(engine, [text], **rules) == answers(engine, [text], **rules)
        assert answers(engine, [text], **rules) != answers(engine, [text], **rules | {"seed": 8})


def test_too_little_memory_is_told(folder: Path) -> None:
    """What does not fit is refused with what is free and what is needed."""
    with pytest.raises(DeviceError, match=r"GiB free, and .* GiB are needed"):
        load_engine(folder, memory=RECORDED_BYTES + GIB // 32)
