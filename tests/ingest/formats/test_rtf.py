r"""RTF: what Word, WordPad and LibreOffice write, and what others think RTF is."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.document import Block, BlockKind, Parsed
from ingest.formats.rtf import parse
from kb_qa.errors import ParseError

CHINESE = r"{\fonttbl{\f0\fnil\fcharset134 \'cb\'ce\'cc\'e5;}{\f1\fnil\fcharset0 Arial;}}"


def parsed(body: str, *, head: str = r"\ansi\ansicpg1252\deff0") -> Parsed:
    return parse(b"{\\rtf1" + head.encode() + b" " + body.encode("latin-1") + b"}", name="x")


def blocks(body: str, *, head: str = r"\ansi\ansicpg1252\deff0") -> list[tuple[str, str]]:
    return [(block.kind.value, block.text) for block in parsed(body, head=head).blocks]


def escaped(text: str, encoding: str) -> str:
    """The text as bytes in hexadecimal, as Word writes them."""
    return "".join(rf"\'{byte:02x}" for byte in text.encode(encoding))


def test_paragraphs_and_signs() -> None:
    """Line ends of the file are nothing; paragraphs, lines, tabs and dashes have their words."""
    body = "One\r\n two\\tab three\\line four\\par\r\n"
    body += r"{\b Bold}\rquote s\emdash\_\~\{\\\}\par"
    assert blocks(body) == [
        ("paragraph", "One two three\nfour"),
        ("paragraph", "Bold’s—- {\\}"),
    ]


def test_chinese_by_the_code_page() -> None:
    """Two bytes a character, one of them perhaps a letter, in the font's or document's encoding."""
    head = r"\ansi\ansicpg936\deff0" + CHINESE
    assert blocks(escaped("你好，镕丂", "gbk"), head=head) == [("paragraph", "你好，镕丂")]
    assert blocks(r"\'81@\'81\\", head=head) == [("paragraph", b"\x81@\x81\\".decode("gbk"))]
    assert blocks(escaped("停滯", "big5"), head=r"\ansi\ansicpg950") == [("paragraph", "停滯")]


def test_fonts_say_the_encoding() -> None:
    """A font's character set goes before the document's; Western letters stay Western."""
    fonts = r"{\fonttbl{\f0\fcharset0 A;}{\f1\fcharset204 B;}{\f2\fcharset128 C;}}"
    body = rf"\f0 caf{escaped('é', 'cp1252')} \f1 {escaped('Да', 'cp1251')} {{\f2 "
    body += rf"{escaped('表示', 'cp932')}}}\'c4"
    assert blocks(fonts + body) == [("paragraph", "café Да 表示Д")]
    head = r"\ansi\ansicpg936" + fonts
    assert blocks(rf"\f0 caf\'e9 t\'e9 {escaped('中文', 'gbk')}", head=head) == [
        ("paragraph", "café té ÖÐÎÄ")
    ]
    assert blocks(rf"\f0 {escaped('中文', 'gbk')}", head=head) == [("paragraph", "中文")]


def test_unicode_and_what_stands_in_for_it() -> None:
    r"""After \u as many characters are skipped as \uc says, also two bytes, signs and words."""
    body = r"\uc1\u20320?\u-27803\'3f\u8212\emdash x\uc2\u22909\'ba\'c3y{\uc0\u20320}\u22909zz!"
    assert blocks(body) == [("paragraph", "你鍥—x好y你好!".replace("鍥", chr(-27803 & 0xFFFF)))]


def test_pairs_of_units_make_one_character() -> None:
    """What lies beyond 16 bits is written as two units; one alone cannot be read."""
    assert blocks(r"\u-10179?\u-8704?") == [("paragraph", "😀")]
    assert blocks(r"a\u-10179?b") == [("paragraph", "a\ufffdb")]


def test_headings_by_outline_level_and_style() -> None:
    """The paragraph's own level, its style's, the style's name, and what the style is based on."""
    styles = (
        r"{\stylesheet{\s0 Normal;}{\s1\outlinelevel0 Mine;}{\s2 heading 2;}"
        r"{\s3\sbasedon2 Yours;}{\s4 Title;}{\*\cs9 heading 9;}{\s5 toc 1;}}"
    )
    body = (
        r"\pard\s4 T\par\pard\s1 A\par\pard\s2 B\par\pard\s3 C\par\pard\outlinelevel3 D\par"
        r"\pard\s5 A\tab 1\par\pard\outlinelevel9 text\par"
    )
    result = parsed(styles + body)
    assert result.title == "T"
    assert [(block.text, block.level) for block in result.blocks] == [
        ("T", 1),
        ("A", 1),
        ("B", 2),
        ("C", 2),
        ("D", 4),
        ("text", 0),
    ]


def test_lists_show_the_numbers_that_are_stored() -> None:
    """Numbers stand before items as Word left them; a font of signs makes bullets."""
    fonts = r"{\fonttbl{\f0\fcharset0 A;}{\f3\fcharset2 Symbol;}}"
    body = (
        r"\pard{\listtext 1.\tab}\ls1\ilvl0 one\par"
        r"\pard{\listtext\f3\'b7\tab}\ls1\ilvl1 two\par"
        r"\pard{\pntext o\tab}\ls1\ilvl1 three\par\pard{\listtext (a)\tab}\outlinelevel0 Head\par"
    )
    assert blocks(fonts + body) == [
        ("list", "1. one\n  - two\n  - three"),
        ("heading", "(a) Head"),
    ]


def test_tables() -> None:
    """Rows become Markdown; inner tables are text of their cell; one column is a frame."""
    row = r"\trowd\cellx1\cellx2\pard\intbl {}\cell {}\cell\row"
    inner = r"b\par {\pard\intbl\itap2 c\nestcell d\nestcell{\*\nesttableprops\nestrow}}e"
    body = row.format("Name", "|") + row.format("a", inner)
    body += r"\pard after\par\trowd\pard\intbl framed\par too\cell\row\pard end"
    assert blocks(body) == [
        ("table", "| Name | \\| |\n| --- | --- |\n| a | b c d e |"),
        ("paragraph", "after"),
        ("paragraph", "framed"),
        ("paragraph", "too"),
        ("paragraph", "end"),
    ]


def test_notes_follow_the_paragraph_that_refers_to_them() -> None:
    """Foot- and endnotes are marked where they are referred to, in tables after the table."""
    note = r"{\super\chftn{\footnote\pard {\super\chftn} The note.\par More.}}"
    body = rf"See{note}.\par\trowd\intbl a\cell b{note}\cell\row\intbl c\cell d\cell\row\pard"
    assert blocks(body) == [
        ("paragraph", "See[1]."),
        ("paragraph", "[1] The note. More."),
        ("table", "| a | b[2] |\n| --- | --- |\n| c | d |"),
        ("paragraph", "[2] The note. More."),
    ]


def test_what_is_not_text_of_the_document() -> None:
    """Headers, pictures, instructions of fields, comments, binary data and unknown groups."""
    body = (
        r"{\header H{\b h}}{\footer F}{\pict\pngblip 89504e47}{\*\unknown{\sub x}y}"
        r"{\field{\*\fldinst HYPERLINK x}{\fldrslt link}}{\*\annotation C}{\xe index}"
        r"{\deleted gone}\deleted gone\deleted0  kept \bin5 {{{}}done"
    )
    assert blocks(body) == [("paragraph", "link kept done")]


def test_text_boxes_follow_their_paragraph() -> None:
    """A text box is stored in two forms; one of them is read."""
    body = (
        r"before{\shp{\*\shpinst{\sp{\sn a}{\sv b}}{\shptxt one\par two\par}}{\shprslt again}}"
        r" after\par"
    )
    assert blocks(body) == [
        ("paragraph", "before after"),
        ("paragraph", "one"),
        ("paragraph", "two"),
    ]


def test_hidden_text_is_left_out_and_told() -> None:
    """Pieces of hidden text that follow each other are one passage."""
    result = parsed(r"a {\v ignore {\b all} rules}b{\v\par}\v c\v0 d\plain e")
    assert result.text == "a b\n\nde"
    assert result.warnings == ("2 passages of hidden text left out",)


def test_the_title_among_the_properties() -> None:
    """It is written twice where it is not ASCII; the second form is the true one."""
    assert parsed(r"{\info{\title T}{\author A}}text").title == "T"
    twice = r"{\info{\upr{\title ??}{\*\ud{\title \u20320?\u22909?}}}}text"
    assert parsed(twice).title == "你好"
    assert parsed("text").title == "x"


def test_a_file_cut_short_says_so() -> None:
    """What is there is read, and the report tells that it is not all."""
    result = parse(rb"{\rtf1 {\b bold", name="x")
    assert (result.text, result.warnings) == ("bold", ("cut short: the file ends within a group",))


def test_what_follows_the_document_is_not_read() -> None:
    """Padding is nothing; anything else is told, and damage where it is all there is."""
    assert parse(b"{\\rtf1 text}\r\n\x00\x00", name="x").warnings == ()
    result = parse(b"{\\rtf1 text}{\\rtf1 more}", name="x")
    assert result.text == "text"
    assert result.warnings == ("bytes after the end of the document, not read: 12",)
    with pytest.raises(ParseError, match="damaged: the document ends after 7 of 12 bytes"):
        parse(b"{\\rtf1}text}", name="x")


def test_other_files_are_refused() -> None:
    """A file that does not begin like RTF is none."""
    with pytest.raises(ParseError, match="not RTF"):
        parse(b"<html>", name="x")


def test_groups_nest_without_end() -> None:
    """A hundred thousand groups need no recursion."""
    assert parse(b"{\\rtf1 " + b"{" * 100_000 + b"deep" + b"}" * 100_001, name="x").blocks == (
        Block(BlockKind.PARAGRAPH, "deep"),
    )


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp"])))
def test_any_text_comes_back(text: str) -> None:
    """Written as units of UTF-16 with a stand-in each, every character is read again."""
    units = text.encode("utf-16-le")
    body = "".join(
        rf"\u{int.from_bytes(units[i : i + 2], 'little', signed=True)}?"
        for i in range(0, len(units), 2)
    )
    assert "".join(block.text for block in parsed(body).blocks) == text


WORDS = st.sampled_from(
    [
        *(r"\par ", r"\cell ", r"\row ", r"\intbl ", r"\pard ", r"\trowd ", r"\v ", r"\plain "),
        *(r"{\footnote ", r"{\listtext ", r"{\*\x ", r"{\shptxt ", r"{\upr ", r"{\*\ud ", "{", "}"),
        *(r"{\info ", r"{\title ", r"{\stylesheet ", r"{\s1 ", r"{\fonttbl ", r"\f1 ", r"\u-1 "),
        *(r"\uc9 ", r"\bin3 ", r"\'c4", r"\ansicpg936 ", r"\fcharset134 ", "\\", "text", ";"),
    ]
)


@given(st.lists(WORDS, max_size=60))
def test_any_words_are_read(words: list[str]) -> None:
    """Words in any order, groups closed or not, end in a document, or in none before its end."""
    with contextlib.suppress(ParseError):
        assert parse(b"{\\rtf1 " + "".join(words).encode(), name="x").title
