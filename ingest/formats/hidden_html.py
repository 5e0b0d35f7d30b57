"""Which elements of a page do not show, as far as the page itself says so.

Looked at are the attribute `hidden` and inline styles, the means of who hides words from
people but not from programs. Stylesheets are not: half of what they hide is a menu that
opens, or a page for printing.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from selectolax.lexbor import LexborNode

MAY_BE_HIDDEN = "[hidden], [style]"
STYLESHEETS = "style, link[rel~=stylesheet]"

_NOTES = frozenset(
    {"footnote", "footnotes", "endnote", "endnotes", "rearnote", "rearnotes"}
    | {"doc-footnote", "doc-endnote", "doc-endnotes"}
)
"""Notes in e-books are hidden where they stand, and shown over the text when asked for."""

_NOTHING = re.compile(r"0?(?:\.0{1,9})?(?:[a-z]+|%)?")
_TRANSPARENT = re.compile(
    r"transparent|(?:rgba|hsla)\([^)]*,0?(?:\.0)?\)|#[0-9a-f]{3}0|#[0-9a-f]{6}00"
)
_WHITE = re.compile(r"white|#fff|#ffffff|rgba?\(255,255,255(?:,1)?\)")
_HIGHEST_LOOKED_AT = 50


def may_hide(html: str) -> bool:
    """Whether a page has anything at all by which elements are hidden."""
    html = html.lower()
    return "hidden" in html or "style" in html


def is_hidden(node: LexborNode, *, is_styled: bool) -> bool:
    """Whether an element does not show.

    Args:
        node: the element.
        is_styled: whether the page has stylesheets, which may colour what is around it.
    """
    attributes = node.attributes
    may_be = "hidden" in attributes and attributes["hidden"] != "until-found"
    if not may_be:
        style = _style(attributes.get("style") or "")
        may_be = style.is_hidden or (
            bool(style.colour) and _is_invisible(node, style.colour, is_styled=is_styled)
        )
    return may_be and not _NOTES & {
        *_words(attributes.get("epub:type")),
        *_words(attributes.get("role")),
    }


@dataclass(frozen=True)
class _Style:
    """What an inline style says: whether it hides, the colour of text, and of what is behind."""

    is_hidden: bool
    colour: str
    background: str


@lru_cache(1024)  # a page has many elements and few styles
def _style(text: str) -> _Style:
    pairs = (each.partition(":") for each in text.lower().split(";"))
    said = {
        name.strip(): "".join(value.split()).removesuffix("!important") for name, _, value in pairs
    }
    colour = said.get("color", "")
    return _Style(
        said.get("display") == "none"
        or said.get("visibility") in ("hidden", "collapse")
        or _is_nothing(said.get("font-size"))
        or _is_nothing(said.get("opacity"))
        or _TRANSPARENT.fullmatch(colour) is not None,
        colour,
        said.get("background-color") or said.get("background") or "",
    )


def _words(value: str | None) -> list[str]:
    return (value or "").lower().split()


def _is_nothing(size: str | None) -> bool:
    return size is not None and "0" in size and _NOTHING.fullmatch(size) is not None


def _is_invisible(node: LexborNode, colour: str, *, is_styled: bool) -> bool:
    """Whether text is in the colour of what is behind it."""
    behind: LexborNode | None = node
    for _ in range(_HIGHEST_LOOKED_AT):
        if behind is None:
            break
        attributes = behind.attributes
        filled = _style(attributes.get("style") or "").background or attributes.get("bgcolor")
        if filled:
            return _same(colour, "".join(filled.lower().split()))
        behind = behind.parent
    return not is_styled and _WHITE.fullmatch(colour) is not None


def _same(one: str, other: str) -> bool:
    return one == other or all(map(_WHITE.fullmatch, (one, other)))
