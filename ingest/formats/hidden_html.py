"""Which elements of a page do not show, as far as the page itself says so.

Looked at are the attribute `hidden` and inline styles, the means of who hides words from
people but not from programs. Stylesheets are not: half of what they hide is a menu that
opens, or a page for printing.
"""

import re

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


def is_hidden(node: LexborNode, *, is_styled: bool) -> bool:
    """Whether an element does not show.

    Args:
        node: the element.
        is_styled: whether the page has stylesheets, which may colour what is around it.
    """
    attributes = node.attributes
    if _NOTES & {*_words(attributes.get("epub:type")), *_words(attributes.get("role"))}:
        return False
    if "hidden" in attributes and attributes["hidden"] != "until-found":
        return True
    style = _declarations(attributes.get("style"))
    return (
        style.get("display") == "none"
        or style.get("visibility") in ("hidden", "collapse")
        or _is_nothing(style.get("font-size"))
        or _is_nothing(style.get("opacity"))
        or ("color" in style and _is_invisible(node, style["color"], is_styled=is_styled))
    )


def _words(value: str | None) -> list[str]:
    return (value or "").lower().split()


def _declarations(style: str | None) -> dict[str, str]:
    """What an inline style says, in lower case and without spaces."""
    pairs = (each.partition(":") for each in (style or "").lower().split(";"))
    return {
        name.strip(): "".join(value.split()).removesuffix("!important") for name, _, value in pairs
    }


def _is_nothing(size: str | None) -> bool:
    return size is not None and "0" in size and _NOTHING.fullmatch(size) is not None


def _is_invisible(node: LexborNode, colour: str, *, is_styled: bool) -> bool:
    """Whether text is transparent, or in the colour of what is behind it."""
    if _TRANSPARENT.fullmatch(colour):
        return True
    behind: LexborNode | None = node
    for _ in range(_HIGHEST_LOOKED_AT):
        if behind is None:
            break
        background = _background(behind)
        if background:
            return _same(colour, background)
        behind = behind.parent
    return not is_styled and _WHITE.fullmatch(colour) is not None


def _background(node: LexborNode) -> str:
    """The colour an element is filled with; "" if it says none."""
    style = _declarations(node.attributes.get("style"))
    named = style.get("background-color") or style.get("background") or ""
    return named or "".join((node.attributes.get("bgcolor") or "").lower().split())


def _same(one: str, other: str) -> bool:
    return one == other or all(map(_WHITE.fullmatch, (one, other)))
