"""What is computed for a sentence-transformers model is what the library would compute."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Pooling

from kb_qa.embeddings import PassageEmbeddings, Vectors, load_embeddings
from kb_qa.embeddings.packed_attention import ATTENTION
from kb_qa.embeddings.sentence_encoder import LibraryEncoder, TokenEncoder, choose_encoder
from kb_qa.errors import EmbeddingsError
from tests.kb_qa.embeddings.models import (
    KINDS,
    PACKED,
    READ_AT_ONCE,
    WORDS,
    save_model,
    save_static_model,
)

POOLINGS = ["cls", "mean", "lasttoken", "max"]
TEXTS = [
    "w1 w2 w3",
    "w9",
    "",
    "w4 w4 w4 w4 w5",
    "unknown words",
    "w3 w2 w1",
    " ".join(WORDS[:60]),
    " ".join(WORDS[20:50]),
]
CLOSE = 0.99999


def library(folder: Path) -> SentenceTransformer:
    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


def encode(model: SentenceTransformer, texts: list[str]) -> Vectors:
    """The library's own vectors, a text at a time so that nothing is padded."""
    return np.concatenate([model.encode([text], normalize_embeddings=True) for text in texts])


def cosines(ours: Vectors, theirs: Vectors) -> Vectors:
    return np.sum(ours * theirs, axis=1, dtype=np.float32)


def is_packed(model: SentenceTransformer) -> bool:
    return bool(model[0].model.config._attn_implementation == ATTENTION)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model of every kind."""
    saved = {kind: save_model(tmp_path_factory.mktemp(kind), kind) for kind in KINDS}
    return saved | {"static": save_static_model(tmp_path_factory.mktemp("static"))}


@pytest.fixture(scope="module")
def packed(folders: dict[str, Path]) -> PassageEmbeddings:
    """A model whose texts are packed, as the program loads it, with a prompt for passages."""
    return load_embeddings(str(folders["xlm-roberta"]), device="cpu", passage_prompt="query: ")


@pytest.mark.parametrize("kind", sorted([*KINDS, "static"]))
def test_vectors_are_the_library_s(folders: dict[str, Path], kind: str) -> None:
    """Of each kind of model, packed or padded or without a transformer, the empty text too."""
    ours = load_embeddings(str(folders[kind]), device="cpu").embed_passages(TEXTS)
    theirs = encode(library(folders[kind]), TEXTS)
    # A model that averages words has nothing to average in a text without any.
    assert np.array_equal(ours.any(axis=1), theirs.any(axis=1))
    assert cosines(ours, theirs)[theirs.any(axis=1)].min() > CLOSE


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("kind", ["bert", "roberta", "mpnet"])
def test_every_pooling_is_the_library_s(tmp_path: Path, kind: str, pooling: str) -> None:
    """Poolings find each text's own tokens, whether texts are packed or padded."""
    folder = save_model(tmp_path, kind, pooling=pooling)
    ours = load_embeddings(str(folder), device="cpu").embed_passages(TEXTS)
    assert cosines(ours, encode(library(folder), TEXTS)).min() > CLOSE


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_texts_are_packed_where_a_token_s_place_is_its_position(
    folders: dict[str, Path], kind: str
) -> None:
    """Models that learn places from positions are packed; rotations and distances are padded."""
    model = library(folders[kind])
    assert isinstance(choose_encoder(model), TokenEncoder)
    assert is_packed(model) == (kind in PACKED)


def test_a_model_without_a_transformer_is_the_library_s(folders: dict[str, Path]) -> None:
    """Its tokens are counted all the same."""
    encoder = choose_encoder(library(folders["static"]))
    assert isinstance(encoder, LibraryEncoder)
    counted = [len(tokens["input_ids"]) for tokens in encoder.tokenize(["w1 w2", "", "w3"])]
    assert counted == [2, 0, 1]


class Masking(torch.nn.Module):
    """A module that reads the mask of padding."""

    def forward(self, features: dict[str, Any]) -> dict[str, Any]:
        turned = (
            features["token_embeddings"].flip(1) * features["attention_mask"].flip(1)[..., None]
        )
        return features | {"token_embeddings": turned.flip(1)}


def test_before_an_unknown_module_texts_are_padded(folders: dict[str, Path]) -> None:
    """A module that may read masks gets them."""
    theirs, changed = library(folders["bert"]), library(folders["bert"])
    modules = [changed[0], Masking(), *list(changed)[1:]]
    model = SentenceTransformer(modules=modules, device="cpu")
    encoder = choose_encoder(model)
    ours = encoder.vectors(TEXTS, encoder.tokenize(TEXTS)).numpy()
    assert not is_packed(model)
    assert cosines(ours, encode(theirs, TEXTS)).min() > CLOSE


texts = st.lists(st.sampled_from([*WORDS, "other", "。"]), max_size=130).map(" ".join)


@given(batch=st.lists(texts, max_size=20))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_text_s_vector_is_its_own(packed: PassageEmbeddings, batch: list[str]) -> None:
    """Whatever it is embedded with and wherever it stands, a text has the vector it has alone."""
    together = packed.embed_passages(batch)
    assert together.shape == (len(batch), 24)
    for text, vector in zip(batch, together, strict=True):
        assert np.allclose(packed.embed_passages([text])[0], vector, atol=1e-5)


def test_more_texts_than_are_tokenized_at_once_keep_their_order(packed: PassageEmbeddings) -> None:
    """1,200 texts come back as they were given, though the longest are computed first."""
    chance = np.random.default_rng(0)
    many = [" ".join(chance.choice(WORDS, chance.integers(0, 12))) for _ in range(1200)]
    vectors = packed.embed_passages(many)
    for index in range(0, 1200, 97):
        assert np.allclose(packed.embed_passages([many[index]])[0], vectors[index], atol=1e-5)


def test_prompts_are_part_of_the_text(folders: dict[str, Path], packed: PassageEmbeddings) -> None:
    """A passage behind its prompt is the library's of both."""
    theirs = library(folders["xlm-roberta"]).encode(
        TEXTS[:6], prompt="query: ", normalize_embeddings=True
    )
    assert cosines(packed.embed_passages(TEXTS[:6]), theirs).min() > CLOSE
    assert packed.count_tokens(["", "w1 w2"]) == [4, 6]


def test_a_text_far_too_long_is_the_mean_of_pieces_that_fit(packed: PassageEmbeddings) -> None:
    """Halved until each piece fits, prompt and special tokens included, weighted by tokens."""
    long = " ".join(WORDS * 50)
    assert packed.count_tokens([long]) == [3004]
    parts = [long]
    while max(packed.count_tokens(parts)) > packed.max_tokens:
        halves = [(part[: len(part) // 2], part[len(part) // 2 :]) for part in parts]
        parts = [half for pair in halves for half in pair]
    weights = packed.count_tokens(parts)
    mean = np.average(packed.embed_passages(parts), axis=0, weights=weights)
    assert cosines(packed.embed_passages([long]), mean[None] / np.linalg.norm(mean))[0] > CLOSE


def test_a_prompt_that_leaves_no_room_is_cut(folders: dict[str, Path]) -> None:
    """Nothing fits behind it, and still there is a vector: of its beginning."""
    endless = "w1 " * 200
    embeddings = load_embeddings(str(folders["xlm-roberta"]), device="cpu", query_prompt=endless)
    theirs = library(folders["xlm-roberta"]).encode([endless], normalize_embeddings=True)
    assert cosines(embeddings.embed_queries(["w"]), theirs)[0] > CLOSE


@pytest.mark.parametrize(("kind", "read"), [("roberta", 64), ("bert", 66), ("mpnet", 66)])
def test_no_more_is_read_than_the_model_has_positions(tmp_path: Path, kind: str, read: int) -> None:
    """Two positions of a RoBERTa stand for padding, whatever its tokenizer says."""
    model = library(save_model(tmp_path, kind))
    model.max_seq_length = READ_AT_ONCE + 2
    assert choose_encoder(model).max_tokens == read


class Small(Pooling):
    """A device whose memory holds so many tokens, and which notes how many it was asked to."""

    def __init__(self, dimension: int, *, most: int) -> None:
        super().__init__(dimension)
        self.most, self.asked = most, list[int]()

    def forward(self, features: dict[str, Any], **arguments: Any) -> dict[str, Any]:
        tokens = features["token_embeddings"].shape[1]
        self.asked.append(tokens)
        if tokens > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().forward(features, **arguments)


def small(folder: Path, *, most: int) -> tuple[TokenEncoder, Small]:
    transformer = library(folder)[0]
    assert isinstance(transformer, Transformer)
    pooling = Small(32, most=most)
    model = SentenceTransformer(modules=[transformer, pooling], device="cpu")
    return TokenEncoder(model, transformer=transformer, budget=2000), pooling


def test_batches_shrink_to_what_memory_holds(folders: dict[str, Path]) -> None:
    """A batch too large is halved until it fits, and those after it begin at that size."""
    encoder, pooling = small(folders["bert"], most=100)
    roomy, _ = small(folders["bert"], most=10**6)
    batch = ["w1 w2 w3 w4 w5 w6 w7 w8", "w9 w8 w7 w6 w5 w4 w3 w2"] * 20
    tokens = encoder.tokenize(batch)
    assert torch.allclose(
        encoder.vectors(batch, tokens), roomy.vectors(batch, tokens), rtol=0, atol=1e-5
    )
    assert pooling.asked[:3] == [400, 200, 100]
    pooling.asked.clear()
    encoder.vectors(batch, tokens)
    assert pooling.asked == [100] * 4


def test_a_text_that_no_memory_holds_is_told(folders: dict[str, Path]) -> None:
    """One line says how long it is and what to do."""
    encoder, _ = small(folders["bert"], most=10)
    batch = ["w1", "w2 " * 30]
    with pytest.raises(EmbeddingsError, match=r"no memory left for a text of 32 tokens\. Close"):
        encoder.vectors(batch, encoder.tokenize(batch))


def test_half_precision_weights_are_pooled_in_whole(folders: dict[str, Path]) -> None:
    """A checkpoint stored in bfloat16 is followed by modules in float32."""
    model = library(folders["bert"]).bfloat16()
    encoder = choose_encoder(model)
    vectors = encoder.vectors(TEXTS, encoder.tokenize(TEXTS))
    assert vectors.dtype == torch.float32
    assert torch.allclose(vectors.norm(dim=1), torch.ones(len(TEXTS)), atol=1e-6)
    assert cosines(vectors.numpy(), encode(library(folders["bert"]), TEXTS)).min() > 0.99


@pytest.mark.parametrize("kind", [*KINDS, "static"])
def test_tokens_are_read_of_every_kind(folders: dict[str, Path], kind: str) -> None:
    """The vector beside the tokens is the one that is embedded; a model without tokens has none."""
    embeddings = load_embeddings(str(folders[kind]), device="cpu", passage_prompt="query: ")
    readings = embeddings.read_passages(TEXTS)
    assert cosines(
        np.array([reading.vector for reading in readings]), embeddings.embed_passages(TEXTS)
    ).min() > (CLOSE if readings[0].pieces else -1)
    for text, reading in zip(TEXTS, readings, strict=True):
        words = () if kind == "static" else tuple(text.split())
        assert len(reading.tokens) == len(reading.pieces)
        assert len(reading.pieces) in {len(words), 0 if "unknown" in text else len(words)}
