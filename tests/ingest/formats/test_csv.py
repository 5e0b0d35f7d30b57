"""CSV: whatever separates the values."""

import pytest

from ingest.formats.csv import parse


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    """The delimiter is the one that makes rows of one width, quotes respected."""
    rows = [["name", "note"], ["Ann", '"a, b; c | d"'], ["Bo", '"two\nlines"']]
    text = "\n".join(delimiter.join(row) for row in rows)
    (block,) = parse(text.encode(), name="x").blocks
    assert block.text.split("\n")[2:] == ["| Ann | a, b; c \\| d |", "| Bo | two lines |"]


def test_the_encoding_is_found() -> None:
    """Tables saved by Excel in China are in GB 18030."""
    parsed = parse("姓名;部门;备注\n张三;研发;负责搜索的开发\n".encode("gb18030"), name="x")
    assert parsed.blocks[0].text.startswith("| 姓名 | 部门 | 备注 |")
    assert parsed.warnings == ("read as GB18030 (guessed, 99 % sure)",)


def test_ragged_rows_are_filled_up() -> None:
    """Short rows get empty cells, columns without any text go."""
    (block,) = parse(b"a,,b\n1\n2,,3,\n", name="x").blocks
    assert block.text == "| a | b |\n| --- | --- |\n| 1 |  |\n| 2 | 3 |"


def test_rows_of_one_cell_each() -> None:
    """Cells that never share a row are lines, and none of them is lost."""
    assert parse(b"\t<p>\nbelow", name="x").text == "<p>\n\nbelow"
