"""Outlook messages: the same shape as other mail."""

import struct

import pytest

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


@pytest.mark.parametrize("data", [b"text", compound_file({"WordDocument": b"x"})])
def test_what_is_no_message_is_refused(data: bytes) -> None:
    """Other files under a message's name."""
    with pytest.raises(ParseError, match="damaged, or not"):
        load(data, name="a.msg")
