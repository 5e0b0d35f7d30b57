"""Pictures: more pixels than memory, none at all, and directories in circles."""

import struct
import zlib
from collections.abc import Iterator

from tests.ingest.hostile.row import FAILED, Row

_PIXELS = r"pixels|too large|large|memory|damaged|OCR"


def rows() -> Iterator[Row]:
    yield Row("a PNG of 2,500 megapixels", "bomb.png", FAILED, _PIXELS, _png(50_000, 50_000))
    yield Row("a PNG of no pixels", "none.png", FAILED, "", _png(0, 0))
    yield Row("a PNG of one pixel", "one.png", FAILED, "OCR", _png(1, 1))
    yield Row("a PNG a million pixels wide", "wide.png", FAILED, _PIXELS, _png(2_000_000, 1))
    chunk = _chunk(b"iCCP", b"a\0\0" + zlib.compress(b"\0" * 50_000_000))
    yield Row(
        "a PNG with a profile that swells", "profile.png", FAILED, "damaged", _png(9, 9, chunk)
    )
    text = _chunk(b"zTXt", b"a\0\0" + zlib.compress(b"\0" * 50_000_000))
    yield Row(
        "a PNG with a comment that swells", "comment.png", FAILED, "damaged", _png(9, 9, text)
    )
    size = struct.pack(">BHHB", 8, 65_500, 65_500, 1) + b"\1\x11\0"
    jpeg = (
        b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
        b"\xff\xc0" + struct.pack(">H", len(size) + 2) + size
    )
    yield Row("a JPEG of 4,290 megapixels", "bomb.jpg", FAILED, _PIXELS, jpeg + b"\xff\xd9")
    circle = (
        b"II*\0\x08\0\0\0"
        + struct.pack("<H", 1)
        + struct.pack("<HHII", 256, 4, 1, 10)
        + struct.pack("<I", 8)
    )
    yield Row("a TIFF whose pages go in a circle", "circle.tiff", FAILED, "", circle)
    large = [
        (256, 4, 1, 100_000),
        (257, 4, 1, 100_000),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        (278, 4, 1, 100_000),
        (279, 4, 1, 9),
    ]
    entries = b"".join(struct.pack("<HHII", *each) for each in large)
    yield Row(
        "a TIFF of 10,000 megapixels",
        "bomb.tiff",
        FAILED,
        _PIXELS,
        b"II*\0\x08\0\0\0" + struct.pack("<H", len(large)) + entries + struct.pack("<I", 0),
    )


def _png(width: int, height: int, *more: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    row = b"\0" + bytes((width + 7) // 8)
    data = zlib.compress(row * min(height, 2000), 1)
    parts = (_chunk(b"IHDR", header), *more, _chunk(b"IDAT", data), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
