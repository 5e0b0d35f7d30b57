"""OpenDocument text: what LibreOffice stores, and what it makes of it on the page."""

import pytest

from ingest.document import Block, BlockKind, Parsed
from ingest.formats.odt import parse
from kb_qa.errors import ParseError
from tests.ingest.formats.open_document import NAMESPACES, archive, open_document


def parsed(body: str, *, automatic: str = "", common: str = "", title: str = "") -> Parsed:
    document = open_document(body, automatic=automatic, common=common, title=title)
    return parse(document, name="x")


def blocks(body: str, *, automatic: str = "", common: str = "") -> list[tuple[str, str]]:
    result = parsed(body, automatic=automatic, common=common)
    return [(block.kind.value, block.text) for block in result.blocks]


def paragraph_style(name: str, content: str = "", **attributes: str) -> str:
    stated = "".join(
        f' style:{key.replace("_", "-")}="{value}"' for key, value in attributes.items()
    )
    return (
        f'<style:style style:family="paragraph" style:name="{name}"{stated}>{content}</style:style>'
    )


def test_headings_title_and_paragraphs() -> None:
    """Headings have their level, the style Title gives the title, also through its heirs."""
    styles = paragraph_style("P1", parent_style_name="Title")
    result = parsed(
        '<text:p text:style-name="P1">员工手册</text:p><text:h text:outline-level="2">假期</text:h>'
        "<text:p>五<text:span>天</text:span>。\n再<text:line-break/>说<text:tab/>明</text:p>",
        automatic=styles,
        common=paragraph_style("Title"),
        title="Property",
    )
    assert result.title == "员工手册"
    assert result.blocks == (
        Block(BlockKind.HEADING, "员工手册", 1),
        Block(BlockKind.HEADING, "假期", 2),
        Block(BlockKind.PARAGRAPH, "五天。再\n说 明"),
    )


def test_the_title_falls_back() -> None:
    """Without a title in the text, the property; without that, the file's name."""
    assert parsed("<text:p>text</text:p>", title="Property").title == "Property"
    assert parsed("<text:p>text</text:p>").title == "x"


def test_headings_by_style() -> None:
    """A paragraph in a heading's style, by its name or by its outline level, is a heading."""
    styles = paragraph_style("Heading_20_3", display_name="Heading 3")
    styles += paragraph_style("Mine", default_outline_level="2")
    body = (
        '<text:p text:style-name="Heading_20_3">a</text:p><text:p text:style-name="Mine">b</text:p>'
    )
    assert [block.level for block in parsed(body, common=styles).blocks] == [3, 2]


NUMBERED = (
    '<text:list-style style:name="L1">'
    '<text:list-level-style-number text:level="1" style:num-format="一, 二, 三, ..."'
    ' loext:num-list-format="第%1%条"/>'
    '<text:list-level-style-number text:level="2" style:num-format="1" style:num-suffix=")"'
    ' text:display-levels="2" text:start-value="4"/>'
    '<text:list-level-style-bullet text:level="3" text:bullet-char="•"/></text:list-style>'
)


def item(content: str, *, start: str = "") -> str:
    stated = f' text:start-value="{start}"' if start else ""
    return f"<text:list-item{stated}>{content}</text:list-item>"


def test_lists_are_counted() -> None:
    """Numbers are nowhere in the file: formats, starts, levels and second paragraphs."""
    inner = item("<text:p>c</text:p><text:list>" + item("<text:p>d</text:p>") + "</text:list>")
    body = (
        '<text:list text:style-name="L1">'
        + item("<text:p>a</text:p><text:p>more</text:p>")
        + item(f"<text:p>b</text:p><text:list>{inner}</text:list>")
        + item("<text:p>e</text:p>", start="11")
        + "</text:list>"
    )
    assert blocks(body, automatic=NUMBERED) == [
        ("list", "第一条 a\n  more\n第二条 b\n  二.4) c\n    - d\n第十一条 e")
    ]


def test_lists_go_on() -> None:
    """A list begins anew unless it says which one it continues."""
    one = item("<text:p>x</text:p>")
    body = (
        f'<text:list xml:id="a" text:style-name="L1">{one}</text:list><text:p>between</text:p>'
        f'<text:list text:style-name="L1" text:continue-numbering="true">{one}</text:list>'
        f'<text:p>between</text:p><text:list text:style-name="L1">{one}</text:list>'
        f'<text:p>between</text:p><text:list text:continue-list="a">{one}</text:list>'
    )
    texts = [text for kind, text in blocks(body, automatic=NUMBERED) if kind == "list"]
    assert texts == ["第一条 x", "第二条 x", "第一条 x", "第三条 x"]


def test_headings_are_counted() -> None:
    """The outline's own numbers stand before headings, but not before those taken out of it."""
    outline = (
        '<text:outline-style><text:outline-level-style text:level="1" style:num-format="1"/>'
        '<text:outline-level-style text:level="2" style:num-format="1" text:display-levels="2"/>'
        "</text:outline-style>"
    )
    body = (
        '<text:h text:outline-level="1">a</text:h><text:h text:outline-level="2">b</text:h>'
        '<text:h text:outline-level="1" text:is-list-header="true">c</text:h>'
        '<text:h text:outline-level="1">d</text:h>'
    )
    texts = [text for _, text in blocks(body, common=outline)]
    assert texts == ["1 a", "1.1 b", "c", "2 d"]


def row(*cells: str) -> str:
    content = "".join(
        f"<table:table-cell><text:p>{cell}</text:p></table:table-cell>" for cell in cells
    )
    return f"<table:table-row>{content}</table:table-row>"


def test_tables_and_frames() -> None:
    """A table becomes Markdown, with its repeated header; one of one cell is a frame."""
    spanned = (
        '<table:table-row><table:table-cell table:number-rows-spanned="2"><text:p>年假</text:p>'
        "</table:table-cell><table:table-cell><text:p>5|10</text:p></table:table-cell>"
        "</table:table-row><table:table-row><table:covered-table-cell/>"
        "<table:table-cell><text:p>7</text:p></table:table-cell></table:table-row>"
    )
    header = f"<table:table-header-rows>{row('项目', '天数')}</table:table-header-rows>"
    body = f"<table:table>{header}{spanned}</table:table><table:table>{row('framed')}</table:table>"
    assert blocks(body) == [
        ("table", "| 项目 | 天数 |\n| --- | --- |\n| 年假 | 5\\|10 |\n| 年假 | 7 |"),
        ("paragraph", "framed"),
    ]


def test_notes_follow_the_paragraph_that_refers_to_them() -> None:
    """Foot- and endnotes are not lost, and marked where they are referred to."""
    note = (
        '<text:note text:note-class="footnote"><text:note-citation>1</text:note-citation>'
        "<text:note-body><text:p>The note.</text:p></text:note-body></text:note>"
    )
    assert blocks(f"<text:p>See{note}.</text:p><text:p>After{note}</text:p>") == [
        ("paragraph", "See[1]."),
        ("paragraph", "[1] The note."),
        ("paragraph", "After[2]"),
        ("paragraph", "[2] The note."),
    ]


@pytest.mark.timeout(30)
def test_notes_in_frames_and_without_end() -> None:
    """A frame's notes are counted once; fifty thousand in a paragraph take seconds, not hours."""
    note = "<text:note><text:note-body><text:p>n</text:p></text:note-body></text:note>"
    frame = f"<table:table>{row(f'framed{note}')}</table:table>"
    many = f"<text:p>{note * 50_000}</text:p>"
    texts = [text for _, text in blocks(frame + many)]
    assert texts[:2] == ["framed[1]", "[1] n"]
    assert texts[-1] == "[50001] n"


def test_what_is_not_text_of_the_document() -> None:
    """Contents, comments, phonetic guides, deleted text and descriptions of pictures."""
    body = (
        "<text:tracked-changes><text:p>gone</text:p></text:tracked-changes>"
        "<text:table-of-content><text:index-body><text:p>1 a</text:p></text:index-body>"
        "</text:table-of-content><text:p>年<text:ruby><text:ruby-base>假</text:ruby-base>"
        "<text:ruby-text>jia</text:ruby-text></text:ruby><office:annotation><text:p>why?</text:p>"
        "</office:annotation><draw:frame><draw:image/><svg:title>T</svg:title><svg:desc>D</svg:desc>"
        "</draw:frame><text:title>Field</text:title></text:p>"
    )
    assert blocks(body) == [("paragraph", "年假Field")]


def test_text_boxes_follow_their_paragraph() -> None:
    """Boxes and drawn shapes hold paragraphs of their own."""
    body = (
        "<text:p>before<draw:frame><draw:text-box><text:p>boxed</text:p></draw:text-box></draw:frame>"
        "<draw:custom-shape><text:p>drawn</text:p></draw:custom-shape> after</text:p>"
    )
    assert [text for _, text in blocks(body)] == ["before after", "boxed", "drawn"]


def test_code_keeps_its_spaces() -> None:
    """Paragraphs in a style for code are one listing; spaces are stored as a number of them."""
    style = paragraph_style("Preformatted_20_Text", display_name="Preformatted Text")
    lines = ("if a:", '<text:s text:c="4"/>b')
    body = "".join(
        f'<text:p text:style-name="Preformatted_20_Text">{line}</text:p>' for line in lines
    )
    assert blocks(body, common=style) == [("code", "if a:\n    b")]


def test_hidden_text_is_left_out_and_told() -> None:
    """By the style of a span or a paragraph, a hidden section, and fields that hide."""
    properties = '<style:text-properties text:display="none"/>'
    styles = paragraph_style("P1", properties)
    styles += f'<style:style style:family="text" style:name="T1">{properties}</style:style>'
    hidden = '<text:span text:style-name="T1">h</text:span>'
    body = (
        f"<text:p>a{hidden}{hidden}b{hidden}</text:p><text:p>c</text:p>"
        '<text:p text:style-name="P1">h</text:p><text:p>d</text:p>'
        '<text:section text:display="none"><text:p>h</text:p></text:section><text:p>e'
        '<text:hidden-text text:is-hidden="true">h</text:hidden-text></text:p>'
    )
    result = parsed(body, automatic=styles)
    assert [block.text for block in result.blocks] == ["ab", "c", "d", "e"]
    assert result.warnings == ("5 passages of hidden text left out",)


def test_encrypted_files_say_so() -> None:
    """The manifest tells; the content is noise."""
    manifest = (
        f'<manifest:manifest {NAMESPACES}><manifest:file-entry manifest:full-path="content.xml">'
        "<manifest:encryption-data/></manifest:file-entry></manifest:manifest>"
    )
    with pytest.raises(ParseError, match="encrypted: save it without a password"):
        parse(archive({"content.xml": b"\x99" * 50, "META-INF/manifest.xml": manifest}), name="x")


def test_a_manifest_that_is_not_well_formed_is_no_damage() -> None:
    """OpenOffice declared its namespace in a file of definitions that nobody reads."""
    manifest = '<!DOCTYPE manifest:manifest PUBLIC "x" "Manifest.dtd"><manifest:manifest/>'
    body = "<office:body><office:text><text:p>old</text:p></office:text></office:body>"
    content = f"<c {NAMESPACES}>{body}</c>"
    data = archive({"content.xml": content, "META-INF/manifest.xml": manifest})
    assert parse(data, name="x").text == "old"


def test_other_archives_are_refused() -> None:
    """An archive without content, and a spreadsheet under a text's name."""
    with pytest.raises(ParseError, match=r"no content\.xml"):
        parse(archive({"a": b""}), name="x")
    with pytest.raises(ParseError, match="another kind"):
        parse(open_document("", kind="spreadsheet"), name="x")


def test_the_deepest_nesting_that_xml_allows() -> None:
    """Lists in lists down to the parser's limit are read; beyond, the file is refused."""
    depth = 120
    body = "<text:list><text:list-item>" * depth + "<text:p>deep</text:p>"
    body += "</text:list-item></text:list>" * depth
    assert blocks(body) == [("list", "  " * 8 + "- deep")]
