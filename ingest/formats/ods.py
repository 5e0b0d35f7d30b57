"""OpenDocument spreadsheets: a sheet is a page, its name a heading, its rows a Markdown table.

Cells are read as the sheet shows them, with their percent signs and currencies, which
the numbers alone do not hold; only dates are written in full.
"""

from collections.abc import Iterator

from ingest import pulse
from ingest.document import BlockKind, Parsed
from ingest.formats.hidden import kept_hidden_warnings
from ingest.formats.numbering import integer
from ingest.formats.odf import OpenDocument
from ingest.formats.odf_text import rows_of
from ingest.formats.ooxml import Element, attribute, child, name_of
from ingest.formats.outline import Outline
from ingest.formats.tables import write_sheet

_WIDEST = 16384
"""Columns of the widest sheet that programs make."""

_MOST_REPEATED = 1000
"""Times that one row with text is written, where a sheet says it a million times."""

_NAMESPACE = "urn:oasis:names:tc:opendocument:xmlns:"
_ROWS_REPEATED = f"{{{_NAMESPACE}table:1.0}}number-rows-repeated"
_COLUMNS_REPEATED = f"{{{_NAMESPACE}table:1.0}}number-columns-repeated"
_DATE = f"{{{_NAMESPACE}office:1.0}}date-value"
_PARAGRAPH = f"{{{_NAMESPACE}text:1.0}}p"


def parse(data: bytes, *, name: str) -> Parsed:
    """A workbook: each sheet's title lines, then its tables.

    Raises:
        ParseError: it is encrypted, too large unpacked, or no workbook.
    """
    document = OpenDocument(data, body="spreadsheet", called="an OpenDocument spreadsheet")
    undisplayed = _undisplayed_styles(document)
    sheets = [each for each in document.body if name_of(each) == "table"]
    outline, hidden = Outline(), []
    for outline.page, sheet in enumerate(sheets, start=1):
        pulse.page(outline.page)
        title = attribute(sheet, "name")
        rows = list(_rows(sheet))
        if any(rows):
            outline.add(BlockKind.HEADING, title, level=1)
            write_sheet(rows, outline)
            hidden += [title] * (attribute(sheet, "style-name") in undisplayed)
    warnings = kept_hidden_warnings("sheet", hidden)
    return Parsed(document.title() or name, outline.blocks(), len(sheets), warnings)


def _undisplayed_styles(document: OpenDocument) -> set[str]:
    """The styles of sheets that are hidden."""
    return {
        attribute(each, "name")
        for each in document.elements("style")
        if attribute(child(each, "table-properties"), "display") == "false"
    }


def _rows(sheet: Element) -> Iterator[list[str]]:
    """The rows, empty ones of those that are repeated once."""
    for row in rows_of(sheet):
        texts = _texts(row)
        count = integer(row.get(_ROWS_REPEATED, ""), 1) if texts else 1
        for _ in range(min(count, _MOST_REPEATED)):
            yield texts


def _texts(row: Element) -> list[str]:
    """A row's cells up to the last that holds anything."""
    texts: list[str] = []
    empty = 0
    for cell in row:
        count = integer(cell.get(_COLUMNS_REPEATED, ""), 1)
        text = _shown(cell) if len(cell) else ""
        if not text:
            empty += count
        elif len(texts) + empty >= _WIDEST:
            break
        else:
            texts += [""] * empty + [text] * count
            empty = 0
    return texts[:_WIDEST]


def _shown(cell: Element) -> str:
    """A cell as a person reads it; a date with its year, and no midnight after it."""
    date = cell.get(_DATE)
    if date:
        return date.replace("T", " ").removesuffix(" 00:00:00")
    return "\n".join(
        (each.text or "") if not len(each) else "".join(map(str, each.itertext()))
        for each in cell.iterchildren(_PARAGRAPH)
    ).strip()
