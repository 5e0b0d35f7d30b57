"""Markdown: structure kept, markup reduced to what is read."""

from ingest.document import Block, BlockKind
from ingest.formats.markdown import parse


def blocks(text: str) -> list[tuple[str, str]]:
    return [(block.kind.value, block.text) for block in parse(text.encode(), name="x").blocks]


def test_headings_have_levels() -> None:
    """Both kinds of headings keep their depth; the first of the top level is the title."""
    parsed = parse(b"# One *two*\n\n### Three\n\nFour\n----\n", name="x")
    assert parsed.title == "One two"
    assert parsed.blocks == (
        Block(BlockKind.HEADING, "One two", 1),
        Block(BlockKind.HEADING, "Three", 3),
        Block(BlockKind.HEADING, "Four", 2),
    )


def test_front_matter_gives_the_title() -> None:
    """Front matter is no text; a title in it goes before any heading."""
    parsed = parse('---\ntitle: "员工手册"\ntags: [a]\n---\n# 第一章\n'.encode(), name="x")
    assert (parsed.title, [block.text for block in parsed.blocks]) == ("员工手册", ["第一章"])


def test_inline_markup_is_reduced() -> None:
    """Emphasis, code and links keep their words; wrapped Chinese lines join without a space."""
    text = "Run `pip` **now**, see [the guide](http://x.org) &amp; <b>go</b>.\n第一行\n第二行"
    assert blocks(text) == [("paragraph", "Run pip now, see the guide & go. 第一行第二行")]


def test_placeholders_in_angle_brackets_stay() -> None:
    """What is no HTML element is text, inline and on a line of its own."""
    text = "Call `f` with <your-name>.\n\n<PATH_TO_FILE>\n"
    assert blocks(text) == [
        ("paragraph", "Call f with <your-name>."),
        ("paragraph", "<PATH_TO_FILE>"),
    ]


def test_lists_nest_and_count() -> None:
    """Items keep their depth and numbers; code between items is a block of its own."""
    text = "3. a\n   - b\n\n     more\n4. c\n\n   ```py\n   x = 1\n\n   y = 2\n   ```\n5. d\n"
    assert blocks(text) == [
        ("list", "3. a\n  - b\n    more\n4. c"),
        ("code", "x = 1\n\ny = 2"),
        ("list", "5. d"),
    ]


def test_tables_are_normalized() -> None:
    """A table keeps its header row first, and pipes inside cells escaped."""
    text = "甲|乙\n:-|-:\n`a\\|b`|**2**\n"
    assert blocks(text) == [("table", "| 甲 | 乙 |\n| --- | --- |\n| a\\|b | 2 |")]


def test_html_in_markdown_is_read() -> None:
    """Raw HTML is read as HTML, also around Markdown."""
    text = "<details>\n<summary>More</summary>\n\nInside *it*\n\n</details>\n<!-- no -->\n"
    assert blocks(text) == [("paragraph", "More"), ("paragraph", "Inside it")]


def test_hard_breaks_stay() -> None:
    """Two spaces at a line's end keep the line."""
    assert blocks("one  \ntwo\n") == [("paragraph", "one\ntwo")]
