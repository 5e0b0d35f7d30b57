"""Text on a page as the text it is."""

import html
import re

_SURROGATES = re.compile("[\ud800-\udfff]")


def escaped(text: str) -> str:
    """Text as text; a lone surrogate, which no page can carry, as a replacement character."""
    return html.escape(_SURROGATES.sub("\ufffd", text))
