"""PDF: the text layer, with what its geometry and its outline say of structure.

Not read: pictures of text (a warning counts the pages without any), the columns of
tables (a row is a line), and rows drawn across two columns of text, which interleave.
"""

import ctypes
import math
import re
import unicodedata
from collections.abc import Iterator

import pypdfium2
import pypdfium2.raw as pdfium

from ingest.document import Parsed
from ingest.formats.inline import tightened
from ingest.formats.layout import arrange
from ingest.formats.lines import Bookmark, Line
from kb_qa.errors import ParseError

_NO_TITLE = re.compile(
    r"\s*|untitled.*|无标题.*|未命名.*|microsoft (?:word|powerpoint|excel) - .*"
    r"|.*\.(?:docx?|pptx?|xlsx?|dvi|tex|indd|html?|pdf|wps|qxd|pages|md|rtf|odt)\s*",
    re.IGNORECASE | re.DOTALL,
)
_NEWLINE = re.compile(r"\r?\n")
_HYPHEN_AND_NEWLINE = re.compile("[\x02\ufffe]\\s*")
"""What pdfium puts in place of a hyphen that ends a line, and of the line's end."""

_GLYPHS = str.maketrans(
    {
        code: unicodedata.normalize("NFKC", chr(code))
        for code in (*range(0xFB00, 0xFB07), *range(0x2F00, 0x2FD6))
    }
    | dict(zip(
        map(ord, "⺟⺠⻁⻄⻅⻆⻉⻋⻓⻔⻘⻙⻚⻛⻜⻝⻢⻣⻤⻥⻦⻧⻨⻩⻬⻮⻰"),
        "母民虎西见角贝车长门青韦页风飞食马骨鬼鱼鸟卤麦黄齐齿龙",
        strict=True,
    ))
    | dict.fromkeys((0xF06C, 0xF06E, 0xF075, 0xF0A7, 0xF0B7, 0xF0D8, 0xF0FC), "•")
    | dict.fromkeys((*range(9), *range(14, 32), 0x7F))
)  # fmt: skip
"""Letters that fonts draw as one, radicals that fonts name instead of characters, the bullets
of Word's symbol fonts, and control characters, which are dropped."""

_FIXED_PITCH, _FORCE_BOLD, _BOLD_WEIGHT = 1, 1 << 18, 600
_FIXED_NAME = re.compile(rb"courier|mono|consol|typewriter|cmtt|menlo", re.IGNORECASE)
_BOLD_NAME = re.compile(rb"bold|black|heavy|demi|simhei|heiti", re.IGNORECASE)


def parse(data: bytes, *, name: str) -> Parsed:
    """A PDF's text by page, with headings from its outline or its type sizes.

    Raises:
        ParseError: it is encrypted, damaged, or none of its pages holds text.
    """
    document = _open(data)
    pages = len(document)
    lines = [list(_lines(document, index)) for index in range(pages)]
    bare = sum(not page for page in lines)
    if bare == pages:
        raise ParseError(f"none of its {pages} pages holds text (scanned?): it needs OCR")
    warnings = (f"{bare} of {pages} pages hold no text (scanned?)",) if bare else ()
    blocks = arrange(lines, list(_bookmarks(document)))
    title = _clean(document.get_metadata_value("Title"))
    first = next((block.text for block in blocks if block.level and block.page == 1), "")
    own = first if _NO_TITLE.fullmatch(title) else title
    return Parsed(own or name, blocks, pages=pages, warnings=warnings)


def _open(data: bytes) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code == pdfium.FPDF_ERR_PASSWORD:
            raise ParseError("encrypted: it opens with a password only") from error
        raise ParseError(f"damaged, or not PDF: {error}") from error


def _bookmarks(document: pypdfium2.PdfDocument) -> Iterator[Bookmark]:
    for each in document.get_toc():
        target = each.get_dest()
        page = target.get_index() if target else None
        if page is not None:
            yield Bookmark(_clean(each.get_title()), each.level + 1, page)


def _lines(document: pypdfium2.PdfDocument, index: int) -> Iterator[Line]:
    page = document[index]
    text_page = page.get_textpage()
    try:
        yield from _measured(text_page)
    finally:
        text_page.close()
        page.close()


def _measured(text_page: pypdfium2.PdfTextPage) -> Iterator[Line]:
    """The lines of a page as pdfium finds them, with their places."""
    raw, start = text_page.get_text_range(), 0
    for end in [*(match.start() for match in _NEWLINE.finditer(raw)), len(raw)]:
        written = raw[start:end]
        text = _clean(written)
        if text:
            before = len(written) - len(written.lstrip())
            first, last = start + before, start + len(written.rstrip()) - 1
            yield _line(
                text_page, text, _index(text_page, raw, first), _index(text_page, raw, last)
            )
        start = end + (2 if raw.startswith("\r\n", end) else 1)


def _index(text_page: pypdfium2.PdfTextPage, raw: str, place: int) -> int:
    """A character's index for pdfium: it counts UTF-16 units, and characters with no text."""
    units = place if raw.isascii() else len(raw[:place].encode("utf-16-le", "surrogatepass")) // 2
    return int(pdfium.FPDFText_GetCharIndexFromTextIndex(text_page, units))


def _line(text_page: pypdfium2.PdfTextPage, text: str, first: int, last: int) -> Line:
    box, end = pdfium.FS_RECTF(), pdfium.FS_RECTF()
    pdfium.FPDFText_GetLooseCharBox(text_page, first, box)
    pdfium.FPDFText_GetLooseCharBox(text_page, last, end)
    return Line(
        text,
        left=box.left,
        right=end.right,
        baseline=_baseline(text_page, first),
        last_baseline=_baseline(text_page, last),
        size=_size(text_page, first),
        is_bold=_font(text_page, first)[0] and _font(text_page, last)[0],
        is_fixed=_font(text_page, first)[1] and _font(text_page, last)[1],
    )


def _baseline(text_page: pypdfium2.PdfTextPage, index: int) -> float:
    x, y = ctypes.c_double(), ctypes.c_double()
    pdfium.FPDFText_GetCharOrigin(text_page, index, x, y)
    return y.value


def _size(text_page: pypdfium2.PdfTextPage, index: int) -> float:
    """Type size on the page, in points: the font's size times the matrix it is drawn with."""
    matrix = pdfium.FS_MATRIX()
    scale = 1.0
    if pdfium.FPDFText_GetMatrix(text_page, index, matrix):
        scale = math.hypot(matrix.c, matrix.d) or 1.0
    return float(pdfium.FPDFText_GetFontSize(text_page, index)) * scale


def _font(text_page: pypdfium2.PdfTextPage, index: int) -> tuple[bool, bool]:
    """Whether a character's font is bold, and whether all its characters are of one width."""
    name, flags = ctypes.create_string_buffer(128), ctypes.c_int()
    pdfium.FPDFText_GetFontInfo(text_page, index, name, 128, flags)
    weight = pdfium.FPDFText_GetFontWeight(text_page, index)
    bold = weight >= _BOLD_WEIGHT or flags.value & _FORCE_BOLD or _BOLD_NAME.search(name.value)
    fixed = flags.value & _FIXED_PITCH or _FIXED_NAME.search(name.value)
    return bool(bold), bool(fixed)


def _clean(text: str) -> str:
    return tightened(_HYPHEN_AND_NEWLINE.sub("", text).translate(_GLYPHS).strip())
