"""OpenDocument text: headings, lists, tables and notes as LibreOffice stores them.

Page numbers do not exist until the program lays pages out.
"""

from ingest.document import Parsed
from ingest.formats.odf import OpenDocument
from ingest.formats.odf_text import TextReader
from ingest.formats.outline import Outline


def parse(data: bytes, *, name: str) -> Parsed:
    """A text document; its title is the paragraph in the style Title, or its property.

    Raises:
        ParseError: it is encrypted, too large unpacked, or holds no text document.
    """
    document = OpenDocument(data, body="text", called="OpenDocument text")
    outline = Outline()
    reader = TextReader(document, outline)
    reader.read(document.body)
    title = reader.title or document.title() or name
    return Parsed(title, outline.blocks(), warnings=reader.hidden.warnings)
