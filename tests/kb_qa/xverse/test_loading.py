"""One loaded model for all who ask for it."""

import gc
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from kb_qa.errors import CheckpointError, GeneratorError, PromptTooLong
from kb_qa.xverse.chat_format import Role, Turn
from kb_qa.xverse.engine import Engine, Sampling
from kb_qa.xverse.loading import LoadedModel, Placement, load_model, make_model, name_of
from tests.kb_qa.xverse.fakes import ScriptedEngine

HERE = Placement(device="cpu")
QUESTION = [Turn(Role.USER, "q")]


class Loader:
    """Takes its time, and keeps the engines it made."""

    def __init__(self, **script: Any) -> None:
        self.script = script
        self.asked: list[tuple[Path, dict[str, Any]]] = []
        self.engines: list[ScriptedEngine] = []
        self.at_once = threading.Semaphore()

    def __call__(self, folder: Path, **placement: Any) -> Engine:
        assert self.at_once.acquire(blocking=False), "two loads at once"
        time.sleep(0.01)
        self.asked.append((folder, placement))
        self.engines.append(ScriptedEngine(**self.script))
        self.at_once.release()
        return self.engines[-1]


def test_who_asks_in_the_same_way_gets_the_same(prepared: Path) -> None:
    """However the folder is spelled; the engine is told what was asked."""
    load = Loader()
    first = load_model(prepared, HERE, load=load)
    again = load_model(f"{prepared}/../{prepared.name}", HERE, load=load)
    assert first is again
    assert load.asked == [(prepared, vars(HERE))]


def test_other_options_are_another_model(prepared: Path) -> None:
    """A context, a device or a quantization of its own."""
    load = Loader()
    first = load_model(prepared, HERE, load=load)
    other = load_model(prepared, Placement(device="cpu", quantize="int8"), load=load)
    assert first is not other
    assert len(load.engines) == 2


def test_threads_that_ask_at_once_share_one_load(prepared: Path) -> None:
    """The second waits for the first."""
    load = Loader()
    with ThreadPoolExecutor(8) as threads:
        models = list(threads.map(lambda _n: load_model(prepared, HERE, load=load), range(8)))
    assert len(set(map(id, models))) == len(load.engines) == 1


def test_what_nobody_uses_any_more_is_closed(prepared: Path) -> None:
    """Its memory is free for the next, which is loaded anew."""
    load = Loader()
    model = load_model(prepared, HERE, load=load)
    assert not load.engines[0].is_closed
    del model
    gc.collect()
    assert load.engines[0].is_closed
    model = load_model(prepared, HERE, load=load)
    assert len(load.engines) == 2
    assert not model.engine.is_closed  # type: ignore[attr-defined]


def test_an_answer_under_way_keeps_its_model(prepared: Path) -> None:
    """Who dropped the model still reads the answer to its end."""
    load = Loader(steps=[[70], [71]])
    model = load_model(prepared, HERE, load=load)
    reply = model.reply(QUESTION, Sampling(), [])
    del model
    gc.collect()
    assert not load.engines[0].is_closed
    assert "".join(reply)
    del reply
    gc.collect()
    assert load.engines[0].is_closed


def test_an_engine_that_ended_is_not_handed_out_again(prepared: Path) -> None:
    """Who asks after it failed gets a new one; who holds it hears why."""
    load = Loader(refusal=GeneratorError("the engine failed"))
    model = load_model(prepared, HERE, load=load)
    assert load_model(prepared, HERE, load=load) is model
    with pytest.raises(GeneratorError, match="failed"):
        model.reply(QUESTION, Sampling(), [])
    assert load_model(prepared, HERE, load=load) is not model


def test_a_prompt_that_is_too_long_does_not_end_a_model(prepared: Path) -> None:
    """The next one may fit."""
    load = Loader(max_model_len=20)
    model = load_model(prepared, HERE, load=load)
    with pytest.raises(PromptTooLong):
        model.reply([Turn(Role.USER, "long " * 20)], Sampling(), [])
    assert load_model(prepared, HERE, load=load) is model


def test_a_model_that_cannot_be_found_loads_nothing(tmp_path: Path) -> None:
    """And the next who asks is not held up."""
    load = Loader()
    for _ in range(2):
        with pytest.raises(CheckpointError):
            load_model(tmp_path, HERE, load=load)
    assert not load.engines


def test_the_tokenizer_is_read_before_the_weights(tmp_path: Path) -> None:
    """What is broken is found before gigabytes are read."""
    load = Loader()
    with pytest.raises(CheckpointError, match="tokenizer"):
        make_model(tmp_path, lambda: load(tmp_path))
    assert not load.engines


def test_a_copy_uses_the_same_model(loaded: LoadedModel) -> None:
    """There is one engine, whoever copies what holds it."""
    assert deepcopy(loaded) is loaded


def test_a_model_is_named_as_people_know_it(prepared: Path) -> None:
    """By its id, or its folder's last name."""
    assert name_of("xverse/XVERSE-7B-Chat") == "xverse/XVERSE-7B-Chat"
    assert name_of(prepared) == name_of(f"{prepared}/") == "tiny"


def test_an_id_is_looked_for_where_the_settings_say(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KB_QA_MODELS holds for the model classes as it does for the commands."""
    kept = tmp_path / "models" / "team" / "tiny"
    shutil.copytree(prepared, kept)
    with pytest.raises(CheckpointError, match="team/tiny"):
        load_model("team/tiny", HERE, load=Loader())
    monkeypatch.setenv("KB_QA_MODELS", str(tmp_path / "models"))
    load = Loader()
    assert load_model("team/tiny", HERE, load=load).name == "team/tiny"
    assert load.asked[0][0] == kept
