"""Mail and saved web pages: parts in parts, headers without end, attachments that are not read."""

from collections.abc import Iterator

from tests.ingest.hostile.row import ADDED, FAILED, Outside, Row
from tests.ingest.hostile.samples import SENTENCE, web_archive

_HEAD = b"From: a@example.com\r\nSubject: Fruit\r\nMIME-Version: 1.0\r\n"


_VERDICTS = {
    "nested": (FAILED, "nested|longer", ""),
    "parts": (None, "", ""),
    "messages": (FAILED, "nested", ""),
    "boundary": (ADDED, "not read: 1", ""),
}
"""Where it is not added; 10,000 parts may take longer than a parser has here."""


def rows() -> Iterator[Row]:
    for about, name, body in (
        ("nested parts", "nested", _nested(1000)),
        ("10,000 parts side by side", "parts", _side_by_side(10_000)),
        ("nested messages", "messages", _messages(3000)),
        (
            "a boundary that never comes",
            "boundary",
            b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n'
            + b"--y\r\n" * 9999
            + SENTENCE.encode(),
        ),
        (
            "headers without end",
            "headers",
            b"".join(b"X-%d: a\r\n" % n for n in range(50_000)) + b"\r\n" + SENTENCE.encode(),
        ),
        (
            "a header of a megabyte",
            "header",
            b"X-A: " + b"a" * 1_000_000 + b"\r\n\r\n" + SENTENCE.encode(),
        ),
        (
            "a header folded without end",
            "folded",
            b"X-A: a\r\n" + b" a\r\n" * 50_000 + b"\r\n" + SENTENCE.encode(),
        ),
        (
            "a subject encoded without end",
            "subject",
            b"Subject: " + b"=?utf-8?B?YQ==?= " * 5000 + b"\r\n\r\n" + SENTENCE.encode(),
        ),
        (
            "addresses without end",
            "addresses",
            b"To: " + b"a@b.example, " * 20_000 + b"\r\n\r\n" + SENTENCE.encode(),
        ),
        (
            "comments nested in an address",
            "comments",
            b"To: " + b"(" * 5000 + b"a@b.example\r\n\r\n" + SENTENCE.encode(),
        ),
        (
            "a character set nobody knows",
            "charset",
            b"Content-Type: text/plain; charset=klingon\r\n\r\n" + SENTENCE.encode(),
        ),
        (
            "an encoding nobody knows",
            "encoding",
            b"Content-Type: text/plain\r\nContent-Transfer-Encoding: klingon\r\n\r\n"
            + SENTENCE.encode(),
        ),
        (
            "a codec that is no encoding",
            "rot13",
            b"Content-Type: text/plain; charset=zlib\r\n\r\n" + SENTENCE.encode(),
        ),
    ):
        wanted = _VERDICTS.get(name, (ADDED, "", "Apples are red"))
        yield Row(f"mail with {about}", f"{name}.eml", *wanted[:2], _HEAD + body, wanted[2])
    yield Row("mail from elsewhere", "external.eml", ADDED, "", _external, "Apples are red")
    yield Row(
        "base64 that is none",
        "base64.eml",
        ADDED,
        "",
        _HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n!!!! apples are red !!!!",
    )
    yield Row(
        "a name of an attachment that climbs",
        "climbs.eml",
        ADDED,
        "attachment",
        _attached,
        "Apples are red",
    )
    yield Row(
        "a saved page of links to elsewhere", "links.mhtml", ADDED, "", _saved, "Apples are red"
    )


def _nested(depth: int) -> bytes:
    start = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n)
        for n in range(depth)
    )
    return (
        b'Content-Type: multipart/mixed; boundary="a"\r\n\r\n--a\r\n\r\n'
        + SENTENCE.encode()
        + b"\r\n--a\r\n"
        + start
        + b"\r\nend\r\n"
    )


def _side_by_side(count: int) -> bytes:
    return (
        b'Content-Type: multipart/mixed; boundary="a"\r\n\r\n'
        + (b"--a\r\n\r\n" + SENTENCE.encode() + b"\r\n") * count
        + b"--a--\r\n"
    )


def _messages(depth: int) -> bytes:
    start = b'Content-Type: multipart/mixed; boundary="a"\r\n\r\n--a\r\n\r\n' + SENTENCE.encode()
    return (
        start
        + b"\r\n--a\r\nContent-Type: message/rfc822\r\n\r\n"
        + b"Subject: a\r\nContent-Type: message/rfc822\r\n\r\n" * depth
        + b"end\r\n"
    )


def _external(outside: Outside) -> bytes:
    kind = f'message/external-body; access-type=local-file; name="{outside.canary}"; URL="{outside.url}"'
    return (
        _HEAD
        + b'Content-Type: multipart/mixed; boundary="a"\r\n\r\n--a\r\n\r\n'
        + SENTENCE.encode()
        + f"\r\n--a\r\nContent-Type: {kind}\r\n\r\nContent-Type: text/plain\r\n\r\n--a--\r\n".encode()
    )


def _attached(outside: Outside) -> bytes:
    name = f"../../../../../../../..{outside.trophy}"
    return (
        _HEAD
        + b'Content-Type: multipart/mixed; boundary="a"\r\n\r\n--a\r\n\r\n'
        + SENTENCE.encode()
        + f'\r\n--a\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename="{name}"\r\n\r\ndata\r\n--a--\r\n'.encode()
    )


def _saved(outside: Outside) -> bytes:
    links = (
        f"<p><img src='{outside.url}'><iframe src='{outside.canary.as_uri()}'></iframe>".encode()
    )
    return web_archive().replace(b"<p>", links + b"</p><p>")
