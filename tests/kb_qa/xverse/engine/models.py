"""Tiny Llamas of random weights, saved by transformers, and engines over them."""

import random
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from kb_qa.xverse.engine import Engine, Generation, Options, Sampling
from kb_qa.xverse.engine.linear import Quantization
from kb_qa.xverse.engine.loading import make_engine
from kb_qa.xverse.engine.memory import Plan
from kb_qa.xverse.engine.shape import read_shape
from kb_qa.xverse.engine.weights import read_model

VOCABULARY, CONTEXT, NEW = 500, 256, 24
TINY = Options(block_tokens=4, chunk_tokens=7)


def save_llama(folder: Path, *, attention: float = 1.0, **changes: object) -> LlamaForCausalLM:
    """Two layers of random weights, wide enough apart to choose clearly.

    Args:
        folder: where to.
        attention: how much what is read from other tokens counts.
        changes: to the sizes.
    """
    torch.manual_seed(0)
    sizes = {
        "vocab_size": VOCABULARY,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "max_position_embeddings": CONTEXT,
        "initializer_range": 0.2,
        "bos_token_id": None,
        "eos_token_id": None,
    }
    model = LlamaForCausalLM(LlamaConfig(**sizes | changes)).eval()
    for layer in model.model.layers:
        layer.self_attn.o_proj.weight.data *= attention
    model.save_pretrained(folder)
    return model


def make_tiny_engine(
    folder: Path, *, cache_tokens: int, options: Options = TINY, max_requests: int = 16
) -> Engine:
    """An engine with room for so many tokens in all."""
    shape = read_shape(folder)
    cpu = torch.device("cpu")
    model = read_model(
        folder, shape, device=cpu, dtype=torch.float32, quantization=Quantization.NONE
    )
    plan = Plan(context=min(shape.context, cache_tokens), cache_tokens=cache_tokens)
    return make_engine(model, plan, options=options, max_requests=max_requests)


def random_prompts(count: int, *, seed: int = 0, longest: int = 120) -> list[list[int]]:
    """Of all lengths; about half of them begin as an earlier one does."""
    chance = random.Random(seed)
    prompts: list[list[int]] = []
    for _ in range(count):
        length = chance.randint(1, longest)
        head = chance.choice(prompts)[: chance.randint(0, length)] if prompts else []
        kept = head if chance.random() < 0.5 else []
        prompts.append(kept + random_ids(length - len(kept), chance))
    return prompts


def random_ids(count: int, chance: random.Random) -> list[int]:
    return [chance.randrange(VOCABULARY) for _ in range(count)]


def reference(model: LlamaForCausalLM, prompt: Sequence[int], new: int = NEW) -> list[int]:
    """What transformers generates."""
    ids = torch.tensor([prompt])
    generated = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        min_new_tokens=new,
        max_new_tokens=new,
        pad_token_id=0,
    )
    return generated[0, len(prompt) :].tolist()


def tokens_of(generation: Generation) -> list[int]:
    return [token for piece in generation for token in piece]


def generate(
    engine: Engine, prompts: Sequence[Sequence[int]], sampling: Sampling
) -> list[list[int]]:
    """All at once."""
    return [tokens_of(each) for each in [engine.submit(prompt, sampling) for prompt in prompts]]
