"""XHTML as HTML: what only XML knows is written so that an HTML parser reads it too.

To HTML, `<title/>` begins a title that takes in all of the page.
"""

import re
from html import escape

from ingest.formats.inline import words

_IS_XHTML = re.compile(r"^\s*<\?xml\b|<html[^>]*1999/xhtml", re.IGNORECASE)
_DECLARED_WITHIN = 4096
_CLOSED_AT_ONCE = re.compile(r"<([a-zA-Z][\w:.-]*)((?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*)/>")
_VOID = words("area base br col embed hr img input link meta param source track wbr")
_DATA = "<![CDATA["


def as_html(text: str) -> str:
    """A page of XHTML as HTML; any other page as it is."""
    if not _IS_XHTML.search(text[:_DECLARED_WITHIN]):
        return text
    if _DATA in text:
        first, *rest = text.split(_DATA)
        text = first + "".join(map(_escaped, rest))
    return _CLOSED_AT_ONCE.sub(_opened_and_closed, text)


def _escaped(text: str) -> str:
    """Literal text and what follows it."""
    literal, _, after = text.partition("]]>")
    return escape(literal) + after


def _opened_and_closed(tag: re.Match[str]) -> str:
    name, attributes = tag.groups()
    return tag.group() if name.lower() in _VOID else f"<{name}{attributes}></{name}>"
