"""Settings in force: each with its origin, no secret shown."""

from pathlib import Path

import pytest

from kb_qa import load_settings
from ui.system import Origin, cores, memory, settings_in_force


def test_each_setting_says_where_it_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment, a .env file, or the default: every knob once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KB_QA_PASSAGES", "7")
    (tmp_path / ".env").write_text("KB_QA_PORT=8600\nKB_QA_PASSAGES=9\n")
    settings = load_settings()
    told = {name: (value, origin) for name, value, origin in settings_in_force(settings)}
    assert len(told) == len(type(settings).model_fields)
    assert told["KB_QA_PASSAGES"] == ("7", Origin.ENVIRONMENT)
    assert told["KB_QA_PORT"] == ("8600", Origin.FILE)
    assert told["KB_QA_QUANTIZE"] == ("none", Origin.DEFAULT)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("llm_key", "sesame"),
        ("store", "milvus:http://root:sesame@db.example:19530#office"),
        ("llm", "openai:http://me:sesame@127.0.0.1:8000/v1#tiny"),
    ],
)
def test_no_secret_is_shown(name: str, value: str) -> None:
    """Keys and passwords are hidden; the rest of an address is shown."""
    told = {
        variable: shown for variable, shown, _ in settings_in_force(load_settings(**{name: value}))
    }
    shown = told[f"KB_QA_{name.upper()}"]
    assert "sesame" not in shown
    assert shown
    if "@" in value:
        assert shown.endswith(value.partition("@")[2])


def test_the_machine() -> None:
    """What is told of it is measured."""
    assert cores() >= 1
    assert int(memory().removesuffix(" MB").replace(",", "")) > 10
