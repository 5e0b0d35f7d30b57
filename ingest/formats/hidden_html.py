"""Which elements of a page do not show, as far as the page itself says so.

Looked at are the attribute `hidden` and inline styles, the means of who hides words from
people but not from programs; and of the page's own stylesheet what shrinks text to nothing or
moves it off the page. What a stylesheet does not display is read: most of it is an answer that
opens when it is clicked, or a page for printing.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

MAY_BE_HIDDEN = "[hidden], [style], font[color]"
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

_SIZE = re.compile(r"(-?[0-9]{0,6}(?:\.[0-9]{1,6})?)(px|pt|em|rem|ex|ch|vw|vh|cm|mm|in|%)?")
_PIXELS = {
    "px": 1.0,
    "pt": 1.33,
    "em": 16.0,
    "rem": 16.0,
    "": 1.0,
    "%": 0.16,
    "mm": 3.8,
    "cm": 38.0,
}
_SMALLEST_SEEN = 2
"""Pixels of a letter's height; below it is a line of dust."""

_FAR = 400
"""Pixels; who moves text further out than that wants it off the page."""

_CUT_AWAY = re.compile(
    r"rect\((?:[01](?:px)?,?){4}\)|inset\((?:[5-9][0-9]|100)%.{0,40}\)|circle\(0.{0,20}\)"
)
_RULE = re.compile(r"([^{}@;:]{1,200})\{([^{}]{1,2000})\}")
_AT_RULE = re.compile(r"@[^{};]{1,200}\{(?:[^{}]{0,2000}\{[^{}]{0,2000}\}){0,200}[^{}]{0,2000}\}")
_MOST_RULES, _MOST_RULES_READ = 100, 200_000


def may_hide(html: str) -> bool:
    """Whether a page has anything at all by which elements are hidden."""
    html = html.lower()
    return "hidden" in html or "style" in html or "<font" in html


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
        colour = style.colour or "".join((attributes.get("color") or "").lower().split())
        may_be = style.is_hidden or (
            bool(colour) and _is_invisible(node, colour, is_styled=is_styled)
        )
    return may_be and not _is_note(node)


def _is_note(node: LexborNode) -> bool:
    attributes = node.attributes
    return not _NOTES.isdisjoint(
        {
            *_words(attributes.get("epub:type")),
            *_words(attributes.get("role")),
        }
    )


def unseen_by_rule(tree: LexborHTMLParser) -> Iterator[LexborNode]:
    """The elements that a page's own stylesheet shrinks to nothing or moves off the page."""
    css = "".join(each.text() for each in tree.css("style"))[:_MOST_RULES_READ]
    plain = _AT_RULE.sub("", _uncommented(css.lower()))
    hiding = (rule for rule in _RULE.finditer(plain) if _style(rule[2]).is_unseen)
    for rule in islice(hiding, _MOST_RULES):
        yield from (node for node in _selected(tree, rule[1].strip()) if not _is_note(node))


def _uncommented(css: str) -> str:
    first, *others = css.split("/*")
    return first + "".join(each.partition("*/")[2] for each in others)


def _selected(tree: LexborHTMLParser, selector: str) -> list[LexborNode]:
    try:
        return tree.css(selector)
    except SelectolaxError:
        return []  # one that selects states or pseudo-elements, or is none at all


@dataclass(frozen=True)
class _Style:
    """What a style says.

    Attributes:
        is_hidden: whether it hides.
        is_unseen: whether it does so by other means than not to display.
        colour: of text.
        background: the colour of what is behind.
    """

    is_hidden: bool
    is_unseen: bool
    colour: str
    background: str


@lru_cache(1024)  # a page has many elements and few styles
def _style(text: str) -> _Style:
    pairs = (each.partition(":") for each in text.lower().split(";"))
    said = {
        name.strip(): "".join(value.split()).removesuffix("!important") for name, _, value in pairs
    }
    colour = said.get("color", "")
    unseen = (
        _is_nothing(said.get("font-size"))
        or _is_dust(said.get("font-size", ""))
        or _is_nothing(said.get("opacity"))
        or _TRANSPARENT.fullmatch(colour) is not None
        or _is_off(said)
    )
    return _Style(
        unseen or said.get("display") == "none" or said.get("visibility") in ("hidden", "collapse"),
        unseen,
        colour,
        said.get("background-color") or said.get("background") or "",
    )


def _words(value: str | None) -> list[str]:
    return (value or "").lower().split()


def _is_nothing(size: str | None) -> bool:
    return size is not None and "0" in size and _NOTHING.fullmatch(size) is not None


def _is_dust(size: str) -> bool:
    return 0 < _pixels(size) < _SMALLEST_SEEN


def _is_off(said: Mapping[str, str]) -> bool:
    """Whether a style moves what it is of off the page, or cuts it down to nothing."""
    if said.get("position") in ("absolute", "fixed") and (
        any(_pixels(said.get(side, "")) <= -_FAR for side in ("left", "right", "top", "bottom"))
        or _CUT_AWAY.match(said.get("clip", "") or said.get("clip-path", ""))
    ):
        return True
    if said.get("overflow") in ("hidden", "clip") and any(
        _is_nothing(said.get(side)) for side in ("height", "max-height", "width", "max-width")
    ):
        return True
    return _pixels(said.get("text-indent", "")) <= -_FAR or said.get("transform") == "scale(0)"


def _pixels(size: str) -> float:
    """About how many; 0 where it is no plain size."""
    match = _SIZE.fullmatch(size)
    if match is None or match[1] in ("", "-"):
        return 0.0
    return float(match[1]) * _PIXELS.get(match[2] or "", 16.0)


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
