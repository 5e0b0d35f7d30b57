"""A page of a PDF file, or a picture, as a PNG with the cited words marked.

    python -m ingest.page_picture FILE PAGE < CITED_TEXT > PICTURE.png

The file may have been made to take over whoever draws it. So this process draws one page
and ends: once it has read the file it gives up the network, writing, and starting programs.
"""

import ctypes
import io
import resource
import signal
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from pathlib import Path

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image, ImageDraw

from ingest.confinement import confine

MEMORY = 2 << 30  # bytes of address space
SECONDS = 20

_WIDTH = 1400  # pixels: sharp on a wide screen, and small enough to send
_MOST_SCALE = 4.0
_RUN = 8
"""Letters in a row that count as cited where not all of the text is found in one piece."""
_LONGEST = 2000  # letters of the cited text that are looked for
_PAINT = (255, 214, 0, 110)
_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")

Rectangle = tuple[float, float, float, float]
"""Left, top, right and bottom, in pixels of the picture."""


def main() -> int:
    """Draw; 0 if there is a picture on standard output, 1 if a line on standard error says why."""
    path, page = Path(sys.argv[1]), int(sys.argv[2])
    cited = sys.stdin.buffer.read().decode("utf-8", "replace")
    data = path.read_bytes()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.alarm(SECONDS)
    confine()
    try:
        drawn = draw(data, page, cited=cited, suffix=path.suffix.lower())
    except (ValueError, OSError, MemoryError, pypdfium2.PdfiumError) as error:
        print(f"{path.name}, page {page}: {error}", file=sys.stderr)
        return 1
    sys.stdout.buffer.write(drawn)
    return 0


def draw(data: bytes, page: int, *, cited: str = "", suffix: str = ".pdf") -> bytes:
    """A page as a PNG.

    Args:
        data: the file.
        page: from 1.
        cited: the text to mark, where the page has it.
        suffix: of the file's name, in lower case.

    Raises:
        ValueError: there is no such page.
        PdfiumError: the file is damaged or encrypted.
    """
    picture = _scan(data, page) if suffix in _PICTURES else _page(data, page, cited)
    png = io.BytesIO()
    picture.save(png, "PNG")
    return png.getvalue()


def _scan(data: bytes, page: int) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        image.seek(page - 1)
        image.thumbnail((_WIDTH, 2 * _WIDTH))
        return image.convert("RGB")


def _page(data: bytes, number: int, cited: str) -> Image.Image:
    document = pypdfium2.PdfDocument(data)
    if not 1 <= number <= len(document):
        raise ValueError(f"it has {len(document)} pages")
    page = document[number - 1]
    scale = min(_WIDTH / max(page.get_width(), 1.0), _MOST_SCALE)
    drawn = page.render(scale=scale).to_pil().convert("RGBA")
    marks = Image.new("RGBA", drawn.size)
    pencil = ImageDraw.Draw(marks)
    for rectangle in _rectangles(page, cited, scale):
        pencil.rectangle(rectangle, fill=_PAINT)
    return Image.alpha_composite(drawn, marks).convert("RGB")


def _rectangles(page: pypdfium2.PdfPage, cited: str, scale: float) -> Iterator[Rectangle]:
    """Where the cited words stand, a rectangle for each piece of a line."""
    text = page.get_textpage()
    letters = [
        (index, folded)
        for index in range(text.count_chars())
        if (folded := _folded(chr(pdfium.FPDFText_GetUnicode(text.raw, index))))
    ]
    for first, last in _runs(letters, cited):
        for part in range(pdfium.FPDFText_CountRects(text.raw, first, last - first + 1)):
            left, bottom, right, top = text.get_rect(part)
            yield _on_picture(page, (left, top, right, bottom), scale)


def _on_picture(page: pypdfium2.PdfPage, box: Rectangle, scale: float) -> Rectangle:
    """From the page's own coordinates, whatever its rotation and the corner it is cut to."""
    width, height = round(page.get_width() * scale), round(page.get_height() * scale)
    corners = []
    for x, y in ((box[0], box[1]), (box[2], box[3])):
        across, down = ctypes.c_int(), ctypes.c_int()
        pdfium.FPDF_PageToDevice(page.raw, 0, 0, width, height, 0, x, y, across, down)
        corners.append((across.value, down.value))
    (ax, ay), (bx, by) = corners
    return (min(ax, bx) - 1, min(ay, by) - 1, max(ax, bx) + 1, max(ay, by) + 1)


def _runs(letters: Sequence[tuple[int, str]], cited: str) -> Iterator[tuple[int, int]]:
    """First and last index of the page's letters that are the cited text's, piece by piece.

    Spaces, line ends and hyphens differ between a page and what was read of it; letters do
    not. What a page break, a footnote or a table parts is found on either side of it.
    """
    wanted = "".join(map(_folded, cited))[:_LONGEST]
    there = "".join(folded for _, folded in letters)
    owners = [index for index, folded in letters for _ in folded]
    if not wanted:
        return
    at = there.find(wanted)
    if at >= 0:
        yield owners[at], owners[at + len(wanted) - 1]
        return
    blocks = SequenceMatcher(None, wanted, there, autojunk=False).get_matching_blocks()
    best = max(blocks, key=lambda block: block.size)
    for block in blocks:
        is_near = abs(block.b - best.b) <= 2 * len(wanted)
        if block.size >= min(_RUN, len(wanted)) and is_near:
            yield owners[block.b], owners[block.b + block.size - 1]


def _folded(letter: str) -> str:
    """A letter as it is compared: without its case and width; nothing for spaces and marks."""
    folded = unicodedata.normalize("NFKC", letter).casefold()
    return "".join(each for each in folded if each.isalnum())


if __name__ == "__main__":
    sys.exit(main())
