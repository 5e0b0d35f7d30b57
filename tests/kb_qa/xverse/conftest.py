"""A tiny prepared XVERSE, and models over it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kb_qa.xverse.engine import Engine, load_engine
from kb_qa.xverse.loading import LoadedModel, make_model
from kb_qa.xverse.preparation import prepare
from kb_qa.xverse.tokenizer import Tokenizer, load_tokenizer
from tests.kb_qa.xverse.fakes import Scripted, ScriptedEngine
from tests.kb_qa.xverse.official import make_official


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint of random weights, as it was published and then prepared."""
    folder = tmp_path_factory.mktemp("xverse")
    return prepare(make_official(folder / "official"), folder / "tiny", tell=lambda _line: None)


@pytest.fixture(scope="session")
def tokenizer(prepared: Path) -> Tokenizer:
    return load_tokenizer(prepared)


@pytest.fixture(scope="session")
def engine(prepared: Path) -> Iterator[Engine]:
    """The real one, on the processor."""
    with load_engine(prepared, device="cpu", dtype="float32") as running:
        yield running


@pytest.fixture(scope="session")
def loaded(prepared: Path, engine: Engine) -> LoadedModel:
    return make_model(prepared, lambda: engine, name="tiny")


@pytest.fixture
def scripted(prepared: Path) -> Scripted:
    """Makes a model that says a text, a character a step."""

    def make(text: str = "", **script: object) -> LoadedModel:
        tokens = load_tokenizer(prepared).encode(text)
        engine = ScriptedEngine([[token] for token in tokens], **script)  # type: ignore[arg-type]
        return make_model(prepared, lambda: engine, name="tiny")

    return make
