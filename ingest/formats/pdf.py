"""PDF: the text layer, with what its geometry, its rules and its outline say of structure.

Not read: pictures of text, which `render` hands to OCR. A page is one if it holds no text,
only text that nobody sees, or text that is noise because a font does not say what its
glyphs mean.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pypdfium2
import pypdfium2.raw as pdfium

from ingest import pulse
from ingest.document import EmptyDocument, Parsed
from ingest.formats.backgrounds import without_backgrounds
from ingest.formats.hidden import hidden_warnings
from ingest.formats.inline import one_line
from ingest.formats.layout import arrange
from ingest.formats.legibility import is_legible
from ingest.formats.lines import Bookmark, Line, Rule
from ingest.formats.pdf_objects import painted_on
from ingest.formats.pdf_rotation import Rotation
from ingest.formats.pdf_text import TextLayer
from ingest.formats.picture import Picture
from kb_qa.errors import ParseError

_NO_TITLE = re.compile(
    r"\s*|untitled.*|无标题.*|未命名.*|microsoft (?:word|powerpoint|excel) - .*"
    r"|.*\.(?:docx?|pptx?|xlsx?|dvi|tex|indd|html?|pdf|wps|qxd|pages|md|rtf|odt)\s*",
    re.IGNORECASE | re.DOTALL,
)
_POINTS_PER_INCH = 72
_MOST_PIXELS = 30_000_000
"""An A3 page at 300 dpi has 17 million; a larger one is drawn at fewer dots an inch."""


def parse(
    data: bytes, *, name: str, recognized: Mapping[int, Sequence[Line]] | None = None
) -> Parsed:
    """A PDF's text by page, with headings from its outline or its type sizes.

    Args:
        data: the file.
        name: the title where the file has none.
        recognized: the lines that OCR read, by the index of their page; they take the place
            of what the page's text layer holds.

    Raises:
        EmptyDocument: nothing is painted on any of its pages, or OCR found no text on them.
        ParseError: it is encrypted, damaged, or none of its pages holds text.
    """
    document = _open(data)
    pages = _with_recognized(_pages(document), recognized or {})
    if not any(page.lines for page in pages):
        raise _nothing_to_read(pages, was_tried=bool(recognized))
    arranged = arrange(
        [page.lines for page in pages],
        list(_bookmarks(document)),
        rules=[page.rules for page in pages],
        scanned=frozenset(recognized or {}),
    )
    title = _clean(document.get_metadata_value("Title"))
    first = next((each.text for each in arranged.blocks if each.level and each.page == 1), "")
    own = first if _NO_TITLE.fullmatch(title) else title
    warnings = (*_warnings(pages), *arranged.warnings)
    bare = sum(page.is_unread for page in pages)
    return Parsed(own or name, arranged.blocks, len(pages), warnings, bare)


def unread(data: bytes) -> tuple[int, ...]:
    """The indices of the pages that show something, but no text that can be read.

    Raises:
        ParseError: it is encrypted or damaged.
    """
    document = _open(data)
    pages = (_page(document, index) for index in range(len(document)))
    return tuple(index for index, page in enumerate(pages) if page.is_unread)


def render(data: bytes, page: int, *, dpi: int = 200) -> Picture:
    """A page as a picture; a page so large that its picture would be is drawn with fewer dots.

    Args:
        data: the file.
        page: its index.
        dpi: dots an inch.

    Raises:
        ParseError: it is encrypted or damaged, or has no such page.
    """
    document = _open(data)
    if not 0 <= page < len(document):
        raise ParseError(f"there is no page {page + 1}: it has {len(document)}")
    drawn = document[page]
    width, height = drawn.get_size()
    pixels = width * height * (dpi / _POINTS_PER_INCH) ** 2
    scale = dpi / _POINTS_PER_INCH * min(1.0, (_MOST_PIXELS / max(pixels, 1.0)) ** 0.5)
    bitmap = drawn.render(scale=scale, grayscale=True)
    rows = memoryview(bitmap.buffer).cast("B")
    starts = range(0, bitmap.height * bitmap.stride, bitmap.stride)
    grey = b"".join(rows[start : start + bitmap.width] for start in starts)
    return Picture(bitmap.width, bitmap.height, grey, scale * _POINTS_PER_INCH)


@dataclass(frozen=True)
class _Page:
    """What is on a page.

    Attributes:
        lines: its text.
        rules: the lines drawn on it.
        hidden: passages that nobody sees, and that are left out.
        is_noise: whether it has text that is not what is drawn.
        is_blank: whether it shows nothing.
    """

    lines: Sequence[Line]
    rules: Sequence[Rule] = ()
    hidden: int = 0
    is_noise: bool = False
    is_blank: bool = False

    @property
    def is_unread(self) -> bool:
        return not self.lines and not self.is_blank


def _pages(document: pypdfium2.PdfDocument) -> Iterator[_Page]:
    for index in range(len(document)):
        pulse.page(index + 1)
        yield _page(document, index)


def _page(document: pypdfium2.PdfDocument, index: int) -> _Page:
    page = document[index]
    text_page = page.get_textpage()
    try:
        layer = TextLayer(text_page)
        if not is_legible(layer.raw):
            return _Page((), is_noise=True)
        painted, area = painted_on(page), page.get_bbox()
        rules = without_backgrounds(painted.rules, layer.places, layer.is_on_letter)
        degrees = page.get_rotation()
        rotation = Rotation(degrees, area) if degrees else None
        if rotation:
            area, rules = rotation.box(area), [rotation.rule(rule) for rule in rules]
        lines = layer.lines(rules, painted.hidden, area, rotation)
        return _Page(lines, rules, layer.hidden.passages, is_blank=painted.is_blank)
    finally:
        text_page.close()
        page.close()


def _with_recognized(
    pages: Iterator[_Page], recognized: Mapping[int, Sequence[Line]]
) -> list[_Page]:
    return [
        _Page(recognized[index], page.rules) if index in recognized else page
        for index, page in enumerate(pages)
    ]


def _nothing_to_read(pages: Collection[_Page], *, was_tried: bool) -> ParseError:
    if was_tried:
        return EmptyDocument(f"empty: OCR found no text on its {len(pages)} pages")
    if all(page.is_blank for page in pages):
        return EmptyDocument(f"empty: its {len(pages)} pages are blank")
    return ParseError(
        f"none of its {len(pages)} pages holds text (scanned?): "
        "it needs OCR: pip install 'kb-qa[ocr]'"
    )


def _warnings(pages: Collection[_Page]) -> Iterator[str]:
    bare = sum(page.is_unread and not page.is_noise for page in pages)
    noise = sum(page.is_noise for page in pages)
    if bare:
        yield f"{bare} of {len(pages)} pages hold no text (scanned?)"
    if noise:
        yield f"{noise} of {len(pages)} pages hold text that is noise: fonts without meanings"
    yield from hidden_warnings(sum(page.hidden for page in pages))


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


def _clean(text: str) -> str:
    return one_line(text)
