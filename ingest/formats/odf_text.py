"""OpenDocument's running text: paragraphs, headings, lists, tables, notes and text boxes.

Numbers of lists and headings are counted again, notes follow the paragraph that refers
to them, tables of contents and deleted text are left out. The XML parser allows 256
levels of nesting, which bounds the walk.
"""

from collections.abc import Iterator, Sequence

from ingest.document import BlockKind
from ingest.formats.hidden import HiddenText
from ingest.formats.inline import words
from ingest.formats.numbering import Count, integer
from ingest.formats.odf import OpenDocument, Style, list_levels_of, outline_levels_of, styles_of
from ingest.formats.ooxml import Element, attribute, child, name_of
from ingest.formats.outline import LINE_END, Outline
from ingest.formats.tables import markdown_table

_PASSED_OVER = words(
    "tracked-changes annotation annotation-end ruby-text desc forms note-citation scripts "
    "table-of-content illustration-index table-index object-index user-index alphabetical-index "
    "event-listeners object object-ole image"
)
"""What was deleted, comments, descriptions of pictures, and lists of what stands elsewhere."""

_DESCRIPTION = "{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}title"
_SHAPES = words(
    "text-box custom-shape rect circle ellipse polygon polyline regular-polygon path line "
    "connector measure caption"
)
_SIGNS = {"s": " ", "tab": " ", "line-break": LINE_END}
_ROW_PARTS = words("table-header-rows table-rows table-row-group")
_MOST_REPEATED = 1000
_NO_STYLE = Style()


class TextReader:
    """Reads running text into an outline.

    Args:
        document: that the text is in.
        outline: takes the blocks.

    Attributes:
        title: the first paragraph in the style Title; "" before there is one.
        hidden: what was left out because it does not show.
    """

    def __init__(self, document: OpenDocument, outline: Outline) -> None:
        self.title = ""
        self.hidden = HiddenText()
        self._outline = outline
        self._styles = styles_of(document)
        self._list_levels = list_levels_of(document)
        self._headings = Count(outline_levels_of(document))
        self._counts: dict[str, Count] = {}
        self._counts_by_id: dict[str, Count] = {}
        self._referred = 0
        self._noted = 0
        self._pending: list[Element] = []

    def read(self, element: Element) -> None:
        """Read what stands under an element, in order."""
        for each in element:
            self._read_block(each)

    def text(self, element: Element) -> str:
        """All text under an element; its notes and text boxes come after the next paragraph."""
        pieces: list[str] = []
        self._gather(element, pieces)
        return "".join(pieces)

    def _read_block(self, element: Element) -> None:
        name = name_of(element)
        if _is_passed_over(element):
            pass
        elif self._is_hidden(element):
            self.hidden.leave_out("".join(map(str, element.itertext())))
        elif name in ("p", "h"):
            self._read_paragraph(element, marker=None, depth=0)
        elif name == "list":
            self._read_list(element, depth=0, style_name="", count=None)
        elif name == "table":
            self._read_table(element)
        else:
            self.read(element)

    def _read_paragraph(self, paragraph: Element, *, marker: str | None, depth: int) -> None:
        style = self._style("paragraph", paragraph)
        if style.name.is_contents:
            return
        text = self.text(paragraph)
        if style.name.is_title and not self.title:
            self.title = " ".join(text.split())
        level = integer(attribute(paragraph, "outline-level"), 1)
        level = level if name_of(paragraph) == "h" else style.level
        if level and text.strip():
            self._write_heading(paragraph, text, level, marker)
        elif style.name.is_code:
            self._outline.add_code_line(text)
        elif marker is not None and text.strip():
            self._outline.add_item(text, marker=marker, depth=depth)
        else:
            self._outline.write(text)
            self._outline.end_paragraph()
        self._read_pending()

    def _write_heading(self, paragraph: Element, text: str, level: int, marker: str | None) -> None:
        if marker is None and level - 1 in self._headings.levels and _is_counted(paragraph):
            marker = self._headings.marker(level - 1)
        self._outline.begin_heading(level)
        self._outline.write((marker or "").removeprefix("- ") + text)
        self._outline.end_heading()

    def _read_pending(self) -> None:
        """Read the notes and text boxes that hang on what was just read."""
        pending, self._pending = self._pending, []
        for each in pending:
            if name_of(each) == "note-body":
                self._noted += 1
                self._outline.write(f"[{self._noted}] {self.text(each)}")
                self._outline.end_paragraph()
            else:
                self.read(each)

    def _read_list(
        self, element: Element, *, depth: int, style_name: str, count: Count | None
    ) -> None:
        style_name = attribute(element, "style-name") or style_name or self._list_of(element)
        if count is None:
            count = self._count(element, style_name)
        if list_id := attribute(element, "id"):
            self._counts_by_id[list_id] = count
        for item in element:
            self._read_item(item, depth=depth, style_name=style_name, count=count)

    def _read_item(self, item: Element, *, depth: int, style_name: str, count: Count) -> None:
        marker = "" if name_of(item) == "list-header" else None
        for each in item:
            name = name_of(each)
            if name == "list":
                self._read_list(each, depth=depth + 1, style_name=style_name, count=count)
            elif name in ("p", "h") and not self._is_hidden(each):
                if marker is None:  # the first paragraph has the number
                    start = integer(attribute(item, "start-value"), -1)
                    marker = count.marker(depth, start=start if start >= 0 else None)
                self._read_paragraph(each, marker=marker, depth=depth)
                marker = ""
            else:
                self._read_block(each)

    def _count(self, element: Element, style_name: str) -> Count:
        """The count of a list that begins, or goes on."""
        continued = self._counts_by_id.get(attribute(element, "continue-list"))
        if continued is not None:
            return continued
        if style_name not in self._counts or attribute(element, "continue-numbering") != "true":
            self._counts[style_name] = Count(self._list_levels.get(style_name, {}))
        return self._counts[style_name]

    def _list_of(self, element: Element) -> str:
        """The list style that the style of a list's first paragraph names."""
        first = child(element, "list-item", "p")
        return "" if first is None else self._style("paragraph", first).list_name

    def _read_table(self, table: Element) -> None:
        rows = list(rows_of(table))
        texts = list(self._texts(rows))
        columns = {column for row in texts for column, text in enumerate(row) if text.strip()}
        if min(len(rows), len(columns)) > 1:
            self._outline.add(BlockKind.TABLE, markdown_table(texts))
            self._read_pending()
        else:  # a frame drawn around paragraphs
            self._pending.clear()
            self._referred = self._noted
            for row in rows:
                for cell in row:
                    self.read(cell)

    def _texts(self, rows: Sequence[Element]) -> Iterator[list[str]]:
        """The cells; what spans rows is repeated in each, what spans columns stands once."""
        spanning: dict[int, tuple[int, str]] = {}
        for row in rows:
            texts: list[str] = []
            for cell in row:
                if name_of(cell) == "covered-table-cell":
                    height, text = spanning.pop(len(texts), (1, ""))
                else:
                    height = integer(attribute(cell, "number-rows-spanned"), 1)
                    text = self.text(cell)
                if height > 1:
                    spanning[len(texts)] = (height - 1, text)
                texts += [text] * repeats(cell, "number-columns-repeated")
            yield texts

    def _gather(self, element: Element, pieces: list[str]) -> None:
        self._show(element.text, pieces)
        for each in element:
            self._gather_child(each, pieces)
            self._show(each.tail, pieces)

    def _gather_child(self, element: Element, pieces: list[str]) -> None:
        name = name_of(element)
        if name in _SIGNS:
            pieces.append(_SIGNS[name] * repeats(element, "c"))
        elif _is_passed_over(element):
            pass
        elif self._is_hidden(element):
            self.hidden.leave_out("".join(map(str, element.itertext())))
        elif name in _SHAPES:
            self._pending.append(element)
        elif name == "note":
            self._refer(child(element, "note-body"), pieces)
        else:
            self._gather(element, pieces)
            if name in ("p", "h"):
                pieces.append(" ")

    def _show(self, text: str | None, pieces: list[str]) -> None:
        if text:
            self.hidden.show()
            pieces.append(text)

    def _refer(self, note: Element | None, pieces: list[str]) -> None:
        if note is not None:
            self._referred += 1
            self._pending.append(note)
            pieces.append(f"[{self._referred}]")

    def _style(self, family: str, element: Element) -> Style:
        return self._styles.get((family, attribute(element, "style-name")), _NO_STYLE)

    def _is_hidden(self, element: Element) -> bool:
        """Whether an element does not show, by what it says itself or by its style."""
        name = name_of(element)
        if name == "span":
            return self._style("text", element).is_hidden
        if name in ("p", "h"):
            condition = child(element, "hidden-paragraph")
            return (
                self._style("paragraph", element).is_hidden
                or attribute(condition, "is-hidden") == "true"
            )
        return attribute(element, "display") == "none" or attribute(element, "is-hidden") == "true"


def rows_of(table: Element) -> Iterator[Element]:
    """A table's rows, also those in groups."""
    for each in table:
        name = name_of(each)
        if name == "table-row":
            yield each
        elif name in _ROW_PARTS:
            yield from rows_of(each)


def repeats(element: Element, name: str) -> int:
    """How often an element stands for itself, under a cap."""
    return max(1, min(integer(attribute(element, name), 1), _MOST_REPEATED))


def _is_counted(heading: Element) -> bool:
    return name_of(heading) == "h" and attribute(heading, "is-list-header") != "true"


def _is_passed_over(element: Element) -> bool:
    return name_of(element) in _PASSED_OVER or element.tag == _DESCRIPTION
