"""XML: its text in its structure, and nothing from anywhere else."""

import re
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml.etree import XMLSyntaxError

from ingest.document import Block, BlockKind
from ingest.formats.xml import parse
from ingest.loaders import parse as load
from kb_qa.errors import ParseError

DOCBOOK = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE book [<!ENTITY product "恒温槽">]>
<book xmlns="http://docbook.org/ns/docbook"><info><title>&product;手册</title></info>
<chapter xml:id="a"><title>安装</title>
<para>Put <emphasis>it</emphasis> on a
table<footnote><para>A firm one.</para></footnote>.&nbsp;Then:</para>
<itemizedlist><listitem><para>one</para></listitem>
<listitem><para>two</para></listitem></itemizedlist>
<programlisting>run
  now</programlisting>
<section><title>Deeper</title><table><tgroup cols="2">
<thead><row><entry>a</entry><entry>b</entry></row>
</thead><tbody><row><entry>1</entry><entry>2</entry></row></tbody></tgroup></table></section>
</chapter></book>"""


def blocks(body: str) -> list[tuple[str, str]]:
    return [(block.kind.value, block.text) for block in parse(body.encode(), name="x").blocks]


def test_docbook() -> None:
    """Titles by their depth, lists, code, tables, notes, and the names of products."""
    parsed = parse(DOCBOOK.encode(), name="x")
    assert parsed.title == "恒温槽手册"
    assert parsed.blocks == (
        Block(BlockKind.HEADING, "恒温槽手册", 1),
        Block(BlockKind.HEADING, "安装", 2),
        Block(BlockKind.PARAGRAPH, "Put it on a table[1]. Then:"),
        Block(BlockKind.PARAGRAPH, "[1] A firm one."),
        Block(BlockKind.LIST, "- one\n- two"),
        Block(BlockKind.CODE, "run\n  now"),
        Block(BlockKind.HEADING, "Deeper", 3),
        Block(BlockKind.TABLE, "| a | b |\n| --- | --- |\n| 1 | 2 |"),
    )


def test_a_part_of_a_document_has_several_elements() -> None:
    """A chapter's sections in a file of their own, one after the other, are read as they stand."""
    part = "<section><title>One</title><para>a</para></section>\n\n<section><title>Two</title>"
    parsed = parse(f'<?xml version="1.0"?>\n{part}<para>b</para></section>'.encode(), name="x")
    assert [block.text for block in parsed.blocks] == ["One", "a", "Two", "b"]
    assert {block.level for block in parsed.blocks if block.level} == {1}
    with pytest.raises(XMLSyntaxError):
        parse(f"{part}<para>b</section>".encode(), name="x")


def test_records_are_a_table() -> None:
    """Elements alike with values in them, or in their attributes, are rows."""
    body = "<all><row1 id='1'><n>甲</n><p1>3</p1></row1><row1 id='2'><n>乙</n></row1></all>"
    assert blocks(body) == [
        ("table", "| id | n | p1 |\n| --- | --- | --- |\n| 1 | 甲 | 3 |\n| 2 | 乙 |  |")
    ]


def test_one_record_is_a_list() -> None:
    """Values under names of their own keep them."""
    body = "<config><server><host>a.example</host><port>80</port></server></config>"
    assert blocks(body) == [("list", "- host: a.example\n- port: 80")]


def test_values_in_attributes_are_kept() -> None:
    """An element without text has its attributes, unless it stands amid text."""
    assert blocks("<a><size unit='mm'/><text>a <icon file='x.png'/> b</text></a>") == [
        ("list", "- unit: mm"),
        ("paragraph", "a b"),
    ]


def test_a_feed() -> None:
    """The page inside an entry is read as one."""
    body = (
        "<rss><channel><title>News</title><entry><title>One</title><link>http://a.example</link>"
        "<description>&lt;p&gt;A &lt;b&gt;bold&lt;/b&gt; word&lt;/p&gt;</description></entry>"
        "</channel></rss>"
    )
    assert blocks(body) == [
        ("heading", "News"),
        ("heading", "One"),
        ("paragraph", "http://a.example"),
        ("paragraph", "A bold word"),
    ]


def test_any_vocabulary() -> None:
    """Elements amid text are part of it, those apart are paragraphs."""
    body = "<法规><条>第一条 <强调>员工</强调>享有年假。</条><条>第二条 五天。</条></法规>"
    assert blocks(body) == [
        ("paragraph", "第一条 员工享有年假。"),
        ("paragraph", "第二条 五天。"),
    ]


@pytest.mark.parametrize("encoding", ["gb2312", "big5", "shift_jis", "utf-16"])
def test_the_declared_encoding_is_honoured(encoding: str) -> None:
    """Chinese in every encoding that XML is written in."""
    data = f"<?xml version='1.0' encoding='{encoding}'?><a>文字</a>".encode(encoding)
    assert parse(data, name="x").blocks[0].text == "文字"


def bomb(levels: int, *, within: str = "<lolz>&l9;</lolz>") -> bytes:
    names = "".join(
        f'<!ENTITY l{level} "{f"&l{level - 1};" * 10}">' for level in range(1, levels + 1)
    )
    return f'<!DOCTYPE lolz [<!ENTITY l0 "lol">{names}]>{within}'.encode()


@pytest.mark.parametrize("within", ["<lolz>&l9;</lolz>", "<lolz a='&l9;'>text</lolz>"])
def test_bombs_of_entities_are_refused(within: str) -> None:
    """A billion laughs take no memory and no time, in text or in an attribute."""
    began = time.process_time()
    with pytest.raises(ParseError):
        load(bomb(9, within=within), name="a.xml")
    assert time.process_time() - began < 2


def test_nothing_is_read_from_elsewhere(tmp_path) -> None:
    """A file named by an entity or a document type stays unread, and the text says so."""
    secret = tmp_path / "secret"
    secret.write_text("password")
    for declaration in (
        f'<!DOCTYPE a [<!ENTITY x SYSTEM "{secret.as_uri()}">]>',
        f'<!DOCTYPE a SYSTEM "{secret.as_uri()}">',
    ):
        parsed = parse(f"{declaration}<a>text &x; end</a>".encode(), name="x")
        assert parsed.blocks[0].text == "text &x; end"
        assert parsed.warnings == ("entities that were not expanded: 1",)


@pytest.mark.parametrize("data", [b"<a>", b"text", b"<a><b></a></b>", b"<a>" * 100_000])
def test_what_is_not_xml_is_refused(data: bytes) -> None:
    """Damage, and nesting without end."""
    with pytest.raises(XMLSyntaxError):
        parse(data, name="x")
    with pytest.raises(ParseError, match="damaged, or not XML"):
        load(data, name="a.xml")


def test_time_grows_with_the_file() -> None:
    """A hundred thousand elements side by side, in rows or in text."""
    began = time.process_time()
    for piece in ("<r><a>1</a><b>2</b></r>", "<p>text</p>", "t <b>x</b> ", "<a/>", "<t k='v'/>"):
        parse(f"<all>{piece * 30_000}</all>".encode(), name="x")
    assert time.process_time() - began < 20


def test_a_long_gap_is_read_in_the_time_that_it_takes() -> None:
    """White space before, within and behind the text costs no more than letters do."""
    gap = " " * 400_000
    began = time.process_time()
    for text in (f"{gap}<?xml version='1.0'?><a>b</a>", f"<a>b{gap}</a>", f"<a>b</a>{gap}"):
        assert parse(text.encode(), name="x").text == "b"
    with pytest.raises(XMLSyntaxError):
        parse(f"<a>{gap}".encode(), name="x")
    assert time.process_time() - began < 2


NAMES = st.sampled_from(["a", "b", "para", "title", "list", "item", "code", "row", "info", "note"])
TEXTS = st.text("xyz甲乙 ", max_size=6)
TREES = st.recursive(
    st.builds("<{0}>{1}</{0}>{2}".format, NAMES, TEXTS, TEXTS),
    lambda inner: st.builds(
        "<{0} k='v'>{1}{2}</{0}>{3}".format, NAMES, TEXTS, st.lists(inner).map("".join), TEXTS
    ),
    max_leaves=20,
)


@given(TREES)
def test_no_text_is_lost(tree: str) -> None:
    """Every character that stands between tags is in the blocks, whatever stands beside it."""
    document = f"<all>{tree}</all>"
    written = Counter("".join(re.sub("<[^>]*>", "", document).split()))
    read = Counter("".join(block.text for block in parse(document.encode(), name="x").blocks))
    assert written - read == Counter()


def test_text_beside_elements_alike_is_kept() -> None:
    """Elements alike are rows of a table only where nothing is written between them."""
    assert blocks("<a>apples <b href='x'/><b href='y'/> pears</a>") == [
        ("paragraph", "apples pears")
    ]


def test_what_stands_in_no_cell_of_a_table() -> None:
    """Its title, its caption and loose text stand before it; each word once."""
    table = (
        "<table><title>Prices <emphasis>2026</emphasis></title><tbody>loose"
        "<row><entry>Bath</entry><entry>5 <b>yuan</b></entry></row>end</tbody></table>"
    )
    blocks = parse(f"<article><para>Before.</para>{table}</article>".encode(), name="x").blocks
    assert [block.text for block in blocks] == [
        "Before.",
        "Prices 2026 loose end",
        "| Bath | 5 yuan |\n| --- | --- |",
    ]
