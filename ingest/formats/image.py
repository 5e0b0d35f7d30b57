"""Pictures, of which only OCR can read the text: scans, faxes, photographs of pages, screenshots.

Every frame of a TIFF file is a page; of an animation the first frame is.
"""

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ingest.document import EmptyDocument, Parsed
from ingest.formats.layout import arrange
from ingest.formats.lines import Line
from ingest.formats.picture import Picture
from kb_qa.errors import ParseError

_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")

_MOST_PIXELS = 50_000_000
"""Of a page; at 300 dpi it is larger than A2, and a telephone's largest photographs are."""

_MOST_PAGES = 1000

_LONGEST_PAGE, _LONGEST_SCREEN = 24.0, 2000
"""Inches and pixels: what a scan measures at most, and a screenshot without a resolution."""

_LONG_SIDE = 11.69
"""Inches, of A4: what a picture shows that does not say how large it is."""

_SCREEN_DPI, _LEAST_DPI, _MOST_DPI = 96.0, 50.0, 1200.0
_WHITE = 255


def parse(
    data: bytes, *, name: str, recognized: Mapping[int, Sequence[Line]] | None = None
) -> Parsed:
    """A picture's text by page, as OCR read it.

    Args:
        data: the file.
        name: the title: a picture has none of its own.
        recognized: the lines that OCR read, by the index of their page.

    Raises:
        EmptyDocument: OCR found no text.
        ParseError: it is damaged or too large, or was not read by OCR.
    """
    pages = len(unread(data))
    if recognized is None:
        raise ParseError("a picture: its text needs OCR: pip install 'kb-qa[ocr]'")
    lines = [recognized.get(page, ()) for page in range(pages)]
    if not any(lines):
        raise EmptyDocument("empty: OCR found no text in the picture")
    arranged = arrange(lines, [], scanned=range(pages))
    left = sum(page not in recognized for page in range(pages))
    lost = (f"{left} of {pages} pages were not read",) if left else ()
    return Parsed(name, arranged.blocks, pages=pages, warnings=(*lost, *arranged.warnings))


def unread(data: bytes) -> tuple[int, ...]:
    """The indices of its pages: only OCR can read them.

    Raises:
        ParseError: it is damaged or too large.
    """
    with _opened(data) as image:
        return tuple(range(_pages(image)))


def render(data: bytes, page: int) -> Picture:
    """A page in grey, the right way up, on white paper.

    Raises:
        ParseError: it is damaged or too large, or has no such page.
    """
    with _opened(data) as image:
        pages = _pages(image)
        if not 0 <= page < pages:
            raise ParseError(f"there is no page {page + 1}: it has {pages}")
        if page:
            image.seek(page)
            _check_size(image)
        upright = ImageOps.exif_transpose(image)
        grey = _grey(upright)
        return Picture(*grey.size, grey.tobytes(), _dpi(upright))


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    with warnings.catch_warnings():
        # What Pillow warns of is either refused here by a number of its own, or a tag of no use.
        warnings.simplefilter("ignore")
        try:
            with Image.open(BytesIO(data), formats=_FORMATS) as image:
                _check_size(image)
                yield image
        except Image.DecompressionBombError as error:
            raise ParseError(f"too large: {error}") from error


def _check_size(image: Image.Image) -> None:
    """Nothing is decoded before its size is known."""
    if image.width * image.height > _MOST_PIXELS:
        raise ParseError(
            f"too large: {image.width} x {image.height} pixels, "
            f"of at most {_MOST_PIXELS // 1_000_000} million that are read"
        )


def _pages(image: Image.Image) -> int:
    pages = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
    if pages > _MOST_PAGES:
        raise ParseError(f"too long: {pages} pages, of at most {_MOST_PAGES} that are read")
    return int(pages)


def _grey(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_in_bytes(np.asarray(image)))
    if image.has_transparency_data:
        paper = Image.new("RGBA", image.size, (_WHITE,) * 4)
        image = Image.alpha_composite(paper, image.convert("RGBA"))
    return image if image.mode == "L" else image.convert("RGB").convert("L")


def _in_bytes(samples: NDArray[Any]) -> NDArray[np.uint8]:
    """Samples of 16 and 32 bits: their range is not always told, so the brightest one decides."""
    samples = np.nan_to_num(samples.astype(np.float32))
    most = float(samples.max(initial=0.0))
    top = next((each for each in (1.0, 255.0, 65535.0) if most <= each), most)
    return np.clip(samples * (_WHITE / top), 0, _WHITE).astype(np.uint8)


def _dpi(image: Image.Image) -> float:
    """Its resolution, or a likely one where it tells none, or one that makes the page huge."""
    longest = max(image.size)
    told = _told_dpi(image)
    if told and longest <= _LONGEST_PAGE * told:
        return told
    return _SCREEN_DPI if longest <= _LONGEST_SCREEN else longest / _LONG_SIDE


def _told_dpi(image: Image.Image) -> float | None:
    try:
        dpi = float(image.info["dpi"][0])
    except (KeyError, IndexError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return dpi if math.isfinite(dpi) and _LEAST_DPI <= dpi <= _MOST_DPI else None
