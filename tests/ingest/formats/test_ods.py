"""OpenDocument spreadsheets: a sheet a page, its rows a table."""

import pytest

from ingest.document import Parsed
from ingest.formats.ods import parse
from kb_qa.errors import ParseError
from tests.ingest.formats.open_document import open_document


def parsed(body: str, *, automatic: str = "") -> Parsed:
    return parse(open_document(body, kind="spreadsheet", automatic=automatic), name="x")


def cell(text: str, **attributes: str) -> str:
    stated = "".join(
        f' {key.replace("__", ":").replace("_", "-")}="{value}"'
        for key, value in attributes.items()
    )
    return f"<table:table-cell{stated}><text:p>{text}</text:p></table:table-cell>"


def row(*cells: str, repeated: str = "") -> str:
    stated = f' table:number-rows-repeated="{repeated}"' if repeated else ""
    return f"<table:table-row{stated}>{''.join(cells)}</table:table-row>"


def sheet(name: str, *rows: str, style: str = "") -> str:
    return (
        f'<table:table table:name="{name}" table:style-name="{style}">{"".join(rows)}</table:table>'
    )


EMPTY = '<table:table-cell table:number-columns-repeated="16378"/>'


def test_sheets_are_pages() -> None:
    """A sheet's name is a heading on its page; an empty sheet counts, but says nothing."""
    result = parsed(
        sheet("销售", row(cell("区域"), cell("数量"), EMPTY), row(cell("华东"), cell("12")))
        + sheet("leer", row(EMPTY, repeated="1048576"))
        + sheet("B", row(cell("only")))
    )
    assert (result.title, result.pages) == ("x", 3)
    assert [(block.kind.value, block.text, block.page) for block in result.blocks] == [
        ("heading", "销售", 1),
        ("table", "| 区域 | 数量 |\n| --- | --- |\n| 华东 | 12 |", 1),
        ("heading", "B", 3),
        ("paragraph", "only", 3),
    ]


def test_cells_read_as_people_read_them() -> None:
    """Percent and currency as they are shown, dates in full, comments not at all."""
    comment = "<office:annotation><text:p>why?</text:p></office:annotation>"
    values = (
        cell("12.5%", office__value_type="percentage", office__value="0.125"),
        cell("¥1,200.00", office__value_type="currency", office__value="1200"),
        cell("03/01/26", office__value_type="date", office__date_value="2026-03-01T00:00:00"),
        f"<table:table-cell>{comment}<text:p>a<text:span>b</text:span></text:p></table:table-cell>",
    )
    result = parsed(sheet("A", row(*map(cell, "pqrs")), row(*values)))
    assert result.blocks[1].text.split("\n")[2] == "| 12.5% | ¥1,200.00 | 2026-03-01 | ab |"


def test_repeated_cells_and_rows() -> None:
    """What a sheet stores once and shows many times is written as often, under a cap."""
    twice = cell("0", table__number_columns_repeated="2")
    head = row(*map(cell, "abc"))
    result = parsed(sheet("A", head, row(twice, cell("1"), repeated="3")))
    assert result.blocks[1].text.split("\n")[2:] == ["| 0 | 0 | 1 |"] * 3
    result = parsed(sheet("A", head, row(twice, cell("1"), repeated="999999")))
    assert len(result.blocks[1].text.split("\n")) == 1002


def test_cells_beyond_the_widest_sheet_are_not_asked_memory_for() -> None:
    """A stray cell at column 900,000 costs nothing."""
    far = '<table:table-cell table:number-columns-repeated="900000"/>'
    assert parsed(sheet("A", row(cell("near"), far, cell("far")))).blocks[1].text == "near"


def test_hidden_sheets_are_read_and_told() -> None:
    """They are found by name in the program; the report says which."""
    style = (
        '<style:style style:family="table" style:name="ta2">'
        '<style:table-properties table:display="false"/></style:style>'
    )
    body = sheet("A", row(cell("a"))) + sheet("藏", row(cell("b")), style="ta2")
    result = parsed(body, automatic=style)
    assert result.text == "A\n\na\n\n藏\n\nb"
    assert result.warnings == ("1 hidden sheet read all the same: 藏",)


def test_other_documents_are_refused() -> None:
    """A text under a spreadsheet's name is none."""
    with pytest.raises(ParseError, match="not an OpenDocument spreadsheet"):
        parse(open_document("", kind="text"), name="x")
