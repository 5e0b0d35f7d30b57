"""Word: a walk over the document's XML, which keeps what the high-level readers drop.

Headings go by outline level or style name in any language Word speaks here, automatic
numbers are counted again, notes follow the paragraph that refers to them, and hidden text
and what was deleted in tracked changes are left out. Page numbers do not exist until Word
lays pages out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ingest.document import BlockKind, Parsed
from ingest.formats.hidden import HiddenText
from ingest.formats.numbering import Numbering
from ingest.formats.ooxml import Element, Package, attribute, child, descendants, name_of
from ingest.formats.outline import LINE_END, Outline
from ingest.formats.style_names import StyleName, style_named
from ingest.formats.tables import markdown_table
from kb_qa.errors import ParseError

_PASSED_OVER = frozenset(
    # What was deleted, the second form of a drawing, phonetic guides, and properties.
    {
        "del",
        "moveFrom",
        "Fallback",
        "rt",
        "pPr",
        "rPr",
        "sdtPr",
        "tblPr",
        "trPr",
        "tcPr",
        "instrText",
    }
)
_SIGNS = {"tab": " ", "ptab": " ", "noBreakHyphen": "-", "cr": LINE_END, "br": LINE_END}
_NOTES = {"footnoteReference": "footnotes", "endnoteReference": "endnotes"}
_DEEPEST_STYLE = 20
_MAY_BE_FILLED = frozenset({"tc", "txbxContent"})
_DUST = frozenset({"0", "1", "2"})
"""Half points: letters of such a height are a line of dust."""


def parse(data: bytes, *, name: str) -> Parsed:
    """A Word document; its title is the paragraph in the style Title, or its property.

    Raises:
        ParseError: it is encrypted, too large unpacked, or holds no document.
    """
    package = Package(data)
    root = package.xml("word/document.xml")
    body = child(root, "body")
    if body is None:
        raise ParseError("damaged, or not Word: it holds no word/document.xml")
    reader = _Reader(package, is_coloured=child(root, "background") is not None)
    reader.read(body)
    title = reader.title or package.title() or name
    return Parsed(title, reader.outline.blocks(), warnings=reader.hidden.warnings)


@dataclass(frozen=True)
class _Style:
    """What a style says: by its name, of heading level or 0, list, depth, and what is hidden.

    Attributes:
        is_shaded: whether there is a colour behind its paragraphs.
    """

    name: StyleName
    level: int = 0
    number_id: str = ""
    depth: int = 0
    is_hidden: bool = False
    is_shaded: bool = False


class _Reader:
    def __init__(self, package: Package, *, is_coloured: bool) -> None:
        """Begin a document whose page may have a colour."""
        self.outline = Outline()
        self.title = ""
        self.hidden = HiddenText()
        self._styles = _styles(package.xml("word/styles.xml"))
        self._numbering = Numbering(package.xml("word/numbering.xml"))
        self._notes = _notes(package)
        self._is_coloured = is_coloured
        self._referred = 0
        self._noted = 0
        self._pending: list[Element] = []

    def read(self, element: Element) -> None:
        """Read the paragraphs and tables under an element, in order."""
        for each in element:
            name = name_of(each)
            if name == "p":
                self._read_paragraph(each)
            elif name == "tbl":
                self._read_table(each)
            elif name not in _PASSED_OVER:
                self.read(each)

    def _read_paragraph(self, paragraph: Element) -> None:
        properties = child(paragraph, "pPr")
        style_id = attribute(child(properties, "pStyle"), "val")
        style = self._styles.get(style_id) or _named(style_id)
        if style.is_hidden:
            self.hidden.leave_out(_written(paragraph))
        elif not style.name.is_contents:
            text = self._text(paragraph)
            if style.name.is_title and not self.title:
                self.title = " ".join(text.split())
            self._write(text, properties, style)
        self._read_pending()

    def _write(self, text: str, properties: Element | None, style: _Style) -> None:
        level = _outline_level(properties) or style.level
        number_id, depth = _list_of(properties) or (style.number_id, style.depth)
        marker = self._numbering.marker(number_id, depth) if number_id else ""
        if level:
            self.outline.begin_heading(level)
            self.outline.write(marker.removeprefix("- ") + text)
            self.outline.end_heading()
        elif style.name.is_code:
            self.outline.add_code_line(text)
        elif marker and text.strip():
            self.outline.add_item(text, marker=marker, depth=depth)
        else:
            self.outline.write(text)
            self.outline.end_paragraph()

    def _read_table(self, table: Element) -> None:
        rows = [list(map(self._text, _cells(row))) for row in table.iterchildren("{*}tr")]
        columns = {column for row in rows for column, text in enumerate(row) if text.strip()}
        if min(len(rows), len(columns)) > 1:
            self.outline.add(BlockKind.TABLE, markdown_table(rows))
            self._read_pending()
        else:  # a frame drawn around paragraphs
            self._pending.clear()
            self._referred = self._noted
            for row in table.iterchildren("{*}tr"):
                for cell in _cells(row):
                    self.read(cell)

    def _read_pending(self) -> None:
        """Read the notes and text boxes that hang on what was just read."""
        pending, self._pending = self._pending, []
        for each in pending:
            if name_of(each) == "txbxContent":
                self.read(each)
            else:
                self._noted += 1
                self.outline.write(f"[{self._noted}] {self._text(each)}")
                self.outline.end_paragraph()

    def _text(self, element: Element) -> str:
        pieces: list[str] = []
        self._gather(element, pieces)
        return "".join(pieces)

    def _gather(self, element: Element, pieces: list[str]) -> None:
        for each in element:
            name = name_of(each)
            if name == "t":
                self.hidden.show()
                pieces.append(each.text or "")
            elif name == "r" and self._is_hidden(each):
                self.hidden.leave_out(_written(each))
            elif name in _PASSED_OVER:
                continue
            elif name in _SIGNS:
                pieces.append(_SIGNS[name])
            elif name == "txbxContent":
                self._pending.append(each)
            elif name in _NOTES:
                self._refer(_NOTES[name], attribute(each, "id"), pieces)
            else:
                self._gather(each, pieces)
                if name == "p":
                    pieces.append(" ")

    def _is_hidden(self, run: Element) -> bool:
        properties = child(run, "rPr")
        if properties is None:
            return False
        if _is_dust(properties) or (_is_white(properties) and not self._is_on_colour(run)):
            return True
        stated = _vanishes(properties)
        if stated is None:
            style = self._styles.get(attribute(child(properties, "rStyle"), "val"))
            return style is not None and style.is_hidden
        return stated

    def _is_on_colour(self, run: Element) -> bool:
        """Whether there may be a colour behind a run: cells and frames have those of a style."""
        if self._is_coloured:
            return True
        for each in (run, *run.iterancestors()):
            name = name_of(each)
            if name in _MAY_BE_FILLED:
                return True
            if name == "r" and _is_shaded(child(each, "rPr")):
                return True
            if name == "p":
                properties = child(each, "pPr")
                style = self._styles.get(attribute(child(properties, "pStyle"), "val"))
                if _is_shaded(properties) or (style is not None and style.is_shaded):
                    return True
        return False

    def _refer(self, kind: str, note_id: str, pieces: list[str]) -> None:
        note = self._notes.get((kind, note_id))
        if note is not None:
            self._referred += 1
            self._pending.append(note)
            pieces.append(f"[{self._referred}]")


def _cells(row: Element) -> Iterator[Element]:
    """A row's cells, also those inside content controls."""
    for each in row:
        if name_of(each) == "tc":
            yield each
        elif name_of(each) in ("sdt", "sdtContent", "customXml"):
            yield from _cells(each)


def _written(element: Element) -> str:
    return "".join(each.text or "" for each in descendants(element, "t"))


def _vanishes(properties: Element | None) -> bool | None:
    """Whether properties hide what they are of; None if they do not say."""
    vanish = child(properties, "vanish")
    return None if vanish is None else attribute(vanish, "val") not in ("0", "false", "off")


def _is_dust(properties: Element) -> bool:
    return attribute(child(properties, "sz"), "val") in _DUST


def _is_white(properties: Element) -> bool:
    return attribute(child(properties, "color"), "val").upper() == "FFFFFF"


def _is_shaded(properties: Element | None) -> bool:
    """Whether properties put a colour behind text."""
    fill = attribute(child(properties, "shd"), "fill").upper()
    return child(properties, "highlight") is not None or fill not in ("", "AUTO", "FFFFFF")


def _outline_level(properties: Element | None) -> int:
    value = attribute(child(properties, "outlineLvl"), "val")
    return int(value) + 1 if value in set("012345678") else 0


def _list_of(properties: Element | None) -> tuple[str, int] | None:
    """The list and depth that properties put a paragraph into; ("", 0) takes it out of any."""
    listed = child(properties, "numPr")
    if listed is None:
        return None
    number_id = attribute(child(listed, "numId"), "val")
    depth = attribute(child(listed, "ilvl"), "val")
    if number_id in ("", "0"):
        return "", 0
    return number_id, int(depth) if depth in set("012345678") else 0


def _styles(root: Element | None) -> dict[str, _Style]:
    if root is None:
        return {}
    elements = {attribute(each, "styleId"): each for each in descendants(root, "style")}
    return {style_id: _resolved(style_id, elements) for style_id in elements}


def _resolved(style_id: str, elements: dict[str, Element]) -> _Style:
    """A style, with what it does not say taken from the styles it is based on."""
    lineage: list[Element] = []
    while style_id in elements and len(lineage) < _DEEPEST_STYLE:
        lineage.append(elements[style_id])
        style_id = attribute(child(lineage[-1], "basedOn"), "val")
    named = [_named(attribute(child(each, "name"), "val")) for each in lineage]
    stated = (_outline_level(child(each, "pPr")) for each in lineage)
    levels = (level or name.level for level, name in zip(stated, named, strict=True))
    lists = (_list_of(child(each, "pPr")) for each in lineage)
    number_id, depth = next((each for each in lists if each is not None), ("", 0))
    hidden = (_vanishes(child(each, "rPr")) for each in lineage)
    return replace(
        named[0],
        level=next(filter(None, levels), 0),
        number_id=number_id,
        depth=depth,
        is_hidden=bool(next((each for each in hidden if each is not None), False)),
        is_shaded=any(_is_shaded(child(each, "pPr")) for each in lineage),
    )


def _named(name: str) -> _Style:
    named = style_named(name)
    return _Style(named, named.level)


def _notes(package: Package) -> dict[tuple[str, str], Element]:
    """Footnotes and endnotes by kind and id; the separators among them are left out."""
    return {
        (kind, attribute(note, "id")): note
        for kind in _NOTES.values()
        if (root := package.xml(f"word/{kind}.xml")) is not None
        for note in root
        if attribute(note, "type") in ("", "normal")
    }
