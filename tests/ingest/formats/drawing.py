"""Pages that reportlab draws for the tests, and what was read of them as text to compare."""

from collections.abc import Callable, Sequence
from io import BytesIO

from reportlab.lib.colors import black
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Table

from ingest.document import BlockKind, Parsed
from ingest.formats.pdf import parse

pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))

WIDTH, HEIGHT = 595, 842
TOP, LEFT, PITCH = 760, 72, 14

Draw = Callable[[Canvas], None]


def drawn(*pages: Draw, encrypt: StandardEncryption | None = None) -> bytes:
    """A PDF of A4 pages."""
    buffer = BytesIO()
    canvas = Canvas(buffer, pagesize=(WIDTH, HEIGHT), encrypt=encrypt)
    for draw in pages:
        draw(canvas)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def parsed(*pages: Draw) -> Parsed:
    return parse(drawn(*pages), name="x")


def text(
    *lines: str,
    size: float = 10,
    font: str = "Helvetica",
    top: float = TOP,
    left: float = LEFT,
    pitch: float = PITCH,
) -> Draw:
    """Lines under each other."""

    def draw(canvas: Canvas) -> None:
        canvas.setFont(font, size)
        for number, line in enumerate(lines):
            canvas.drawString(left, top - pitch * number, line)

    return draw


def together(*draws: Draw) -> Draw:
    def draw(canvas: Canvas) -> None:
        for each in draws:
            each(canvas)

    return draw


def side_by_side(
    *columns: Sequence[str],
    lefts: Sequence[float],
    top: float = TOP,
    font: str = "Helvetica",
    size: float = 10,
) -> Draw:
    """Columns drawn row by row, as some programs do."""

    def draw(canvas: Canvas) -> None:
        canvas.setFont(font, size)
        for row in range(max(map(len, columns))):
            for left, column in zip(lefts, columns, strict=True):
                if row < len(column):
                    canvas.drawString(left, top - PITCH * row, column[row])

    return draw


def wrapped(said: str, width: float, *, font: str = "Helvetica", size: float = 10) -> list[str]:
    """A paragraph in lines of at most so many points."""
    if " " in said:
        return list(simpleSplit(said, font, size, width))
    count = int(width // size)
    return [said[start : start + count] for start in range(0, len(said), count)]


GRID = ("GRID", (0, 0), (-1, -1), 0.5, black)
CHINESE = ("FONT", (0, 0), (-1, -1), "STSong-Light", 10)


def table(
    rows: Sequence[Sequence[str | Flowable]],
    *look: tuple[object, ...],
    widths: Sequence[float] | None = None,
    top: float = 700,
) -> Draw:
    """A table that reportlab lays out, its upper edge at this height."""

    def draw(canvas: Canvas) -> None:
        made = Table(rows, colWidths=widths, style=list(look))
        _, height = made.wrapOn(canvas, 500, 600)
        made.drawOn(canvas, LEFT, top - height)

    return draw


def rule(left: float, low: float, right: float, high: float) -> Draw:
    return lambda canvas: canvas.line(left, low, right, high)


def told(document: Parsed) -> str:
    """A document as a reader can check it: page numbers in brackets, # before headings."""
    parts: list[str] = []
    page = None
    for block in document.blocks:
        if block.page != page:
            page = block.page
            parts.append(f"[{page}]")
        mark = "#" * block.level + " " if block.kind is BlockKind.HEADING else ""
        parts.append(mark + block.text)
    return "\n".join(parts)
