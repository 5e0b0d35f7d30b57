"""What a config.json says, and what is refused by it."""

from pathlib import Path
from typing import Any

import pytest
from transformers import LlamaConfig, LlamaForCausalLM

from kb_qa.errors import CheckpointError
from kb_qa.xverse.architecture import read_architecture
from tests.kb_qa.xverse.official import official_config

PUBLISHED = Path("models/XVERSE-Chat")
SIZES = "vocab_size hidden_size intermediate_size num_hidden_layers num_attention_heads".split()

DENSE: dict[str, tuple[list[int], int]] = {
    "7B": ([100534, 4096, 11008, 32, 32], 7_299_846_144),
    "13B": ([100278, 5120, 13824, 40, 40], 13_715_031_040),
    "65B": ([100534, 8192, 22016, 80, 64], 66_408_521_728),
}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "experts": ({"num_experts": 64, "moe_top_k": 6}, "mixture of experts"),
    "experts by name": ({"architectures": ["XverseMoeForCausalLM"]}, "mixture of experts"),
    "another family": ({"model_type": "bert", "architectures": ["BertModel"]}, "not known here"),
    "another class": ({"architectures": ["XverseForReward"]}, "not known here"),
    "long context by length": ({"max_position_embeddings": 262144}, "long-context"),
    "long context by name": ({"_name_or_path": "xverse/XVERSE-13B-256K"}, "long-context"),
    "scaled positions": ({"rope_scaling": {"type": "dynamic", "factor": 4.0}}, "long-context"),
    "quantized": ({"quantization_config": {"quant_method": "gptq"}}, "quantized already"),
    "another activation": ({"hidden_act": "gelu"}, "'gelu'"),
    "no layers": ({"num_hidden_layers": None}, "num_hidden_layers None"),
    "a million layers": ({"num_hidden_layers": 10**6}, "num_hidden_layers 1000000"),
    "negative": ({"hidden_size": -1}, "hidden_size -1"),
    "a truth for a size": ({"hidden_size": True}, "hidden_size True"),
    "no epsilon": ({"rms_norm_eps": None}, "rms_norm_eps None"),
}


@pytest.mark.parametrize("size", DENSE)
def test_every_dense_xverse_is_a_llama_of_known_size(size: str) -> None:
    """The tensors expected of a published size add up to its parameters."""
    sizes, parameters = DENSE[size]
    config = official_config() | dict(zip(SIZES, sizes, strict=True))
    tensors = read_architecture(config, place=PUBLISHED).tensors()
    counted = sum(shape[0] * (shape[1] if len(shape) > 1 else 1) for shape in tensors.values())
    assert counted == parameters


def test_the_tensors_are_those_of_transformers_llama() -> None:
    """Names and shapes are the ones that LlamaForCausalLM gives its own."""
    architecture = read_architecture(official_config(), place=PUBLISHED)
    model = LlamaForCausalLM(LlamaConfig(**architecture.config))
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    assert architecture.tensors() == expected


def test_grouped_heads_and_tied_embeddings_are_understood() -> None:
    """A Llama that shares key heads and its output layer has the fewer and smaller tensors."""
    grouped = {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}
    grouped |= {"num_key_value_heads": 2, "head_dim": 32, "tie_word_embeddings": True}
    tensors = read_architecture(official_config() | grouped, place=PUBLISHED).tensors()
    assert tensors["model.layers.0.self_attn.k_proj.weight"] == (64, 64)
    assert tensors["model.layers.0.self_attn.q_proj.weight"] == (128, 64)
    assert "lm_head.weight" not in tensors


def test_the_config_names_no_code() -> None:
    """What is served is a plain Llama with the positions of XVERSE, in the type it came in."""
    config = read_architecture(official_config(), place=PUBLISHED).config
    assert "auto_map" not in config
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert config["model_type"] == "llama"
    assert config["num_key_value_heads"] == config["num_attention_heads"]
    assert config["rope_theta"] == 10000.0
    assert config["torch_dtype"] == "bfloat16"
    assert [config[f"{name}_token_id"] for name in ("pad", "bos", "eos")] == [1, 2, 3]


@pytest.mark.parametrize("variant", REFUSED)
def test_what_is_no_plain_dense_model_is_refused_with_the_reason(variant: str) -> None:
    """The message names the place and why."""
    fields, reason = REFUSED[variant]
    with pytest.raises(CheckpointError, match=reason) as refused:
        read_architecture(official_config() | fields, place=PUBLISHED)
    assert str(PUBLISHED) in str(refused.value)
