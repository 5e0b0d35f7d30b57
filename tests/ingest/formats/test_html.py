"""HTML: the text of a page, and nothing around it."""

import re

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


@pytest.mark.parametrize(
    "attribute",
    [
        *("hidden", "style='display:none'", "style='Visibility : HIDDEN !important'"),
        *("style='font-size:0'", "style='font-size:0.0px'", "style='opacity:0'"),
        *("style='color:transparent'", "style='color:rgba(0,0,0,0)'", "style='color:#FFF'"),
        *("style='color:#123;background:#123'", "style='color:white' bgcolor='#ffffff'"),
        *("style='font-size:1px'", "style='font-size: 0.05em'", "style='text-indent:-9999px'"),
        *("style='position:absolute;left:-999px'", "style='position:fixed;top:-50em'"),
        *("style='height:0;overflow:hidden'", "style='position:absolute;clip:rect(0,0,0,0)'"),
    ],
)
def test_hidden_text_is_left_out_and_told(attribute: str) -> None:
    """What a reader of the page cannot see is not cited; the report counts it."""
    parsed = parse(f"<p>seen<p {attribute}>not <b {attribute}>seen</b>".encode(), name="x")
    assert parsed.text == "seen"
    assert re.fullmatch("[12] passages? of hidden text left out", *parsed.warnings)


@pytest.mark.parametrize(
    "rule",
    [
        *(
            ".a {font-size: 0}",
            "p.a, #b{ opacity : 0 }",
            "/* { */ .a{position:absolute;left:-5000px}",
        ),
        *(":root{} .a{color:transparent}", "@media screen{.c{}} .a{font-size:.1px}"),
    ],
)
def test_a_stylesheet_that_shrinks_text_to_nothing_hides_it(rule: str) -> None:
    """Or moves it off the page; a page's own stylesheet is read for that alone."""
    parsed = parse(f"<style>{rule}</style><p>seen<p class=a>not seen".encode(), name="x")
    assert parsed.text == "seen"
    assert parsed.warnings == ("1 passage of hidden text left out",)


@pytest.mark.parametrize(
    "rule",
    [
        *(".a{display:none}", "@media print{.a{font-size:0}}", ".a:hover{opacity:0}"),
        *(".a{color:#fff}", ".a{text-indent:-2em}", ".a{position:relative;left:-900px}", ".a{"),
    ],
)
def test_what_a_stylesheet_may_show_again_is_read(rule: str) -> None:
    """An answer that opens when it is clicked, a page for printing, white on what is dark."""
    parsed = parse(f"<style>{rule}</style><p class=a>seen".encode(), name="x")
    assert (parsed.text, parsed.warnings) == ("seen", ())


@pytest.mark.parametrize(
    "body",
    [
        *("<p style='display:block'>", "<p hidden=until-found>", "<p style='font-size:0.9em'>"),
        *(
            "<p style='opacity:.5'>",
            "<p style='color:#fffffe'>",
            "<style>p{}</style><p style='color:#fff'>",
        ),
        *(
            "<div style='background:#024'><p style='color:white'>",
            "<p style='color:#000;background:#fff'>",
        ),
        *("<body bgcolor=black><p style='color:#fff'>", "<aside epub:type=footnote hidden>"),
        *("<p style='text-indent:-2em'>", "<p style='overflow:hidden;height:3em'>"),
        *("<font color=red>", "<body bgcolor=navy><font color=white>", "<p style='left:-999px'>"),
    ],
)
def test_text_that_shows_is_kept(body: str) -> None:
    """White on dark, small, pale, found by searching, or a note that opens: all can be seen."""
    parsed = parse(f"{body}seen".encode(), name="x")
    assert (parsed.text, parsed.warnings) == ("seen", ())


def test_a_page_that_hides_all_of_itself_is_read() -> None:
    """A script shows it once it has loaded; the report tells."""
    parsed = parse(b"<body style='visibility:hidden'><script>x</script><p>text", name="x")
    assert parsed.text == "text"
    assert parsed.warnings == ("all of the text is hidden, and read all the same",)


def test_xhtml_is_read_as_xml_means_it() -> None:
    """To HTML, an empty title takes in all of the page, and literal text is a comment."""
    page = (
        '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/>'
        '<script src="x"/></head><body><p>a<br/><![CDATA[<b> & ]]><i class="/"/>c</p></body></html>'
    )
    assert parse(page.encode(), name="x").text == "a\n<b> & c"


@pytest.mark.parametrize(
    "piece",
    [
        "<a '",
        "<![CDATA[",
        "<a/ ",
        '<p style="color:rgba(',
        "<p hidden>",
        "<style>/*",
        "<style>@a{b{}",
    ],
)
@pytest.mark.timeout(20)
def test_markup_that_never_ends_takes_no_longer_for_it(piece: str) -> None:
    """A second or so for hundreds of kilobytes; the square of them would be hours."""
    page = '<?xml version="1.0"?>' + piece * 40_000 + "text"
    assert parse(page.encode(), name="x").title == "x"
