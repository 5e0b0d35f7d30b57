"""reStructuredText: read by docutils, with every directive that reads a file switched off.

docutils' transforms are not run: they number notes, but also expand substitutions of
substitutions without end. Directives that it does not know, as Sphinx has them, keep their
argument and their content. What nests too deep for it is read as plain text.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from docutils import frontend, nodes, utils
from docutils.parsers.rst import Directive, Parser, directives, states

from ingest.document import BlockKind, Parsed
from ingest.encoding import decode
from ingest.formats import plain
from ingest.formats.outline import LINE_END, Outline
from ingest.formats.tables import markdown_table

_SETTINGS = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "_disable_config": True,
    "report_level": 5,
    "halt_level": 5,
    "warning_stream": False,
    "syntax_highlight": "none",
    "line_length_limit": 1 << 20,
}
_DIRECTIVE = re.compile(
    r"^[ \t]*\.\. (?:\|[^|\n]{1,60}\| )?([\w:+.-]{1,60})::(?:\s|$)", re.MULTILINE
)
_ROLE = re.compile(r":[\w:+.-]{1,40}:`(?:[~!]?([^`<]{1,500}?)(?:\s*<[^`>]*>)?)`")
_WITHOUT_TEXT = frozenset({"toctree", "index", "currentmodule", "tabularcolumns", "highlight"})
_REFUSED = ("directive disabled", "deactivated")
"""What docutils says, and we with it, where a directive would read a file."""

_LONGEST_PARAGRAPH = 20_000
"""Characters; docutils looks for the end of each mark up to the end of its paragraph."""

_ROW = re.compile(r"([^\w\n])\1{2000}")
"""What docutils looks at again from each of its signs."""

_LONGEST_SUBSTITUTION = 200
_DEEPEST_HEADING = 6
_PASSED_OVER = (
    nodes.comment,
    nodes.target,
    nodes.substitution_definition,
    nodes.pending,
    nodes.image,
    nodes.label,
    nodes.colspec,
    nodes.meta,
)
_CODES = (nodes.literal_block, nodes.doctest_block, nodes.math_block)
_LISTS = (
    nodes.bullet_list,
    nodes.enumerated_list,
    nodes.definition_list,
    nodes.field_list,
    nodes.option_list,
    nodes.docinfo,
)
_ITEMS = (nodes.list_item, nodes.definition_list_item, nodes.field, nodes.option_list_item)
_ENDING = (
    *(nodes.paragraph, nodes.term, nodes.definition, nodes.line_block, nodes.attribution),
    *(nodes.caption, nodes.rubric, nodes.description, nodes.field_body),
)


def parse(data: bytes, *, name: str) -> Parsed:
    """A document in reStructuredText; its title is its first heading.

    Raises:
        ParseError: the bytes are not text.
    """
    decoded = decode(data)
    try:
        unreadable = "holds a row of thousands of equal signs" if _ROW.search(decoded.text) else ""
        reader = _Reader(_document("" if unreadable else decoded.text))
        blocks, warnings = reader.read(), reader.warnings()
    except RecursionError:
        unreadable = "is nested too deep"
    if unreadable:
        blocks = plain.parse(decoded.text.encode("utf-8", "replace"), name=name).blocks
        warnings = (f"its markup {unreadable}, and was read as plain text",)
    title = next((block.text for block in blocks if block.level), "")
    return Parsed(title or name, blocks, warnings=(*decoded.warnings, *warnings))


def _document(text: str) -> nodes.document:
    settings = frontend.get_default_settings(Parser)
    for name, value in _SETTINGS.items():
        setattr(settings, name, value)
    document = utils.new_document("", settings)
    with _known(set(_DIRECTIVE.findall(text))):
        Parser(inliner=_inliner()).parse(text, document)
    return document


class _AnyOption(dict[str, Any]):
    """Options of a directive that is not known: all of them."""

    def __missing__(self, name: str) -> Any:
        return directives.unchanged


class _Unknown(Directive):
    """A directive that docutils does not know: its argument and content are text."""

    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec = _AnyOption(name=directives.unchanged)

    def run(self) -> list[nodes.Node]:
        if self.name in _WITHOUT_TEXT:
            return []
        if self.name == "literalinclude":
            return [self.state_machine.reporter.warning(f"{self.name} {_REFUSED[0]}")]
        container = nodes.container()
        if self.arguments:
            inline, messages = self.state.inline_text(self.arguments[0], self.lineno)
            container += nodes.paragraph("", "", *inline)
            container += messages
        self.state.nested_parse(self.content, self.content_offset, container)
        return [container]


@contextmanager
def _known(names: set[str]) -> Iterator[None]:
    """Have directives of these names read, those aside that docutils knows itself."""
    registry = directives._directives
    language = directives._fallback_language_module.directives
    added = [name for name in names if name not in language and name not in registry]
    registry.update(dict.fromkeys(added, _Unknown))
    try:
        yield
    finally:
        for name in added:
            del registry[name]


def _inliner() -> states.Inliner:
    """Reads the marks of a paragraph, where that does not take the square of its length.

    A subclass would not do: docutils looks for its patterns in the class itself.
    """
    inliner = states.Inliner()
    read = inliner.parse

    def parse(text: str, *args: Any) -> Any:
        return read(text, *args) if len(text) <= _LONGEST_PARAGRAPH else ([nodes.Text(text)], [])

    inliner.parse = parse
    return inliner


class _Reader:
    def __init__(self, document: nodes.document) -> None:
        self._document = document
        self._outline = Outline()
        self._level = 0
        self._files = 0
        self._notes: dict[str, str] = {}
        self._noted = self._referred = 0

    def read(self) -> Any:
        """The blocks of the document."""
        self._number_notes()
        stack: list[tuple[nodes.Node, bool]] = [(self._document, True)]
        while stack:
            node, is_start = stack.pop()
            if not is_start:
                self._leave(node)
            elif self._enter(node):
                stack.append((node, False))
                stack += [(child, True) for child in reversed(node.children)]
        return self._outline.blocks()

    def warnings(self) -> tuple[str, ...]:
        """What was not read."""
        return (f"files named in it that were not read: {self._files}",) if self._files else ()

    def _number_notes(self) -> None:
        for note in self._document.findall(nodes.footnote):
            if note.get("auto"):
                self._noted += 1
                for key in (*note["names"], f"#{self._noted}"):
                    self._notes[key] = str(self._noted)
        self._noted = 0

    def _enter(self, node: Any) -> bool:
        """Open a node; whether its children are to be read."""
        outline = self._outline
        if isinstance(node, nodes.Text):
            outline.write(str(node))
        elif isinstance(node, nodes.system_message):
            self._files += any(said in node.astext() for said in _REFUSED)
            for code in node.findall(nodes.literal_block):
                outline.add(BlockKind.CODE, code.astext())
        elif isinstance(node, nodes.problematic):
            outline.write(_ROLE.sub(r"\1", node.astext()))
        elif isinstance(node, _CODES):
            outline.add(BlockKind.CODE, node.astext().strip("\n"))
        elif isinstance(node, nodes.table):
            self._write_table(node)
        elif isinstance(node, nodes.footnote_reference | nodes.citation_reference):
            outline.write(f"[{self._reference(node)}]")
        elif isinstance(node, nodes.substitution_reference):
            outline.write(self._substitution(node))
        elif not isinstance(node, _PASSED_OVER):
            self._begin(node)
            return True
        return False

    def _begin(self, node: Any) -> None:
        outline = self._outline
        if isinstance(node, nodes.section):
            self._level += 1
        elif isinstance(node, nodes.title):
            outline.begin_heading(min(self._level + isinstance(node.parent, nodes.topic), 6) or 1)
        elif isinstance(node, _LISTS):
            numbered = isinstance(node, nodes.enumerated_list)
            outline.begin_list(numbered_from=node.get("start", 1) if numbered else None)
        elif isinstance(node, _ITEMS):
            outline.begin_item()
        elif isinstance(node, nodes.definition | nodes.description):
            outline.begin_item(marked=False)
        elif isinstance(node, nodes.footnote | nodes.citation):
            outline.end_paragraph()
            outline.write(f"[{self._label(node)}] ")

    def _leave(self, node: Any) -> None:
        outline = self._outline
        if isinstance(node, nodes.section):
            self._level -= 1
        elif isinstance(node, nodes.title):
            outline.end_heading()
        elif isinstance(node, nodes.field_name):
            outline.write(": ")
        elif isinstance(node, nodes.line):
            outline.write(LINE_END)
        elif isinstance(node, _LISTS):
            outline.end_list()
        elif isinstance(node, _ENDING):
            outline.end_paragraph()

    def _write_table(self, table: nodes.table) -> None:
        for title in table.findall(nodes.title):
            self._outline.add(BlockKind.PARAGRAPH, title.astext())
        rows = [
            [_ROLE.sub(r"\1", entry.astext()) for entry in row.findall(nodes.entry)]
            for row in table.findall(nodes.row)
        ]
        self._outline.add(BlockKind.TABLE, markdown_table(rows))

    def _label(self, note: Any) -> str:
        if note.get("auto"):
            self._noted += 1
            return str(self._noted)
        return next((str(each.astext()) for each in note.findall(nodes.label)), "")

    def _reference(self, node: Any) -> str:
        if not node.get("auto"):
            return str(node.astext())
        if node.get("refname"):
            return self._notes.get(str(node["refname"]), str(node["refname"]))
        self._referred += 1
        return self._notes.get(f"#{self._referred}", str(self._referred))

    def _substitution(self, node: Any) -> str:
        name = node.get("refname", "")
        found = self._document.substitution_defs.get(name)
        text = str(found.astext()) if found is not None else ""
        return text if 0 < len(text) <= _LONGEST_SUBSTITUTION else f"|{node.astext()}|"
