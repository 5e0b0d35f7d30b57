"""Outlook messages: the same shape as other mail."""

import struct

import pytest
from compressed_rtf import compress

from ingest.formats.msg import parse
from ingest.loaders import parse as load
from kb_qa.errors import ParseError
from tests.ingest.formats.compound import compound_file


def message(streams: dict[int, str | bytes], *, page: int = 936) -> bytes:
    """A message of text properties, in Unicode or as bytes; sent on 2 March 2026."""
    ticks = 134_168_796_000_000_000
    fixed = struct.pack("<IIQIIQ", 0x00390040, 6, ticks, 0x3FFD0003, 6, page)
    named = {
        f"__substg1.0_{number:04X}{'001F' if isinstance(text, str) else '001E'}": (
            text.encode("utf-16-le") if isinstance(text, str) else text
        )
        for number, text in streams.items()
    }
    return compound_file({"__properties_version1.0": bytes(32) + fixed, **named})


def rich(compressed: bytes) -> bytes:
    """A message whose text is only there as RTF."""
    head = bytes(32) + struct.pack("<IIQ", 0x00390040, 6, 134_168_796_000_000_000)
    sender = "A. Lee".encode("utf-16-le")
    return compound_file(
        {
            "__properties_version1.0": head,
            "__substg1.0_0C1A001F": sender,
            "__substg1.0_10090102": compressed,
        }
    )


def test_a_message() -> None:
    """The subject is the title, then who and when, then the text."""
    parsed = parse(
        message(
            {0x37: "年假安排", 0xC1A: "张三", 0x5D01: "z@a.example", 0x1000: "五天。\r\n\r\n好。"}
        ),
        name="x",
    )
    assert parsed.title == "年假安排"
    head, *body = [block.text for block in parsed.blocks]
    assert head.startswith("From: 张三 <z@a.example>\nDate: 2026-03-0")
    assert body == ["五天。", "好。"]


def test_old_messages_are_in_their_code_page() -> None:
    """What is not in Unicode is read as the page that the message names."""
    parsed = parse(message({0x37: "主题".encode("gbk"), 0x1000: "正文".encode("gbk")}), name="x")
    assert (parsed.title, parsed.blocks[-1].text) == ("主题", "正文")


def test_a_page_is_read_where_there_is_no_text() -> None:
    """Its headings and tables are kept."""
    parsed = parse(message({0x37: "s", 0x1013: "<h1>Title</h1><p>text"}), name="x")
    assert [block.text for block in parsed.blocks[1:]] == ["Title", "text"]


RICH = (
    rb"{\rtf1\ansi\ansicpg936\deff0{\fonttbl{\f0\fcharset134 SimSun;}}"
    rb"\f0 \'c4\'ea\'bc\'d9\par Five days, five days, five days.\par\trowd\cellx1\cellx2 "
    rb"\intbl a\cell b\cell\row\intbl 1\cell 2\cell\row}"
)


@pytest.mark.parametrize("stored", [compress(RICH), compress(RICH, compressed=False)])
def test_rich_text_is_read_where_there_is_nothing_else(stored: bytes) -> None:
    """Outlook compresses it, or says in the same place that it did not."""
    parsed = parse(rich(stored), name="x")
    assert [block.text for block in parsed.blocks[1:]] == [
        "年假",
        "Five days, five days, five days.",
        "| a | b |\n| --- | --- |\n| 1 | 2 |",
    ]
    assert parsed.warnings == ()


def test_rich_text_that_stands_for_a_page() -> None:
    """What is there for the page's sake only is left out."""
    page = (
        rb"{\rtf1\ansi\fromhtml1{\*\htmltag64 <p class=x>}\htmlrtf \pard\htmlrtf0 Five days"
        rb"{\*\htmltag72 </p>}\htmlrtf\par\htmlrtf0 {\*\htmltag64 <p>}Ten{\*\htmltag72 </p>}}"
    )
    parsed = parse(rich(compress(page)), name="x")
    assert [block.text for block in parsed.blocks[1:]] == ["Five days", "Ten"]


@pytest.mark.parametrize(
    ("damaged", "why"),
    [
        (compress(RICH)[:-9] + bytes(9), "CRC is invalid"),
        (compress(b"no rich text"), "not RTF"),
    ],
)
def test_damaged_rich_text_is_told(damaged: bytes, why: str) -> None:
    """Who wrote and when is kept."""
    parsed = parse(rich(damaged), name="x")
    assert [block.text.split(":")[0] for block in parsed.blocks] == ["From"]
    (warning,) = parsed.warnings
    assert warning.startswith("its text is only there as compressed RTF, which was not read: ")
    assert why in warning


@pytest.mark.parametrize("data", [b"text", compound_file({"WordDocument": b"x"})])
def test_what_is_no_message_is_refused(data: bytes) -> None:
    """Other files under a message's name."""
    with pytest.raises(ParseError, match="damaged, or not"):
        load(data, name="a.msg")


def test_a_part_that_claims_to_be_larger_than_the_file_is_told() -> None:
    """Sectors in a circle would be read for ever, into any amount of memory."""
    data = bytearray(message({0x0037: "Subject", 0x1000: "Text"}))
    entry = data.index("__properties_version1.0".encode("utf-16-le"))
    struct.pack_into("<I", data, entry + 120, 0x7000_0000)
    with pytest.raises(ParseError, match="larger than the whole"):
        parse(bytes(data), name="a.msg")
