"""Any XML: titles are headings, rows tables, records "name: value", other elements paragraphs.

Names that DocBook, TEI, RSS and HTML share are known; in any other vocabulary an element
among running text is taken for part of it, and one that stands apart for a block. No
entity is read from anywhere; one made of others is how a bomb begins, and refused.
"""

import re
from collections.abc import Iterator
from html.entities import html5

from lxml import etree

from ingest.document import BlockKind, Parsed
from ingest.encoding import decode
from ingest.formats import html
from ingest.formats.inline import one_line, words
from ingest.formats.outline import Outline
from ingest.formats.tables import markdown_table
from kb_qa.errors import ParseError

Element = etree._Element

_DECLARED = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.-]{2,40})[\"']")
_ENTITY = re.compile(r"&([A-Za-z_][\w.-]{0,60});")
_ENTITY_DECLARATION = re.compile(r"<!ENTITY\s+([\w.-]{1,60})\s")
_DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")
_OWN_ENTITIES = frozenset({"amp", "lt", "gt", "quot", "apos"})

_TITLES = words("title head heading bridgehead")
_LISTS = words("itemizedlist orderedlist variablelist simplelist list ul ol dl procedure")
_ITEMS = words("listitem item li member varlistentry step dt label")
_CODES = words("programlisting screen literallayout pre synopsis cmdsynopsis listing code-block")
_TABLES = words("table informaltable")
_ROWS = ("{*}row", "{*}tr")
_CELL_NAMES = words("entry td th cell")
_CELLS = tuple(f"{{*}}{name}" for name in sorted(_CELL_NAMES))
_NOTES = words("footnote note-foot endnote")
_PASSED_OVER = words("script style indexterm remark binary processing-instruction")
_PROSE = (
    words("para p simpara ab line l s paragraph section chapter div body text li item") | _TITLES
)
_BLOCKS = (
    words("para simpara section chapter note tip warning caution important figure blockquote")
    | (_PROSE - {"s", "text", "line", "l"})
    | _LISTS
    | _ITEMS
    | _CODES
    | _TABLES
)
_INFO = re.compile(r".*info|header|teiheader|front")
_MARKUP = re.compile(r"</?(?:p|br|div|a|b|i|ul|li|em|strong|table|h[1-6]|span)\b[^>]*>")

_OF_XML = "{http://www.w3.org/"
"""What attributes of XML itself begin with: languages, links, places of schemas."""

_DEEPEST_HEADING = 6
_LONGEST_EXPANSION = 100
_MOST_COLUMNS = 40
_LONGEST_CELL = 160


def parse(data: bytes, *, name: str) -> Parsed:
    """The text of an XML file; its title is the first of its titles.

    Raises:
        ParseError: it holds entities made of entities; or an error of lxml: it is damaged.
    """
    found = _DECLARED.search(data[:400])
    decoded = decode(data, declared=found.group(1).decode() if found else None)
    text, unknown = _with_characters(decoded.text)
    root = _root(text)
    reader = _Reader(_entities(root), unknown)
    reader.read(root)
    blocks = reader.outline.blocks()
    title = next((block.text for block in blocks if block.level), "")
    return Parsed(title or name, blocks, warnings=(*decoded.warnings, *reader.warnings()))


def _root(text: str) -> Element:
    declaration = _DECLARATION.match(text)
    body = text[declaration.end() if declaration else 0 :]
    try:
        return _element(body)
    except etree.XMLSyntaxError as error:
        if error.code != etree.ErrorTypes.ERR_DOCUMENT_END:  # type: ignore[attr-defined]  # the stubs lack it
            raise
        # Part of a larger document, as manuals are written: several elements, one after the other.
        return _element(f"<fragment>{body}</fragment>")


def _element(text: str) -> Element:
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    return etree.fromstring(text.encode("utf-8", "replace"), parser)


def _with_characters(text: str) -> tuple[str, int]:
    """The text with the characters that HTML names, and how many names are not known.

    Many write them though XML does not know them; what nobody knows lxml would drop.
    """
    declared = _OWN_ENTITIES | frozenset(_ENTITY_DECLARATION.findall(text))
    unknown = 0

    def character(reference: re.Match[str]) -> str:
        nonlocal unknown
        name = reference.group(1)
        if name in declared:
            return reference.group()
        found = html5.get(f"{name};")
        unknown += found is None
        return found or f"&amp;{name};"

    return _ENTITY.sub(character, text), unknown


def _entities(root: Element) -> dict[str, str]:
    """The short texts that the file itself names."""
    entities = getattr(root.getroottree().docinfo.internalDTD, "entities", tuple)
    contents = {each.name: each.content or "" for each in entities()}
    if any("&" in content and "&#" not in content for content in contents.values()):
        raise ParseError("refused: it names texts that are made of such texts, as a bomb does")
    return {
        name: content
        for name, content in contents.items()
        if 0 < len(content) <= _LONGEST_EXPANSION and "<" not in content and "&" not in content
    }


class _Reader:
    def __init__(self, entities: dict[str, str], unknown: int) -> None:
        self.outline = Outline()
        self._entities = entities
        self._unknown = unknown
        self._level = 0
        self._notes: list[str] = []
        self._noted = 0

    def read(self, root: Element) -> None:
        """Read all under an element."""
        inline: list[bool] = []
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            if not isinstance(element.tag, str):
                if event == "start":
                    self.outline.write(self._expanded(element))
                elif element is not root:
                    self.outline.write(element.tail or "")
                continue
            if event == "start":
                is_inline = bool(inline) and inline[-1] and name_of(element) not in _BLOCKS
                inline.append(is_inline or _is_mixed(element))
                if not is_inline:
                    self.outline.end_paragraph()
                if not self._enter(element, is_inline=is_inline):
                    walk.skip_subtree()
            else:
                self._leave(element)
                inline.pop()
                if not (inline and inline[-1] and name_of(element) not in _BLOCKS):
                    self.outline.end_paragraph()
                    self._write_notes()
                if element is not root:
                    self.outline.write(element.tail or "")

    def warnings(self) -> tuple[str, ...]:
        """What could not be expanded."""
        return (f"entities that were not expanded: {self._unknown}",) if self._unknown else ()

    def _enter(self, element: Element, *, is_inline: bool) -> bool:
        """Open an element; whether its children are to be walked."""
        name = name_of(element)
        if _is_section(element):
            self._level += 1
        if name in _PASSED_OVER or self._write_whole(element, name, is_inline=is_inline):
            return False
        if name in _TITLES:
            self.outline.begin_heading(min(max(1, self._level), _DEEPEST_HEADING))
        elif name in _LISTS:
            self.outline.begin_list(numbered_from=1 if name in ("orderedlist", "ol") else None)
        elif name in _ITEMS:
            self.outline.begin_item()
        return self._write_text(element)

    def _write_whole(self, element: Element, name: str, *, is_inline: bool) -> bool:
        """Write an element that is not walked through: code, a note, a table, values."""
        if name in _CODES:
            self.outline.add(BlockKind.CODE, self._text(element).strip("\n"))
        elif name in _NOTES:
            self._noted += 1
            self.outline.write(f"[{self._noted}]")
            self._notes.append(f"[{self._noted}] {one_line(self._text(element))}")
        elif is_inline:
            return False
        elif table := self._table(element):
            if name in _TABLES:
                self.outline.add(BlockKind.PARAGRAPH, self._outside_cells(element))
            self.outline.add(BlockKind.TABLE, table)
        elif _is_record(element):
            for field, value in self._fields(element):
                self.outline.add_item(f"{field}: {one_line(value)}", marker="- ", depth=0)
        else:
            return False
        return True

    def _write_text(self, element: Element) -> bool:
        text = element.text or ""
        if len(element) == 0 and _MARKUP.search(text):  # a page in a feed
            for block in html.parse(text.encode("utf-8", "replace"), name="").blocks:
                self.outline.add(block.kind, block.text, level=block.level and _DEEPEST_HEADING)
            return False
        self.outline.write(text)
        return True

    def _leave(self, element: Element) -> None:
        name = name_of(element)
        if name in _TITLES:
            self.outline.end_heading()
        elif name in _LISTS:
            self.outline.end_list()
        if _is_section(element):
            self._level -= 1

    def _write_notes(self) -> None:
        for note in self._notes:
            self.outline.write(note)
            self.outline.end_paragraph()
        self._notes.clear()

    def _table(self, element: Element) -> str:
        """An element's rows, or its records if they are alike, as Markdown; else ""."""
        if name_of(element) in _TABLES:
            rows = [
                [self._text(cell) for cell in row.iterchildren(*_CELLS)]
                for row in element.iterdescendants(*_ROWS)
            ]
            return markdown_table(rows)
        if _is_mixed(element):
            return ""
        records = list(element)
        names = {name_of(record) for record in records}
        if len(records) == 1 or len(names) != 1 or not all(map(_is_record, records)):
            return ""
        fields = [dict(self._fields(record)) for record in records]
        columns = dict.fromkeys(key for each in fields for key in each)
        cells = [[each.get(column, "") for column in columns] for each in fields]
        sizes = [len(cell) for row in cells for cell in row if cell]
        is_legible = sum(sizes) <= _LONGEST_CELL * len(sizes) and len(columns) <= _MOST_COLUMNS
        is_whole = all(len(dict(pairs)) == len(pairs) for pairs in map(self._fields, records))
        return markdown_table([[*columns], *cells]) if is_legible and is_whole else ""

    def _outside_cells(self, table: Element) -> str:
        """A table's title, caption, and whatever else stands in no cell of it."""
        pieces: list[str] = []
        walk = etree.iterwalk(table, events=("start", "end"))
        for event, each in walk:
            if event == "end":
                pieces.append("" if each is table else each.tail or "")
            elif isinstance(each.tag, str) and name_of(each) in _CELL_NAMES:
                walk.skip_subtree()
            elif isinstance(each.tag, str):
                pieces.append(each.text or "")
            else:
                pieces.append(self._expanded(each))
        return one_line(" ".join(filter(str.strip, pieces)))

    def _fields(self, record: Element) -> list[tuple[str, str]]:
        values = ((name_of(each), self._text(each)) for each in record)
        return [*_attributes(record), *((name, text) for name, text in values if text.strip())]

    def _text(self, element: Element) -> str:
        """All text under an element."""
        pieces: list[str] = []
        for event, each in etree.iterwalk(element, events=("start", "end")):
            if event == "end":
                pieces.append("" if each is element else each.tail or "")
            elif isinstance(each.tag, str):
                pieces.append(each.text or "")
            else:
                pieces.append(self._expanded(each))
        return "".join(pieces)

    def _expanded(self, reference: Element) -> str:
        name = str(getattr(reference, "name", ""))
        if name in self._entities:
            return self._entities[name]
        self._unknown += bool(name)
        return f"&{name};" if name else ""


def name_of(element: Element) -> str:
    """An element's name in lower case, without its namespace."""
    tag = str(element.tag)
    return tag[tag.rfind("}") + 1 :].lower()


def _attributes(element: Element) -> Iterator[tuple[str, str]]:
    for key, value in element.attrib.items():
        if not str(key).startswith(_OF_XML) and str(value).strip():
            yield str(key).rpartition("}")[2], str(value)


def _is_mixed(element: Element) -> bool:
    """Whether text stands beside an element's children."""
    return bool((element.text or "").strip()) or any((each.tail or "").strip() for each in element)


def _is_section(element: Element) -> bool:
    """Whether an element has a title, perhaps among what is said about it."""
    if _INFO.fullmatch(name_of(element)):
        return False
    return any(
        name_of(each) in _TITLES
        or (_INFO.fullmatch(name_of(each)) and any(name_of(one) in _TITLES for one in each))
        for each in element
    )


def _is_record(element: Element) -> bool:
    """Whether an element holds named values only, each of its own name for the most part."""
    names = [name_of(each) for each in element]
    if _is_mixed(element) or name_of(element) in _BLOCKS:
        return False
    if not names:
        return any(_attributes(element))
    return (
        2 * len(set(names)) > len(names) + (len(element.attrib) == 0)
        and not any(name in _PROSE and name not in _TITLES for name in names)
        and all(len(each) == 0 and not _MARKUP.search(each.text or "") for each in element)
    )
