"""The page speaks Chinese and English, and says the same in both."""

from collections.abc import Mapping
from dataclasses import asdict
from string import Formatter
from typing import Any

import pytest

from ui.messages import TEXTS, Language, language_for
from ui.messages.frame import FRAME
from ui.messages.library import LIBRARY
from ui.messages.quality import QUALITY
from ui.messages.system import SYSTEM


def _names_in_braces(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name)


@pytest.mark.parametrize("texts", [TEXTS, FRAME, LIBRARY, QUALITY, SYSTEM])
def test_both_languages_have_the_same_texts(texts: Mapping[Language, Any]) -> None:
    """Every text is there in both languages, with the same names to fill in."""
    chinese, english = asdict(texts["zh"]), asdict(texts["en"])
    assert list(chinese) == list(english)
    for key in chinese:
        if isinstance(chinese[key], str):
            assert chinese[key].strip(), key
            assert english[key].strip(), key
            assert _names_in_braces(chinese[key]) == _names_in_braces(english[key]), key
        else:
            assert chinese[key].keys() == english[key].keys(), key


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("zh-CN", "zh"),
        ("zh-Hant-TW", "zh"),
        ("ZH", "zh"),
        ("en-GB", "en"),
        ("de", "en"),
        (None, "en"),
    ],
)
def test_the_browser_chooses_the_language(locale: str | None, language: str) -> None:
    """A Chinese browser gets Chinese, any other English."""
    assert language_for(locale) == language
