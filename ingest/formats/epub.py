"""E-books: the pages of the spine in their order, each read as the HTML that it is.

Chapters whose headings are pictures, or paragraphs in large type, take them from the
table of contents. An e-book has no pages of its own, so none are told.
"""

import posixpath
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote

from lxml import etree

from ingest import pulse
from ingest.document import Block, BlockKind, Parsed
from ingest.encoding import decode
from ingest.formats.hidden import hidden_warnings
from ingest.formats.html import read_page
from ingest.formats.inline import one_line
from ingest.formats.ooxml import Element, Package, attribute, child, descendants, name_of
from kb_qa.errors import ParseError

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_ONLY_FONTS = frozenset({"http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"})
"""Algorithms that keep an e-book's fonts from being used elsewhere, and hide no text."""

_PROTECTIONS = {
    "META-INF/rights.xml": "Adobe's DRM",
    "META-INF/license.lcpl": "Readium LCP",
    "META-INF/sinf.xml": "Apple's FairPlay",
}
_PAGES = frozenset({"application/xhtml+xml", "text/html", "application/x-dtbook+xml"})
_DEEPEST_HEADING = 6


@dataclass(frozen=True)
class _Item:
    """A file of an e-book by its place in the archive."""

    path: str
    kind: str
    properties: frozenset[str]


@dataclass(frozen=True)
class _Entry:
    """A line of the table of contents."""

    title: str
    level: int


def parse(data: bytes, *, name: str) -> Parsed:
    """An e-book without copy protection.

    Raises:
        ParseError: it is protected, too large unpacked, or no e-book.
    """
    package = Package(data)
    folder = _root_folder(package)
    container = package.xml(folder + _CONTAINER)
    rootfile = None if container is None else next(descendants(container, "rootfile"), None)
    path = folder + attribute(rootfile, "full-path")
    root = package.xml(path)
    if root is None:
        raise ParseError(f"damaged, or not EPUB: it holds no {path}")
    items = {attribute(each, "id"): _item(each, path) for each in descendants(root, "item")}
    spine = [attribute(each, "idref") for each in descendants(root, "itemref")]
    pages = [items[each] for each in dict.fromkeys(spine) if each in items]
    _check_protection(package, folder, pages)
    reader = _Reader(package, title=_title(root), contents=_contents(package, root, items))
    for number, page in enumerate(pages, start=1):
        pulse.page(number)
        if page.kind in _PAGES and "nav" not in page.properties:
            reader.read(page.path)
    return Parsed(reader.title or name, tuple(reader.blocks), warnings=reader.warnings())


class _Reader:
    def __init__(
        self, package: Package, *, title: str, contents: Mapping[str, Sequence[_Entry]]
    ) -> None:
        self.title = title
        self.blocks: list[Block] = []
        self._package = package
        self._contents = contents
        self._hidden = 0
        self._told: Counter[str] = Counter()

    def read(self, path: str) -> None:
        """Read a page; one bad page is not a bad book."""
        data = self._package.read(path)
        if data is None:
            self._told[f"{path} is missing in the archive"] += 1
            return
        try:
            decoded = decode(data)
        except ParseError as error:
            self._told[f"{path} cannot be read: {error}"] += 1
            return
        page = read_page(decoded.text)
        self._hidden += page.hidden
        self._told.update(decoded.warnings)
        is_bare = not any(block.level for block in page.blocks)
        entries = self._contents.get(path, ()) if page.blocks and is_bare else ()
        self.blocks += _with_headings(page.blocks, entries, self.title) if entries else page.blocks

    def warnings(self) -> tuple[str, ...]:
        """What was lost, said once for all pages."""
        return (
            *hidden_warnings(self._hidden),
            *(
                warning if count == 1 else f"{warning} ({count} times)"
                for warning, count in self._told.items()
            ),
        )


def _root_folder(package: Package) -> str:
    """Where the book begins: at the root of the archive, unless a whole folder was packed."""
    places = (each for each in package.parts() if f"/{each}".endswith(f"/{_CONTAINER}"))
    place = min(places, key=len, default="")
    if not place:
        raise ParseError(f"damaged, or not EPUB: it holds no {_CONTAINER}")
    return place.removesuffix(_CONTAINER)


def _item(element: Element, package_path: str) -> _Item:
    path = _resolved(package_path, attribute(element, "href"))
    properties = frozenset(attribute(element, "properties").split())
    return _Item(path, attribute(element, "media-type"), properties)


def _resolved(base: str, reference: str) -> str:
    """The place in the archive that a reference in a file means."""
    path = unquote(reference.partition("#")[0])
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(base), path))[1:]


def _check_protection(package: Package, folder: str, pages: Sequence[_Item]) -> None:
    root = package.xml(folder + _ENCRYPTION)
    if root is None:
        return
    paths = {page.path for page in pages}
    for each in descendants(root, "EncryptedData"):
        algorithm = attribute(child(each, "EncryptionMethod"), "Algorithm")
        reference = attribute(child(each, "CipherData", "CipherReference"), "URI")
        if algorithm not in _ONLY_FONTS and _resolved(folder, reference) in paths:
            parts = set(package.parts())
            held = (name for part, name in _PROTECTIONS.items() if folder + part in parts)
            by = next(held, "DRM")
            raise ParseError(f"encrypted by {by}: only the shop's own reader opens it")


def _title(root: Element) -> str:
    titles = (one_line(each.text or "") for each in descendants(root, "title"))
    return next(filter(None, titles), "")


def _with_headings(
    blocks: Sequence[Block], entries: Sequence[_Entry], title: str
) -> Iterator[Block]:
    """The blocks of a page, its paragraphs that the contents name made headings."""
    levels = {title: 1} | {entry.title: entry.level for entry in entries}
    if not any(block.text in levels for block in blocks):
        yield Block(BlockKind.HEADING, entries[0].title, entries[0].level)
    for block in blocks:
        level = levels.get(block.text, 0)
        yield replace(block, kind=BlockKind.HEADING, level=level) if level else block


def _contents(
    package: Package, root: Element, items: Mapping[str, _Item]
) -> dict[str, list[_Entry]]:
    """The table of contents, by the file that its lines lead to."""
    navigation = next((each for each in items.values() if "nav" in each.properties), None)
    old = items.get(attribute(next(descendants(root, "spine"), None), "toc"))
    contents: dict[str, list[_Entry]] = {}
    for item, lines in ((navigation, _navigation_lines), (old, _ncx_lines)):
        if item is not None and not contents:
            for reference, entry in lines(_well_formed(package, item.path)):
                contents.setdefault(_resolved(item.path, reference), []).append(entry)
    return contents


def _well_formed(package: Package, part: str) -> Element:
    """The root of a part that a book can do without."""
    try:
        root = package.xml(part)
    except etree.XMLSyntaxError:
        root = None
    return etree.Element("none") if root is None else root


def _navigation_lines(root: Element) -> Iterator[tuple[str, _Entry]]:
    """The lines of EPUB 3's contents, a page of HTML."""
    for nav in descendants(root, "nav"):
        if attribute(nav, "type") == "toc":
            for link in descendants(nav, "a"):
                title = one_line("".join(map(str, link.itertext())))
                depth = sum(name_of(each) == "ol" for each in link.iterancestors())
                if title:
                    yield attribute(link, "href"), _Entry(title, min(depth, _DEEPEST_HEADING))


def _ncx_lines(root: Element) -> Iterator[tuple[str, _Entry]]:
    """The lines of EPUB 2's contents."""
    for point in descendants(root, "navPoint"):
        label = child(point, "navLabel", "text")
        title = one_line("" if label is None else label.text or "")
        depth = 1 + sum(name_of(each) == "navPoint" for each in point.iterancestors())
        reference = attribute(child(point, "content"), "src")
        if title:
            yield reference, _Entry(title, min(depth, _DEEPEST_HEADING))
