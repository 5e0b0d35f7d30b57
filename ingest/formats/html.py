"""HTML: headings, paragraphs, lists, tables and code of a page, without its chrome.

selectolax reads any depth of nesting, where lxml and what stands on it silently
return nothing below 256 levels; its time grows with the square of the depth.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingest.document import Block, BlockKind, Parsed
from ingest.encoding import decode
from ingest.formats.hidden import HiddenText, hidden_warnings
from ingest.formats.hidden_html import (
    MAY_BE_HIDDEN,
    STYLESHEETS,
    is_hidden,
    may_hide,
    unseen_by_rule,
)
from ingest.formats.inline import one_line, words
from ingest.formats.outline import LINE_END, Outline
from ingest.formats.tables import markdown_table
from ingest.formats.xhtml import as_html

_DECLARED = re.compile(rb"(?:charset|encoding)\s*=\s*[\"']?\s*([\w-]{2,20})", re.IGNORECASE)
_DECLARED_WITHIN = 4096

_NEVER_TEXT = (
    "script, style, noscript, template, svg, iframe, object, canvas, audio, video, "
    "select, button, textarea, datalist"
)
_CHROME = (
    "nav, [role=navigation], [role=search], .navheader, .navfooter, .docnav, .sphinxsidebar, "
    ".headerlink, .anchorjs-link"
)
"""What surrounds the text on every page: HTML 5, ARIA, DocBook's, Publican's and Sphinx's own."""

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LISTS = frozenset({"ul", "ol", "dl", "menu", "dir"})
_ITEMS = frozenset({"li", "dt", "dd"})
_BLOCKS = words(
    "address article aside blockquote body caption center details dialog div fieldset figcaption "
    "figure footer form header hr legend main p search section summary tbody td tfoot th thead "
    "tr table hgroup optgroup option"
)
_LAYOUT_INSIDE = "td table, th table, h1, h2, h3, h4, h5, h6, pre"
"""A table that holds one of these lays out a page."""

_ALL_HIDDEN = "all of the text is hidden, and read all the same"

_WIDEST_SPAN = 100
_SMALL_NUMBER = re.compile(r"[0-9]{1,5}")


def parse(data: bytes, *, name: str) -> Parsed:
    """A page's title and text.

    Raises:
        ParseError: the bytes are not text.
    """
    declared = _DECLARED.search(data[:_DECLARED_WITHIN])
    decoded = decode(data, declared=declared.group(1).decode("ascii") if declared else None)
    page = read_page(decoded.text)
    return Parsed(page.title or name, page.blocks, warnings=decoded.warnings + page.warnings)


@dataclass(frozen=True)
class Page:
    """What a page holds.

    Attributes:
        title: its own, or its first heading; "" if it has neither.
        blocks: in reading order.
        hidden: passages that were left out because they do not show.
        is_hidden: whether nothing of it shows, and it was read all the same.
    """

    title: str
    blocks: tuple[Block, ...]
    hidden: int = 0
    is_hidden: bool = False

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the report says of it."""
        return hidden_warnings(self.hidden) + (_ALL_HIDDEN,) * self.is_hidden


def read_page(html: str) -> Page:
    """Read a page of HTML or XHTML."""
    html = as_html(html)
    tree = LexborHTMLParser(html)
    titled = tree.css_first("title")
    title = one_line(titled.text()) if titled else ""
    page = _read(tree, html)
    headings = (block.text for block in page.blocks if block.level == 1)
    return replace(page, title=title or next(headings, ""))


def _read(tree: LexborHTMLParser, html: str) -> Page:
    """What shows of a page without its chrome; or all that shows; or all of it."""
    hides = may_hide(html)
    hidden = _remove_hidden(tree) if hides else 0
    _remove(tree, f"{_NEVER_TEXT}, {_CHROME}")
    if blocks := _blocks(tree):
        return Page("", blocks, hidden)
    tree = LexborHTMLParser(html)  # a page may call all of itself navigation
    hidden = _remove_hidden(tree) if hides else 0
    _remove(tree, _NEVER_TEXT)
    if blocks := _blocks(tree):
        return Page("", blocks, hidden)
    tree = LexborHTMLParser(html)  # or hide all of itself until a script shows it
    _remove(tree, _NEVER_TEXT)
    blocks = _blocks(tree)
    return Page("", blocks, is_hidden=bool(blocks))


def _remove(tree: LexborHTMLParser, unwanted: str) -> None:
    for node in reversed(tree.css(unwanted)):  # what is inside goes before what is around it
        node.decompose()


def _remove_hidden(tree: LexborHTMLParser) -> int:
    """Take out what does not show; how many passages of text that were."""
    is_styled = tree.css_matches(STYLESHEETS)
    by_rule = {node.mem_id for node in unseen_by_rule(tree)}
    _remove(tree, _NEVER_TEXT)
    hidden = HiddenText()
    for node in reversed(tree.css("*" if by_rule else MAY_BE_HIDDEN)):
        if node.mem_id in by_rule or is_hidden(node, is_styled=is_styled):
            hidden.leave_out(_text(node))
            hidden.show()
            node.decompose()
    return hidden.passages


def _blocks(tree: LexborHTMLParser) -> tuple[Block, ...]:
    mains = tree.css("main, [role=main]")
    root = mains[0] if len(mains) == 1 else tree.body
    outline = Outline()
    if root is not None:
        _walk(root, outline)
    return outline.blocks()


def _walk(root: LexborNode, outline: Outline) -> None:
    """Every node under the root in reading order, without recursion: pages nest without end."""
    node = root
    while True:
        child = node.child if _enter(node, outline) else None
        if child is not None:
            node = child
            continue
        _leave(node, outline)
        while node.next is None:
            parent = node.parent
            if parent is None or node.mem_id == root.mem_id:
                return
            node = parent
            _leave(node, outline)
        node = node.next


def _enter(node: LexborNode, outline: Outline) -> bool:
    """Open an element, or take a text; whether its children are to be walked."""
    tag = node.tag or ""
    if tag == "-text":
        outline.write(node.text_content or "")
    elif tag == "br":
        outline.write(LINE_END)
    elif tag in _HEADINGS:
        outline.begin_heading(_HEADINGS[tag])
    elif tag in _LISTS:
        outline.begin_list(numbered_from=_first_number(node) if tag == "ol" else None)
    elif tag in _ITEMS:
        outline.begin_item(marked=tag != "dd")
    elif tag == "pre":
        outline.add(BlockKind.CODE, _text(node).strip("\n"))
        return False
    elif tag == "table" and (table := _data_table(node)):
        outline.add(BlockKind.PARAGRAPH, one_line(" ".join(map(_text, node.css("caption")))))
        outline.add(BlockKind.TABLE, table)
        return False
    elif tag in _BLOCKS:
        outline.end_paragraph()
    return True


def _leave(node: LexborNode, outline: Outline) -> None:
    tag = node.tag
    if tag in _LISTS:
        outline.end_list()
    elif tag in _HEADINGS:
        outline.end_heading()
    elif tag in _BLOCKS or tag in _ITEMS:
        outline.end_paragraph()


def _first_number(node: LexborNode) -> int:
    start = node.attributes.get("start") or ""
    return int(start) if _SMALL_NUMBER.fullmatch(start) else 1


def _text(node: LexborNode) -> str:
    """All text under a node; what begins a line in a browser is parted from what precedes it."""
    return "".join(_pieces(node))


def _pieces(node: LexborNode) -> Iterator[str]:
    for each in node.traverse(include_text=True):
        if each.tag == "-text":
            yield each.text_content or ""
        elif each.tag == "br":
            yield "\n"
        elif each.tag in _BLOCKS or each.tag in _ITEMS:
            yield " "


def _data_table(table: LexborNode) -> str:
    """The table as Markdown; "" if it is one that lays out a page."""
    if table.css_first(_LAYOUT_INSIDE):
        return ""
    rows = list(_rows(table))
    columns = {column for row in rows for column, text in enumerate(row) if text.strip()}
    return markdown_table(rows) if min(len(rows), len(columns)) > 1 else ""


def _rows(table: LexborNode) -> Iterator[list[str]]:
    """A table's cells; what spans rows is repeated in each, what spans columns stands once."""
    spanning: dict[int, tuple[int, str]] = {}
    for row in table.css("tr"):
        cells: list[str] = []
        for cell in row.css("td, th"):
            _fill(cells, spanning)
            text, width, height = _text(cell), _span(cell, "colspan"), _span(cell, "rowspan")
            if height > 1:
                spanning[len(cells)] = (height - 1, text)
            cells += [text, *[""] * (width - 1)]
        _fill(cells, spanning)
        yield cells


def _fill(cells: list[str], spanning: dict[int, tuple[int, str]]) -> None:
    """Append the cells that reach down into this row from those above."""
    while (below := spanning.get(len(cells))) is not None:
        rows, text = below
        if rows > 1:
            spanning[len(cells)] = (rows - 1, text)
        else:
            del spanning[len(cells)]
        cells.append(text)


def _span(cell: LexborNode, attribute: str) -> int:
    number = cell.attributes.get(attribute) or ""
    return max(1, min(int(number), _WIDEST_SPAN)) if _SMALL_NUMBER.fullmatch(number) else 1
