"""From the settings to who answers."""

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kb_qa.errors import CheckpointError, SettingsError
from kb_qa.generators import (
    XVERSE,
    Choice,
    Kind,
    choose_generator,
    configured_llm,
    load_generator,
)
from kb_qa.served import ServedChat
from kb_qa.settings import Settings
from kb_qa.xverse.checkpoint import DEFAULT_MODEL
from kb_qa.xverse.manifest import MANIFEST
from tests.served import KEY


def has_card() -> bool:
    return True


def no_card() -> bool:
    return False


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of models; no cache of this machine counts."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("MODELSCOPE_CACHE", raising=False)
    return tmp_path / "models"


@pytest.fixture
def settings(models: Path) -> Settings:
    return Settings(models=models)


@pytest.fixture
def downloaded(models: Path) -> Path:
    """The official model, prepared: as far as choosing looks."""
    folder = models / XVERSE
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_text("{}", "utf-8")
    return folder


def with_values(settings: Settings, **values: Any) -> Settings:
    return settings.model_copy(update=values)


@pytest.mark.usefixtures("downloaded")
def test_xverse_answers_where_there_is_a_card_and_the_model(settings: Settings) -> None:
    """By itself: `auto` is the default."""
    choice = choose_generator(settings, has_card=has_card)
    assert choice == Choice(Kind.XVERSE, XVERSE)
    assert choice.name == "XVERSE-7B-Chat"


@pytest.mark.usefixtures("downloaded")
def test_without_a_card_quotes_answer(settings: Settings) -> None:
    """A processor would take minutes; nothing is said, for nothing is wanting."""
    assert choose_generator(settings, has_card=no_card) == Choice(Kind.QUOTE)


@pytest.mark.usefixtures("downloaded")
@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_another_device_means_quotes(settings: Settings, device: str) -> None:
    """KB_QA_DEVICE says where models run, though there is a card."""
    settings = with_values(settings, device=device)
    assert choose_generator(settings, has_card=has_card) == Choice(Kind.QUOTE)


def test_a_card_without_the_model_is_told(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is downloaded: quotes answer, and the choice knows that a download would help."""
    choice = choose_generator(settings, has_card=has_card)
    assert choice == Choice(Kind.QUOTE, wants_model=True)
    with caplog.at_level(logging.WARNING):
        assert configured_llm(settings, has_card=has_card) is None
    assert caplog.messages == [
        "kb_qa: answers are quotes; `python -m kb_qa download` gets XVERSE for the card here"
    ]


def test_quotes_are_free(settings: Settings) -> None:
    """Asked for by name, whatever there is."""
    settings = with_values(settings, llm="quote")
    choice = choose_generator(settings, has_card=has_card)
    assert choice == Choice(Kind.QUOTE)
    assert load_generator(choice, settings) is None


def test_xverse_by_name(settings: Settings, tmp_path: Path) -> None:
    """The official one, another one by its id, or a folder; a card is not looked for."""
    for named, model in (
        ("xverse", XVERSE),
        ("xverse/XVERSE-13B-Chat", "xverse/XVERSE-13B-Chat"),
        (str(tmp_path), str(tmp_path)),
    ):
        choice = choose_generator(with_values(settings, llm=named), has_card=no_card)
        assert choice == Choice(Kind.XVERSE, model)


def test_asking_for_a_model_that_is_not_here_names_the_command(settings: Settings) -> None:
    """Never a download of 15 GB that nobody asked for."""
    settings = with_values(settings, llm="xverse", device="cpu")
    with pytest.raises(CheckpointError, match="python -m kb_qa download"):
        configured_llm(settings)


def test_the_official_model_is_the_one_that_is_downloaded() -> None:
    """Said twice, because saying it here must not import torch."""
    assert XVERSE == DEFAULT_MODEL


def test_a_server(settings: Settings) -> None:
    """Address and model come from the setting, the length from its own."""
    settings = with_values(
        settings, llm="openai:http://10.0.0.7:8000/v1#org/model#2", max_model_len=4096
    )
    choice = choose_generator(settings)
    assert choice == Choice(Kind.SERVER, "org/model#2", "http://10.0.0.7:8000/v1")
    model = load_generator(choice, settings)
    assert isinstance(model, ServedChat)
    assert model.max_model_len == 4096


@pytest.mark.parametrize("from_settings", [True, False])
def test_the_key_of_a_server(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, *, from_settings: bool
) -> None:
    """KB_QA_LLM_KEY, else OPENAI_API_KEY; printed by neither."""
    monkeypatch.setenv("OPENAI_API_KEY", "another" if from_settings else KEY)
    if from_settings:
        monkeypatch.setenv("KB_QA_LLM_KEY", KEY)
    settings = Settings(llm="openai:http://host/v1#tiny")
    model = configured_llm(settings)
    assert isinstance(model, ServedChat)
    assert model.openai_api_key.get_secret_value() == KEY
    assert KEY not in repr(settings) + repr(model)


@pytest.mark.parametrize(
    "named",
    ["gpt", "openai:", "openai:http://host/v1", "openai:#model", "openai:ftp://host#model", ""],
)
def test_nobody_is_told(settings: Settings, named: str) -> None:
    """The message names the value, and how it is written."""
    with pytest.raises(SettingsError, match=f"KB_QA_LLM={named!r}.*openai:"):
        choose_generator(with_values(settings, llm=named))


def test_choosing_loads_nothing_heavy() -> None:
    """Neither torch nor LangChain, where no NVIDIA driver is."""
    script = (
        "import json, sys\n"
        "from kb_qa.generators import choose_generator, has_cuda_driver\n"
        "from kb_qa.settings import Settings\n"
        "for llm in ('auto', 'quote', 'xverse', 'openai:http://host/v1#m'):\n"
        "    if llm != 'auto' or not has_cuda_driver(): choose_generator(Settings(llm=llm))\n"
        "print(json.dumps(list(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(done.stdout))
    assert not loaded & {"torch", "langchain_core", "openai", "transformers"}
