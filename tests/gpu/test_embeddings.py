"""Embedding on a card: packed texts in half precision, and a card that runs out of memory.

`make gpu-test`, or `python -m pytest --noconftest tests/gpu/test_embeddings.py`.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer

from kb_qa.embeddings import Vectors, load_embeddings
from kb_qa.embeddings.packed_attention import ATTENTION
from kb_qa.embeddings.sentence_encoder import TokenEncoder, choose_encoder
from kb_qa.errors import EmbeddingsError
from tests.kb_qa.embeddings.models import KINDS, PACKED, WORDS, save_model

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA card")

MIB = 2**20


def texts(count: int, most: int, seed: int = 0) -> list[str]:
    chance = np.random.default_rng(seed)
    return [" ".join(chance.choice(WORDS, chance.integers(0, most))) for _ in range(count)]


def cosines(ours: Vectors, theirs: Vectors) -> Vectors:
    return np.sum(ours * theirs, axis=1, dtype=np.float32)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A tiny model of every kind."""
    return {kind: save_model(tmp_path_factory.mktemp(kind), kind) for kind in KINDS}


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose batches take gigabytes: of each token it keeps 64 KiB in passing."""
    folder = tmp_path_factory.mktemp("wide")
    sizes = {"num_hidden_layers": 1, "intermediate_size": 2**15, "max_position_embeddings": 8194}
    return save_model(folder, "xlm-roberta", **sizes)


def load_on_card(folder: Path) -> tuple[SentenceTransformer, Transformer]:
    model = SentenceTransformer(str(folder), device="cuda", local_files_only=True)
    transformer = model[0]
    assert isinstance(transformer, Transformer)
    model.max_seq_length = 8192
    return model, transformer


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_vectors_are_close_to_those_of_a_processor(folders: dict[str, Path], kind: str) -> None:
    """Half precision on the card turns no vector far from float32's, packed or padded."""
    many = texts(700, 60)
    on_card = load_embeddings(str(folders[kind]), device="cuda").embed_passages(many)
    whole = load_embeddings(str(folders[kind]), device="cpu").embed_passages(many)
    near = cosines(on_card, whole)
    assert near.mean() > 0.999
    assert near.min() > 0.98


@pytest.mark.parametrize("kind", sorted(PACKED))
def test_texts_are_packed_on_the_card(folders: dict[str, Path], kind: str) -> None:
    """Cards of bfloat16 read texts without padding, in bfloat16."""
    model, transformer = load_on_card(folders[kind])
    choose_encoder(model)
    packs = torch.cuda.is_bf16_supported(including_emulation=False)
    assert (transformer.model.config._attn_implementation == ATTENTION) == packs
    assert transformer.model.dtype == (torch.bfloat16 if packs else torch.float16)


def test_heads_of_any_size_are_computed(tmp_path: Path) -> None:
    """Heads that flash attention does not take are padded instead."""
    folder = save_model(tmp_path, "bert", hidden_size=36, num_attention_heads=3)
    many = texts(50, 60)
    on_card = load_embeddings(str(folder), device="cuda").embed_passages(many)
    whole = load_embeddings(str(folder), device="cpu").embed_passages(many)
    assert cosines(on_card, whole).min() > 0.98


def test_the_order_is_that_of_the_texts(folders: dict[str, Path]) -> None:
    """Thousands of texts of mixed lengths in many batches: each gets its own vector."""
    embeddings = load_embeddings(str(folders["xlm-roberta"]), device="cuda")
    many = texts(3000, 60)
    vectors = embeddings.embed_passages(many)
    backwards = embeddings.embed_passages(many[::-1])[::-1]
    assert cosines(vectors, backwards).min() > 0.999
    for index in range(0, 3000, 301):
        assert cosines(embeddings.embed_passages([many[index]]), vectors[[index]])[0] > 0.999


def test_batches_shrink_to_what_memory_holds(wide: Path) -> None:
    """Where a batch does not fit it is halved, and every vector still comes."""
    model, transformer = load_on_card(wide)
    many = texts(64, 900, seed=1)
    roomy = TokenEncoder(model, transformer=transformer)
    tokens = roomy.tokenize(many)
    expected = roomy.vectors(many, tokens)
    limit_memory(256 * MIB)
    try:
        tight = TokenEncoder(model, transformer=transformer)
        vectors = tight.vectors(many, tokens)
        assert torch.allclose((vectors * expected).sum(dim=1), torch.ones(64).cuda(), atol=1e-2)
        too_long = [" ".join(WORDS * 130)]
        with pytest.raises(EmbeddingsError, match=r"no memory left for a text of 7802 tokens"):
            tight.vectors(too_long, tight.tokenize(too_long))
        assert tight.vectors(many[:3], tokens[:3]).isfinite().all()
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def limit_memory(more: int) -> None:
    """Let this process take so many bytes more of the card than it has now."""
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    total = torch.cuda.mem_get_info()[1]
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + more) / total)
