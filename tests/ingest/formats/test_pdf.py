"""PDF: pages that reportlab drew, read back."""

from collections.abc import Callable
from io import BytesIO

import pytest
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from ingest.document import EmptyDocument, Parsed
from ingest.formats.pdf import parse
from kb_qa.errors import ParseError

pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))

WIDTH, TOP, LEFT, PITCH = 595, 760, 72, 14


def drawn(*pages: Callable[[Canvas], None], encrypt: StandardEncryption | None = None) -> bytes:
    buffer = BytesIO()
    canvas = Canvas(buffer, pagesize=(WIDTH, 842), encrypt=encrypt)
    for draw in pages:
        draw(canvas)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def parsed(*pages: Callable[[Canvas], None]) -> Parsed:
    return parse(drawn(*pages), name="x")


def text(*lines: str, size: int = 10, font: str = "Helvetica", top: int = TOP, left: int = LEFT):
    def draw(canvas: Canvas) -> None:
        canvas.setFont(font, size)
        for number, line in enumerate(lines):
            canvas.drawString(left, top - PITCH * number, line)

    return draw


def together(*draws: Callable[[Canvas], None]) -> Callable[[Canvas], None]:
    def draw(canvas: Canvas) -> None:
        for each in draws:
            each(canvas)

    return draw


def blocks(*pages: Callable[[Canvas], None]) -> list[tuple[str, str, int | None]]:
    return [(block.kind.value, block.text, block.page) for block in parsed(*pages).blocks]


ENGLISH = (
    "The parser takes a line for wrapped where the first word of the next line",
    "would not have fitted into the column any more.",
    "Where it would have fitted, the line was ended on purpose, which this second",
    "paragraph shows.",
)


def test_lines_are_joined_to_paragraphs() -> None:
    """A full line goes on in the next; a short one was ended on purpose."""
    assert blocks(text(*ENGLISH)) == [
        ("paragraph", f"{ENGLISH[0]} {ENGLISH[1]}", 1),
        ("paragraph", f"{ENGLISH[2]} {ENGLISH[3]}", 1),
    ]


def test_chinese_lines_are_joined_without_spaces() -> None:
    """Chinese text has no spaces, and wrapping adds none."""
    lines = (
        "公司员工入职满一年以后，每年享有五天带薪年假；满十年的为十天，满二十年",
        "的为十五天。请假须提前三个工作日在系统中提出，由直接主管批准，并抄送人",
        "力资源部。",
    )
    assert blocks(text(*lines, font="STSong-Light")) == [("paragraph", "".join(lines), 1)]


def test_hyphenated_line_ends_are_joined() -> None:
    """A word that was broken with a hyphen is whole again."""
    lines = (
        "A long word at the very end of a line is broken where the printer saw it fit to hyphen-",
        "ate it, and that is no part of the word.",
    )
    assert "fit to hyphenate it" in parsed(text(*lines)).text


def test_running_heads_and_page_numbers_are_dropped() -> None:
    """What returns at the same height on page after page is not the page's text."""

    def page(number: int) -> Callable[[Canvas], None]:
        return together(
            text("Handbook of the company", top=810),
            text(f"The text of page {number} stands here.", top=700 - 20 * number),
            text(f"Page {number} of 6", top=30, left=280),
        )

    assert blocks(*map(page, range(1, 7))) == [
        ("paragraph", f"The text of page {number} stands here.", number) for number in range(1, 7)
    ]


def test_a_title_that_returns_is_no_running_head() -> None:
    """Slides may repeat a title; it is larger than the text."""
    slide = together(text("Results", size=24, top=780), text(ENGLISH[0], top=600))
    assert [block.text for block in parsed(slide, slide, slide).blocks].count("Results") == 3


def test_headings_by_size() -> None:
    """Larger type makes headings, ranked by size; so does bold type set apart."""
    page = together(
        text("Manual", size=22, top=780),
        text("Chapter one", size=15, top=740),
        text(*ENGLISH[:2], top=710),
        text("A bold line apart", font="Helvetica-Bold", top=660),
        text(*ENGLISH[:2], top=640),
        text("Chapter two", size=15, top=580),
        text(*ENGLISH[:2], top=550),
    )
    result = parsed(page)
    assert result.title == "Manual"
    assert [(block.text, block.level) for block in result.blocks if block.level] == [
        ("Manual", 1),
        ("Chapter one", 2),
        ("A bold line apart", 3),
        ("Chapter two", 2),
    ]


def test_headings_by_outline() -> None:
    """The outline says which lines are headings and how deep, numbers aside."""

    def marked(*entries: tuple[str, int]) -> Callable[[Canvas], None]:
        def draw(canvas: Canvas) -> None:
            for title, level in entries:
                canvas.bookmarkPage(title)
                canvas.addOutlineEntry(title, title, level)

        return draw

    page = together(
        marked(("安装", 0), ("准备", 1)),
        text("第一章 安装", top=780, font="STSong-Light"),
        text(*ENGLISH[:2], top=740),
        text("1.1 准备", top=700, font="STSong-Light"),
        text(*ENGLISH[:2], top=660),
    )
    levels = [(block.text, block.level) for block in parsed(page).blocks if block.level]
    assert levels == [("第一章 安装", 1), ("1.1 准备", 2)]


def test_lists_and_listings() -> None:
    """Bullets begin items; type of one width is a listing, indented as drawn."""
    page = together(
        text("- switch it on", "- wait", top=780),
        text("if ready:", font="Courier", top=720),
        text("go()", font="Courier", top=706, left=LEFT + 24),
        text(ENGLISH[0], top=660),
    )
    assert blocks(page)[:2] == [
        ("list", "- switch it on\n- wait", 1),
        ("code", "if ready:\n    go()", 1),
    ]


def test_two_columns_are_read_one_after_the_other() -> None:
    """Columns that were drawn in turn keep their order, and a sentence goes on in the next."""
    left = [f"left column line {number} holds words" for number in range(3)]
    right = [f"right column line {number} has words" for number in range(3)]
    page = together(text(*left), text(*right, left=320))
    assert parsed(page).text == " ".join(left + right)


def test_a_password_is_told() -> None:
    """An encrypted file says that it is; one that anybody may open is read."""
    with pytest.raises(ParseError, match="encrypted"):
        parse(drawn(text("secret"), encrypt=StandardEncryption("user", "owner")), name="x")
    free = drawn(text("free to read"), encrypt=StandardEncryption("", "owner", canPrint=0))
    assert parse(free, name="x").text == "free to read"


def test_pages_without_text_are_counted() -> None:
    """Scanned pages are told of; a file of nothing else is an error that names the cause."""
    result = parsed(text("one"), lambda canvas: canvas.rect(9, 9, 9, 9), text("three"))
    assert result.warnings == ("1 of 3 pages hold no text (scanned?)",)
    assert (result.pages, [block.page for block in result.blocks]) == (3, [1, 3])
    scan = lambda canvas: canvas.rect(9, 9, 9, 9)  # noqa: E731
    with pytest.raises(ParseError, match=r"none of its 2 pages holds text.*pip install"):
        parsed(scan, scan)
    with pytest.raises(EmptyDocument, match="its 2 pages are blank"):
        parsed(text(), text())


def test_titles_that_programs_made_up_are_not_taken() -> None:
    """A title such as "Microsoft Word - a.docx" gives way to the first heading."""

    def page(title: str) -> Callable[[Canvas], None]:
        def draw(canvas: Canvas) -> None:
            canvas.setTitle(title)
            text("Real title", size=20)(canvas)
            text(ENGLISH[0], top=600)(canvas)

        return draw

    assert parsed(page("A fine book")).title == "A fine book"
    for made_up in ("Microsoft Word - a.docx", "untitled", "report_v3.doc", ""):
        assert parsed(page(made_up)).title == "Real title"


def test_what_is_no_pdf_says_so() -> None:
    """A page of HTML under a PDF's name is not PDF."""
    with pytest.raises(ParseError, match="not PDF"):
        parse(b"<html>not found</html>", name="x")
