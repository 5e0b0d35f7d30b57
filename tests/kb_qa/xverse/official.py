"""A tiny XVERSE in the layout that its makers publish.

Eight pickled shards with an index, a config.json that points to remote code,
a tokenizer.json of the old kind, and inv_freq among the weights. The weights
are random; the tokenizer is real: it encodes any text, by bytes where it must.
"""

import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

SHARDS = 8
UNKNOWN, PAD, START, END = "<unk>", "<pad>", "<|startoftext|>", "<|endoftext|>"
SPECIAL = (UNKNOWN, PAD, START, END)
BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))
TRAINED_ON = Path(__file__).parents[3] / "data" / "docs"
VOCABULARY = 1200
LEGACY_METASPACE = {"type": "Metaspace", "replacement": "▁", "add_prefix_space": False}
CODE = "raise RuntimeError('the code of a checkpoint must never run')\n"
CODE_FILES = ("configuration_xverse.py", "modeling_xverse.py", "quantization.py")


@dataclass(frozen=True)
class Shape:
    """The sizes of a model; `vocabulary` is at least the tokenizer's."""

    hidden: int = 64
    intermediate: int = 176
    layers: int = 3
    heads: int = 4
    vocabulary: int = VOCABULARY
    positions: int = 512
    dtype: torch.dtype = torch.bfloat16
    spread: float = 0.15


TINY = Shape()


def make_official(
    folder: Path, *, seed: int = 0, shape: Shape = TINY, shards: int = SHARDS, **config: Any
) -> Path:
    """Write the checkpoint; `config` goes over the fields of its config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    write_shards(folder, published_tensors(shape, seed=seed), shards=shards)
    write(folder / "config.json", official_config(shape) | config)
    write(folder / "generation_config.json", GENERATION)
    write(folder / "tokenizer.json", legacy_tokenizer())
    write(folder / "tokenizer_config.json", TOKENIZER_CONFIG)
    write(folder / "special_tokens_map.json", SPECIAL_TOKENS)
    for name in CODE_FILES:
        (folder / name).write_text(CODE)
    return folder


def official_config(shape: Shape = TINY) -> dict[str, Any]:
    return {
        "architectures": ["XverseForCausalLM"],
        "auto_map": {
            "AutoConfig": "configuration_xverse.XverseConfig",
            "AutoModelForCausalLM": "modeling_xverse.XverseForCausalLM",
        },
        "pad_token_id": 1,
        "bos_token_id": 2,
        "eos_token_id": 3,
        "hidden_act": "silu",
        "hidden_size": shape.hidden,
        "initializer_range": 0.02,
        "intermediate_size": shape.intermediate,
        "max_position_embeddings": shape.positions,
        "max_tokenizer_truncation": shape.positions * 3 // 4,
        "model_type": "xverse",
        "num_attention_heads": shape.heads,
        "num_hidden_layers": shape.layers,
        "rms_norm_eps": 1e-06,
        "tie_word_embeddings": False,
        "torch_dtype": str(shape.dtype).removeprefix("torch."),
        "transformers_version": "4.31.0",
        "use_cache": True,
        "vocab_size": shape.vocabulary,
    }


GENERATION = {
    "pad_token_id": 1,
    "bos_token_id": 2,
    "eos_token_id": 3,
    "max_new_tokens": 2048,
    "temperature": 0.5,
    "top_k": 30,
    "top_p": 0.85,
    "repetition_penalty": 1.1,
    "do_sample": True,
    "transformers_version": "4.31.0",
}
TOKENIZER_CONFIG = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "auto_map": {"AutoTokenizer": ["modeling_xverse.XverseTokenizer", None]},
}
SPECIAL_TOKENS = {
    "bos_token": START,
    "eos_token": {"content": END, "lstrip": False, "rstrip": False, "single_word": False},
    "pad_token": PAD,
    "unk_token": UNKNOWN,
}


def needed_tensors(shape: Shape = TINY, *, seed: int = 0) -> dict[str, torch.Tensor]:
    """The weights that the model computes with."""
    random = torch.Generator().manual_seed(seed)
    hidden, inner = shape.hidden, shape.intermediate
    sizes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (shape.vocabulary, hidden)}
    for layer in range(shape.layers):
        prefix = f"model.layers.{layer}."
        for name in "qkvo":
            sizes[f"{prefix}self_attn.{name}_proj.weight"] = (hidden, hidden)
        sizes[f"{prefix}mlp.gate_proj.weight"] = (inner, hidden)
        sizes[f"{prefix}mlp.up_proj.weight"] = (inner, hidden)
        sizes[f"{prefix}mlp.down_proj.weight"] = (hidden, inner)
        sizes[f"{prefix}input_layernorm.weight"] = (hidden,)
        sizes[f"{prefix}post_attention_layernorm.weight"] = (hidden,)
    sizes |= {"model.norm.weight": (hidden,), "lm_head.weight": (shape.vocabulary, hidden)}
    return {
        name: (
            torch.randn(size, generator=random) * shape.spread + (1.0 if len(size) == 1 else 0.0)
        ).to(shape.dtype)
        for name, size in sizes.items()
    }


def published_tensors(shape: Shape = TINY, *, seed: int = 0) -> dict[str, torch.Tensor]:
    """All tensors in the files: the weights, and what can be computed from the config."""
    head = shape.hidden // shape.heads
    frequencies = 1.0 / (10000 ** (torch.arange(0, head, 2).float() / head))
    derived = {
        f"model.layers.{layer}.self_attn.rotary_emb.inv_freq": frequencies.clone()
        for layer in range(shape.layers)
    }
    return needed_tensors(shape, seed=seed) | derived


def write_shards(folder: Path, tensors: dict[str, torch.Tensor], *, shards: int = SHARDS) -> None:
    """Pickled shards of about one size, and their index."""
    weight_map: dict[str, str] = {}
    held: list[dict[str, torch.Tensor]] = [{} for _ in range(shards)]
    for name, tensor in sorted(tensors.items(), key=lambda item: (-item[1].numel(), item[0])):
        smallest = min(held, key=lambda shard: sum(each.numel() for each in shard.values()))
        smallest[name] = tensor
    for number, shard in enumerate(held, 1):
        file = f"pytorch_model-{number:05}-of-{shards:05}.bin"
        torch.save(shard, folder / file)
        weight_map |= dict.fromkeys(shard, file)
    total = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    write(
        folder / "pytorch_model.bin.index.json",
        {"metadata": {"total_size": total}, "weight_map": weight_map},
    )


def legacy_tokenizer() -> dict[str, Any]:
    """A tokenizer.json as tokenizers 0.13 wrote it; later versions refuse it as it is."""
    described: dict[str, Any] = json.loads(trained_tokenizer().to_str())
    described["added_tokens"] = [
        token for token in described["added_tokens"] if token["content"] in SPECIAL
    ]
    described["pre_tokenizer"] = dict(LEGACY_METASPACE)
    described["decoder"] = {
        "type": "Sequence",
        "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}, dict(LEGACY_METASPACE)],
    }
    return described


@cache
def trained_tokenizer() -> Tokenizer:
    """The same tokenizer as today's library writes it, without the added tokens put right."""
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="never")
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[*SPECIAL, *BYTES],
        show_progress=False,
        limit_alphabet=500,
    )
    texts = [path.read_text(encoding="utf-8") for path in sorted(TRAINED_ON.rglob("*.md"))]
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def larger(shape: Shape, **sizes: Any) -> Shape:
    return replace(shape, **sizes)


def write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2), encoding="utf-8")
