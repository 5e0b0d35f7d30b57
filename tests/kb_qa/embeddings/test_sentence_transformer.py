"""Models of sentence-transformers, on tiny ones made here."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from kb_qa.embeddings import PassageEmbeddings, load_embeddings
from kb_qa.errors import EmbeddingsError

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "query", "passage", ":", *(f"w{i}" for i in range(30))]
READ_AT_ONCE, DIMENSION = 16, 16
TEXTS = ["w1 w2 w3", "w9", "", "w4 w4 w4 w4 w5", "unknown words"]
LONG = " ".join(f"w{i % 30}" for i in range(40))


def make_model(folder: Path, *, prompts: dict[str, str] | None = None, seed: int = 0) -> Path:
    """A BERT of two layers with random weights and a vocabulary of words."""
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    special = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep")}
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=DIMENSION,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=READ_AT_ONCE,
    )
    raw = folder.parent / f"{folder.name}-raw"
    BertModel(config).save_pretrained(raw)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=READ_AT_ONCE, **special
    ).save_pretrained(raw)
    modules = [Transformer(str(raw)), Pooling(DIMENSION)]
    SentenceTransformer(modules=modules, prompts=prompts).save_pretrained(str(folder))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with prompts of its own."""
    prompts = {"query": "query: ", "passage": "passage: "}
    return make_model(tmp_path_factory.mktemp("models") / "tiny", prompts=prompts)


@pytest.fixture(scope="module")
def embeddings(folder: Path) -> PassageEmbeddings:
    """The model, as the program loads it."""
    return load_embeddings(str(folder), device="cpu")


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """The model elsewhere, to be changed."""
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def test_vectors_are_the_library_s_with_the_prompts(
    folder: Path, embeddings: PassageEmbeddings
) -> None:
    """Questions and passages are put behind the model's own prompts, and normalized."""
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    for prompt, embed in (
        ("query: ", embeddings.embed_queries),
        ("passage: ", embeddings.embed_passages),
    ):
        expected = model.encode(TEXTS, prompt=prompt, normalize_embeddings=True)
        assert np.allclose(embed(TEXTS), expected, atol=1e-5)


def test_the_identity_names_what_decides_the_vectors(
    folder: Path, embeddings: PassageEmbeddings
) -> None:
    """Name, dimension, prompts and pooling are those of the model."""
    identity = embeddings.identity
    assert (identity.name, identity.dimension, identity.pooling) == (str(folder), 16, "mean")
    assert (identity.query_prompt, identity.passage_prompt) == ("query: ", "passage: ")
    assert embeddings.max_tokens == READ_AT_ONCE


def test_other_weights_are_another_identity(
    copy: Path, embeddings: PassageEmbeddings, tmp_path: Path
) -> None:
    """A copy of a model has its weights' digest, a model trained anew has not."""
    assert load_embeddings(str(copy)).identity.weights == embeddings.identity.weights
    other = make_model(tmp_path / "other", seed=1)
    assert load_embeddings(str(other)).identity.weights != embeddings.identity.weights


def test_chosen_prompts_replace_the_model_s(folder: Path, embeddings: PassageEmbeddings) -> None:
    """The settings' prompts win, the empty one too."""
    other = load_embeddings(str(folder), query_prompt="", passage_prompt="query: ")
    assert np.allclose(other.embed_passages(TEXTS), embeddings.embed_queries(TEXTS), atol=1e-5)
    prompted = [f"query: {text}" for text in TEXTS]
    assert np.allclose(other.embed_queries(prompted), other.embed_passages(TEXTS), atol=1e-5)


def test_a_prompt_for_documents_is_one_for_passages(tmp_path: Path) -> None:
    """Models that call passages documents are understood; without prompts there are none."""
    named = make_model(tmp_path / "named", prompts={"document": "passage: "})
    assert load_embeddings(str(named)).identity.passage_prompt == "passage: "
    plain = make_model(tmp_path / "plain")
    identity = load_embeddings(str(plain)).identity
    assert (identity.query_prompt, identity.passage_prompt) == ("", "")


def test_tokens_are_counted_with_prompt_and_special_tokens(embeddings: PassageEmbeddings) -> None:
    """Two words of the prompt, two special tokens, and the text, however long."""
    assert embeddings.count_tokens(["", "w1", LONG]) == [4, 5, 44]
    assert embeddings.count_tokens([]) == []


def test_a_long_text_is_read_to_its_end(embeddings: PassageEmbeddings) -> None:
    """Beyond what the model reads at once, the end of a text still counts."""
    whole, other_end = embeddings.embed_passages([LONG, LONG[:-3] + "w0"])
    assert np.isclose(np.linalg.norm(whole), 1, atol=1e-5)
    assert not np.allclose(whole, other_end, atol=1e-5)


def test_no_texts_give_no_vectors(embeddings: PassageEmbeddings) -> None:
    """An empty list gives a table without rows, of the right width."""
    assert embeddings.embed_passages([]).shape == (0, DIMENSION)
    assert embeddings.embed_queries([]).shape == (0, DIMENSION)


def test_threads_may_embed_at_once(embeddings: PassageEmbeddings) -> None:
    """Eight threads get what one would get."""
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(embeddings.embed_passages, [TEXTS, [LONG], TEXTS[:2]] * 8))
    assert np.allclose(together[0], embeddings.embed_passages(TEXTS), atol=1e-5)
    assert np.allclose(together[-1], embeddings.embed_passages(TEXTS[:2]), atol=1e-5)


def test_pickled_weights_are_refused(copy: Path) -> None:
    """A model that has its weights only as a pickle is not loaded, and the message says why."""
    (copy / "model.safetensors").unlink()
    with pytest.raises(EmbeddingsError, match=r"no weights.*safetensors"):
        load_embeddings(str(copy))
    (copy / "pytorch_model.bin").write_bytes(b"not opened")
    with pytest.raises(EmbeddingsError, match=r"pytorch_model\.bin, a pickle"):
        load_embeddings(str(copy))


def test_a_pickle_in_one_module_is_refused(copy: Path) -> None:
    """A pickle beside safe weights does no harm; one in a module without them does."""
    (copy / "pytorch_model.bin").write_bytes(b"not opened")
    assert load_embeddings(str(copy)).identity.dimension == DIMENSION
    (copy / "1_Pooling" / "pytorch_model.bin").write_bytes(b"not opened")
    with pytest.raises(EmbeddingsError, match="a pickle"):
        load_embeddings(str(copy))


def test_code_that_comes_with_a_model_is_not_run(copy: Path) -> None:
    """A module of the model's own is refused, not imported."""
    modules = json.loads((copy / "modules.json").read_text())
    modules[1]["type"] = "custom.Pooling"
    (copy / "modules.json").write_text(json.dumps(modules))
    (copy / "custom.py").write_text("raise SystemExit('this ran')")
    with pytest.raises(EmbeddingsError, match="cannot be loaded"):
        load_embeddings(str(copy))


def test_a_damaged_model_is_an_error_of_ours(copy: Path) -> None:
    """Weights cut short are told in one line."""
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(EmbeddingsError, match=r"cannot be loaded.*") as raised:
        load_embeddings(str(copy))
    assert "\n" not in str(raised.value)


class Hub(BaseHTTPRequestHandler):
    """A hub with one model: just enough of the protocol for the hub's client."""

    folder: Path
    asked: ClassVar[list[str]] = []
    SHA = "0123456789abcdef0123456789abcdef01234567"

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path.startswith("/api/models/someone/tiny/revision"):
            self.answer(json.dumps({"id": "someone/tiny", "sha": self.SHA, "siblings": []}))
        elif self.path.startswith("/api/models/someone/tiny/tree"):
            files = [path for path in self.folder.rglob("*") if path.is_file()]
            names = [str(path.relative_to(self.folder)) for path in files]
            entry = {"type": "file", "oid": "", "size": 1}
            tree = [{**entry, "path": name} for name in [*names, "pytorch_model.bin"]]
            self.answer(json.dumps(tree))
        elif "/resolve/" in self.path:
            self.answer((self.folder / self.path.split(f"{self.SHA}/")[1]).read_bytes())
        else:
            self.send_error(404)

    do_HEAD = do_GET  # noqa: N815 - the base class's name

    def answer(self, body: str | bytes) -> None:
        data = body.encode() if isinstance(body, str) else body
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", f'"{hashlib.sha1(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", self.SHA)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


FRESH = """
import json, sys
from kb_qa.embeddings import load_embeddings
from kb_qa.errors import EmbeddingsError

addresses = []
sys.addaudithook(lambda event, arguments: event == "socket.connect" and addresses.append(event))
said = {"dimension": load_embeddings(sys.argv[1]).embed_passages(["w1"]).shape[1]}
said["addresses"] = list(addresses)
fetched = [load_embeddings("someone/tiny") for _ in range(2)]
said["weights"] = [embeddings.identity.weights for embeddings in fetched]
try:
    load_embeddings("someone/else")
except EmbeddingsError as error:
    said["unknown"] = str(error)
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def said(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What a fresh interpreter says that loads the folder's model, then the hub's."""
    Hub.folder = folder
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hub = {
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "HF_HOME": str(tmp_path_factory.mktemp("hub")),
    }
    done = subprocess.run(
        [sys.executable, "-c", FRESH, str(folder)],
        check=True,
        capture_output=True,
        env={**os.environ, **hub},
    )
    yield json.loads(done.stdout)
    server.shutdown()
    server.server_close()


def test_a_folder_is_loaded_without_the_network(said: dict[str, Any]) -> None:
    """Not one address is spoken to."""
    assert said["dimension"] == DIMENSION
    assert said["addresses"] == []


def test_a_hub_s_model_is_fetched_once_and_without_its_pickles(said: dict[str, Any]) -> None:
    """Of an id's files the safe ones are fetched, once, and its revision is its identity."""
    assert said["weights"] == [Hub.SHA, Hub.SHA]
    assert not any("pytorch_model" in path for path in Hub.asked)
    weights = [path for path in Hub.asked if path.endswith("model.safetensors")]
    assert 1 <= len(weights) <= 2  # asked about, then fetched


def test_an_id_the_hub_does_not_know_is_an_error_of_ours(said: dict[str, Any]) -> None:
    """The message names the model and what to do."""
    assert said["unknown"].startswith("The model someone/else is no folder here and could not be")


def test_a_text_is_read_token_by_token(folder: Path, embeddings: PassageEmbeddings) -> None:
    """Tokens are the library's, without special ones and the prompt's, of pieces one by one."""
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    [features] = model.encode(["w1 w2 w3"], prompt="passage: ", output_value=None)
    expected = features["token_embeddings"][3:6].numpy()  # after [CLS], "passage" and ":"
    first, empty, long = embeddings.read_passages(["w1 w2 w3", "", LONG])
    assert first.pieces == ("w1", "w2", "w3")
    assert np.allclose(
        first.tokens, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-5
    )
    assert (empty.pieces, len(empty.tokens)) == ((), 0)
    assert len(long.pieces) == len(long.tokens) >= len(LONG.split())
    assert np.allclose(
        [first.vector, empty.vector, long.vector],
        embeddings.embed_passages(["w1 w2 w3", "", LONG]),
        atol=1e-5,
    )
    assert embeddings.read_queries([]) == []
