"""Write a sample document as a PDF."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from markdown_source import Block, Row, Source
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

FONT = Path(__file__).resolve().parent / "sources" / "fonts" / "wqy-microhei-subset.ttf"

_PAGE_WIDTH, _PAGE_HEIGHT = A4
_MARGIN = 22 * mm
_INSET = _MARGIN + 6  # a frame pads its text by six points
_TEXT_WIDTH = _PAGE_WIDTH - 2 * _INSET
_TABLE_LOOK = TableStyle(
    [
        ("GRID", (0, 0), (-1, -1), 0.5, colors.grey),
        ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ]
)


def write_pdf(source: Source) -> bytes:
    """A4 pages with a running header, "page n of m", and an outline of the headings."""
    _, pages = _pdf_pages(source, total=0)
    data, _ = _pdf_pages(source, total=pages)
    return data


def _pdf_pages(source: Source, *, total: int) -> tuple[bytes, int]:
    styles = _styles(source.text)
    font = styles["paragraph"].fontName

    def decorate(canvas: Canvas, document: SimpleDocTemplate) -> None:
        footer = source.meta["footer"].format(page=document.page, pages=total)
        canvas.setFont(font, 8)
        canvas.drawString(_INSET, _PAGE_HEIGHT - 14 * mm, source.meta["header"])
        canvas.line(_INSET, _PAGE_HEIGHT - 16 * mm, _PAGE_WIDTH - _INSET, _PAGE_HEIGHT - 16 * mm)
        canvas.drawCentredString(_PAGE_WIDTH / 2, 12 * mm, footer)

    buffer = io.BytesIO()
    document = SimpleDocTemplate(
        buffer,
        pagesize=A4,
        invariant=1,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        title=source.meta["title"],
        author=source.meta["author"],
    )
    story = [flowable for block in source.blocks for flowable in _flowables(block, styles)]
    document.build(story, onFirstPage=decorate, onLaterPages=decorate)
    return buffer.getvalue(), document.page


class _Heading(Paragraph):
    """A heading that enters itself into the outline; the document's title does not."""

    level = 1

    def draw(self) -> None:
        if self.level > 1:
            text = self.getPlainText()
            self.canv.bookmarkPage(text)
            self.canv.addOutlineEntry(text, text, level=self.level - 2)
        super().draw()


def _flowables(block: Block, styles: Mapping[str, ParagraphStyle]) -> list[Flowable]:
    text = escape(block.text)
    if block.kind == "table":
        return [_pdf_table(block.rows, styles), Spacer(0, 4 * mm)]
    if block.kind == "heading":
        heading = _Heading(text, styles[f"heading{block.level}"])
        heading.level = block.level
        return [heading]
    bullet = "•" if block.kind == "item" else None
    return [Paragraph(text, styles[block.kind], bulletText=bullet)]


def _pdf_table(rows: tuple[Row, ...], styles: Mapping[str, ParagraphStyle]) -> Table:
    cell = styles["cell"]
    natural = [
        max(pdfmetrics.stringWidth(text, cell.fontName, cell.fontSize) for text in column) + 14
        for column in zip(*rows, strict=True)
    ]
    widths = [width * min(1.0, _TEXT_WIDTH / sum(natural)) for width in natural]
    cells = [[Paragraph(escape(text), cell) for text in row] for row in rows]
    return Table(cells, colWidths=widths, repeatRows=1, hAlign="LEFT", style=_TABLE_LOOK)


def _styles(text: str) -> dict[str, ParagraphStyle]:
    latin = text.isascii()
    font, bold = ("Helvetica", "Helvetica-Bold") if latin else (_register_font(text),) * 2
    wrap = None if latin else "CJK"

    def style(size: float, name: str, **options: Any) -> ParagraphStyle:
        leading = size * 1.5
        return ParagraphStyle(
            name, fontName=name, fontSize=size, leading=leading, wordWrap=wrap, **options
        )

    return {
        "heading1": style(20, bold, spaceAfter=12),
        "heading2": style(14, bold, spaceBefore=10, spaceAfter=5, keepWithNext=1),
        "heading3": style(11.5, bold, spaceBefore=6, spaceAfter=3, keepWithNext=1),
        "paragraph": style(10.5, font, spaceAfter=6),
        "item": style(10.5, font, spaceAfter=3, leftIndent=14, bulletIndent=3),
        "cell": style(9.5, font),
    }


def _register_font(text: str) -> str:
    font = TTFont("WenQuanYiMicroHei", FONT)
    missing = set(text) - set(map(chr, font.face.charToGlyph))
    if missing:
        raise SystemExit(
            f"{FONT} lacks {''.join(sorted(missing))}: "
            f"make it anew as {FONT.with_name('README.md')} says"
        )
    pdfmetrics.registerFont(font)
    return str(font.fontName)
