"""The numbers of a dense Llama: what its config.json says."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kb_qa.errors import CheckpointError


@dataclass(frozen=True)
class Shape:
    """Sizes of a model, counted in elements.

    Attributes:
        heads: of the queries.
        cached_heads: of the keys and values; each serves heads / cached_heads queries.
        head_size: of one head's vector.
        context: the most tokens the model was made for.
        rotation_base: of the rotary position angles.
        tied: whether the head's weights are the embeddings'.
        dtype: the type the weights were trained in.
    """

    vocabulary: int
    hidden: int
    feed_forward: int
    layers: int
    heads: int
    cached_heads: int
    head_size: int
    context: int
    epsilon: float
    rotation_base: float
    tied: bool
    dtype: str

    @property
    def mixed(self) -> int:
        """Outputs of the layer that gives queries, keys and values at once."""
        return (self.heads + 2 * self.cached_heads) * self.head_size

    def cache_bytes(self, item_bytes: int) -> int:
        """Bytes of one token's keys and values in all layers."""
        return 2 * self.layers * self.cached_heads * self.head_size * item_bytes

    def weight_count(self) -> int:
        """Weights of all linear layers but the head."""
        attention = self.hidden * self.mixed + self.heads * self.head_size * self.hidden
        return self.layers * (attention + 3 * self.hidden * self.feed_forward)


def read_shape(folder: Path) -> Shape:
    """The shape of the model in a folder.

    Raises:
        CheckpointError: there is no model, or one that is no dense Llama.
    """
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        return _shape(config, path)
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointError(f"{path}: no such file; give a folder that holds a model") from None
    except (ArithmeticError, AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: not a Llama's configuration ({error!r})") from error


def _shape(config: dict[str, Any], path: Path) -> Shape:
    rotation = config.get("rope_parameters") or config.get("rope_scaling") or {}
    for name, value, known in (
        ("model_type", config["model_type"], ("llama",)),
        ("hidden_act", config.get("hidden_act", "silu"), ("silu",)),
        ("attention_bias", config.get("attention_bias", False), (False,)),
        ("mlp_bias", config.get("mlp_bias", False), (False,)),
        ("rope_type", rotation.get("rope_type", rotation.get("type", "default")), ("default",)),
    ):
        if value not in known:
            raise CheckpointError(f"{path}: {name} is {value!r}, and only {known[0]!r} runs here")
    heads, hidden = _size(config, "num_attention_heads"), _size(config, "hidden_size")
    return Shape(
        vocabulary=_size(config, "vocab_size"),
        hidden=hidden,
        feed_forward=_size(config, "intermediate_size"),
        layers=_size(config, "num_hidden_layers"),
        heads=heads,
        cached_heads=config.get("num_key_value_heads") or heads,
        head_size=config.get("head_dim") or hidden // heads,
        context=_size(config, "max_position_embeddings"),
        epsilon=config["rms_norm_eps"],
        rotation_base=rotation.get("rope_theta") or config.get("rope_theta") or 10000.0,
        tied=bool(config.get("tie_word_embeddings", False)),
        dtype=config.get("dtype") or config.get("torch_dtype") or "float32",
    )


def _size(config: dict[str, Any], name: str) -> int:
    size = config[name]
    if not isinstance(size, int) or size < 1:
        raise ValueError(f"{name} is {size!r}")
    return size
