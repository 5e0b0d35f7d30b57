"""Word: documents as Word, and people, make them."""

from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

import docx
import pytest
from docx.document import Document
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Pt, RGBColor
from docx.text.paragraph import Paragraph

from ingest.document import Block, BlockKind, Parsed
from ingest.formats.docx import parse
from kb_qa.errors import ParseError
from tests.ingest.formats.compound import compound_file


def parsed(document: Document) -> Parsed:
    buffer = BytesIO()
    document.save(buffer)
    return parse(buffer.getvalue(), name="x")


def blocks(document: Document) -> list[tuple[str, str]]:
    return [(block.kind.value, block.text) for block in parsed(document).blocks]


def with_part(document: Document, name: str, xml: str) -> bytes:
    """The saved document with one part added or replaced."""
    buffer, result = BytesIO(), BytesIO()
    document.save(buffer)
    with ZipFile(buffer) as old, ZipFile(result, "w", ZIP_DEFLATED) as new:
        for entry in old.namelist():
            if entry != name:
                new.writestr(entry, old.read(entry))
        new.writestr(name, xml)
    return result.getvalue()


def set_property(paragraph: Paragraph, xml: str) -> None:
    paragraph._p.get_or_add_pPr().append(parse_xml(xml))


def test_headings_by_style() -> None:
    """Heading styles give levels; the title's style gives the title."""
    document = docx.Document()
    document.add_heading("员工手册", 0)
    document.add_heading("第一章", 1)
    document.add_heading("假期", 2)
    document.add_paragraph("五天。")
    assert parsed(document).title == "员工手册"
    assert parsed(document).blocks == (
        Block(BlockKind.HEADING, "员工手册", 1),
        Block(BlockKind.HEADING, "第一章", 1),
        Block(BlockKind.HEADING, "假期", 2),
        Block(BlockKind.PARAGRAPH, "五天。"),
    )


def test_headings_by_chinese_name_inheritance_and_outline_level() -> None:
    """A style named 标题 3, one based on a heading, and a paragraph's own outline level."""
    document = docx.Document()
    document.styles.add_style("标题 3", 1)
    document.styles.add_style("Mine", 1).base_style = document.styles["Heading 2"]
    document.add_paragraph("a", style="标题 3")
    document.add_paragraph("b", style="Mine")
    set_property(document.add_paragraph("c"), f'<w:outlineLvl {nsdecls("w")} w:val="3"/>')
    assert [block.level for block in parsed(document).blocks] == [3, 2, 4]


def test_the_title_falls_back() -> None:
    """Without a title in the text, the property; without that, the file's name."""
    document = docx.Document()
    document.add_paragraph("text")
    document.core_properties.title = ""
    assert parsed(document).title == "x"
    document.core_properties.title = "Property"
    assert parsed(document).title == "Property"


def test_lists_keep_their_numbers() -> None:
    """Bullets and automatic numbers are shown as Word shows them."""
    document = docx.Document()
    for style in ("List Bullet", "List Number", "List Number"):
        document.add_paragraph("item", style=style)
    assert blocks(document) == [("list", "- item\n1. item\n2. item")]


def test_articles_are_counted_in_chinese() -> None:
    """第三条 is nowhere in the file, but everybody asks for it."""
    levels = "".join(
        f'<w:lvl w:ilvl="{depth}"><w:start w:val="1"/><w:numFmt w:val="{style}"/>'
        f'<w:lvlText w:val="{text}"/></w:lvl>'
        for depth, (style, text) in enumerate(
            [("chineseCountingThousand", "第%1条"), ("decimal", "%1.%2"), ("lowerLetter", "(%3)")]
        )
    )
    numbering = (
        f'<w:numbering {nsdecls("w")}><w:abstractNum w:abstractNumId="0">{levels}</w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>'
    )
    document = docx.Document()
    for depth in (0, 0, 1, 2, 2, 0):
        set_property(
            document.add_paragraph("x"),
            f'<w:numPr {nsdecls("w")}><w:ilvl w:val="{depth}"/><w:numId w:val="1"/></w:numPr>',
        )
    result = parse(with_part(document, "word/numbering.xml", numbering), name="x")
    assert result.text == "第一条 x\n第二条 x\n  二.1 x\n    (a) x\n    (b) x\n第三条 x"


def test_tables_and_frames() -> None:
    """A table becomes Markdown; a table of one cell is a frame around its paragraphs."""
    document = docx.Document()
    table = document.add_table(2, 2)
    for cell, text in zip(table._cells, ("项目", "天数", "年假\n带薪", "5|10"), strict=True):
        cell.text = text
    document.add_table(1, 1).cell(0, 0).text = "framed"
    assert blocks(document) == [
        ("table", "| 项目 | 天数 |\n| --- | --- |\n| 年假 带薪 | 5\\|10 |"),
        ("paragraph", "framed"),
    ]


def test_notes_follow_the_paragraph_that_refers_to_them() -> None:
    """Footnotes are not lost, and marked where they are referred to."""
    document = docx.Document()
    run = document.add_paragraph("See").add_run()
    reference = OxmlElement("w:footnoteReference")
    reference.set(qn("w:id"), "2")
    run._r.append(reference)
    document.add_paragraph("After")
    notes = (
        f'<w:footnotes {nsdecls("w")}><w:footnote w:id="0" w:type="separator"><w:p/></w:footnote>'
        '<w:footnote w:id="2"><w:p><w:r><w:t>The note.</w:t></w:r></w:p></w:footnote></w:footnotes>'
    )
    result = parse(with_part(document, "word/footnotes.xml", notes), name="x")
    assert [block.text for block in result.blocks] == ["See[1]", "[1] The note.", "After"]


def test_runs_breaks_and_deletions() -> None:
    """Runs join without spaces, line breaks stay, what was deleted in a revision is left out."""
    document = docx.Document()
    paragraph = document.add_paragraph("年")
    paragraph.add_run("假").bold = True
    paragraph.add_run().add_break()
    paragraph.add_run("next\tcolumn")
    paragraph._p.append(
        parse_xml(f"<w:del {nsdecls('w')}><w:r><w:delText>gone</w:delText></w:r></w:del>")
    )
    paragraph._p.append(parse_xml(f"<w:ins {nsdecls('w')}><w:r><w:t>!</w:t></w:r></w:ins>"))
    assert blocks(document) == [("paragraph", "年假\nnext column!")]


def test_text_boxes_are_read_once() -> None:
    """A text box is stored in two forms; one of them is read, after its paragraph."""
    document = docx.Document()
    box = "<w:txbxContent><w:p><w:r><w:t>boxed</w:t></w:r></w:p></w:txbxContent>"
    document.add_paragraph("before").add_run()._r.append(
        parse_xml(
            f'<mc:AlternateContent {nsdecls("w")} xmlns:mc="urn:mc"><mc:Choice>{box}</mc:Choice>'
            f"<mc:Fallback>{box}</mc:Fallback></mc:AlternateContent>"
        )
    )
    assert blocks(document) == [("paragraph", "before"), ("paragraph", "boxed")]


def test_code_styles_make_listings() -> None:
    """Paragraphs in a style for code are one listing, their spaces kept."""
    document = docx.Document()
    document.styles.add_style("Source Code", 1)
    for line in ("if a:", "    b"):
        document.add_paragraph(line, style="Source Code")
    assert blocks(document) == [("code", "if a:\n    b")]


def test_the_strict_variant_reads_the_same() -> None:
    """ISO's strict namespaces are other names for the same elements."""
    document = docx.Document()
    document.add_heading("Head", 1)
    buffer, result = BytesIO(), BytesIO()
    document.save(buffer)
    with ZipFile(buffer) as old, ZipFile(result, "w") as new:
        for entry in old.namelist():
            data = old.read(entry).replace(
                b"http://schemas.openxmlformats.org/wordprocessingml/2006/main",
                b"http://purl.oclc.org/ooxml/wordprocessingml/main",
            )
            new.writestr(entry, data)
    assert parse(result.getvalue(), name="x").blocks == (Block(BlockKind.HEADING, "Head", 1),)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    """The size of what is in the archive is looked at first."""
    bomb = BytesIO()
    with (
        ZipFile(bomb, "w", ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("word/document.xml", "w") as part,
    ):
        for _ in range(33):
            part.write(bytes(8 << 20))
    with pytest.raises(ParseError, match="256 MiB"):
        parse(bomb.getvalue(), name="x")


def test_a_document_that_declares_entities_is_refused() -> None:
    """No Office file needs them, and the text after one would be lost with it."""
    xml = (
        '<!DOCTYPE d [<!ENTITY f SYSTEM "file:///etc/hostname">]>'
        f"<w:document {nsdecls('w')}><w:body><w:p><w:r><w:t>a&f;b</w:t></w:r></w:p></w:body>"
        "</w:document>"
    )
    with pytest.raises(ParseError, match="declares entities"):
        parse(with_part(docx.Document(), "word/document.xml", xml), name="x")


def test_old_and_encrypted_files_say_so() -> None:
    """A compound file is an Office file with a password, or from before 2007, or damaged."""
    streams = {"EncryptedPackage": b"", "EncryptionInfo": b""}
    with pytest.raises(ParseError, match="encrypted: save it without a password"):
        parse(compound_file(streams), name="x")
    with pytest.raises(ParseError, match="it holds an Outlook message"):
        parse(compound_file({"__properties_version1.0": b""}), name="x")
    with pytest.raises(ParseError, match="damaged"):
        parse(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), name="x")


def test_hidden_text_is_left_out_and_told() -> None:
    """By the run, its style or the paragraph's; a run may show in spite of its style."""
    document = docx.Document()
    styles = document.styles
    for name, kind in (("Hidden", 1), ("Unseen", 2)):
        style = styles.add_style(name, kind)
        style.element.get_or_add_rPr().append(parse_xml(f"<w:vanish {nsdecls('w')}/>"))
    paragraph = document.add_paragraph("a")
    for _ in range(2):
        paragraph.add_run("one").font.hidden = True
    paragraph.add_run("b").font.hidden = False
    paragraph.add_run("two", style="Unseen")
    paragraph.add_run("c", style="Unseen").font.hidden = False
    document.add_paragraph("three", style="Hidden")
    result = parsed(document)
    assert result.text == "abc"
    assert result.warnings == ("3 passages of hidden text left out",)


def test_letters_that_nobody_can_see_are_left_out_and_told() -> None:
    """White ones on the white page, and dust."""
    document = docx.Document()
    paragraph = document.add_paragraph("a")
    paragraph.add_run("white").font.color.rgb = RGBColor(255, 255, 255)
    paragraph.add_run("b")
    paragraph.add_run("dust").font.size = Pt(1)
    result = parsed(document)
    assert result.text == "ab"
    assert result.warnings == ("2 passages of hidden text left out",)


def test_white_letters_on_a_colour_are_read() -> None:
    """In a cell, on a shaded paragraph, under a marker, on a coloured page."""
    document = docx.Document()
    for element in ("pPr", "rPr"):
        paragraph = document.add_paragraph()
        run = paragraph.add_run(f"on {element}")
        run.font.color.rgb = RGBColor(255, 255, 255)
        owner = paragraph._p.get_or_add_pPr() if element == "pPr" else run._r.get_or_add_rPr()
        owner.append(parse_xml(f'<w:shd {nsdecls("w")} w:val="clear" w:fill="112233"/>'))
    table = document.add_table(2, 2)
    for cell in table._cells:
        cell.paragraphs[0].add_run("cell").font.color.rgb = RGBColor(255, 255, 255)
    result = parsed(document)
    assert result.text.startswith("on pPr\n\non rPr")
    assert result.text.count("cell") == 4
    assert result.warnings == ()
    document.element.insert(0, parse_xml(f'<w:background {nsdecls("w")} w:color="000000"/>'))
    document.add_paragraph().add_run("page").font.color.rgb = RGBColor(255, 255, 255)
    assert parsed(document).text.endswith("page")
