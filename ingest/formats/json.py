"""JSON as a person would write it out: keys are headings, records tables, values "key: value".

Numbers stay as they are written and a key that stands twice is shown twice, because nothing
is turned into Python's own numbers and mappings. What is written is kept on a stack of our
own: data nests without end.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ingest.document import BlockKind, Parsed
from ingest.encoding import decode
from ingest.formats.inline import one_line
from ingest.formats.outline import Outline
from ingest.formats.tables import markdown_table
from kb_qa.errors import ParseError

Value = Any
"""What json.loads makes here: a `_Object`, a list, a string (numbers too), a bool or None."""

_TITLES = ("title", "name", "subject", "label", "id", "key", "question", "标题", "名称", "姓名")
"""Keys whose value names the object, the first the best."""

_DEEPEST_HEADING = 6
_LONGEST_TITLE = 80
_LONGEST_IN_LINE = 40
"""Characters of values that stand beside each other on a line."""

_LONGEST_CELL = 160
"""Characters of a table's cells on average; records with longer ones are read one by one."""

_WIDTHS = frozenset(range(2, 61))
"""Columns of a table that can be read."""

_PARAGRAPHS = re.compile(r"\n\s*\n")


class _Object:
    """An object's keys and values, in their order."""

    def __init__(self, pairs: Sequence[tuple[str, Value]]) -> None:
        self.pairs = pairs

    @property
    def values(self) -> list[Value]:
        """The values alone."""
        return [value for _, value in self.pairs]


def parse(data: bytes, *, name: str) -> Parsed:
    """One JSON value, or one a line; its title is what its outermost object is called.

    Raises:
        ParseError: it is not JSON, or nested too deep to be read.
    """
    decoded = decode(data)
    try:
        value = _read(decoded.text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and _is_record(decoded.text):
            return parse_lines(data, name=name)
        raise ParseError(f"damaged, or not JSON: {_said(error)}") from error
    outline = Outline()
    write_value(value, outline)
    return Parsed(_title(value) or name, outline.blocks(), warnings=decoded.warnings)


def parse_lines(data: bytes, *, name: str) -> Parsed:
    """A JSON value on each line; lines that are none are kept as they are, and counted.

    Raises:
        ParseError: no line is JSON, or one is nested too deep to be read.
    """
    decoded = decode(data)
    values: list[Value] = []
    broken: list[str] = []
    reason = ""
    for line in filter(str.strip, decoded.text.split("\n")):
        try:
            values.append(_read(line))
        except json.JSONDecodeError as error:
            reason = reason or _said(error)
            broken.append(line.strip())
    if broken and not values:
        raise ParseError(f"damaged, or not JSON in lines: {reason}")
    outline = Outline()
    write_value(values, outline)
    for line in broken:
        outline.add(BlockKind.CODE, line)
    warning = f"lines that are not JSON, kept as they are: {len(broken)}"
    return Parsed(
        name, outline.blocks(), warnings=(*decoded.warnings, *((warning,) if broken else ()))
    )


def _read(text: str) -> Value:
    try:
        return json.loads(
            text, object_pairs_hook=_Object, parse_int=str, parse_float=str, parse_constant=str
        )
    except RecursionError:
        raise ParseError("its values are nested too deep to be read") from None


def _is_record(text: str) -> bool:
    """Whether the first line is a JSON value by itself."""
    try:
        _read(text.lstrip().partition("\n")[0])
    except (json.JSONDecodeError, ParseError):
        return False
    return True


def _said(error: json.JSONDecodeError) -> str:
    return f"{error.msg}, line {error.lineno} column {error.colno}"


def write_value(value: Value, outline: Outline) -> None:
    """Write any value, what lies within it under headings of its own."""
    stack = [_write(value, "", 1, outline)]
    while stack:
        inner = next(stack[-1], None)
        if inner is None:
            stack.pop()
        else:
            key, value, level = inner
            heading = one_line(key) or "-"
            outline.add(BlockKind.HEADING, heading, level=min(level, _DEEPEST_HEADING))
            stack.append(_write(value, key, level + 1, outline))


def _write(
    value: Value, key: str, level: int, outline: Outline
) -> Iterator[tuple[str, Value, int]]:
    """Write a value; what needs a heading of its own is left to the caller, with its heading."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, _Object):
        _write_fields(value, outline)
        for name, inner in value.pairs:
            if not _is_field(inner):
                yield name, inner, level
    elif _is_field(value):
        _write_lines([_shown(value)], outline)
    elif all(map(_is_plain, value)):
        _write_items(value, outline)
    elif table := _table(value):
        outline.add(BlockKind.TABLE, table)
    else:
        for number, inner in enumerate(value, start=1):
            yield _title(inner) or f"{key or 'item'} {number}", inner, level


def _write_fields(value: _Object, outline: Outline) -> None:
    """Write an object's plain values before those that need headings of their own."""
    lines = (f"{key}: {_shown(inner)}" for key, inner in value.pairs if _is_field(inner))
    _write_lines(lines, outline)


def _write_lines(lines: Iterable[str], outline: Outline) -> None:
    """Short values as a list, long ones as the paragraphs they are."""
    for line in lines:
        if len(line) <= _LONGEST_CELL and "\n" not in line:
            outline.add_item(line, marker="- ", depth=0)
        else:
            for paragraph in _PARAGRAPHS.split(line):
                outline.add(BlockKind.PARAGRAPH, paragraph.strip())


def _write_items(values: Sequence[Value], outline: Outline) -> None:
    for value in values:
        outline.add_item(_shown(value), marker="- ", depth=0)


def _table(values: Sequence[Value]) -> str:
    """Flat records, or rows of one length, as a Markdown table; "" for anything else."""
    header: list[list[str]] = []
    rows: list[list[str]] = []
    if all(isinstance(each, _Object) and all(map(_is_field, each.values)) for each in values):
        columns = dict.fromkeys(key for each in values for key, _ in each.pairs)
        header, rows = [[*columns]], [_row(each, columns) for each in values]
    elif all(isinstance(each, list) and all(map(_is_plain, each)) for each in values):
        rows = [[*map(_shown, each)] for each in values]
    widths = {len(row) for row in rows}
    sizes = [len(cell) for row in rows for cell in row if cell]
    is_dense = 3 * len(sizes) >= len(rows) * max(widths, default=0)
    is_legible = sum(sizes) <= _LONGEST_CELL * len(sizes) and len(widths) == 1
    return markdown_table(header + rows) if is_dense and is_legible and widths <= _WIDTHS else ""


def _row(value: _Object, columns: Iterable[str]) -> list[str]:
    """A flat record's cells; what stands twice in it stands twice in its cell."""
    cells: dict[str, str] = {}
    for key, inner in value.pairs:
        cells[key] = f"{cells[key]}; {_shown(inner)}" if key in cells else _shown(inner)
    return [cells.get(column, "") for column in columns]


def _is_plain(value: Value) -> bool:
    return not isinstance(value, _Object | list)


def _is_field(value: Value) -> bool:
    """Whether a value stands on a line with its key: a plain one, or a few short ones."""
    if isinstance(value, _Object):
        return not value.pairs
    return not isinstance(value, list) or all(
        _is_plain(each) and len(_shown(each)) <= _LONGEST_IN_LINE for each in value
    )


def _shown(value: Value) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ", ".join(map(_shown, value)) or "[]"
    if isinstance(value, _Object):
        return "{}"
    return {None: "null", True: "true", False: "false"}[value]


def _title(value: Value) -> str:
    """What an object calls itself; "" if it does not, or at length."""
    if isinstance(value, _Object):
        for wanted in _TITLES:
            for key, inner in value.pairs:
                if key.lower() == wanted and isinstance(inner, str) and inner.strip():
                    return inner if len(inner) <= _LONGEST_TITLE else ""
    return ""
