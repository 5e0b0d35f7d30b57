"""Word, PowerPoint and Excel files from before 2007, and what else goes by their suffixes.

Programs and websites give .doc and .xls to RTF, web pages, text and today's formats; what
is inside decides. Word's and PowerPoint's own old formats, and Excel's before 97, are for
LibreOffice (`ingest.office`) to convert.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from ingest.document import NeedsOffice, Parsed
from ingest.formats import csv, docx, html, plain, pptx, rtf, xlsx
from ingest.formats.compound import MAGIC, CompoundFile
from ingest.formats.extents import check_old_extents
from ingest.formats.workbook import read_workbook
from kb_qa.errors import ParseError

_Parser = Callable[..., Parsed]

_ZIP = b"PK\x03\x04"
_RTF = re.compile(rb"[\s\xef\xbb\xbf]*\{\\rtf")
_MARKUP = re.compile(
    rb"[\s\xef\xbb\xbf]*<(?:!doctype html|html|head|meta|table|body)", re.IGNORECASE
)
_EXCEL_XML = re.compile(rb"[\s\xef\xbb\xbf]*<\?xml.{0,400}(?:Excel\.Sheet|<Workbook)", re.DOTALL)
_BEFORE_EXCEL_5 = re.compile(rb"\x09[\x00\x02\x04](?:\x04|\x06)\x00")


@dataclass(frozen=True)
class _Program:
    """A program whose files from before 2007 these are.

    Attributes:
        name: as people call it.
        suffix: of its files today.
        package: of the distribution that reads the old ones.
        modern: reads its files of today.
        text: reads what is text under its suffix.
    """

    name: str
    suffix: str
    package: str
    modern: _Parser
    text: _Parser | None


_WORD = _Program("Word", ".docx", "libreoffice-writer-nogui", docx.parse, plain.parse)
_POWERPOINT = _Program("PowerPoint", ".pptx", "libreoffice-impress-nogui", pptx.parse, None)
_EXCEL = _Program("Excel", ".xlsx", "libreoffice-calc-nogui", xlsx.parse, csv.parse)


def parse_word(data: bytes, *, name: str) -> Parsed:
    """A file named .doc.

    Raises:
        NeedsOffice: it is a Word file that only LibreOffice reads here.
        ParseError: it is encrypted, or no document.
    """
    if data.startswith(MAGIC):
        _check(data, _WORD)
        raise _needs_office("a Word file from before 2007", _WORD)
    return _parse_other(data, _WORD, name=name)


def parse_powerpoint(data: bytes, *, name: str) -> Parsed:
    """A file named .ppt.

    Raises:
        NeedsOffice: it is a PowerPoint file that only LibreOffice reads here.
        ParseError: it is encrypted, or no presentation.
    """
    if data.startswith(MAGIC):
        _check(data, _POWERPOINT)
        raise _needs_office("a PowerPoint file from before 2007", _POWERPOINT)
    return _parse_other(data, _POWERPOINT, name=name)


def parse_excel(data: bytes, *, name: str) -> Parsed:
    """A file named .xls; workbooks since Excel 97 are read as they are.

    Raises:
        NeedsOffice: it is an older workbook, which only LibreOffice reads here.
        ParseError: it is encrypted, or no workbook.
    """
    if data.startswith(MAGIC):
        file = _check(data, _EXCEL)
        if not file.holds("Workbook"):
            raise _needs_office("an Excel file from before 1997", _EXCEL)
        if file.is_circular("Workbook"):
            raise ParseError("damaged: its container's parts follow each other in a circle")
        check_old_extents(file.read("Workbook"))
        return read_workbook(data, title=name)
    if _BEFORE_EXCEL_5.match(data):
        raise _needs_office("an Excel file from before 1993", _EXCEL)
    if _EXCEL_XML.match(data):
        raise _needs_office("an Excel 2003 XML file", _EXCEL)
    return _parse_other(data, _EXCEL, name=name)


def _check(data: bytes, program: _Program) -> CompoundFile:
    """The container of a file that is what its suffix says and has no password."""
    file = CompoundFile(data)
    if file.is_damaged():
        raise ParseError(f"damaged, or not {program.name}")
    if file.is_encrypted():
        raise ParseError("encrypted: save it without a password")
    if file.kind != program.name:
        held = f": it holds {file.kind}" if file.kind else ""
        raise ParseError(f"damaged, or not {program.name}{held}")
    return file


def _needs_office(what: str, program: _Program) -> NeedsOffice:
    return NeedsOffice(
        f"{what}: install LibreOffice (Debian: apt install {program.package}), "
        f"or save it as {program.suffix}"
    )


def _parse_other(data: bytes, program: _Program, *, name: str) -> Parsed:
    """What a file holds that is not in the program's old format."""
    if data.startswith(_ZIP):
        return program.modern(data, name=name)
    if program.text is not None:
        for called, sign, parser in (("RTF", _RTF, rtf.parse), ("HTML", _MARKUP, html.parse)):
            if sign.match(data):
                return _told(parser(data, name=name), f"no {program.name} file but {called}")
        return _told(program.text(data, name=name), f"no {program.name} file but plain text")
    raise ParseError(f"damaged, or not {program.name}")


def _told(parsed: Parsed, warning: str) -> Parsed:
    return replace(parsed, warnings=(*parsed.warnings, warning))
