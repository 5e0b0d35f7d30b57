"""PDF: tables, as their rules or the places of their cells tell."""

from io import BytesIO

from reportlab.lib.colors import black, darkblue, white
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate, Table

from ingest.document import BlockKind
from ingest.formats.pdf import parse
from tests.ingest.formats.drawing import (
    CHINESE,
    GRID,
    LEFT,
    TOP,
    Draw,
    parsed,
    rule,
    table,
    text,
    together,
    told,
)

SMALL = ParagraphStyle("small", fontName="Helvetica", fontSize=9, leading=11)
KLEIN = ParagraphStyle("klein", fontName="STSong-Light", fontSize=9, leading=11, wordWrap="CJK")


def test_a_ruled_table() -> None:
    """Rules make rows and columns; the text around the table stays outside."""
    page = together(
        text("These are the rooms of the house.", top=740),
        table([["Room", "Seats", "Floor"], ["Oak", "12", "2"], ["Elm", "8", "3"]], GRID),
        text("Ask at the desk for a key.", top=600),
    )
    assert (
        told(parsed(page))
        == """[1]
These are the rooms of the house.
| Room | Seats | Floor |
| --- | --- | --- |
| Oak | 12 | 2 |
| Elm | 8 | 3 |
Ask at the desk for a key."""
    )


def test_cells_of_several_lines() -> None:
    """The lines of a cell are joined, broken words too; Chinese without spaces."""
    said = "The projector has to be booked with the room, and re-turned before the evening."
    rows = [
        ["Name", "What has to be known"],
        ["Projector", Paragraph(said, SMALL)],
        ["投影", Paragraph("投影仪须与会议室同时预订，并于当天下班之前归还行政部。", KLEIN)],
    ]
    assert (
        told(parsed(table(rows, GRID, CHINESE, widths=(80, 130))))
        == f"""[1]
| Name | What has to be known |
| --- | --- |
| Projector | {said} |
| 投影 | 投影仪须与会议室同时预订，并于当天下班之前归还行政部。 |"""
    )


def test_empty_cells_are_kept() -> None:
    """A cell without text keeps its place; a column that is empty throughout goes."""
    rows = [["a", "b", "", "d"], ["1", "", "", "4"], ["", "2", "", ""]]
    assert (
        told(parsed(table(rows, GRID, widths=[50] * 4)))
        == """[1]
| a | b | d |
| --- | --- | --- |
| 1 |  | 4 |
|  | 2 |  |"""
    )


def test_merged_cells() -> None:
    """The text of cells that are one stands in the first of them."""
    rows = [
        ["地区", "标准", "", "备注"],
        ["", "住宿", "伙食", ""],
        ["一线城市", "500", "100", "含税"],
        ["其他", "300", "80", ""],
    ]
    spans = [("SPAN", (0, 0), (0, 1)), ("SPAN", (1, 0), (2, 0)), ("SPAN", (3, 0), (3, 1))]
    assert (
        told(parsed(table(rows, GRID, CHINESE, *spans)))
        == """[1]
| 地区 | 标准 |  | 备注 |
| --- | --- | --- | --- |
|  | 住宿 | 伙食 |  |
| 一线城市 | 500 | 100 | 含税 |
| 其他 | 300 | 80 |  |"""
    )


def test_cells_whose_text_touches_the_rule() -> None:
    """Where no space parts two cells, the rule does."""
    look = (
        GRID,
        CHINESE,
        ("LEFTPADDING", (0, 0), (-1, -1), 1),
        ("RIGHTPADDING", (0, 0), (-1, -1), 0),
    )
    rows = [["甲乙丙丁", "戊己庚辛"], ["一二三四", "五六七八"]]
    assert (
        told(parsed(table(rows, *look, widths=(41, 41))))
        == """[1]
| 甲乙丙丁 | 戊己庚辛 |
| --- | --- |
| 一二三四 | 五六七八 |"""
    )


def test_an_open_table() -> None:
    """The outer sides need not be drawn."""
    look = (
        ("LINEBELOW", (0, 0), (-1, -2), 0.5, black),
        ("LINEAFTER", (0, 0), (-2, -1), 0.5, black),
    )
    rows = [["Valve", "Bar"], ["intake", "2.5"], ["outlet", "1.0"]]
    assert (
        told(parsed(table(rows, *look, widths=(90, 90))))
        == """[1]
| Valve | Bar |
| --- | --- |
| intake | 2.5 |
| outlet | 1.0 |"""
    )


def test_rows_without_rules_between_them() -> None:
    """Where only the header is ruled off, rows are told apart by their heights."""
    look = (
        ("BOX", (0, 0), (-1, -1), 0.5, black),
        ("INNERGRID", (0, 0), (-1, 0), 0.5, black),
        ("LINEBELOW", (0, 0), (-1, 0), 0.5, black),
        ("LINEAFTER", (0, 0), (-2, -1), 0.5, black),
    )
    rows = [
        ["Year", "Mills", "Ships"],
        ["1801", "2", "31"],
        ["1811", "2", "44"],
        ["1821", "1", "52"],
    ]
    assert (
        told(parsed(table(rows, *look)))
        == """[1]
| Year | Mills | Ships |
| --- | --- | --- |
| 1801 | 2 | 31 |
| 1811 | 2 | 44 |
| 1821 | 1 | 52 |"""
    )


def test_white_letters_on_a_dark_row() -> None:
    """White type on a dark ground is seen."""
    look = (GRID, ("BACKGROUND", (0, 0), (-1, 0), darkblue), ("TEXTCOLOR", (0, 0), (-1, 0), white))
    page = parsed(table([["Part", "Number"], ["Pump", "17"]], *look))
    assert told(page) == "[1]\n| Part | Number |\n| --- | --- |\n| Pump | 17 |"
    assert page.warnings == ()


def test_a_table_over_three_pages_is_one() -> None:
    """It stands where it begins; the header row that each page repeats is there once."""
    rows = [["No.", "Name", "City"]]
    rows += [[str(number), f"Member {number}", f"City {number}"] for number in range(1, 91)]
    buffer = BytesIO()
    document = SimpleDocTemplate(buffer, pagesize=(595, 842))
    after = Paragraph("The list is revised each spring.", SMALL)
    document.build([Table(rows, style=[GRID], repeatRows=1), after])
    result = parse(buffer.getvalue(), name="x")
    assert result.pages == 3
    kinds = [(block.kind, block.page) for block in result.blocks]
    assert kinds == [(BlockKind.TABLE, 1), (BlockKind.PARAGRAPH, 3)]
    lines = result.blocks[0].text.split("\n")
    assert lines[:2] == ["| No. | Name | City |", "| --- | --- | --- |"]
    assert lines[2:] == [f"| {n} | Member {n} | City {n} |" for n in range(1, 91)]


def test_a_table_continued_under_a_running_head_and_above_a_page_number() -> None:
    """What frames each page does not part a table; "continued" goes with the header row."""

    def page(number: int, *draws: Draw) -> Draw:
        return together(
            text("Handbook of the harbour", top=810),
            *draws,
            text(f"- {number} -", top=30, left=290),
        )

    head = ["船名", "吨位"]
    pages = (
        page(
            1,
            text("A line of the text before.", top=780),
            table([head, ["甲", "120"]], GRID, CHINESE),
        ),
        page(
            2,
            text("续表 1", font="STSong-Light", top=770),
            table([head, ["乙", "90"]], GRID, CHINESE, top=760),
            text("The end.", top=500),
        ),
    )
    assert (
        told(parsed(*pages))
        == """[1]
A line of the text before.
| 船名 | 吨位 |
| --- | --- |
| 甲 | 120 |
| 乙 | 90 |
[2]
The end."""
    )


def test_another_table_on_the_next_page_is_another() -> None:
    """A table goes on only in one with the same columns."""
    first = table([["a", "b"], ["1", "2"]], GRID, widths=(50, 50))
    second = table([["c", "d"], ["3", "4"]], GRID, widths=(90, 50))
    assert [block.page for block in parsed(first, second).blocks] == [1, 2]


def test_a_frame_is_no_table() -> None:
    """A box around a paragraph, and one cell, leave the text what it was."""
    page = together(
        lambda canvas: canvas.rect(60, 700, 300, 60),
        text("Take care that the lid is shut before the", "pump is switched on.", top=740),
    )
    assert (
        told(parsed(page)) == "[1]\nTake care that the lid is shut before the pump is switched on."
    )


def squared(*lines: str, pitch: float, size: float = 10) -> Draw:
    """Lines of Chinese, a character a square."""

    def draw(canvas: Canvas) -> None:
        canvas.setFont("STSong-Light", size)
        columns, bottom = max(map(len, lines)), TOP - pitch * len(lines)
        canvas.grid(
            [LEFT + pitch * number for number in range(columns + 1)],
            [bottom + pitch * number for number in range(len(lines) + 1)],
        )
        for number, line in enumerate(lines, start=1):
            for column, character in enumerate(line):
                left = LEFT + pitch * column + (pitch - size) / 2
                canvas.drawString(left, TOP - pitch * number + pitch / 4, character)

    return draw


def test_a_grid_behind_the_text_is_no_table() -> None:
    """Text written across squared paper is read as it is without the squares."""
    said = [
        "The grid behind these words is nobody's table: it was drawn there so that",
        "what is written by hand stands straight, and it runs through every word of",
        "it wherever the squares happen to end. The words are to be read as they are",
        "on a plain page, in one paragraph, with the same spaces between the words.",
        "Whoever prints on such paper has no table in mind, and none is to be found.",
        "That much can be told from the letters which stand upon the upright lines.",
    ]

    def paper(canvas: Canvas) -> None:
        canvas.grid(list(range(0, 596, 15)), list(range(2, 843, 15)))

    written = text(*said)
    assert told(parsed(together(paper, written))) == told(parsed(written))


def test_a_table_whose_text_runs_over_a_rule_is_one() -> None:
    """A cell too narrow for its words does not make a background of its table."""
    rows = [["Command", "Older command", "What it does", "Since"]] + [
        ["install", f"apt-get install {name}", f"puts {name} there", "2019"]
        for name in ("oak", "elm", "ash", "fir", "yew", "box")
    ]
    document = parsed(table(rows, GRID, widths=(80, 70, 120, 60)))
    assert [block.kind for block in document.blocks] == [BlockKind.TABLE]
    assert document.text.count("| 2019 |") == 6


def test_a_character_a_square_is_text() -> None:
    """A line on squared paper is read as a line, not as a row of cells."""
    assert told(parsed(squared("今天天气很好，我们", "去城外的山上看红叶。", pitch=18))) == (
        "[1]\n今天天气很好，我们去城外的山上看红叶。"
    )


def test_short_cells_are_a_table() -> None:
    """Cells of a character or two are cells where they are wider than those of squared paper."""
    rows = [["甲", "乙", "丙", "丁"], ["有", "无", "有", "无"], ["无", "有", "无", "有"]]
    assert told(parsed(table(rows, GRID, CHINESE, widths=[40] * 4))) == (
        "[1]\n| 甲 | 乙 | 丙 | 丁 |\n| --- | --- | --- | --- |\n"
        "| 有 | 无 | 有 | 无 |\n| 无 | 有 | 无 | 有 |"
    )


def test_a_table_between_level_rules() -> None:
    """Tables as books print them have three level rules and no upright ones."""
    rows = [("Metal", "Density", "Melts at"), ("Iron", "7.87", "1538"), ("Lead", "11.34", "327")]
    page = together(
        text("Metals that were landed.", top=740),
        rule(72, 712, 312, 712),
        rule(72, 694, 312, 694),
        rule(72, 662, 312, 662),
        *(
            text(cell, left=left, top=700 - 16 * number)
            for number, row in enumerate(rows)
            for left, cell in zip((72, 172, 252), row, strict=True)
        ),
        text("They were sold by weight.", top=630),
    )
    assert (
        told(parsed(page))
        == """[1]
Metals that were landed.
| Metal | Density | Melts at |
| --- | --- | --- |
| Iron | 7.87 | 1538 |
| Lead | 11.34 | 327 |
They were sold by weight."""
    )


def test_three_columns_that_align() -> None:
    """Three columns that align in three rows are a table without any rule."""
    rows = [("Port", "Tons", "Ships"), ("Hull", "40,100", "312"), ("Lynn", "9,870", "95")]
    page = together(
        *(
            text(cell, left=left, top=700 - 16 * number)
            for number, row in enumerate(rows)
            for left, cell in zip((72, 172, 252), row, strict=True)
        ),
        text("Both were counted at midsummer.", top=630),
    )
    assert (
        told(parsed(page))
        == """[1]
| Port | Tons | Ships |
| --- | --- | --- |
| Hull | 40,100 | 312 |
| Lynn | 9,870 | 95 |
Both were counted at midsummer."""
    )


def test_what_may_be_a_table_is_told() -> None:
    """Two columns may be anything: they stay lines, and the report says so."""
    rows = [("Monday", "closed"), ("Tuesday", "9 to 17"), ("Friday", "9 to 12"), ("Sunday", "shut")]
    page = together(
        *(
            text(cell, left=left, top=700 - 16 * number)
            for number, row in enumerate(rows)
            for left, cell in zip((72, 172), row, strict=True)
        )
    )
    result = parsed(page)
    assert told(result) == "[1]\nMonday closed\nTuesday 9 to 17\nFriday 9 to 12\nSunday shut"
    assert result.warnings == ("1 tables flattened: no rules are drawn",)
