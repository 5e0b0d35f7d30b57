"""Running text: white space as a reader sees it."""

import re

CJK = "\u2e80-\u2fdf\u3001-\u30ff\u3400-\u9fff\uf900-\ufaff\uff01-\uff60\U00020000-\U0003ffff"
"""Characters written without spaces between them, for use inside a regular expression's []."""

_MARKS = "\u3001-\u3003\u3008-\u3011\u3014-\u301f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff60"
# Between Chinese characters, beside a full-width mark, and after the slash of an address.
_BREAK_WITHOUT_SPACE = re.compile(
    rf"(?<=[{CJK}])\n(?=[{CJK}])|(?<=[{_MARKS}])\n|\n(?=[{_MARKS}])|(?<=\S/)\n"
)

_SPACED = re.compile(rf"(?<=[{CJK}]) (?=[{CJK}])")
_TIGHT = re.compile(rf"[{CJK}](?=[{CJK}])")
_FEW = 3
"""Spaces between Chinese characters that a row of one-character cells may have."""


def one_line(text: str) -> str:
    """The text on one line; a line break leaves a space, but none in Chinese or an address."""
    text = text.strip()
    if "\n" in text:
        lines = (line.strip() for line in text.split("\n"))
        text = _BREAK_WITHOUT_SPACE.sub("", "\n".join(filter(None, lines)))
    return " ".join(text.split())


def tightened(text: str) -> str:
    """The text without the spaces that a stretched line puts between all its characters."""
    spaced, tight = _SPACED.findall(text), _TIGHT.findall(text)
    return _SPACED.sub("", text) if len(spaced) > max(len(tight), _FEW) else text


def words(text: str) -> frozenset[str]:
    """The words of a table that is written as one string."""
    return frozenset(text.split())
