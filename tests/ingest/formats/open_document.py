"""OpenDocument files, written by hand."""

from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

NAMESPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{long}:1.0"'
    for name, long in {
        "office": "office",
        "text": "text",
        "table": "table",
        "draw": "drawing",
        "style": "style",
        "fo": "xsl-fo-compatible",
        "svg": "svg-compatible",
        "presentation": "presentation",
        "manifest": "manifest",
        "loext": "loext",
    }.items()
)


def archive(parts: dict[str, str | bytes]) -> bytes:
    """A ZIP archive of the parts."""
    buffer = BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as written:
        for name, data in parts.items():
            written.writestr(name, data)
    return buffer.getvalue()


def open_document(
    body: str, *, kind: str = "text", automatic: str = "", common: str = "", title: str = ""
) -> bytes:
    """An OpenDocument file.

    Args:
        body: inside the element of its kind.
        kind: text, presentation or spreadsheet.
        automatic: styles of the document itself.
        common: styles that it shares with others.
        title: among its properties.
    """
    return archive(
        {
            "content.xml": (
                f"<office:document-content {NAMESPACES}><office:automatic-styles>{automatic}"
                f"</office:automatic-styles><office:body><office:{kind}>{body}</office:{kind}>"
                "</office:body></office:document-content>"
            ),
            "styles.xml": f"<office:document-styles {NAMESPACES}><office:styles>{common}"
            "</office:styles></office:document-styles>",
            "meta.xml": '<m xmlns:dc="http://purl.org/dc/elements/1.1/">'
            f"<dc:title>{title}</dc:title></m>",
        }
    )
