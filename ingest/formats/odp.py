"""OpenDocument presentations: a slide is a page, its title a heading; text, tables and notes.

Shapes come in the order in which the slide draws them, the title first.
"""

from collections.abc import Iterator

from ingest import pulse
from ingest.document import Parsed
from ingest.formats.hidden import kept_hidden_warnings
from ingest.formats.odf import OpenDocument
from ingest.formats.odf_text import TextReader
from ingest.formats.ooxml import Element, attribute, child, descendants, name_of
from ingest.formats.outline import Outline

_FURNITURE = frozenset({"page", "page-number", "date-time", "footer", "header", "handout"})
_LONGEST_TITLE = 100


def parse(data: bytes, *, name: str) -> Parsed:
    """A presentation; its title is its property, or the first slide's.

    Raises:
        ParseError: it is encrypted, too large unpacked, or holds no presentation.
    """
    document = OpenDocument(data, body="presentation", called="an OpenDocument presentation")
    outline = Outline()
    reader = TextReader(document, outline)
    slides = [each for each in document.body if name_of(each) == "page"]
    for number, slide in enumerate(slides, start=1):
        pulse.page(number)
        outline.page = number
        _read_slide(slide, reader, outline)
    blocks = outline.blocks()
    first = next((block.text for block in blocks if block.level and block.page == 1), "")
    hidden = kept_hidden_warnings("slide", _hidden(document, slides))
    title = document.title() or first or name
    return Parsed(title, blocks, len(slides), (*reader.hidden.warnings, *hidden))


def _hidden(document: OpenDocument, slides: list[Element]) -> list[str]:
    """The numbers of the slides that are not shown."""
    hidden = {
        attribute(each, "name")
        for each in document.elements("style")
        if attribute(child(each, "drawing-page-properties"), "visibility") == "hidden"
    }
    return [
        str(number)
        for number, slide in enumerate(slides, start=1)
        if attribute(slide, "style-name") in hidden
    ]


def _read_slide(slide: Element, reader: TextReader, outline: Outline) -> None:
    shapes = [each for each in slide if name_of(each) != "notes"]
    titles = [each for each in shapes if attribute(each, "class") == "title"]
    shapes = [each for each in shapes if attribute(each, "class") not in _FURNITURE | {"title"}]
    lines = [reader.text(each) for shape in titles for each in descendants(shape, "p")]
    title = " ".join(lines).strip() or _first_line(shapes, reader)
    outline.begin_heading(1)
    outline.write(title or f"Slide {outline.page}")
    outline.end_heading()
    for shape in (*shapes, *_notes(slide)):
        reader.read(shape)
        outline.end_list()


def _first_line(shapes: list[Element], reader: TextReader) -> str:
    """Take away the first paragraph of a slide without a title, to stand for it, if it is short."""
    paragraphs = (each for shape in shapes for each in descendants(shape, "p"))
    first = next((each for each in paragraphs if "".join(map(str, each.itertext())).strip()), None)
    if first is None or len(text := reader.text(first).strip()) > _LONGEST_TITLE:
        return ""
    for each in list(first):
        first.remove(each)
    first.text = None
    return text


def _notes(slide: Element) -> Iterator[Element]:
    """The shapes that hold what the speaker says."""
    for notes in slide.iterchildren("{*}notes"):
        yield from (each for each in notes if attribute(each, "class") == "notes")
