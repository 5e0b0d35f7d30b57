"""Files named .doc, .ppt and .xls: what they are, and what they only call themselves."""

import struct
from io import BytesIO

import docx
import pytest

from ingest.document import NeedsOffice
from ingest.formats.legacy import parse_excel, parse_powerpoint, parse_word
from kb_qa.errors import ParseError
from tests.ingest.formats.compound import compound_file
from tests.ingest.formats.excel_97 import workbook


def word(*, encrypted: bool = False) -> bytes:
    flags = 0x0100 if encrypted else 0
    return compound_file({"WordDocument": struct.pack("<HHHHHH", 0xA5EC, 0xC1, 0, 0, 0, flags)})


def powerpoint(token: int) -> bytes:
    user = struct.pack("<HHIII", 0, 0x0FF6, 20, 20, token)
    return compound_file({"Current User": user, "PowerPoint Document": b""})


def test_old_word_and_powerpoint_files_need_libreoffice() -> None:
    """The reason says what the file is, and both ways out."""
    with pytest.raises(NeedsOffice, match=r"Word file from before 2007: install .* as \.docx"):
        parse_word(word(), name="x")
    with pytest.raises(NeedsOffice, match=r"PowerPoint file from before 2007: .* as \.pptx"):
        parse_powerpoint(powerpoint(0xE391C05F), name="x")


def test_files_with_a_password_say_so() -> None:
    """LibreOffice would not open them either."""
    modern = compound_file({"EncryptedPackage": b"", "EncryptionInfo": b""})
    for parse, data in (
        (parse_word, word(encrypted=True)),
        (parse_powerpoint, powerpoint(0xF3D1C4DF)),
        (parse_excel, workbook({"A": [["a"]]}, encrypted=True)),
        (parse_word, modern),
    ):
        with pytest.raises(ParseError, match="encrypted: save it without a password"):
            parse(data, name="x")


def test_other_and_damaged_containers_are_named() -> None:
    """A message or a drawing under the suffix, streams of noise, and a container cut short."""
    with pytest.raises(ParseError, match="not Word: it holds an Outlook message"):
        parse_word(compound_file({"__properties_version1.0": b""}), name="x")
    with pytest.raises(ParseError, match="not PowerPoint: it holds Word"):
        parse_powerpoint(word(), name="x")
    with pytest.raises(ParseError, match=r"damaged, or not Word$"):
        parse_word(compound_file({"WordDocument": b"noise" * 99}), name="x")
    with pytest.raises(ParseError, match="damaged"):
        parse_excel(workbook({"A": [["a"]]})[:700], name="x")


def test_workbooks_since_excel_97_are_read() -> None:
    """A sheet is a page, its rows a table; hidden sheets are read, and told."""
    result = parse_excel(
        workbook({"表": [["项目", "天数"], ["年假", 5.0]], "B": [["b"]]}), name="x"
    )
    assert (result.title, result.pages) == ("x", 2)
    assert [(block.text, block.page) for block in result.blocks] == [
        ("表", 1),
        ("| 项目 | 天数 |\n| --- | --- |\n| 年假 | 5 |", 1),
        ("B", 2),
        ("b", 2),
    ]
    hidden = parse_excel(workbook({"A": [["a"]], "B": [["b"]]}, hidden="B"), name="x")
    assert hidden.warnings == ("1 hidden sheet read all the same: B",)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (compound_file({"Book": struct.pack("<HHHH", 0x0809, 8, 0x0500, 5)}), "before 1997"),
        (b"\x09\x04\x06\x00\x00\x04\x10\x00\x00\x00", "before 1993"),
        (b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook/>', "2003 XML"),
    ],
)
def test_older_workbooks_need_libreoffice(data: bytes, what: str) -> None:
    """Excel 95 stores Chinese in two bytes, which the fast parser turns to question marks."""
    with pytest.raises(NeedsOffice, match=f"{what}.*: install LibreOffice"):
        parse_excel(data, name="x")


def test_what_only_calls_itself_word_or_excel_is_read_as_what_it_is() -> None:
    """Programs and websites give the old suffixes to RTF, pages, text and today's formats."""
    modern = BytesIO()
    document = docx.Document()
    document.add_paragraph("modern")
    document.save(modern)
    assert parse_word(modern.getvalue(), name="x").text == "modern"
    rtf = parse_word(rb"{\rtf1 rich}", name="x")
    assert (rtf.text, rtf.warnings) == ("rich", ("no Word file but RTF",))
    page = parse_excel(b"<html><table><tr><td>a<td>b<tr><td>1<td>2</table>", name="x")
    assert page.text == "| a | b |\n| --- | --- |\n| 1 | 2 |"
    assert page.warnings == ("no Excel file but HTML",)
    text = parse_excel(b"a\tb\n1\t2\n", name="x")
    assert text.text == "| a | b |\n| --- | --- |\n| 1 | 2 |"
    assert text.warnings == ("no Excel file but plain text",)
    with pytest.raises(ParseError, match="not PowerPoint"):
        parse_powerpoint(b"text", name="x")


def test_a_workbook_that_calamine_panics_over_is_damaged() -> None:
    """A panic in Rust is no exception like others: it would end the process."""
    data = workbook({"A": [["a"]]})
    sheet = struct.pack("<HH", 0x85, 10)
    place = data.index(sheet) + len(sheet)
    far = data[:place] + struct.pack("<I", 0xFF0000) + data[place + 4 :]
    with pytest.raises(ParseError, match="damaged: its sheets cannot be read"):
        parse_excel(far, name="x")


def test_a_cell_beyond_the_last_column_is_damage() -> None:
    """Such a workbook has 256 columns; the rectangle of more would take gigabytes."""
    data = workbook({"A": [["a"]], "账": [["b"], [1.5]]})
    number = struct.pack("<HHHHH", 0x203, 14, 1, 0, 0)
    assert number in data
    far = data.replace(number, struct.pack("<HHHHH", 0x203, 14, 65_535, 40_000, 0))
    with pytest.raises(ParseError, match="its sheet '账' has a cell in column 40,001"):
        parse_excel(far, name="x")


def test_a_sheet_that_ends_before_it_begins_is_damage() -> None:
    """Memory is asked for as many rows as lie between, less than none."""
    data = workbook({"A": [["a", "b"]]})
    size = struct.pack("<HHIIHH", 0x200, 14, 0, 1, 0, 2)
    assert size in data
    turned = data.replace(size, struct.pack("<HHIIHH", 0x200, 14, 512, 1, 0, 2))
    with pytest.raises(ParseError, match="its sheet 'A' says that it spans rows 513 to 1,"):
        parse_excel(turned, name="x")


def test_a_container_that_goes_round_in_a_circle_is_damage() -> None:
    """Its sectors would be followed until no memory is left."""
    data = bytearray(workbook({"A": [["a"]]}))
    (directory,), (table,) = struct.unpack_from("<I", data, 48), struct.unpack_from("<I", data, 76)
    struct.pack_into("<I", data, 512 * (table + 1) + 4 * directory, directory)
    with pytest.raises(ParseError, match=r"damaged: its container's parts .* in a circle"):
        parse_excel(bytes(data), name="x")
