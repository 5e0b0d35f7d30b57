"""HTML: the text of a page, and nothing around it."""

import pytest

from ingest.document import Block, BlockKind
from ingest.formats.html import parse


def blocks(body: str) -> list[tuple[str, str]]:
    data = f"<!doctype html><meta charset=utf-8><title>T</title><body>{body}".encode()
    return [(block.kind.value, block.text) for block in parse(data, name="x").blocks]


def test_title_and_headings() -> None:
    """The title is the page's own, else its first heading, else the file's name."""
    assert parse(b"<title> A  b </title><h1>C</h1>", name="x").title == "A b"
    assert parse(b"<h2>B</h2><h1>C</h1>", name="x").title == "C"
    parsed = parse(b"<h2>B <em>c</em></h2>d", name="x")
    assert parsed.title == "x"
    assert parsed.blocks == (
        Block(BlockKind.HEADING, "B c", 2),
        Block(BlockKind.PARAGRAPH, "d"),
    )


def test_white_space_reads_as_in_a_browser() -> None:
    """Space collapses; a line break in the source leaves none between Chinese characters."""
    assert blocks("<p>one\n  <b>two</b>three<br>四\n<i>五</i>。</p>six<div>seven</div>") == [
        ("paragraph", "one twothree\n四五。"),
        ("paragraph", "six"),
        ("paragraph", "seven"),
    ]


def test_chrome_is_dropped() -> None:
    """Navigation, scripts and what is hidden are not the page's text."""
    body = (
        "<nav>menu</nav><script>x()</script><style>y</style><div role=navigation>n</div>"
        "<div class=navheader>Prev</div><p hidden>h</p><form><p>text</p><button>b</button></form>"
    )
    assert blocks(body) == [("paragraph", "text")]
    assert blocks("<div>around</div><main><p>text</p></main>") == [("paragraph", "text")]


def test_a_page_that_is_all_navigation_is_kept() -> None:
    """Rather the menu than nothing."""
    assert blocks("<nav><p>all there is</p></nav>") == [("paragraph", "all there is")]


def test_lists() -> None:
    """Bulleted, numbered, nested and description lists; code ends a list for a while."""
    body = (
        "<ol start=2><li>a<ul><li>b</ul><li><p>c</p><p>d</p><li>e<pre>f\n g</pre></ol>"
        "<dl><dt>Term<dd>Meaning</dl>"
    )
    assert blocks(body) == [
        ("list", "2. a\n  - b\n3. c\n  d\n4. e"),
        ("code", "f\n g"),
        ("list", "- Term\n  Meaning"),
    ]


def test_tables() -> None:
    """Cells that span rows are repeated, columns without text dropped, captions kept."""
    body = (
        "<table><caption>Cap</caption><tr><th>a<th>b<th><th>c"
        "<tr><td rowspan=2>1<td>2<br>3<td><td>4<tr><td colspan=2>5|6<td>7</table>"
    )
    assert blocks(body) == [
        ("paragraph", "Cap"),
        ("table", "| a | b | c |\n| --- | --- | --- |\n| 1 | 2 3 | 4 |\n| 1 | 5\\|6 | 7 |"),
    ]


@pytest.mark.parametrize(
    "table",
    [
        "<table><tr><td><h1>a</h1><td><p>b</table>",
        "<table><tr><td>a<tr><td>b</table>",
        "<table><tr><td><table><tr><td>a</table><td>b</table>",
    ],
)
def test_tables_for_layout_are_walked_through(table: str) -> None:
    """A table that holds headings, tables, or one column only is no table."""
    assert [text for _, text in blocks(table)] == ["a", "b"]


@pytest.mark.parametrize(
    ("declaration", "encoding"),
    [
        ('<meta charset="gb2312">', "gbk"),
        ("<meta http-equiv=Content-Type content='text/html; charset=Big5'>", "big5"),
        ("<?xml version='1.0' encoding='shift_jis'?>", "shift_jis"),
    ],
)
def test_the_declared_encoding_is_honoured(declaration: str, encoding: str) -> None:
    """Two characters are too few to guess from, but the page says its encoding."""
    data = f"{declaration}<p>文字".encode(encoding)
    parsed = parse(data, name="x")
    assert ([block.text for block in parsed.blocks], parsed.warnings) == (["文字"], ())


def test_deep_nesting_is_read() -> None:
    """A thousand levels hide no text, and need no recursion."""
    assert blocks("<div>" * 1000 + "deep") == [("paragraph", "deep")]
    assert blocks("<ul><li>" * 400 + "deep")[0][0] == "list"
