"""CSV and its relatives: the delimiter is found, the rows become a Markdown table."""

import csv
from collections import Counter
from collections.abc import Iterator
from io import StringIO
from itertools import islice

from ingest.document import Parsed
from ingest.encoding import decode
from ingest.formats.outline import Outline
from ingest.formats.tables import write_sheet

_DELIMITERS = ",\t;|"
_ROWS_JUDGED = 200
_LONGEST_CELL = 1 << 27
"""Characters; one quote that is never closed makes a cell of the rest of the file."""


def parse(data: bytes, *, name: str) -> Parsed:
    """The rows of a file of separated values.

    Raises:
        ParseError: the bytes are not text.
    """
    decoded = decode(data)
    outline = Outline()
    write_sheet(_rows(decoded.text, _delimiter(decoded.text)), outline)
    return Parsed(name, outline.blocks(), warnings=decoded.warnings)


def _delimiter(text: str) -> str:
    """The delimiter that gives the most rows of one and the same width above one."""

    def agreement(delimiter: str) -> int:
        widths = Counter(map(len, islice(_rows(text, delimiter), _ROWS_JUDGED)))
        return max((count for width, count in widths.items() if width > 1), default=0)

    return max(_DELIMITERS, key=agreement)


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    csv.field_size_limit(_LONGEST_CELL)
    return csv.reader(StringIO(text), delimiter=delimiter, skipinitialspace=True)
