"""What is chosen, and by whom."""

import json
from pathlib import Path

import pytest

from kb_qa.errors import CheckpointError, SettingsError
from kb_qa.xverse.engine import Sampling
from kb_qa.xverse.sampling import REFERENCE, Choices, merged, read_defaults


def test_a_folder_chooses_in_its_generation_config(tmp_path: Path) -> None:
    """Where it is silent, the makers' own values hold."""
    config = {"temperature": 0.7, "max_new_tokens": 99, "top_k": None, "eos_token_id": 3}
    (tmp_path / "generation_config.json").write_text(json.dumps(config))
    assert read_defaults(tmp_path) == REFERENCE | {"temperature": 0.7, "max_tokens": 99}


def test_a_folder_without_one_chooses_as_its_makers(tmp_path: Path) -> None:
    """As the reference code does."""
    assert read_defaults(tmp_path) == {
        "temperature": 0.5,
        "top_k": 30,
        "top_p": 0.85,
        "repetition_penalty": 1.1,
        "max_tokens": 2048,
    }


def test_a_folder_that_does_not_sample_is_greedy(tmp_path: Path) -> None:
    """`do_sample` outweighs a temperature."""
    (tmp_path / "generation_config.json").write_text('{"do_sample": false, "temperature": 0.9}')
    assert read_defaults(tmp_path)["temperature"] == 0


def test_a_damaged_config_says_where_it_is(tmp_path: Path) -> None:
    """In one line."""
    (tmp_path / "generation_config.json").write_text("[1")
    with pytest.raises(CheckpointError, match=r"generation_config\.json"):
        read_defaults(tmp_path)


def test_a_later_choice_outweighs_an_earlier_one() -> None:
    """Folder, object, call."""
    sampling, stops = merged(
        REFERENCE, {"top_k": 5, "stop": ["a"]}, {"top_k": 0, "seed": 7}, end_of_text=3
    )
    assert sampling == Sampling(
        max_tokens=2048, temperature=0.5, top_p=0.85, top_k=0, repetition_penalty=1.1, seed=7,
        stop_ids=frozenset({3}),
    )  # fmt: skip
    assert stops == ["a"]


def test_what_is_unknown_is_named() -> None:
    """And so is what is known."""
    with pytest.raises(
        SettingsError, match=r"^frequency_penalty, temprature: .*temperature, top_p"
    ):
        Choices.of_call(None, {"temprature": 1, "frequency_penalty": 2, "top_k": 3})


@pytest.mark.parametrize(
    "values",
    [
        {"temperature": -1},
        {"temperature": float("nan")},
        {"temperature": "hot"},
        {"top_p": 0},
        {"top_p": 1.5},
        {"top_k": -1},
        {"repetition_penalty": 0},
        {"max_tokens": 0},
        {"max_tokens": 2.5},
        {"seed": "x"},
        {"stop": "text"},
        {"stop": [""]},
    ],
    ids=str,
)
def test_a_value_of_no_use_is_one_line(values: dict[str, object]) -> None:
    """That begins with the name and the value."""
    stop, rest = values.get("stop"), {k: v for k, v in values.items() if k != "stop"}
    (name,) = values
    with pytest.raises(SettingsError, match=rf"^{name}=[^\n]*$"):
        merged(REFERENCE, Choices.of_call(stop, rest).chosen, end_of_text=3)  # type: ignore[arg-type]


def test_none_leaves_the_choice_to_the_next_in_line() -> None:
    """As if it had not been given."""
    assert Choices.of_call(None, {"temperature": None}).chosen == {}
