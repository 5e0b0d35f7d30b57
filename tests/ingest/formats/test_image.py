"""Pictures: what OCR is given of them, and what becomes of what it read."""

import struct
import zlib
from contextlib import suppress
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ingest.document import EmptyDocument
from ingest.formats.image import parse, render, unread
from ingest.formats.lines import Line
from ingest.loaders import parse as parse_by_suffix
from ingest.loaders import render as render_by_suffix
from kb_qa.errors import ParseError

WIDTH, HEIGHT = 40, 60
LINES = (
    Line("第一章 总则", 72, 180, 700, 700, 16),
    Line("本手册适用于全体员工。", 72, 200, 660, 660, 11),
)
MORE = (
    Line("第二章 假期", 72, 180, 700, 700, 16),
    Line("年假为十五天。", 72, 150, 660, 660, 11),
)


def saved(*frames: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = BytesIO()
    if len(frames) > 1:
        options |= {"save_all": True, "append_images": frames[1:]}
    frames[0].save(buffer, kind, **options)
    return buffer.getvalue()


def page(mode: str = "L", paper: object = 255, ink: object = 0) -> Image.Image:
    """A page with ink in its upper left corner."""
    image = Image.new(mode, (WIDTH, HEIGHT), paper)  # type: ignore[arg-type]
    image.paste(ink, (0, 0, 10, 10))  # type: ignore[arg-type]
    return image


def pixels(data: bytes, index: int = 0) -> np.ndarray:
    picture = render(data, index)
    return np.frombuffer(picture.pixels, np.uint8).reshape(picture.height, picture.width)


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (page(), "PNG"),
        (page("1", 1, 0), "TIFF"),
        (page("1", 1, 0), "PNG"),
        (page("RGB", "white", "black"), "JPEG"),
        (page("CMYK", (0, 0, 0, 0), (0, 0, 0, 255)), "JPEG"),
        (page("CMYK", (0, 0, 0, 0), (0, 0, 0, 255)), "TIFF"),
        (page("RGB", "white", "black").quantize(8), "PNG"),
        (page("RGB", "white", "black"), "BMP"),
        (page("RGB", "white", "black"), "WEBP"),
        (page("RGBA", (0, 0, 0, 0), (0, 0, 0, 255)), "PNG"),
        (page("LA", (0, 0), (0, 255)), "PNG"),
        (page("I;16", 65535, 0), "PNG"),
        (page("I;16", 65535, 0), "TIFF"),
        (page("F", 1.0, 0.0), "TIFF"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.mode,
)
def test_every_kind_of_picture_is_black_on_white(image: Image.Image, kind: str) -> None:
    """Colours, palettes, transparency, one bit and sixteen: ink is dark, and paper is bright."""
    grey = pixels(saved(image, kind=kind))
    assert grey.shape == (HEIGHT, WIDTH)
    assert grey[:8, :8].max() < 30
    assert grey[20:, 20:].min() > 225


def test_a_photograph_is_turned_the_right_way_up() -> None:
    """A camera that was held on its side says so, and the picture is turned."""
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: what it saw on top is on the right
    grey = pixels(saved(page(), kind="JPEG", exif=exif))
    assert grey.shape == (WIDTH, HEIGHT)
    assert grey[:8, -8:].max() < 30


def test_each_frame_of_a_tiff_is_a_page() -> None:
    """Frames of their own sizes and kinds are told apart; an animation is one page."""
    frames = (page(), Image.new("1", (8, 4), 0), page("RGB", "white", "black"))
    data = saved(*frames, kind="TIFF")
    assert unread(data) == (0, 1, 2)
    assert [pixels(data, index).shape for index in unread(data)] == [(60, 40), (4, 8), (60, 40)]
    assert pixels(data, 1).max() == 0
    animation = saved(page(), page("L", 0, 255), kind="WEBP", lossless=True)
    assert unread(animation) == (0,)
    with pytest.raises(ParseError, match="no page 4: it has 3"):
        render(data, 3)


@pytest.mark.parametrize(
    ("size", "told", "dpi"),
    [
        ((1654, 2339), (200, 200), 200.0),
        ((1240, 1754), None, 96.0),
        ((2480, 3508), None, pytest.approx(300, rel=0.01)),
        ((2480, 3508), (72, 72), pytest.approx(300, rel=0.01)),
        ((100, 100), (0, 0), 96.0),
        ((100, 100), (30000, 30000), 96.0),
    ],
)
def test_a_page_has_a_likely_resolution(
    size: tuple[int, int], told: tuple[int, int] | None, dpi: float
) -> None:
    """What the file says, unless no page could be that large; else that of a screen or of A4."""
    options = {"dpi": told} if told else {}
    data = saved(Image.new("1", size, 1), kind="TIFF", **options)
    assert render(data, 0).dpi == dpi


def test_lines_that_ocr_read_become_a_document() -> None:
    """They are arranged as a text layer's are, by page, and marked as read by OCR."""
    data = saved(page(), page(), kind="TIFF")
    parsed = parse(data, name="scan", recognized={0: LINES, 1: MORE})
    assert (parsed.title, parsed.pages, parsed.warnings) == ("scan", 2, ())
    assert all(block.scanned for block in parsed.blocks)
    assert {block.page for block in parsed.blocks} == {1, 2}
    assert [block.text for block in parsed.blocks][1::2] == [LINES[1].text, MORE[1].text]


def test_pages_that_were_not_read_are_told() -> None:
    """The document is what was read; the rest is a warning with its count."""
    data = saved(page(), page(), page(), kind="TIFF")
    parsed = parse(data, name="scan", recognized={1: LINES})
    assert parsed.warnings == ("2 of 3 pages were not read",)
    assert {block.page for block in parsed.blocks} == {2}


def test_a_picture_needs_ocr() -> None:
    """Without OCR it says how to get it; where OCR finds nothing, the file is empty."""
    with pytest.raises(ParseError, match=r"needs OCR: pip install 'kb-qa\[ocr\]'"):
        parse_by_suffix(saved(page()), name="a.png")
    with pytest.raises(EmptyDocument, match="no text in the picture"):
        parse_by_suffix(saved(page()), name="a.PNG", recognized={0: ()})


def test_a_picture_is_not_decoded_before_its_size_is_known() -> None:
    """A small file that would fill the memory is refused by the size that it claims."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    def png(width: int, height: int) -> bytes:
        header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
        body = chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
        return b"\x89PNG\r\n\x1a\n" + body

    for width, height in ((8000, 8000), (12_000, 12_000), (2**31 - 1, 2**31 - 1)):
        with pytest.raises(ParseError, match="too large"):
            render(png(width, height), 0)
        with pytest.raises(ParseError, match="too large"):
            unread(png(width, height))


def test_a_later_page_is_not_decoded_before_its_size_is_known() -> None:
    """The first page of a file says nothing of the others."""
    data = saved(
        page("1", 1, 0), Image.new("1", (8000, 8000), 1), kind="TIFF", compression="group4"
    )
    assert render(data, 0).width == WIDTH
    with pytest.raises(ParseError, match="8000 x 8000 pixels"):
        render(data, 1)


@given(
    st.binary(max_size=40), st.integers(0, 200), st.sampled_from(["PNG", "JPEG", "TIFF", "WEBP"])
)
def test_damage_is_told_in_one_line(noise: bytes, at: int, kind: str) -> None:
    """A damaged picture gives a page or a reason, whatever is wrong with it."""
    whole = saved(page(), kind=kind)
    data = whole[:at] + noise + whole[at + len(noise) :]
    with pytest.raises(ParseError) as error:
        parse_by_suffix(data, name=f"a.{kind.lower()}")
    assert "\n" not in str(error.value)
    with suppress(ParseError):
        picture = render_by_suffix(data, name=f"a.{kind.lower()}", page=0)
        assert len(picture.pixels) == picture.width * picture.height
