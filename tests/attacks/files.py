"""Documents that hold a payload where a person sees it, and where nobody does."""

import csv
import io
from collections.abc import Callable
from email.message import EmailMessage
from html import escape

import docx
import openpyxl
import pptx
from docx.shared import Pt, RGBColor
from openpyxl.styles import Font
from pptx.dml.color import RGBColor as SlideColour
from pptx.util import Cm
from pptx.util import Pt as SlidePt
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfmetrics import registerFont
from reportlab.pdfgen.canvas import Canvas

Writer = Callable[[str, str], bytes]
"""From a document's own text and the payload to the bytes of a file."""


def markdown(cover: str, payload: str) -> bytes:
    """In plain sight."""
    return f"# {cover.splitlines()[0]}\n\n{cover}\n\n{payload}\n".encode()


def text(cover: str, payload: str) -> bytes:
    """In plain sight."""
    return f"{cover}\n\n{payload}\n".encode()


def mail(cover: str, payload: str) -> bytes:
    """In plain sight, as anybody may write one."""
    message = EmailMessage()
    message["Subject"] = cover.splitlines()[0]
    message["From"] = "someone@example.org"
    message.set_content(f"{cover}\n\n{payload}")
    return message.as_bytes()


def table(cover: str, payload: str) -> bytes:
    """In the last cell of a table."""
    rows = io.StringIO()
    csv.writer(rows).writerows([["no", "note"], ["1", cover], ["2", payload]])
    return rows.getvalue().encode()


def page(before: str, after: str) -> Writer:
    """A web page with the payload between two pieces of HTML."""

    def write(cover: str, payload: str) -> bytes:
        shown = "".join(f"<p>{escape(line)}</p>" for line in cover.splitlines())
        hidden = before + escape(payload) + after
        return f"<!doctype html><meta charset=utf-8><body>{shown}{hidden}</body>".encode()

    return write


def styled_page(rule: str) -> Writer:
    """A web page whose own stylesheet says how the payload looks."""

    def write(cover: str, payload: str) -> bytes:
        shown = "".join(f"<p>{escape(line)}</p>" for line in cover.splitlines())
        head = f"<meta charset=utf-8><style>p {{margin: 0}} .note {{{rule}}}</style>"
        body = f"{shown}<p class='small note'>{escape(payload)}</p>"
        return f"<!doctype html>{head}<body>{body}</body>".encode()

    return write


def word(style: Callable[[docx.text.run.Run], None] = lambda _: None) -> Writer:
    """A Word document whose payload is a run of its own."""

    def write(cover: str, payload: str) -> bytes:
        document = docx.Document()
        for line in cover.splitlines():
            document.add_paragraph(line)
        style(document.add_paragraph().add_run(payload))
        return _saved(document.save)

    return write


def vanished(run: docx.text.run.Run) -> None:
    run.font.hidden = True


def white(run: docx.text.run.Run) -> None:
    run.font.color.rgb = RGBColor(0xFF, 0xFF, 0xFF)


def tiny(run: docx.text.run.Run) -> None:
    run.font.size = Pt(1)


def slides(
    *,
    left: float = 2.0,
    size: float = 18,
    colour: str = "",
    shown: bool = True,
    notes: bool = False,
) -> Writer:
    """A presentation of one slide, its payload in a box of its own or in the notes.

    Args:
        left: where the box begins, in centimetres; a slide is 25.4 wide.
        size: of the letters, in points.
        colour: of the letters, as six hexadecimal digits.
        shown: whether the box shows.
        notes: whether the payload stands in the notes instead.
    """

    def write(cover: str, payload: str) -> bytes:
        deck = pptx.Presentation()
        slide = deck.slides.add_slide(deck.slide_layouts[6])
        box = slide.shapes.add_textbox(Cm(2), Cm(2), Cm(20), Cm(4))
        box.text_frame.text = cover
        if notes:
            slide.notes_slide.notes_text_frame.text = payload
            return _saved(deck.save)
        box = slide.shapes.add_textbox(Cm(left), Cm(8), Cm(20), Cm(4))
        run = box.text_frame.paragraphs[0].add_run()
        run.text, run.font.size = payload, SlidePt(size)
        if colour:
            run.font.color.rgb = SlideColour.from_string(colour)
        if not shown:
            box._element.nvSpPr.cNvPr.set("hidden", "1")
        return _saved(deck.save)

    return write


def workbook(hide: Callable[[openpyxl.Workbook], None] = lambda _: None) -> Writer:
    """A workbook with the payload in the third row's second column."""

    def write(cover: str, payload: str) -> bytes:
        book = openpyxl.Workbook()
        sheet = book.active
        sheet.append(["no", "note"])
        sheet.append([1, cover])
        sheet.append([2, payload])
        sheet.append([3, "end"])
        hide(book)
        return _saved(book.save)

    return write


def hidden_row(book: openpyxl.Workbook) -> None:
    book.active.row_dimensions[3].hidden = True


def hidden_column(book: openpyxl.Workbook) -> None:
    book.active.column_dimensions["B"].hidden = True


def white_cell(book: openpyxl.Workbook) -> None:
    book.active["B3"].font = Font(color="FFFFFFFF")


def hidden_sheet(book: openpyxl.Workbook) -> None:
    book.active.sheet_state = "hidden"
    book.create_sheet("Front").append(["Nothing to see"])
    book.active = 1


def printed(
    *, colour: float = 0, size: float = 12, left: float = 60, mode: int | None = None
) -> Writer:
    """A PDF of one page.

    Args:
        colour: of the payload: 0 is black, 1 white.
        size: of its letters, in points.
        left: where it begins, in points.
        mode: how its letters are painted; 3 is not at all.
    """

    def write(cover: str, payload: str) -> bytes:
        registerFont(UnicodeCIDFont("STSong-Light"))
        data = io.BytesIO()
        canvas = Canvas(data)
        canvas.setFont("STSong-Light", 12)
        for number, line in enumerate(cover.splitlines()):
            canvas.drawString(60, 760 - 20 * number, line)
        letters = canvas.beginText(left, 600)
        letters.setFont("STSong-Light", size)
        letters.setFillGray(colour)
        if mode is not None:
            letters.setTextRenderMode(mode)
        for at in range(0, len(payload), 60):
            letters.textLine(payload[at : at + 60])
        canvas.drawText(letters)
        canvas.save()
        return data.getvalue()

    return write


def rich_text(before: str, after: str) -> Writer:
    """A document in RTF with the payload between two pieces of it."""

    def write(cover: str, payload: str) -> bytes:
        lines = "".join(f"{_rtf(line)}\\par\n" for line in cover.splitlines())
        return f"{{\\rtf1\\ansi {lines}{before}{_rtf(payload)}{after}\\par}}".encode()

    return write


def _rtf(line: str) -> str:
    return "".join(each if each.isascii() else f"\\u{ord(each)}?" for each in line)


def _saved(save: Callable[[io.BytesIO], object]) -> bytes:
    data = io.BytesIO()
    save(data)
    return data.getvalue()
