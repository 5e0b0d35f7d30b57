"""Markdown: read as CommonMark with tables, then as the HTML that it stands for.

Angle brackets around what is no HTML element are text, not a tag that vanishes:
writers put <your-name> between them.
"""

import re
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.token import Token

from ingest.document import Parsed
from ingest.encoding import decode
from ingest.formats.html import read_page
from ingest.formats.inline import words
from kb_qa.errors import ParseError

_FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?\n)?(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:[ \t]*(.+?)[ \t]*$", re.MULTILINE | re.IGNORECASE)
_TAG = re.compile(r"\s*</?([a-zA-Z][a-zA-Z0-9]*)[\s/>]|\s*<[!?]")
_ELEMENTS = words(
    "a abbr address article aside b bdi bdo big blockquote body br button caption center cite "
    "code col colgroup dd del details dfn dialog dir div dl dt em fieldset figcaption figure font "
    "footer form h1 h2 h3 h4 h5 h6 head header hr html i iframe img input ins kbd label legend li "
    "link main map mark menu meta nav noscript object ol option p picture pre q rp rt ruby s samp "
    "script section select small source span strike strong style sub summary sup svg table tbody "
    "td template textarea tfoot th thead time title tr tt u ul var video wbr"
)
_DEEPEST = 100


def parse(data: bytes, *, name: str) -> Parsed:
    """A Markdown file; its title is the front matter's, or its first top heading.

    Raises:
        ParseError: the bytes are not text, or nested too deep to be read.
    """
    decoded = decode(data)
    front = _FRONT_MATTER.match(decoded.text)
    body = decoded.text[front.end() :] if front else decoded.text
    page = read_page(_html(body))
    titled = _FRONT_TITLE.search(front.group()) if front else None
    own = titled.group(1).strip("\"'") if titled else page.title
    return Parsed(own or name, page.blocks, warnings=decoded.warnings + page.warnings)


def _html(body: str) -> str:
    markdown = _renderer()
    tokens = markdown.parse(body)
    if any(token.level >= _DEEPEST - 1 for token in tokens):  # what is deeper was dropped
        raise ParseError(f"its quotes and lists are nested more than {_DEEPEST} deep")
    html: str = markdown.renderer.render(tokens, markdown.options, {})
    return html


def _renderer() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"maxNesting": _DEEPEST})
    markdown.enable(["table", "strikethrough"])
    markdown.add_render_rule("html_inline", _known_html)
    markdown.add_render_rule("html_block", _known_html)
    return markdown


def _known_html(
    _renderer: Any, tokens: Sequence[Token], index: int, _options: Any, _environment: Any
) -> str:
    content = tokens[index].content
    tag = _TAG.match(content)
    known = tag is not None and (tag.group(1) is None or tag.group(1).lower() in _ELEMENTS)
    return content if known else escapeHtml(content)
