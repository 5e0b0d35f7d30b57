"""A page as a picture: what OCR reads."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Picture:
    """A page's pixels.

    Attributes:
        width: in pixels.
        height: in pixels.
        pixels: 8-bit grey, row after row from the top; `width * height` bytes.
        dpi: pixels an inch.
    """

    width: int
    height: int
    pixels: bytes
    dpi: float
