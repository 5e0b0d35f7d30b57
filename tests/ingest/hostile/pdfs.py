"""PDF: trees in circles, streams that swell, locks, pages without end and without text."""

import zlib
from collections.abc import Iterator, Mapping

from tests.ingest.hostile.containers import MEGABYTE
from tests.ingest.hostile.row import ADDED, FAILED, SKIPPED, Outside, Row
from tests.ingest.hostile.samples import SENTENCE, pdf

_TEXT = f"BT /F1 12 Tf 72 700 Td ({SENTENCE}.) Tj ET".encode()
_FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
_PAGE = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
_PARTS = {
    1: b"<< /Type /Catalog /Pages 2 0 R >>",
    2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    3: _PAGE,
    5: _FONT,
}


def rows() -> Iterator[Row]:
    yield from _trees()
    yield from _streams()
    yield from _locks()
    yield from _pages()
    yield from _actions()


def _made(
    parts: Mapping[int, bytes] | None = None, *, content: bytes = _TEXT, trailer: bytes = b""
) -> bytes:
    """A document of one page, with some of its objects replaced or added."""
    objects = {**_PARTS, 4: _stream(content), **(parts or {})}
    body = bytearray(b"%PDF-1.7\n")
    offsets = {}
    for number, data in objects.items():
        offsets[number] = len(body)
        body += b"%d 0 obj\n%s\nendobj\n" % (number, data)
    size, start = max(objects) + 1, len(body)
    body += b"xref\n0 %d\n0000000000 65535 f \n" % size
    for number in range(1, size):
        body += b"%010d 00000 n \n" % offsets.get(number, 0)
    body += b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (
        size,
        trailer,
        start,
    )
    return bytes(body)


def _stream(data: bytes, extra: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(data), extra, data)


def _swelling(megabytes: int, unit: bytes, *, after: bytes = b"", extra: bytes = b"") -> bytes:
    """A stream that takes up megabytes of one unit."""
    deflate = zlib.compressobj(9)
    filling = unit * (MEGABYTE // len(unit))
    head = deflate.compress(filling) + deflate.flush(zlib.Z_FULL_FLUSH)
    block = deflate.compress(filling) + deflate.flush(zlib.Z_FULL_FLUSH)
    tail = deflate.compress(after) + deflate.flush(zlib.Z_SYNC_FLUSH)
    return _stream(head + block * (megabytes - 1) + tail, b"/Filter /FlateDecode " + extra)


def _trees() -> Iterator[Row]:
    itself = _made({2: b"<< /Type /Pages /Kids [2 0 R 3 0 R] /Count 2 >>"})
    yield Row("a tree of pages in a circle", "circle.pdf", FAILED, "damaged", itself)
    only = _made(
        {
            2: b"<< /Type /Pages /Kids [6 0 R] /Count 1 >>",
            6: b"<< /Type /Pages /Parent 2 0 R /Kids [2 0 R] /Count 1 >>",
        }
    )
    yield Row("a tree that holds no page", "nopage.pdf", FAILED, "", only)
    yield Row(
        "a thousand million pages, as it says",
        "count.pdf",
        ADDED,
        "",
        _made({2: b"<< /Type /Pages /Kids [3 0 R] /Count 1000000000 >>"}),
    )
    yield Row(
        "fewer than no pages",
        "minus.pdf",
        ADDED,
        "",
        _made({2: b"<< /Type /Pages /Kids [3 0 R] /Count -5 >>"}),
    )
    kids = b" ".join([b"3 0 R"] * 3000)
    yield Row(
        "one page 3,000 times",
        "again.pdf",
        ADDED,
        "",
        _made({2: b"<< /Type /Pages /Kids [%s] /Count 3000 >>" % kids}),
        "Apples",
    )
    deep = {2: b"<< /Type /Pages /Kids [10 0 R] /Count 1 >>"}
    deep |= {
        n: b"<< /Type /Pages /Parent %d 0 R /Kids [%d 0 R] /Count 1 >>"
        % (n - 1, n + 1 if n < 5009 else 3)
        for n in range(10, 5010)
    }
    yield Row("a tree 5,000 deep", "deep.pdf", FAILED, "damaged", _made(deep))
    outline = {
        1: b"<< /Type /Catalog /Pages 2 0 R /Outlines 6 0 R >>",
        6: b"<< /Type /Outlines /First 7 0 R /Last 7 0 R /Count 1 >>",
        7: b"<< /Title (apples) /Parent 6 0 R /Next 7 0 R /First 7 0 R /Dest [3 0 R /Fit] >>",
    }
    yield Row("an outline in a circle", "outline.pdf", ADDED, "", _made(outline), "Apples")
    nested = dict(outline) | {
        n: b"<< /Title (apples) /Parent %d 0 R /First %d 0 R /Dest [3 0 R /Fit] >>" % (n - 1, n + 1)
        for n in range(7, 4000)
    }
    yield Row("an outline 4,000 deep", "outlines.pdf", ADDED, "", _made(nested), "Apples")
    labels = {
        1: b"<< /Type /Catalog /Pages 2 0 R /PageLabels << /Kids [6 0 R] >> >>",
        6: b"<< /Kids [6 0 R] >>",
    }
    yield Row("labels in a circle", "labels.pdf", ADDED, "", _made(labels), "Apples")
    brackets = _made({5: b"[" * 100_000})
    yield Row("nested arrays", "arrays.pdf", ADDED, "", brackets)
    parent = _made({3: _PAGE.replace(b"2 0 R", b"3 0 R").replace(b"/MediaBox [0 0 612 792]", b"")})
    yield Row("a page that is its own parent", "parent.pdf", ADDED, "", parent)
    previous = _made(trailer=b"/Prev 9")
    yield Row("a table of objects that leads nowhere", "prev.pdf", ADDED, "", previous, "Apples")
    length = _made({4: b"<< /Length 4 0 R >>\nstream\n%s\nendstream" % _TEXT})
    yield Row("a length that is itself", "length.pdf", ADDED, "", length)


def _streams() -> Iterator[Row]:
    yield Row(
        "a page that swells to 700 MB",
        "bomb.pdf",
        FAILED,
        "crashed|memory|longer",
        lambda _: _made({4: _swelling(700, b" ", after=_TEXT)}),
    )
    yield Row(
        "a page of one line of 5,000 words",
        "words.pdf",
        ADDED,
        "",
        _made(content=b"BT /F1 1 Tf 9 9 Td " + b"(apples) Tj " * 5000 + b"ET"),
        "apples",
    )
    objects = {6: _swelling(500, b"0 ", extra=b"/Type /ObjStm /N 100000 /First 10")}
    yield Row(
        "a stream of objects that swells",
        "objects.pdf",
        ADDED,
        "",
        lambda _: _made(objects),
        "Apples",
    )
    filters = _stream(_TEXT, b"/Filter [" + b"/ASCIIHexDecode " * 3000 + b"]")
    yield Row("filters without end", "filters.pdf", ADDED, "", _made({4: filters}))
    form = b"<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 6 0 R >> >> "
    page = _PAGE.replace(b"/Font <<", b"/XObject << /X 6 0 R >> /Font <<")
    drawn = {3: page, 6: form + b"/Length 12 >>\nstream\n/X Do /X Do \nendstream"}
    yield Row(
        "a form that draws itself",
        "form.pdf",
        FAILED,
        "crashed|memory|longer",
        _made(drawn, content=_TEXT + b" /X Do"),
    )
    forms = {
        3: page,
        **{
            n: b"<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X %d 0 R >> >> /Length 60 >>\nstream\n%s\nendstream"
            % (n + 1, b"/X Do " * 10)
            for n in range(6, 26)
        },
        26: b"<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Length 1 >>\nstream\n \nendstream",
    }
    yield Row(
        "forms that multiply",
        "forms.pdf",
        FAILED,
        "crashed|memory|longer",
        _made(forms, content=_TEXT + b" /X Do"),
    )
    image = b"<< /Type /XObject /Subtype /Image /Width 65535 /Height 65535 /BitsPerComponent 8 /ColorSpace /DeviceGray /Length 3 /Filter /FlateDecode >>\nstream\nabc\nendstream"
    yield Row(
        "a picture of four thousand megapixels",
        "image.pdf",
        FAILED,
        "holds text|OCR",
        _made({3: page, 6: image}, content=b"q 612 0 0 792 0 0 cm /X Do Q"),
    )
    yield Row(
        "states without end",
        "states.pdf",
        ADDED,
        "",
        _made(content=b"q " * 200_000 + _TEXT),
        "Apples",
    )
    yield Row(
        "operators nobody knows",
        "unknown.pdf",
        ADDED,
        "",
        _made(content=b"(x) Foo " * 20_000 + _TEXT),
        "Apples",
    )
    type3 = b"<< /Type /Font /Subtype /Type3 /FontBBox [0 0 1 1] /FontMatrix [1 0 0 1 0 0] /FirstChar 65 /LastChar 65 /Widths [1] /CharProcs << /A 6 0 R >> /Encoding << /Differences [65 /A] >> /Resources << /Font << /F1 5 0 R >> >> >>"
    yield Row(
        "a font drawn with itself",
        "font.pdf",
        ADDED,
        "",
        _made({5: type3, 6: _stream(b"BT /F1 1 Tf (A) Tj ET")}),
    )


def _locks() -> Iterator[Row]:
    yield Row(
        "a password",
        "locked.pdf",
        FAILED,
        "encrypted|password",
        lambda _: pdf(encrypt=_encryption("secret")),
    )
    yield Row(
        "a password only to change it",
        "owner.pdf",
        ADDED,
        "",
        lambda _: pdf(encrypt=_encryption("")),
        "Apples",
    )
    broken = _made(trailer=b"/Encrypt << /Filter /Standard /V 99 /R 99 /O (a) /U (b) /P -1 >>")
    yield Row("a lock nobody knows", "unknown-lock.pdf", FAILED, "", broken)


def _encryption(password: str):
    from reportlab.lib.pdfencrypt import StandardEncryption

    return StandardEncryption(password, ownerPassword="owner", strength=128)


def _pages() -> Iterator[Row]:
    yield Row("no text", "blank.pdf", SKIPPED, "blank|no text", _made(content=b" "))
    half = b"<< /Type /Pages /Kids [3 0 R 6 0 R] /Count 2 >>"
    empty = _PAGE.replace(b"4 0 R", b"7 0 R")
    yield Row(
        "a page of two without text",
        "half.pdf",
        ADDED,
        "1 of 2 pages",
        _made({2: half, 6: empty, 7: _stream(b"0 0 612 792 re f")}),
        "Apples",
    )
    for about, name, box in (
        ("a page of a thousand million inches", "huge", b"[0 0 72000000000 72000000000]"),
        ("a page of no size", "none", b"[0 0 0 0]"),
        ("a page inside out", "inverse", b"[612 792 0 0]"),
        ("a page whose size is no number", "words", b"[/a /b /c /d]"),
    ):
        yield Row(about, f"{name}.pdf", ADDED, "", _made({3: _PAGE.replace(b"[0 0 612 792]", box)}))
    stacked = b"BT /F1 12 Tf 72 700 Td " + b"(apples) Tj 0 0 Td " * 20_000 + b"ET"
    yield Row(
        "words on top of each other", "stacked.pdf", ADDED, "", _made(content=stacked), "apples"
    )
    scattered = (
        b"BT /F1 6 Tf "
        + b"".join(
            b"1 0 0 1 %d %d Tm (apple) Tj " % (n * 37 % 600, n * 91 % 780) for n in range(8000)
        )
        + b"ET"
    )
    yield Row(
        "words scattered over a page", "scattered.pdf", ADDED, "", _made(content=scattered), "apple"
    )
    invisible = _TEXT.replace(b"Td", b"Td 3 Tr")
    yield Row(
        "invisible text", "invisible.pdf", FAILED, "hidden|holds text", _made(content=invisible)
    )
    junk = b"junk " * 100 + _made()
    yield Row("junk before the document", "junk.pdf", ADDED, "", junk, "Apples")
    yield Row("junk after the document", "after.pdf", ADDED, "", _made() + bytes(5000), "Apples")
    unlisted = _made()
    yield Row(
        "no table of objects",
        "xref.pdf",
        ADDED,
        "",
        unlisted[: unlisted.index(b"xref\n")] + b"trailer << /Root 1 0 R >>",
        "Apples",
    )
    yield Row("half a document", "half2.pdf", FAILED, "damaged", _made()[:180])
    yield Row("only a head", "head.pdf", FAILED, "damaged", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")


def _actions() -> Iterator[Row]:
    yield Row("actions when it is opened", "actions.pdf", ADDED, "", _acting, "Apples")


def _acting(outside: Outside) -> bytes:
    launch = f"<< /Type /Action /S /Launch /F ({outside.trophy}) /Next 7 0 R >>".encode()
    parts = {
        1: b"<< /Type /Catalog /Pages 2 0 R /OpenAction 6 0 R /AA << /O 7 0 R >> >>",
        6: launch,
        7: f"<< /S /JavaScript /JS (this.submitForm\\('{outside.url}'\\);) >>".encode(),
        8: f"<< /S /URI /URI ({outside.url}) >>".encode(),
        9: f"<< /Type /Filespec /F ({outside.canary}) >>".encode(),
    }
    return _made(
        {
            **parts,
            4: b"<< /Length 0 /F 9 0 R >>\nstream\n\nendstream",
            3: _PAGE.replace(b"4 0 R", b"[4 0 R 10 0 R]"),
            10: _stream(_TEXT),
        }
    )
