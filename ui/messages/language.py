"""The languages that the page speaks."""

from typing import Literal

Language = Literal["zh", "en"]


def language_for(locale: str | None) -> Language:
    """The page's language for a browser's locale such as "zh-CN"."""
    return "zh" if (locale or "").lower().startswith("zh") else "en"
