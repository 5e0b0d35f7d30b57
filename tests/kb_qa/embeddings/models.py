"""Tiny sentence-transformers models of random weights, one of every kind that is told apart."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, StaticEmbedding
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import AutoConfig, AutoModel, PreTrainedTokenizerFast

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
WORDS = [f"w{number}" for number in range(60)]
VOCABULARY = {word: number for number, word in enumerate([*SPECIAL, "query", ":", *WORDS])}
HIDDEN, HEADS, READ_AT_ONCE = 32, 2, 64
SIZES: dict[str, Any] = {
    "hidden_size": HIDDEN,
    "num_hidden_layers": 2,
    "num_attention_heads": HEADS,
    "intermediate_size": 64,
    "max_position_embeddings": READ_AT_ONCE + 2,
}
KINDS: dict[str, dict[str, Any]] = {
    "bert": SIZES | {"type_vocab_size": 2},
    "electra": SIZES | {"embedding_size": 16},
    "distilbert": {
        "dim": HIDDEN,
        "n_layers": 2,
        "n_heads": HEADS,
        "hidden_dim": 64,
        "max_position_embeddings": READ_AT_ONCE,
    },
    "roberta": SIZES,
    "camembert": SIZES,
    "xlm-roberta": SIZES,
    "xlm-roberta-xl": SIZES,
    "modernbert": SIZES | {"local_attention": 16, "reference_compile": False},
    "mpnet": SIZES,
    "t5": {"d_model": HIDDEN, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": HEADS},
}
PACKED = KINDS.keys() - {"modernbert", "mpnet", "t5"}


def word_tokenizer() -> Tokenizer:
    """A token a word, between <s> and </s>."""
    tokenizer = Tokenizer(WordLevel(VOCABULARY, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer


def save_model(folder: Path, kind: str, *, pooling: str = "mean", **sizes: Any) -> Path:
    """A model of one of the `KINDS`, its weights far enough from zero that attention matters."""
    torch.manual_seed(0)
    special = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "cls_token_id": 0}
    config = AutoConfig.for_model(
        kind, vocab_size=len(VOCABULARY), **(KINDS[kind] | special | sizes)
    )
    transformer = AutoModel.from_config(config)
    for weight in transformer.parameters():
        if weight.dim() > 1:
            torch.nn.init.normal_(weight, std=0.3)
    transformer.save_pretrained(folder / "raw")
    PreTrainedTokenizerFast(
        tokenizer_object=word_tokenizer(),
        model_max_length=READ_AT_ONCE,
        **dict(zip(("cls_token", "pad_token", "sep_token", "unk_token"), SPECIAL, strict=True)),
    ).save_pretrained(folder / "raw")
    first = Transformer(str(folder / "raw"))
    width = first.get_embedding_dimension()
    followers = [Pooling(width, pooling_mode=pooling), Dense(width, 24), Normalize()]
    return save([first, *followers], folder / "model")


def save_static_model(folder: Path) -> Path:
    """A model that averages vectors of words, without a transformer."""
    torch.manual_seed(0)
    return save([StaticEmbedding(word_tokenizer(), embedding_dim=24)], folder / "model")


def save(modules: Sequence[torch.nn.Module], folder: Path) -> Path:
    SentenceTransformer(modules=modules).save_pretrained(str(folder))
    return folder
