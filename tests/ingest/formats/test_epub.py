"""EPUB: the pages of the spine, in its order."""

import pytest

from ingest.document import Block, BlockKind, Parsed
from ingest.formats.epub import parse
from kb_qa.errors import ParseError
from tests.ingest.formats.open_document import archive

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
)
XHTML = (
    '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body>'
)


def page(body: str) -> str:
    return f"{XHTML}{body}</body></html>"


def book(
    pages: dict[str, str | bytes], *, spine: str = "", more: str = ""
) -> dict[str, str | bytes]:
    """The parts of an e-book; its pages are in the spine in their order, or in that given."""
    items = "".join(
        f'<item id="{name}" href="text/{name}.xhtml" media-type="application/xhtml+xml"/>'
        for name in pages
    )
    references = "".join(
        f'<itemref idref="{name}"/>' for name in (spine or " ".join(pages)).split()
    )
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<metadata><dc:title>书名</dc:title></metadata><manifest>{items}{more}</manifest>"
        f'<spine toc="ncx">{references}</spine></package>'
    )
    parts = {f"OEBPS/text/{name}.xhtml": data for name, data in pages.items()}
    return {"META-INF/container.xml": CONTAINER, "OEBPS/book.opf": package, **parts}


def parsed(parts: dict[str, str | bytes]) -> Parsed:
    return parse(archive(parts), name="x")


def test_pages_come_in_the_order_of_the_spine() -> None:
    """Not in that of the archive; a page is read once, and none are numbered."""
    pages = {"b": page("<h1>Two</h1><p>b</p>"), "a": page("<h1>One</h1><p>a</p>")}
    result = parsed(book(pages, spine="a b a gone"))
    assert result == Parsed(
        "书名",
        (
            Block(BlockKind.HEADING, "One", 1),
            Block(BlockKind.PARAGRAPH, "a"),
            Block(BlockKind.HEADING, "Two", 1),
            Block(BlockKind.PARAGRAPH, "b"),
        ),
    )


def test_references_are_resolved() -> None:
    """Names in the package are relative to it, and may be escaped."""
    parts = book({"a": page("<p>x</p>")})
    parts["OEBPS/第 1.xhtml"] = page("<p>found</p>")
    package = str(parts["OEBPS/book.opf"])
    parts["OEBPS/book.opf"] = package.replace("text/a.xhtml", "text/../%E7%AC%AC%201.xhtml")
    assert parsed(parts).text == "found"


def test_footnotes_are_kept() -> None:
    """Readers hide notes until asked for them; they are text all the same."""
    note = '<aside epub:type="footnote" hidden="hidden">The note.</aside>'
    old = '<div role="doc-endnote" style="display:none">Another.</div>'
    body = f'<p>See<a epub:type="noteref" href="#n">[1]</a></p>{note}{old}<p hidden="">gone</p>'
    result = parsed(book({"a": page(body)}))
    assert [block.text for block in result.blocks] == ["See[1]", "The note.", "Another."]
    assert result.warnings == ("1 passage of hidden text left out",)


NAVIGATION = (
    '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
    '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>'
)


def test_headings_from_the_contents() -> None:
    """Where headings are only large type, or pictures, the table of contents names them."""
    contents = (
        '<nav xmlns:epub="http://www.idpf.org/2007/ops" epub:type="toc"><ol>'
        '<li><a href="text/a.xhtml">第一章</a><ol><li><a href="text/a.xhtml#s">节</a></li></ol>'
        '</li><li><a href="text/b.xhtml">第二章</a></li>'
        '<li><a href="text/c.xhtml">第三章</a></li></ol></nav>'
    )
    pages: dict[str, str | bytes] = {
        "a": page("<p class='big'>第一章</p><p>x</p><p>节</p><p>y</p>"),
        "b": page("<img src='head.png'/><p>z</p>"),
        "c": page("<h2>Its own</h2>"),
    }
    parts = book(pages, spine="nav a b c", more=NAVIGATION)
    parts["OEBPS/nav.xhtml"] = (
        f'<html xmlns="http://www.w3.org/1999/xhtml"><body>{contents}</body></html>'
    )
    assert [(block.text, block.level) for block in parsed(parts).blocks] == [
        ("第一章", 1),
        ("x", 0),
        ("节", 2),
        ("y", 0),
        ("第二章", 1),
        ("z", 0),
        ("Its own", 2),
    ]


def test_headings_from_the_older_contents() -> None:
    """EPUB 2 has its contents in a format of its own; broken ones cost no text."""
    label = "<navLabel><text>Chapter</text></navLabel>"
    point = f'<navPoint>{label}<content src="text/a.xhtml"/></navPoint>'
    parts = book({"a": page("<p>Chapter</p><p>x</p>")}, more=NAVIGATION)
    parts["OEBPS/toc.ncx"] = f"<ncx><navMap>{point}</navMap></ncx>"
    assert [block.level for block in parsed(parts).blocks] == [1, 0]
    parts["OEBPS/toc.ncx"] = "<ncx>&nbsp;"
    assert [block.level for block in parsed(parts).blocks] == [0, 0]


def encryption(algorithm: str, path: str) -> str:
    return (
        f'<encryption><EncryptedData><EncryptionMethod Algorithm="{algorithm}"/><CipherData>'
        f'<CipherReference URI="{path}"/></CipherData></EncryptedData></encryption>'
    )


@pytest.mark.parametrize(
    ("part", "by"),
    [
        ("META-INF/rights.xml", "Adobe's DRM"),
        ("META-INF/license.lcpl", "Readium LCP"),
        ("META-INF/sinf.xml", "Apple's FairPlay"),
        ("META-INF/other", "DRM"),
    ],
)
def test_protected_books_are_named_as_such(part: str, by: str) -> None:
    """Noise is not read as text, and the reason names the protection."""
    parts = book({"a": b"\x99" * 50})
    parts |= {
        part: "<rights/>",
        "META-INF/encryption.xml": encryption(
            "http://www.w3.org/2001/04/xmlenc#aes128-cbc", "OEBPS/text/a.xhtml"
        ),
    }
    with pytest.raises(ParseError, match=f"encrypted by {by}: only the shop's own reader"):
        parsed(parts)


def test_obfuscated_fonts_hide_no_text() -> None:
    """Fonts are mangled in free books too."""
    parts = book({"a": page("<p>x</p>")})
    parts["META-INF/encryption.xml"] = encryption(
        "http://www.idpf.org/2008/embedding", "OEBPS/fonts/a.otf"
    )
    assert parsed(parts).text == "x"


def test_one_bad_page_is_not_a_bad_book() -> None:
    """What is missing, or no text, is told; the rest is read."""
    parts = book({"a": bytes(range(256)) * 9, "b": page("<p>good</p>"), "c": ""})
    del parts["OEBPS/text/c.xhtml"]
    result = parsed(parts)
    assert result.text == "good"
    assert result.warnings == (
        "OEBPS/text/a.xhtml cannot be read: not text: the file holds binary data",
        "OEBPS/text/c.xhtml is missing in the archive",
    )


def test_a_book_packed_with_its_folder_is_read() -> None:
    """Debian's own e-books have everything one folder down."""
    parts = book({"a": page("<p>x</p>")})
    assert parsed({f"epub/{name}": data for name, data in parts.items()}).text == "x"


def test_other_archives_are_refused() -> None:
    """An archive without a container, or with one that leads nowhere."""
    with pytest.raises(ParseError, match=r"not EPUB: it holds no META-INF/container\.xml"):
        parsed({"a": ""})
    with pytest.raises(ParseError, match=r"not EPUB: it holds no OEBPS/book\.opf"):
        parsed({"META-INF/container.xml": CONTAINER})
