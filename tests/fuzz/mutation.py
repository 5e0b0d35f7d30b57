"""Real files, spoilt by chance: the same chance spoils them in the same way."""

import io
import random
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence

_NUMBERS = (
    b"0 -1 1 255 65535 65536 2147483647 -2147483648 4294967295 1e999 99999999999999999999".split()
)
_TOKENS: Mapping[str, Sequence[bytes]] = {
    "xml": [
        *(
            b"<w:p>",
            b"</w:p>",
            b"<w:tbl><w:tr><w:tc>",
            b"<w:sdt>",
            b"<w:br/>",
            b"<a:p>",
            b"<a:tbl>",
        ),
        *(
            b"<text:p>",
            b"<text:list><text:list-item>",
            b"<text:s text:c='9999999'/>",
            b"<text:note>",
        ),
        *(
            b"<table:table-row table:number-rows-repeated='1048576'>",
            b"<table:covered-table-cell/>",
        ),
        *(
            b"<row r='1048576'>",
            b"<c r='XFD1' t='s'><v>9</v></c>",
            b"<c t='inlineStr'>",
            b"<v>1e999</v>",
        ),
        *(
            b"<![CDATA[",
            b"]]>",
            b"<!--",
            b"-->",
            b"<?x?>",
            b"&amp;",
            b"&#0;",
            b"&#xFFFF;",
            b"&nbsp;",
        ),
        *(b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&b;", b" xmlns='urn:x'", b"/>", b"<a", b"='", b'"'),
    ],
    "html": [
        *(
            b"<table>",
            b"<tr>",
            b"<td rowspan=99 colspan=99>",
            b"</table>",
            b"<ul>",
            b"<li>",
            b"<pre>",
        ),
        *(
            b"<h1>",
            b"<svg>",
            b"<math>",
            b"<template>",
            b"<select>",
            b"<plaintext>",
            b"<!--",
            b"<script>",
        ),
        *(
            b"<meta charset=utf-7>",
            b"&#x110000;",
            b"<base>",
            b"</p>",
            b"<frameset>",
            b"<ol start=-9>",
        ),
    ],
    "pdf": [
        *(
            b" obj\n",
            b"endobj\n",
            b"stream\n",
            b"endstream\n",
            b" 0 R",
            b"<<",
            b">>",
            b"[",
            b"]",
            b"(",
        ),
        *(b"/Kids ", b"/Count ", b"/Length ", b"/Filter /FlateDecode ", b"/Prev ", b"/W [1 2 1] "),
        *(
            b"/Contents ",
            b"BT ",
            b"ET ",
            b" Tj ",
            b" TJ ",
            b" Do ",
            b" Tm ",
            b"q ",
            b"Q ",
            b" Tf ",
            b" cm ",
        ),
        *(b"/ToUnicode ", b"/Rotate 90 ", b"/MediaBox [0 0 1e9 1e9] ", b"xref\n", b"trailer\n"),
    ],
    "rtf": [
        *(
            b"{",
            b"}",
            b"\\par ",
            b"\\u-1?",
            b"\\'ff",
            b"\\bin9999999 ",
            b"\\trowd ",
            b"\\cell ",
            b"\\row ",
        ),
        *(
            b"{\\*\\x ",
            b"\\uc9 ",
            b"\\ansicpg0 ",
            b"\\f9 ",
            b"\\pict ",
            b"\\ls1\\ilvl9 ",
            b"{\\footnote ",
        ),
    ],
    "json": [
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b'"',
        b"null",
        b"\\ud800",
        b"NaN",
        b"\n",
        b'"cells": ',
    ],
    "mail": [
        *(
            b"\r\n\r\n",
            b"--",
            b"Content-Type: multipart/mixed; boundary=a\r\n",
            b"--a\r\n",
            b"--a--\r\n",
        ),
        *(
            b"Content-Transfer-Encoding: base64\r\n",
            b"charset=utf-7",
            b"=?utf-8?B?/w==?=",
            b"=?x?Q?=FF?=",
        ),
        *(
            b"Content-Type: message/rfc822\r\n\r\n",
            b"Content-Disposition: attachment; filename*=x''%ff\r\n",
        ),
    ],
    "text": [
        *(
            b"#",
            b"```",
            b"> ",
            b"- ",
            b"1. ",
            b"|",
            b"---\n",
            b"===\n",
            b"[",
            b"](",
            b"**",
            b"`",
            b"\n\n",
        ),
        *(
            b".. include:: x\n",
            b".. code::\n\n   ",
            b"::\n\n ",
            b".. |a| replace:: |a|\n",
            b"|a|",
            b"`a`_",
        ),
        *(
            b"\\begin{itemize}",
            b"\\end{itemize}",
            b"\\section{",
            b"}",
            b"{",
            b"$",
            b"\\verb|",
            b"%",
            b"&",
        ),
        *(b'"', b",", b";", b"\t", b'"""', b"'''", b"\f", b"\x1b[0m"),
    ],
}
_ANYWHERE = (
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    "苹果".encode(),
    "苹果".encode("gbk"),
    b"\xed\xa0\x80",
    b" " * 5000,
)
_DICTIONARIES = {
    **dict.fromkeys(
        (".docx", ".pptx", ".xlsx", ".odt", ".ods", ".odp", ".epub", ".xml", ".xlsm"), "xml"
    ),
    **dict.fromkeys((".html", ".htm", ".xhtml", ".mhtml"), "html"),
    **dict.fromkeys((".json", ".jsonl", ".ipynb"), "json"),
    ".pdf": "pdf",
    ".rtf": "rtf",
    ".eml": "mail",
}
_LARGEST = 400_000
"""Bytes of a spoilt file: what takes long is to take long for its form, not its size."""


def spoilt(original: bytes, *, suffix: str, chance: random.Random, other: bytes = b"") -> bytes:
    """A file with some things changed.

    Args:
        original: the file.
        suffix: of its name.
        chance: decides what is changed.
        other: another file of the format, to take pieces from.
    """
    tokens = (*_TOKENS[_DICTIONARIES.get(suffix, "text")], *_ANYWHERE)
    if zipfile.is_zipfile(io.BytesIO(original)) and chance.random() < 0.8:
        return _with_spoilt_member(original, tokens, chance)
    if original.startswith(b"\x1f\x8b") and chance.random() < 0.8:
        return _with_spoilt_inside(original, tokens, chance)
    return _spoilt(original, tokens, chance, other)


def _with_spoilt_member(original: bytes, tokens: Sequence[bytes], chance: random.Random) -> bytes:
    """The archive with one or two members spoilt, and packed again."""
    memory = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(original)) as archive:
        names = archive.namelist()
        victims = set(chance.choices(names, k=chance.choice([1, 1, 2])))
        with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as copy:
            for name in names:
                data = archive.read(name)
                if name in victims:
                    data = _spoilt(data, tokens, chance, archive.read(chance.choice(names)))
                copy.writestr(name, data)
    return memory.getvalue()


def _with_spoilt_inside(original: bytes, tokens: Sequence[bytes], chance: random.Random) -> bytes:
    inside = _spoilt(zlib.decompress(original, 31), tokens, chance, b"")
    packer = zlib.compressobj(1, wbits=31)
    return packer.compress(inside) + packer.flush()


def _spoilt(data: bytes, tokens: Sequence[bytes], chance: random.Random, other: bytes) -> bytes:
    for _ in range(chance.choice([1, 1, 2, 4, 8])):
        change = chance.choice(_CHANGES)
        data = change(data, chance, tokens, other)[:_LARGEST] if data else chance.choice(tokens)
    return data


Change = Callable[[bytes, random.Random, Sequence[bytes], bytes], bytes]


def _flip(data: bytes, chance: random.Random, _tokens: Sequence[bytes], _other: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice([1, 3, 30])):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _cut(data: bytes, chance: random.Random, _tokens: Sequence[bytes], _other: bytes) -> bytes:
    return data[: chance.randrange(len(data))]


def _swap(data: bytes, chance: random.Random, _tokens: Sequence[bytes], _other: bytes) -> bytes:
    one, two, three = sorted(chance.randrange(len(data) + 1) for _ in range(3))
    return data[:one] + data[two:three] + data[one:two] + data[three:]


def _repeat(data: bytes, chance: random.Random, _tokens: Sequence[bytes], _other: bytes) -> bytes:
    start = chance.randrange(len(data))
    piece = data[start : start + chance.choice([8, 64, 512])]
    return data[:start] + piece * chance.choice([2, 30, 300]) + data[start:]


def _drop(data: bytes, chance: random.Random, _tokens: Sequence[bytes], _other: bytes) -> bytes:
    start = chance.randrange(len(data))
    return data[:start] + data[start + chance.choice([1, 16, 256]) :]


def _insert(data: bytes, chance: random.Random, tokens: Sequence[bytes], _other: bytes) -> bytes:
    for _ in range(chance.choice([1, 4])):
        at = chance.randrange(len(data) + 1)
        data = data[:at] + chance.choice(tokens) * chance.choice([1, 1, 2, 400]) + data[at:]
    return data


def _count(data: bytes, chance: random.Random, _tokens: Sequence[bytes], _other: bytes) -> bytes:
    """A number in it becomes another."""
    numbers = [*re.finditer(rb"\d+", data[:_LARGEST])]
    if not numbers:
        return data
    found = chance.choice(numbers)
    return data[: found.start()] + chance.choice(_NUMBERS) + data[found.end() :]


def _retag(data: bytes, chance: random.Random, _tokens: Sequence[bytes], _other: bytes) -> bytes:
    """A tag in it is repeated, moved or dropped."""
    tags = [*re.finditer(rb"<[^<>]{1,200}>", data[:_LARGEST])]
    if not tags:
        return data
    found, place = chance.choice(tags), chance.choice(tags).start()
    if chance.random() < 0.3:
        return data[: found.start()] + data[found.end() :]
    return data[:place] + found.group() * chance.choice([1, 2, 500]) + data[place:]


def _splice(data: bytes, chance: random.Random, _tokens: Sequence[bytes], other: bytes) -> bytes:
    start, at = chance.randrange(len(other) + 1), chance.randrange(len(data) + 1)
    return data[:at] + other[start : start + chance.choice([32, 1024, 20_000])] + data[at:]


_CHANGES: Sequence[Change] = (
    _flip, _cut, _swap, _repeat, _drop, _insert, _insert, _count, _count, _retag, _retag, _splice,
)  # fmt: skip
