"""Mail and saved pages: the words of people, whatever wrapped them."""

import contextlib
import time
from base64 import b64encode
from email.message import EmailMessage

import pytest

from ingest.document import Block, BlockKind, Parsed
from ingest.formats.mail import decode_words, parse, parse_page
from kb_qa.errors import ParseError


def message(**headers: str) -> EmailMessage:
    mail = EmailMessage()
    for name, value in headers.items():
        mail[name] = value
    return mail


def texts(parsed: Parsed) -> list[str]:
    return [block.text for block in parsed.blocks]


def test_a_message() -> None:
    """The subject is the title, who and when the first paragraph, then the text."""
    mail = message(Subject="年假安排", From="张三 <zhang@example.org>", To="li@example.org")
    mail["Date"] = "Mon, 02 Mar 2026 09:00:00 +0800"
    mail.set_content("各位好：\n\n春节放假八天。\n")
    parsed = parse(mail.as_bytes(), name="x")
    assert parsed.title == "年假安排"
    assert texts(parsed) == [
        "From: 张三 <zhang@example.org>\nTo: li@example.org\nDate: Mon, 02 Mar 2026 09:00:00 +0800",
        "各位好：",
        "春节放假八天。",
    ]
    assert parsed.warnings == ()


def test_the_plain_form_is_read_or_else_the_page() -> None:
    """Of two forms of a text one is read: the plain one if it says anything."""
    mail = message(Subject="s")
    mail.set_content("plain")
    mail.add_alternative("<p>page</p>", subtype="html")
    assert texts(parse(mail.as_bytes(), name="x")) == ["plain"]
    mail = message(Subject="s")
    mail.set_content(" \n")
    mail.add_alternative("<h1>Page</h1><table><tr><td>a<td>b<tr><td>1<td>2</table>", subtype="html")
    assert texts(parse(mail.as_bytes(), name="x")) == [
        "Page",
        "| a | b |\n| --- | --- |\n| 1 | 2 |",
    ]


@pytest.mark.parametrize("declared", ["gb2312", "GB18030", "gbk"])
def test_chinese_under_a_wrong_name(declared: str) -> None:
    """What is declared GB 2312 is often more than that: 镕 is not in it, nor is 堃."""
    text = "朱镕基、陶堃"
    word = b64encode(text.encode("gb18030")).decode()
    head = (
        f"Subject: =?{declared}?B?{word}?=\nFrom: a@b\nContent-Type: text/plain; charset={declared}"
    )
    parsed = parse(f"{head}\n\n".encode() + text.encode("gb18030"), name="x")
    assert (parsed.title, texts(parsed)[1], parsed.warnings) == (text, text, ())


def test_headers_as_programs_write_them() -> None:
    """Characters cut in two between words, bytes that are not encoded, words amid text."""
    data = "会议纪要".encode()
    one, two = (b64encode(each).decode() for each in (data[:4], data[4:]))
    assert decode_words(f"Re: =?utf-8?B?{one}?=\n =?UTF-8?B?{two}?= (2)") == "Re: 会议纪要 (2)"
    assert decode_words("=?gbk?Q?=C4=EA=BC=D9_A?= =?utf-8?Q?=E5=B9=B4?=") == "年假 A年"
    assert decode_words("=?utf-8?B?!!?= =?nonsense?B?YQ==?=")
    raw = "Subject: 关于员工年假与加班的通知\nFrom: a@b\n\ntext".encode("gb18030")
    assert parse(raw, name="x").title == "关于员工年假与加班的通知"


def test_forwarded_messages_are_read_and_attachments_named() -> None:
    """A message within a message is a section; what is attached is counted and named."""
    inner = message(Subject="原来的问题", From="c@d")
    inner.set_content("打印机坏了。")
    inner.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="发票.pdf")
    mail = message(Subject="Fwd", From="a@b")
    mail.set_content("请看下面。")
    mail.add_attachment(inner)
    mail.add_attachment("a,b", subtype="csv", filename="data.csv")
    parsed = parse(mail.as_bytes(), name="x")
    assert texts(parsed) == ["From: a@b", "请看下面。", "原来的问题", "From: c@d", "打印机坏了。"]
    assert parsed.blocks[2] == Block(BlockKind.HEADING, "原来的问题", 1)
    assert parsed.warnings == ("attachments that were not read: 2 (data.csv, 发票.pdf)",)


def test_a_saved_page() -> None:
    """The page is read in its encoding, its pictures are counted."""
    data = (
        b"From: <Saved by Blink>\nSubject: x\nMIME-Version: 1.0\n"
        b'Content-Type: multipart/related; type="text/html"; boundary="B"\n\n--B\n'
        b"Content-Type: text/html; charset=gbk\nContent-Transfer-Encoding: quoted-printable\n\n"
        b"<title>=D4=B1=B9=A4=CA=D6=B2=E1</title><h1>=C4=EA=BC=D9</h1><p>=CE=E5=CC=EC\n--B\n"
        b"Content-Type: image/png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--B--\n"
    )
    parsed = parse_page(data, name="x")
    assert (parsed.title, texts(parsed)) == ("员工手册", ["年假", "五天"])
    assert parsed.warnings == ("pictures that were not read: 1",)


@pytest.mark.parametrize("data", [b"not mail", b"<html><p>x</html>", b"\0" * 50, b"a: b\n\nc"])
def test_what_is_no_message_is_refused(data: bytes) -> None:
    """Other files under a message's name."""
    with pytest.raises(ParseError, match="not a message"):
        parse(data, name="x")
    with pytest.raises(ParseError, match="not a message"):
        parse_page(data, name="x")


def test_a_page_without_a_page_is_refused() -> None:
    """Mail under a page's name holds no page."""
    with pytest.raises(ParseError, match="no page"):
        parse_page(b"From: a@b\n\ntext", name="x")


def nested(depth: int, kind: str) -> bytes:
    head = b"From: a@b\n"
    for level in range(depth):
        head += f'Content-Type: {kind}; boundary="b{level}"\n\n--b{level}\n'.encode()
    return head + b"Content-Type: text/plain\n\ndeep"


@pytest.mark.parametrize("depth", [50, 2000])
@pytest.mark.parametrize("kind", ["multipart/mixed", "message/rfc822", "multipart/alternative"])
def test_endless_nesting_ends(depth: int, kind: str) -> None:
    """Messages in messages without end are read or refused, not a crash."""
    with contextlib.suppress(ParseError):
        assert parse(nested(depth, kind), name="x").title == "x"


@pytest.mark.parametrize(
    "line",
    [
        "Subject: " + "=?utf-8?B?YQ==?= " * 50_000,
        "To: " + "a@b, " * 100_000,
        "Content-Type: text/plain; " + "a=b; " * 20_000,
        "Subject: " + "=?" * 500_000,
    ],
    ids=["words", "addresses", "parameters", "marks"],
)
def test_long_headers_take_no_time(line: str) -> None:
    """A header made to be slow is cut before it is read."""
    began = time.process_time()
    parse(f"From: a@b\n{line}\n\ntext".encode(), name="x")
    assert time.process_time() - began < 10


def test_parts_side_by_side_are_read_quickly() -> None:
    """Ten thousand short parts take no more time than their text."""
    part = b"--b\nContent-Type: text/plain\n\napples\n"
    head = b"From: a@example.org\nContent-Type: multipart/mixed; boundary=b\n\n"
    began = time.process_time()
    parsed = parse(head + part * 10_000 + b"--b--\n", name="x")
    assert time.process_time() - began < 5
    assert texts(parsed).count("apples") == 10_000
