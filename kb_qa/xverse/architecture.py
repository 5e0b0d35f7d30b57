"""What a config.json says a model is, and the plain Llama it is served as.

A dense XVERSE has the weights and the mathematics of a Llama; only its
config.json names code of its own. What is no Llama is refused here, before a
byte of its weights is read.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kb_qa.errors import CheckpointError

DENSE = {"XverseForCausalLM": "xverse", "LlamaForCausalLM": "llama"}
EXPERTS = (
    "num_experts",
    "num_local_experts",
    "n_routed_experts",
    "num_shared_experts",
    "moe_top_k",
)
LONGEST = 131072
STRETCHED_NAME = re.compile(r"xverse[^/ ]*256k")
SIZES = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "max_position_embeddings",
)
MOST = {"num_hidden_layers": 1024}
KEPT = ("torch_dtype", "pad_token_id", "bos_token_id", "eos_token_id", "initializer_range")
ROPE_THETA = 10000.0


@dataclass(frozen=True)
class Architecture:
    """The shape of a dense Llama.

    Args:
        config: its config.json as any engine reads it, without a way to remote code.
        tied: whether the output layer is the embedding.
    """

    config: Mapping[str, Any]
    tied: bool

    @property
    def vocabulary(self) -> int:
        """Number of token ids the embedding knows."""
        return int(self.config["vocab_size"])

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """The name and shape of every tensor the model needs."""
        return dict(self._tensors())

    def _tensors(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        hidden, vocabulary = self.config["hidden_size"], self.config["vocab_size"]
        inner, head = self.config["intermediate_size"], self.config["head_dim"]
        queries = self.config["num_attention_heads"] * head
        keys = self.config["num_key_value_heads"] * head
        yield "model.embed_tokens.weight", (vocabulary, hidden)
        for layer in range(self.config["num_hidden_layers"]):
            prefix = f"model.layers.{layer}"
            yield f"{prefix}.input_layernorm.weight", (hidden,)
            yield f"{prefix}.self_attn.q_proj.weight", (queries, hidden)
            yield f"{prefix}.self_attn.k_proj.weight", (keys, hidden)
            yield f"{prefix}.self_attn.v_proj.weight", (keys, hidden)
            yield f"{prefix}.self_attn.o_proj.weight", (hidden, queries)
            yield f"{prefix}.post_attention_layernorm.weight", (hidden,)
            yield f"{prefix}.mlp.gate_proj.weight", (inner, hidden)
            yield f"{prefix}.mlp.up_proj.weight", (inner, hidden)
            yield f"{prefix}.mlp.down_proj.weight", (hidden, inner)
        yield "model.norm.weight", (hidden,)
        if not self.tied:
            yield "lm_head.weight", (vocabulary, hidden)


def read_architecture(config: Mapping[str, Any], *, place: Path) -> Architecture:
    """The Llama that a config.json describes.

    Raises:
        CheckpointError: it is none, or not as it is; the message says why.
    """
    reason = _refusal(config, place)
    if reason:
        raise CheckpointError(f"{place} {reason}")
    heads = _whole(config, "num_attention_heads", place)
    values = {name: _whole(config, name, place) for name in SIZES}
    tied = bool(config.get("tie_word_embeddings", False))
    return Architecture(
        config={
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            **values,
            "num_key_value_heads": _whole(config, "num_key_value_heads", place, default=heads),
            "head_dim": _whole(config, "head_dim", place, default=values["hidden_size"] // heads),
            "hidden_act": "silu",
            "rms_norm_eps": _epsilon(config, place),
            "rope_theta": _theta(config),
            "attention_bias": False,
            "mlp_bias": False,
            "tie_word_embeddings": tied,
            "use_cache": True,
            **({"torch_dtype": config["dtype"]} if "dtype" in config else {}),
            **{name: config[name] for name in KEPT if name in config},
        },
        tied=tied,
    )


def _refusal(config: Mapping[str, Any], place: Path) -> str | None:
    """Why a model cannot be served, as the end of a sentence that begins with its place."""
    names = config.get("architectures") or []
    kind, known = config.get("model_type"), [name for name in names if name in DENSE]
    if any(config.get(name) for name in EXPERTS) or "moe" in f"{kind} {names}".lower():
        return "is a mixture of experts, which is no Llama: take a dense model, as XVERSE-7B-Chat"
    if kind not in DENSE.values() or (names and not known):
        return (
            f"is a {kind!r} with the architecture {', '.join(map(str, names)) or 'unnamed'}, "
            "which is not known here: take a dense XVERSE or Llama model, as XVERSE-7B-Chat"
        )
    if _is_stretched(config, place):
        return (
            "is a long-context variant, whose positions are scaled by code of its own: "
            "take the plain model, as XVERSE-13B-Chat"
        )
    if config.get("quantization_config"):
        return (
            "is quantized already: take the model it was made from, which is quantized while it "
            "is loaded where memory is short"
        )
    if config.get("hidden_act", "silu") != "silu":
        return f"has the activation {config['hidden_act']!r} where a Llama has 'silu'"
    return None


def _is_stretched(config: Mapping[str, Any], place: Path) -> bool:
    named = STRETCHED_NAME.search(f"{config.get('_name_or_path', '')} {place}".lower())
    scaling = config.get("rope_scaling") or config.get("rope_parameters") or {}
    scaled = scaling.get("rope_type", scaling.get("type", "default")) != "default"
    positions = config.get("max_position_embeddings")
    far = config.get("model_type") == "xverse" and isinstance(positions, int)
    return scaled or named is not None or (far and int(positions or 0) >= LONGEST)


def _theta(config: Mapping[str, Any]) -> float:
    parameters = config.get("rope_parameters") or {}
    return float(config.get("rope_theta") or parameters.get("rope_theta") or ROPE_THETA)


def _epsilon(config: Mapping[str, Any], place: Path) -> float:
    value = config.get("rms_norm_eps")
    if not isinstance(value, float) or not 0 < value < 1:
        raise CheckpointError(
            f"{place / 'config.json'} has rms_norm_eps {value!r}, no small number"
        )
    return value


def _whole(config: Mapping[str, Any], name: str, place: Path, *, default: int | None = None) -> int:
    value = config.get(name)
    value = default if value is None else value
    if (
        not isinstance(value, int)
        or isinstance(value, bool)
        or not 0 < value <= MOST.get(name, 2**31)
    ):
        raise CheckpointError(
            f"{place / 'config.json'} has {name} {value!r}, which is no size of a model: "
            "fetch the file again from where the model came"
        )
    return value
