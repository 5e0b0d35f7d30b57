"""OpenDocument's container and styles, the same for text, slides and sheets."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ingest.formats.numbering import Level, integer
from ingest.formats.ooxml import Element, Package, attribute, child, descendants
from ingest.formats.style_names import StyleName, style_named
from kb_qa.errors import ParseError

_NUMBER = re.compile(r"%([1-9][0-9]?)%")
_DEEPEST_STYLE = 20
_LAST_LEVEL = 9
_NUMBER_STYLES = {
    "1": "decimal",
    "a": "lowerLetter",
    "A": "upperLetter",
    "i": "lowerRoman",
    "I": "upperRoman",
    "一": "chineseCounting",
    "①": "decimalEnclosedCircle",
    "": "none",
}
"""Word's names of number formats, by the first character of OpenDocument's."""


_NO_NAME = StyleName()


@dataclass(frozen=True)
class Style:
    """What a style says: by its name, of heading level or 0, list, and whether text shows.

    Attributes:
        name: its name, and that of the style with a name that it is based on.
        level: of the headings set in it; 0 if it is for no headings.
        list_name: of the list style that it puts paragraphs into; "" for none.
        is_hidden: whether what is set in it does not show.
    """

    name: StyleName = _NO_NAME
    level: int = 0
    list_name: str = ""
    is_hidden: bool = False


class OpenDocument:
    """The parts of an OpenDocument file.

    Args:
        data: the file's bytes.
        body: the element inside the body that makes it what it is: "text", "presentation".
        called: what people call such a file.

    Attributes:
        body: that element.

    Raises:
        ParseError: it is encrypted, too large unpacked, or another kind of file.
    """

    def __init__(self, data: bytes, *, body: str, called: str) -> None:
        self._package = Package(data)
        manifest = self._package.read("META-INF/manifest.xml") or b""
        if b":encryption-data" in manifest:  # OpenOffice's own were not well-formed
            raise ParseError("encrypted: save it without a password")
        content = self._package.xml("content.xml")
        if content is None:
            raise ParseError(f"damaged, or not {called}: it holds no content.xml")
        found = child(content, "body", body)
        if found is None:
            raise ParseError(f"damaged, or not {called}: it holds another kind of document")
        self.body: Element = found
        self._roots = [content]
        styles = self._package.xml("styles.xml")
        if styles is not None:
            self._roots.append(styles)

    def title(self) -> str:
        """The title among the file's properties; "" if there is none."""
        root = self._package.xml("meta.xml")
        titles = () if root is None else descendants(root, "title")
        return next(((each.text or "").strip() for each in titles), "")

    def elements(self, name: str) -> Iterator[Element]:
        """All elements of a name, those of the document before those of its common styles."""
        for root in self._roots:
            yield from descendants(root, name)


def styles_of(document: OpenDocument) -> dict[tuple[str, str], Style]:
    """The styles of paragraphs and of text inside them, by family and name."""
    elements = {
        (attribute(each, "family"), attribute(each, "name")): each
        for each in document.elements("style")
    }
    return {key: _resolved(key, elements) for key in elements if key[0] in ("paragraph", "text")}


def list_levels_of(document: OpenDocument) -> dict[str, dict[int, Level]]:
    """How lists number their items, by the name of their style and by depth from 0."""
    return {
        attribute(each, "name"): dict(_levels(each)) for each in document.elements("list-style")
    }


def outline_levels_of(document: OpenDocument) -> dict[int, Level]:
    """How headings are numbered, by depth from 0."""
    styles = map(_levels, document.elements("outline-style"))
    return dict(next(styles, iter(())))


def _resolved(key: tuple[str, str], elements: dict[tuple[str, str], Element]) -> Style:
    """A style, with what it does not say taken from the styles it is based on."""
    lineage: list[Element] = []
    while key in elements and len(lineage) < _DEEPEST_STYLE:
        lineage.append(elements[key])
        key = (key[0], attribute(lineage[-1], "parent-style-name"))
    named = [
        style_named(attribute(each, "display-name") or attribute(each, "name")) for each in lineage
    ]
    known = next((each for each in named if each != _NO_NAME), _NO_NAME)
    level = next(filter(None, map(_outline_level, lineage)), 0) or known.level
    shown = (attribute(child(each, "text-properties"), "display") for each in lineage)
    lists = (attribute(each, "list-style-name") for each in lineage)
    return Style(
        replace(known, level=0),
        level=level,
        list_name=next(filter(None, lists), ""),
        is_hidden=next(filter(None, shown), "") == "none",
    )


def _outline_level(style: Element) -> int:
    level = integer(attribute(style, "default-outline-level"), 0)
    return level if level <= _LAST_LEVEL else 0


def _levels(list_style: Element) -> Iterator[tuple[int, Level]]:
    """The levels of a list or of the outline, by depth."""
    for each in list_style:
        depth = integer(attribute(each, "level"), 1) - 1
        shown = attribute(each, "num-format")
        if shown or str(each.tag).endswith(("-style-number", "outline-level-style")):
            style = _NUMBER_STYLES.get(shown[:1], "decimal")
            yield depth, Level(style, _shown(each, depth), _start(each))


def _start(level: Element) -> int:
    return integer(attribute(level, "start-value"), 1)


def _shown(level: Element, depth: int) -> str:
    """What stands before an item, with %1 for the first level's number."""
    if not attribute(level, "num-format"):
        return ""
    template = attribute(level, "num-list-format")
    if template:  # of LibreOffice: %1%.%2%
        return _NUMBER.sub(r"%\1", template)
    count = min(integer(attribute(level, "display-levels"), 1), depth + 1)
    numbers = ".".join(f"%{place + 1}" for place in range(depth + 1 - count, depth + 1))
    return attribute(level, "num-prefix") + numbers + attribute(level, "num-suffix")
