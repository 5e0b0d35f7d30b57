"""Old tokenizers under today's library, and the chat template."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from kb_qa.xverse.tokenizer_files import (
    CHAT_TEMPLATE,
    patched_tokenizer,
    patched_tokenizer_config,
)
from tests.kb_qa.xverse.official import END, LEGACY_METASPACE, legacy_tokenizer

NEVER = LEGACY_METASPACE | {"prepend_scheme": "never"}


def loaded(described: dict[str, Any]) -> Tokenizer:
    return Tokenizer.from_str(json.dumps(described))


def test_the_old_tokenizer_is_refused_as_it_is() -> None:
    """The premise: without the patch today's library cannot read the file."""
    with pytest.raises(Exception, match="prepend_scheme"):
        loaded(legacy_tokenizer())


def test_every_metaspace_is_patched_wherever_it_is() -> None:
    """Alone, in a Sequence, in a Sequence of Sequences; pre-tokenizer and decoder."""
    nested = {"type": "Sequence", "pretokenizers": [{"type": "Digits"}, dict(LEGACY_METASPACE)]}
    described = {
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [nested, dict(LEGACY_METASPACE)]},
        "decoder": dict(LEGACY_METASPACE),
    }
    patched = patched_tokenizer(described)
    inner, outer = patched["pre_tokenizer"]["pretokenizers"]
    assert inner["pretokenizers"] == [{"type": "Digits"}, NEVER]
    assert outer == patched["decoder"] == NEVER


@pytest.mark.parametrize(
    "metaspace",
    [
        {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first"},
        {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True},
        {"type": "ByteLevel", "add_prefix_space": False},
    ],
)
def test_what_says_its_scheme_is_left_as_it_is(metaspace: dict[str, Any]) -> None:
    """Only a Metaspace that means "never" and cannot say it is changed."""
    assert patched_tokenizer({"pre_tokenizer": metaspace}) == {"pre_tokenizer": metaspace}


def test_nothing_else_is_changed() -> None:
    """Vocabulary, merges and order of the file are as they were, and patching twice is once."""
    old, patched = legacy_tokenizer(), patched_tokenizer(legacy_tokenizer())
    assert list(patched) == list(old)
    for part in old.keys() - {"pre_tokenizer", "decoder"}:
        assert patched[part] == old[part]
    assert patched_tokenizer(patched) == patched


def test_no_space_is_put_before_a_text_and_none_is_lost() -> None:
    """The old meaning: each space of the text is one mark, and there are no others."""
    tokenizer = loaded(patched_tokenizer(legacy_tokenizer()))
    for text in ("知识库", "  two before", "one two", "after  "):
        joined = "".join(tokenizer.encode(text).tokens)
        assert joined.count("▁") == text.count(" ")


TOKENIZER = loaded(patched_tokenizer(legacy_tokenizer()))


@given(st.text(st.characters(exclude_characters="▁", exclude_categories=["Cs"])))
def test_any_text_comes_back(text: str) -> None:
    """Encoded and decoded, in any script, with spaces at either end; the mark itself but for."""
    ids = TOKENIZER.encode(text, add_special_tokens=False).ids
    assert TOKENIZER.decode(ids, skip_special_tokens=False) == text


def rendered(messages: list[dict[str, str]], *, prompt: bool) -> str:
    def refuse(reason: str) -> None:
        raise ValueError(reason)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = refuse
    return environment.from_string(CHAT_TEMPLATE).render(
        messages=messages, add_generation_prompt=prompt, eos_token=END
    )


def test_the_template_is_the_reference_format() -> None:
    """No start token, the end token straight after each answer, one space at the very end."""
    messages = [
        {"role": "user", "content": "q1"},
        {"role": "assistant", "content": " a1 "},
        {"role": "user", "content": "q2\n"},
    ]
    said = rendered(messages, prompt=True)
    assert said == f"Human: q1\n\nAssistant:  a1 {END}Human: q2\n\n\nAssistant: "
    assert rendered(messages[:2], prompt=False) == f"Human: q1\n\nAssistant:  a1 {END}"


def test_the_template_has_no_system_role() -> None:
    """XVERSE was trained without one: it is an error, as in the reference."""
    with pytest.raises(ValueError, match="system"):
        rendered([{"role": "system", "content": "x"}], prompt=True)


def test_the_tokenizer_config_names_no_code_and_its_special_tokens() -> None:
    """The template can close a turn, though the published file does not name the end token."""
    config = patched_tokenizer_config(
        {"auto_map": {"AutoTokenizer": ["x.Y", None]}, "model_max_length": 9},
        special_tokens={"eos_token": {"content": END, "lstrip": False}, "pad_token": "<pad>"},
        is_xverse=True,
    )
    assert "auto_map" not in config
    assert config["eos_token"] == END
    assert config["model_max_length"] == 9
    assert config["chat_template"] == CHAT_TEMPLATE
    assert config["clean_up_tokenization_spaces"] is False


def test_another_model_keeps_its_own_template() -> None:
    """Only an XVERSE speaks XVERSE's format."""
    config = {"chat_template": "{{ messages }}"}
    patched = patched_tokenizer_config(config, special_tokens={}, is_xverse=False)
    assert patched["chat_template"] == "{{ messages }}"
