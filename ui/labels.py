"""Labels of buttons: Streamlit draws Markdown in them, and documents and people write anything."""

import re

_SIGN = re.compile(r"([\\`*_{}\[\]()#+\-.!|:$<>~&@])")
_LONGEST = 80


def plain(text: str, *, longest: int = _LONGEST) -> str:
    """A text as a label that shows it as it is, on one line, so many characters of it."""
    line = " ".join(text.split())
    short = line if len(line) <= longest else f"{line[:longest]}…"
    return _SIGN.sub(r"\\\1", short) or "…"
