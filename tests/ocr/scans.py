"""Pages of known text, drawn and rendered as a scanner would give them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pypdfium2
from numpy.typing import NDArray
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from ingest.formats.picture import Picture

Pixels = NDArray[np.uint8]

_DATA = Path(__file__).parents[2] / "data"
_HANDBOOK = _DATA / "sources" / "company" / "QL-T300恒温循环槽使用手册.pdf.md"
_GUIDE = _DATA / "docs" / "using" / "troubleshooting.en.txt"
_WIDTH, _HEIGHT, _MARGIN, _GUTTER = 595.0, 842.0, 70.0, 30.0  # A4, in points
_LEADING = 1.55

CHINESE = "WenQuanYiMicroHei"
"""The font in this repository: it has the handbook's characters, and no others."""
pdfmetrics.registerFont(TTFont(CHINESE, _DATA / "sources" / "fonts" / "wqy-microhei-subset.ttf"))


@dataclass(frozen=True)
class Scan:
    """A page and the text on it.

    Attributes:
        truth: its text in reading order, without white space.
        pdf: the page as it was drawn.
        harm: what scanning did to its pixels.
    """

    truth: str
    pdf: bytes
    harm: Callable[[Pixels], Pixels] | None = None


def picture(scan: Scan, *, dpi: int = 200) -> Picture:
    """The page's pixels at a resolution."""
    page = pypdfium2.PdfDocument(scan.pdf)[0]
    pixels = page.render(scale=dpi / 72, grayscale=True).to_numpy()
    pixels = np.ascontiguousarray(pixels.reshape(pixels.shape[:2]))
    return as_picture(scan.harm(pixels) if scan.harm else pixels, dpi=dpi)


def as_picture(pixels: Pixels, *, dpi: float = 200) -> Picture:
    """Pixels, row by row from the top, as OCR takes them."""
    height, width = pixels.shape
    return Picture(width, height, pixels.tobytes(), dpi)


def drawn(text: str, *, font: str, size: float = 10.5, columns: int = 1) -> Scan:
    """A page of paragraphs, one a line of the text, as many lines as it holds."""
    buffer = BytesIO()
    canvas = Canvas(buffer, pagesize=(_WIDTH, _HEIGHT))
    canvas.setFont(font, size)
    width = (_WIDTH - 2 * _MARGIN - (columns - 1) * _GUTTER) / columns
    lines = _wrapped(text, font, size, width)
    rows = int((_HEIGHT - 2 * _MARGIN) / (size * _LEADING))
    for place, line in enumerate(lines[: rows * columns]):
        column, row = divmod(place, rows)
        left = _MARGIN + column * (width + _GUTTER)
        canvas.drawString(left, _HEIGHT - _MARGIN - row * size * _LEADING, line)
    canvas.save()
    return Scan("".join("".join(lines[: rows * columns]).split()), buffer.getvalue())


def with_chapters(chapters: Mapping[str, str], *, size: float = 10.5) -> Scan:
    """A page of Chinese paragraphs, each under a heading in larger type."""
    buffer = BytesIO()
    canvas = Canvas(buffer, pagesize=(_WIDTH, _HEIGHT))
    top = _HEIGHT - _MARGIN
    for heading, paragraph in chapters.items():
        canvas.setFont(CHINESE, 1.6 * size)
        canvas.drawString(_MARGIN, top - 1.6 * size, heading)
        canvas.setFont(CHINESE, size)
        top -= 4 * size
        for line in _wrapped(paragraph, CHINESE, size, _WIDTH - 2 * _MARGIN):
            top -= size * _LEADING
            canvas.drawString(_MARGIN, top, line)
        top -= 2 * size
    canvas.save()
    return Scan("".join("".join(f"{h}{p}" for h, p in chapters.items()).split()), buffer.getvalue())


def _wrapped(text: str, font: str, size: float, width: float) -> list[str]:
    """The lines of a text, broken between words, or anywhere in Chinese."""
    lines: list[str] = []
    for paragraph in text.splitlines():
        if font != CHINESE:
            lines += simpleSplit(paragraph, font, size, width)
            continue
        rest = paragraph.strip()
        while rest:
            end = len(rest)
            while pdfmetrics.stringWidth(rest[:end], font, size) > width:
                end -= 1
            lines.append(rest[:end].rstrip())
            rest = rest[end:].lstrip()
    return lines


def _handbook() -> list[str]:
    """The handbook's lines without its Markdown."""
    body = _HANDBOOK.read_text("utf-8").split("---\n", 2)[2]
    lines = (line.strip(" #-").replace("|", " ").strip() for line in body.splitlines())
    return [" ".join(line.split()) for line in lines if line.strip(" -|")]


def _is_prose(line: str) -> bool:
    """Whether it is Chinese almost throughout."""
    return len(line) > 20 and sum(character.isascii() for character in line) < 0.2 * len(line)


def _prose() -> str:
    return "\n".join(line for line in _handbook() if _is_prose(line))


def _turned(times: int) -> Callable[[Pixels], Pixels]:
    return lambda pixels: np.ascontiguousarray(np.rot90(pixels, times))


def speckled(pixels: Pixels, *, share: float = 0.004) -> Pixels:
    """Dots of dirt, grain all over, and the soft edges of a lens."""
    chance = np.random.default_rng(7)
    soft = pixels.astype(np.float32)
    for axis in (0, 1):
        soft = (np.roll(soft, 1, axis) + 2 * soft + np.roll(soft, -1, axis)) / 4
    soft += chance.normal(0, 12, soft.shape)
    soft[chance.random(soft.shape) < share] = 40
    return soft.clip(0, 255).astype(np.uint8)


def skewed(pixels: Pixels, *, degrees: float = 1.5) -> Pixels:
    """A page that lay askew on the glass."""
    angle = np.radians(degrees)
    height, width = pixels.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x - width / 2, y - height / 2
    across = np.rint(x * np.cos(angle) + y * np.sin(angle) + width / 2).astype(np.intp)
    down = np.rint(y * np.cos(angle) - x * np.sin(angle) + height / 2).astype(np.intp)
    inside = (across >= 0) & (across < width) & (down >= 0) & (down < height)
    turned = np.full_like(pixels, 255)
    turned[inside] = pixels[down[inside], across[inside]]
    return turned


def faxed(pixels: Pixels) -> Pixels:
    """Black or white, and grey paper lost."""
    return np.where(pixels < 150, 0, 255).astype(np.uint8)


def pale(pixels: Pixels) -> Pixels:
    """Faded ink on grey paper."""
    return (170 + pixels.astype(np.uint16) * 50 // 255).astype(np.uint8)


@cache
def clean_scans() -> Mapping[str, Scan]:
    """Straight and clean pages, by name."""
    english = "\n".join(
        line.strip(" -=#*`") for line in _GUIDE.read_text("utf-8").splitlines() if line.strip(" -=")
    )
    handbook = "\n".join(_handbook())
    return {
        "Chinese": drawn(_prose(), font=CHINESE),
        "Chinese, 9 points": drawn(_prose(), font=CHINESE, size=9),
        "Chinese with Latin and digits": drawn(handbook, font=CHINESE),
        "Chinese in two columns": drawn(handbook, font=CHINESE, size=9.5, columns=2),
        "English": drawn(english, font="Times-Roman"),
        "English in two columns": drawn(english, font="Helvetica", size=9, columns=2),
    }


@cache
def turned_scans() -> Mapping[str, Scan]:
    """The same text on pages that lay otherwise on the glass, by name."""
    page = clean_scans()["Chinese with Latin and digits"]
    turns: Sequence[tuple[str, int]] = (("left", 1), ("upside down", 2), ("right", 3))
    return {f"turned {where}": replace(page, harm=_turned(times)) for where, times in turns}


@cache
def poor_scans() -> Mapping[str, Scan]:
    """The same text, scanned badly, by name."""
    page = clean_scans()["Chinese with Latin and digits"]
    harms = {"speckled": speckled, "askew": skewed, "black and white": faxed, "pale": pale}
    return {name: replace(page, harm=harm) for name, harm in harms.items()}


def error_rate(read: str, truth: str) -> float:
    """The characters to insert, drop or replace, as a share of the truth; white space is none."""
    ours, theirs = ("".join(text.split()) for text in (read, truth))
    letters = np.array([ord(letter) for letter in theirs], np.int64)
    steps = np.arange(len(theirs) + 1)
    row = steps
    for number, letter in enumerate(ours, 1):
        best = np.minimum(row[1:] + 1, row[:-1] + (letters != ord(letter)))
        # Insertions along the row: each costs one more than the cell to its left.
        row = np.minimum.accumulate(np.concatenate(([number], best)) - steps) + steps
    return int(row[-1]) / max(1, len(theirs))
