"""A small good file of every format, to be spoilt: all hold `SENTENCE`."""

import io
import json
from collections.abc import Callable
from email.message import EmailMessage

import docx
import pptx
import xlsxwriter
from PIL import Image, ImageDraw
from reportlab.pdfgen.canvas import Canvas

from tests.ingest.formats.compound import compound_file
from tests.ingest.hostile.containers import member, tarred, zipped

SENTENCE = "Apples are red and keep for months in a cool cellar"

_ODF = (
    '<?xml version="1.0"?><office:document-content office:version="1.2"'
    ' xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
    ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
    ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
    ' xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0">'
    "<office:body>{body}</office:body></office:document-content>"
)
_ODF_BODIES = {
    "text": "<office:text>{0}</office:text>",
    "presentation": '<office:presentation><draw:page draw:name="1"><draw:frame><draw:text-box>{0}'
    "</draw:text-box></draw:frame></draw:page></office:presentation>",
    "spreadsheet": '<office:spreadsheet><table:table table:name="Fruit"><table:table-row>'
    '<table:table-cell office:value-type="string">{0}</table:table-cell>'
    '<table:table-cell office:value-type="string"><text:p>red</text:p></table:table-cell>'
    "</table:table-row></table:table></office:spreadsheet>",
}
_MANIFEST = (
    '<?xml version="1.0"?><manifest:manifest'
    ' xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
    '<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/>'
    '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>'
    "</manifest:manifest>"
)

_EPUB_CONTAINER = (
    '<?xml version="1.0"?><container version="1.0"'
    ' xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="content.opf" media-type="application/oebps-package+xml"/>'
    "</rootfiles></container>"
)
EPUB_PACKAGE = (
    '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0">'
    '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Fruit</dc:title></metadata>'
    '<manifest><item id="one" href="one.xhtml" media-type="application/xhtml+xml"/>{manifest}'
    '</manifest><spine><itemref idref="one"/>{spine}</spine></package>'
)


def odf(kind: str, paragraph: str = f"<text:p>{SENTENCE}</text:p>", *, before: str = "") -> bytes:
    """An OpenDocument file: text, presentation or spreadsheet."""
    media = f"application/vnd.oasis.opendocument.{kind}"
    content = _ODF.format(body=_ODF_BODIES[kind].format(paragraph))
    declaration, _, rest = content.partition("?>")
    content = f"{declaration}?>{before}{rest}"
    manifest = _MANIFEST.format(kind=media)
    return zipped({"mimetype": media, "META-INF/manifest.xml": manifest, "content.xml": content})


def epub(chapter: str, *, manifest: str = "", spine: str = "", **others: str) -> bytes:
    """A book of one chapter."""
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": _EPUB_CONTAINER,
            "content.opf": EPUB_PACKAGE.format(manifest=manifest, spine=spine),
            "one.xhtml": chapter,
            **others,
        }
    )


def xhtml(body: str = f"<p>{SENTENCE}.</p>", *, before: str = "") -> str:
    start = '<?xml version="1.0"?>' + before
    return f'{start}<html xmlns="http://www.w3.org/1999/xhtml"><body>{body}</body></html>'


def word() -> bytes:
    document = docx.Document()
    document.add_heading("Fruit", 1)
    document.add_paragraph(SENTENCE + ".")
    return _saved(document.save)


def slides() -> bytes:
    presentation = pptx.Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[1])
    slide.shapes.title.text = "Fruit"
    slide.placeholders[1].text = SENTENCE
    return _saved(presentation.save)


def sheet() -> bytes:
    memory = io.BytesIO()
    with xlsxwriter.Workbook(memory) as book:
        page = book.add_worksheet("Fruit")
        page.write_row(0, 0, ["fruit", "what is known of it"])
        page.write_row(1, 0, ["apple", SENTENCE])
    return memory.getvalue()


def pdf(pages: int = 1, **options: object) -> bytes:
    memory = io.BytesIO()
    canvas = Canvas(memory, **options)
    for number in range(pages):
        canvas.drawString(72, 700, f"{SENTENCE}, page {number + 1}.")
        canvas.showPage()
    canvas.save()
    return memory.getvalue()


def picture(kind: str) -> bytes:
    image = Image.new("L", (1400, 120), 255)
    ImageDraw.Draw(image).text((20, 30), SENTENCE, fill=0, font_size=40)
    return _saved(lambda memory: image.save(memory, kind))


def mail() -> bytes:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "Fruit", "a@example.com", "b@example.com"
    message.set_content(SENTENCE + ".\n")
    return bytes(message)


def web_archive() -> bytes:
    message = EmailMessage()
    message["Subject"] = "Fruit"
    message.set_content(f"<html><body><p>{SENTENCE}.</p></body></html>", subtype="html")
    message.make_related()
    return bytes(message)


def notebook(cells: object = None) -> bytes:
    cell = {"cell_type": "markdown", "metadata": {}, "source": [SENTENCE + "."]}
    cells = [cell] if cells is None else cells
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode()


_TEXT = f"{SENTENCE}.\n".encode()
_JSON = json.dumps({"fruit": "apple", "known": SENTENCE}).encode()


def outlook_message() -> bytes:
    texts = {0x0037: "Fruit", 0x0C1A: "A. Lee", 0x1000: SENTENCE + "."}
    streams = {
        f"__substg1.0_{number:04X}001F": text.encode("utf-16-le") for number, text in texts.items()
    }
    return compound_file({"__properties_version1.0": bytes(32), **streams})


SAMPLES: dict[str, Callable[[], bytes]] = {
    ".txt": lambda: _TEXT,
    ".log": lambda: b"2026-01-01 12:00:00 INFO " + _TEXT,
    ".md": lambda: b"# Fruit\n\n" + _TEXT,
    ".rst": lambda: b"Fruit\n=====\n\n" + _TEXT,
    ".tex": lambda: b"\\documentclass{article}\\begin{document}\n" + _TEXT + b"\\end{document}\n",
    ".html": lambda: b"<html><body><h1>Fruit</h1><p>" + _TEXT + b"</p></body></html>",
    ".csv": lambda: b"fruit,known\napple," + _TEXT,
    ".tsv": lambda: b"fruit\tknown\napple\t" + _TEXT,
    ".json": lambda: _JSON,
    ".jsonl": lambda: _JSON + b"\n" + _JSON.replace(b"apple", b"apples") + b"\n",
    ".xml": lambda: b"<?xml version='1.0'?><fruit><name>apple</name><p>" + _TEXT + b"</p></fruit>",
    ".ipynb": notebook,
    ".msg": outlook_message,
    ".py": lambda: b'"""' + _TEXT.strip() + b'"""\n\n\ndef apple() -> str:\n    return "red"\n',
    ".rtf": lambda: b"{\\rtf1\\ansi " + _TEXT.strip() + b"\\par}",
    ".pdf": pdf,
    ".docx": word,
    ".pptx": slides,
    ".xlsx": sheet,
    ".odt": lambda: odf("text"),
    ".odp": lambda: odf("presentation"),
    ".ods": lambda: odf("spreadsheet"),
    ".epub": lambda: epub(xhtml()),
    ".eml": mail,
    ".mhtml": web_archive,
    ".zip": lambda: zipped({"fruit/apple.txt": _TEXT}),
    ".tar.gz": lambda: tarred([(member("fruit/apple.txt"), _TEXT)]),
    ".tar": lambda: tarred([(member("fruit/apple.txt"), _TEXT)], "w"),
    ".png": lambda: picture("png"),
    ".jpg": lambda: picture("jpeg"),
    ".tiff": lambda: picture("tiff"),
}


def _saved(save: Callable[[io.BytesIO], object]) -> bytes:
    memory = io.BytesIO()
    save(memory)
    return memory.getvalue()
