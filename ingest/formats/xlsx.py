"""Excel since 2007: its sheets, once the archive that they are in has been looked at."""

from dataclasses import replace

from ingest.document import Parsed
from ingest.formats.extents import check_extents
from ingest.formats.hidden_cells import hidden_cells_warnings
from ingest.formats.ooxml import Package
from ingest.formats.workbook import read_workbook
from kb_qa.errors import ParseError

_MOST_INFLATED = 512 << 20
"""Bytes the archive may take unpacked: about five million cells."""


def parse(data: bytes, *, name: str) -> Parsed:
    """A workbook: each sheet's title lines, then its tables.

    Raises:
        ParseError: it is encrypted, too large unpacked, its cells lie too far apart, or it is
            no workbook.
    """
    package = Package(data)
    if package.inflated_size() > _MOST_INFLATED:
        raise ParseError(f"takes more than {_MOST_INFLATED >> 20} MiB when unpacked")
    check_extents(package)
    parsed = read_workbook(data, title=package.title() or name)
    return replace(parsed, warnings=parsed.warnings + hidden_cells_warnings(package))
