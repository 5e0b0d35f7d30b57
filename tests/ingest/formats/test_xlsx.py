"""Excel: a sheet a page, its rows a table."""

import datetime as dt
import time
import zipfile
from collections.abc import Iterable, Mapping
from io import BytesIO

import pytest
import xlsxwriter

from ingest.document import Parsed
from ingest.formats.xlsx import parse
from kb_qa.errors import ParseError
from tests.ingest.formats.compound import compound_file


def parsed(sheets: Mapping[str, Iterable[Iterable[object]]]) -> Parsed:
    buffer = BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                for column, value in enumerate(row):
                    style = day if isinstance(value, dt.date) else None
                    sheet.write(number, column, value, style)
    return parse(buffer.getvalue(), name="x")


def test_sheets_are_pages() -> None:
    """A sheet's name is a heading on its page; an empty sheet counts, but says nothing."""
    result = parsed({"销售": [["区域", "数量"], ["华东", 12]], "leer": [], "B": [["only"]]})
    assert (result.title, result.pages) == ("x", 3)
    assert [(block.kind.value, block.text, block.page) for block in result.blocks] == [
        ("heading", "销售", 1),
        ("table", "| 区域 | 数量 |\n| --- | --- |\n| 华东 | 12 |", 1),
        ("heading", "B", 3),
        ("paragraph", "only", 3),
    ]


def test_cells_read_as_people_read_them() -> None:
    """Whole numbers have no point, dates no midnight, sums no rounding noise."""
    row = [1, 2.5, 1.1 + 2.2, dt.date(2026, 1, 2), True, 123456789012]
    lines = parsed({"A": [list("abcdef"), row]}).blocks[1].text.split("\n")
    assert lines[2] == "| 1 | 2.5 | 3.3 | 2026-01-02 | TRUE | 123456789012 |"


def test_title_lines_and_several_tables() -> None:
    """Lines above a table are paragraphs; a gap parts tables where the columns change."""
    rows = [
        ["2026 年报价"],
        [],
        ["型号", "单价"],
        ["T300", 5],
        [],
        ["T400", 6],
        [],
        ["", "", "", "备注", "日期"],
        ["", "", "", "无", "今天"],
    ]
    assert [(block.kind.value, block.text) for block in parsed({"A": rows}).blocks[1:]] == [
        ("paragraph", "2026 年报价"),
        ("table", "| 型号 | 单价 |\n| --- | --- |\n| T300 | 5 |\n| T400 | 6 |"),
        ("table", "| 备注 | 日期 |\n| --- | --- |\n| 无 | 今天 |"),
    ]


def test_hidden_sheets_are_read_and_told() -> None:
    """They are found by name in the program; the report says which."""
    buffer = BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        for name in ("A", "藏", "C"):
            book.add_worksheet(name).write(0, 0, "x")
        book.get_worksheet_by_name("藏").hide()
        book.get_worksheet_by_name("C").very_hidden()
    result = parse(buffer.getvalue(), name="x")
    assert result.text == "A\n\nx\n\n藏\n\nx\n\nC\n\nx"
    assert result.warnings == ("2 hidden sheets read all the same: 藏, C",)


def test_hidden_rows_and_columns_are_read_and_told() -> None:
    """A filter hides them; a row without cells, and the columns after the last, hide nothing."""
    buffer = BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        for name in ("rows", "columns", "plain"):
            sheet = book.add_worksheet(name)
            for row in range(3):
                sheet.write_row(row, 0, ["a", f"b{row}"])
        book.get_worksheet_by_name("rows").set_row(1, None, None, {"hidden": True})
        book.get_worksheet_by_name("columns").set_column(1, 1, None, None, {"hidden": True})
        book.get_worksheet_by_name("plain").set_column(2, 16383, None, None, {"hidden": True})
        book.get_worksheet_by_name("plain").set_row(7, None, None, {"hidden": True})
    result = parse(buffer.getvalue(), name="x")
    assert result.text.count("b1") == 3
    assert result.warnings == (
        "hidden rows or columns of 2 sheets read all the same: 'rows', 'columns'",
    )


def far_apart(far: object, *, row: int, column: int) -> bytes:
    """A workbook whose second sheet has one cell far from its others, or the colour of one."""
    buffer = BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        book.add_worksheet("A").write(0, 0, "near")
        sheet = book.add_worksheet("远")
        sheet.write_row(0, 0, ["a", "b"])
        sheet.write(row, column, far, book.add_format({"bg_color": "red"}))
    return buffer.getvalue()


def test_a_cell_too_far_from_the_others_is_told() -> None:
    """The sheet and what it spans are named before memory is asked for that."""
    said = "its sheet '远' spans 1,048,576 rows of 16,384 columns"
    with pytest.raises(ParseError, match=said):
        parse(far_apart("z", row=1_048_575, column=16_383), name="x")


@pytest.mark.parametrize(
    ("part", "written", "spoilt", "said"),
    [
        ("xl/worksheets/sheet2.xml", b'"B1"', b'"B4294967295"', "'远' has a cell in row 4,294,"),
        ("xl/worksheets/sheet2.xml", b'<row r="2"', b'<row r="99999999999"', "row 99,999,999,999"),
        ("xl/sharedStrings.xml", b'uniqueCount="4"', b'uniqueCount="2147483647"', "2,147,483,647"),
    ],
)
def test_numbers_that_no_workbook_has_are_damage(
    part: str, written: bytes, spoilt: bytes, said: str
) -> None:
    """A row beyond all rows, more texts than the file has bytes for."""
    memory = BytesIO()
    whole = zipfile.ZipFile(BytesIO(far_apart("z", row=1, column=1)))
    with zipfile.ZipFile(memory, "w") as archive:
        for name in whole.namelist():
            data = whole.read(name)
            assert name != part or written in data
            archive.writestr(name, data.replace(written, spoilt) if name == part else data)
    with pytest.raises(ParseError, match=f"damaged: .*{said}"):
        parse(memory.getvalue(), name="x")


def test_a_colour_far_from_the_cells_does_not_matter() -> None:
    """What is coloured but empty is no cell."""
    result = parse(far_apart(None, row=1_048_575, column=16_383), name="x")
    assert result.blocks[-1].text == "| a | b |\n| --- | --- |"


@pytest.mark.parametrize(("row", "column"), [(1_048_575, 3), (200, 16_383)])
def test_blank_rows_and_columns_cost_little(row: int, column: int) -> None:
    """A last cell at the end of the rows, or of the columns, is read."""
    began = time.process_time()
    result = parse(far_apart("z", row=row, column=column), name="x")
    assert [block.text for block in result.blocks[-2:]] == ["| a | b |\n| --- | --- |", "z"]
    assert time.process_time() - began < 5


def test_files_with_a_password_say_so() -> None:
    """Excel puts an encrypted workbook into a container of the old kind."""
    with pytest.raises(ParseError, match="encrypted: save it without a password"):
        parse(compound_file({"EncryptedPackage": b"", "EncryptionInfo": b""}), name="x")
