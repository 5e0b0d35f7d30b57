"""PowerPoint: a slide is a page, its title a heading; text, tables, diagrams and notes.

Shapes come in the order in which the slide draws them, the title first.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ingest import pulse
from ingest.document import BlockKind, Parsed
from ingest.formats.hidden import HiddenText, kept_hidden_warnings
from ingest.formats.ooxml import Element, Package, attribute, child, descendants, name_of
from ingest.formats.outline import LINE_END, Outline
from ingest.formats.tables import markdown_table
from kb_qa.errors import ParseError

_PRESENTATION = "ppt/presentation.xml"
_TITLES = frozenset({"title", "ctrTitle"})
_FURNITURE = frozenset({"sldNum", "dt", "ftr", "hdr", "sldImg"})
_LISTED = frozenset({"body", "obj", ""})
"""Placeholders whose paragraphs are bullets; "" is one without a type of its own."""

_LONGEST_TITLE = 100
_SMALLEST_SEEN = 200
"""Hundredths of a point of a letter's height; below it is a line of dust."""

_NUMBER = re.compile(r"-?[0-9]{1,12}")
_YES, _NO = frozenset({"1", "true"}), frozenset({"0", "false"})


@dataclass(frozen=True)
class _Paragraph:
    """A paragraph of a shape: its text, how deep it is indented, and whether it has a bullet."""

    text: str
    depth: int
    is_item: bool


def parse(data: bytes, *, name: str) -> Parsed:
    """A presentation; its title is its property, or the first slide's.

    Raises:
        ParseError: it is encrypted, too large unpacked, or holds no presentation.
    """
    package = Package(data)
    root = package.xml(_PRESENTATION)
    if root is None:
        raise ParseError(f"damaged, or not PowerPoint: it holds no {_PRESENTATION}")
    outline = Outline()
    slides = _slides(package, root)
    size = _size(child(root, "sldSz"), ("cx", "cy"))
    unseen: list[str] = []
    hidden = HiddenText()
    for number, slide in enumerate(slides, start=1):
        pulse.page(number)
        outline.page = number
        slide_root = package.xml(slide)
        if slide_root is not None:
            _read_slide(package, slide, slide_root, outline, hidden, size=size)
            unseen += [str(number)] * (attribute(slide_root, "show") in _NO)
    blocks = outline.blocks()
    first = next((block.text for block in blocks if block.level and block.page == 1), "")
    warnings = (*hidden.warnings, *kept_hidden_warnings("slide", unseen))
    return Parsed(package.title() or first or name, blocks, len(slides), warnings)


def _slides(package: Package, root: Element) -> list[str]:
    """The slides' parts in the order they are shown in."""
    relations = package.relations(_PRESENTATION)
    listed = child(root, "sldIdLst")
    ids = [] if listed is None else [_relation_id(each) for each in listed]
    return [relations[each].target for each in ids if each in relations]


def _read_slide(
    package: Package,
    part: str,
    root: Element,
    outline: Outline,
    hidden: HiddenText,
    *,
    size: tuple[int, ...],
) -> None:
    shapes = list(_visible(_shapes(root), hidden, size))
    titles = [shape for shape in shapes if _placeholder(shape) in _TITLES]
    shapes = [shape for shape in shapes if _placeholder(shape) not in _TITLES | _FURNITURE]
    texts = [list(_paragraphs(shape)) if name_of(shape) == "sp" else [] for shape in shapes]
    title = [each for shape in titles for each in _paragraphs(shape)] or _first_line(texts)
    outline.begin_heading(1)
    outline.write(" ".join(each.text for each in title) or f"Slide {outline.page}")
    outline.end_heading()
    relations = package.relations(part)
    for shape, text in zip(shapes, texts, strict=True):
        _write_text(text, outline, listed=_placeholder(shape) in _LISTED and len(text) > 1)
        _write_tables(shape, outline)
        for each in descendants(shape, "relIds"):  # a diagram: its texts are a part of their own
            relation = relations.get(_relation_id(each, "dm"))
            _write_diagram(package.xml(relation.target) if relation else None, outline)
    for relation in relations.values():
        if relation.kind == "notesSlide":
            _write_notes(package.xml(relation.target), outline)


def _shapes(root: Element) -> Iterator[Element]:
    """Shapes with text and frames, also those in groups, each form of a drawing once."""
    for each in root:
        name = name_of(each)
        if name in ("sp", "graphicFrame"):
            yield each
        elif name != "Fallback":
            yield from _shapes(each)


def _visible(
    shapes: Iterable[Element], hidden: HiddenText, size: tuple[int, ...]
) -> Iterator[Element]:
    """The shapes that show on a slide of this size; the others are counted."""
    for shape in shapes:
        hidden.show()
        is_hidden = attribute(next(descendants(shape, "cNvPr"), None), "hidden") in _YES
        if is_hidden or _is_off(shape, size) or _is_dust(shape):
            hidden.leave_out(" ".join(each.text for each in _paragraphs(shape)))
        else:
            yield shape


def _is_off(shape: Element, size: tuple[int, ...]) -> bool:
    """Whether all of a shape lies beside the slide; one in a group is placed by the group."""
    frame = child(shape, "spPr", "xfrm")
    frame = child(shape, "xfrm") if frame is None else frame
    parent = shape.getparent()
    if frame is None or not size or parent is None or name_of(parent) != "spTree":
        return False
    starts, lengths = (
        _size(child(frame, "off"), ("x", "y")),
        _size(child(frame, "ext"), ("cx", "cy")),
    )
    sides = zip(starts, lengths, size, strict=False)
    return any(start >= edge or start + length <= 0 < length for start, length, edge in sides)


def _is_dust(shape: Element) -> bool:
    """Whether every letter of a shape is too small to be seen."""
    runs = [each for each in descendants(shape, "r") if _written(each)]
    return bool(runs) and all(
        0 < _number(attribute(child(each, "rPr"), "sz")) < _SMALLEST_SEEN for each in runs
    )


def _written(run: Element) -> str:
    return "".join(each.text or "" for each in descendants(run, "t")).strip()


def _size(element: Element | None, names: Sequence[str]) -> tuple[int, ...]:
    """Two lengths that an element states; none where there is no such element."""
    if element is None:
        return ()
    return tuple(_number(attribute(element, name)) for name in names)


def _number(value: str) -> int:
    return int(value) if _NUMBER.fullmatch(value) else 0


def _placeholder(shape: Element) -> str | None:
    """The type of placeholder that a shape fills, "" if it states none; None if it is none."""
    place = next(descendants(shape, "ph"), None)
    return None if place is None else attribute(place, "type")


def _first_line(texts: list[list[_Paragraph]]) -> list[_Paragraph]:
    """Take away the first paragraph of a slide without a title, to stand for it, if it is short."""
    text = next(filter(None, texts), [])
    return [text.pop(0)] if text and len(text[0].text) <= _LONGEST_TITLE else []


def _write_text(text: list[_Paragraph], outline: Outline, *, listed: bool) -> None:
    for each in text:
        if listed or each.depth or each.is_item:
            outline.add_item(each.text, marker="- ", depth=each.depth)
        else:
            outline.write(each.text)
            outline.end_paragraph()
    outline.end_list()


def _write_tables(frame: Element, outline: Outline) -> None:
    for table in descendants(frame, "tbl"):
        rows = (
            [
                " ".join(each.text for each in _paragraphs(cell))
                for cell in row.iterchildren("{*}tc")
            ]
            for row in table.iterchildren("{*}tr")
        )
        outline.add(BlockKind.TABLE, markdown_table(rows))


def _write_diagram(root: Element | None, outline: Outline) -> None:
    for point in () if root is None else descendants(root, "pt"):
        for each in _paragraphs(point):
            outline.add_item(each.text, marker="- ", depth=0)
    outline.end_list()


def _write_notes(root: Element | None, outline: Outline) -> None:
    for shape in () if root is None else _shapes(root):
        if _placeholder(shape) == "body":
            _write_text(list(_paragraphs(shape)), outline, listed=False)


def _paragraphs(element: Element) -> Iterator[_Paragraph]:
    for paragraph in descendants(element, "p"):
        text = "".join(_pieces(paragraph))
        if text.strip():
            properties = child(paragraph, "pPr")
            depth = attribute(properties, "lvl")
            bullets = (child(properties, name) for name in ("buChar", "buAutoNum"))
            yield _Paragraph(
                text,
                int(depth) if depth in set("12345678") else 0,
                any(each is not None for each in bullets),
            )


def _pieces(paragraph: Element) -> Iterator[str]:
    for each in paragraph.iterdescendants():
        name = name_of(each)
        if name == "t":
            yield each.text or ""
        elif name == "br":
            yield LINE_END


def _relation_id(element: Element, name: str = "id") -> str:
    """The id in the namespace of relationships; slides have a number called id besides."""
    for key, value in element.attrib.items():
        namespace, _, local = str(key).rpartition("}")
        if local == name and namespace.endswith("/relationships"):
            return str(value)
    return ""
