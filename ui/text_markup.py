"""The text of a document at a cited place: its tables as tables, the cited words marked.

Everything goes through `escaped`; a table is drawn from its rows, never from its document's
markup.
"""

import re
from collections.abc import Iterator

from ui.markup import escaped

_ROW = re.compile(r"\s*\|.*\|\s*")
_RULE = re.compile(r"\s*\|(?:\s*:?-{1,}:?\s*\|)+\s*")
_CELL = re.compile(r"(?<!\\)\|")
_AROUND = 4000  # characters on either side of the cited words


def place_markup(text: str, begin: int, end: int) -> str:
    """What stands around a place of a document.

    Args:
        text: the whole document.
        begin: offset of the first cited character.
        end: offset past the last one.
    """
    first = text.rfind("\n", 0, max(0, begin - _AROUND)) + 1
    last = text.find("\n", min(len(text), end + _AROUND))
    window = text[first : last if last >= 0 else len(text)]
    parts: list[str] = []
    rows: list[str] = []
    for start, line in _lines(window):
        offset = first + start
        if _ROW.fullmatch(line):
            is_cited = offset < end and offset + len(line) > begin
            rows.append(_row(line, is_cited=is_cited))
            continue
        parts += _table(rows)
        rows = []
        parts.append(_line(line, begin - offset, end - offset))
    parts += _table(rows)
    return f'<div class="kq-document" dir="auto">{"".join(parts)}</div>'


def _lines(text: str) -> Iterator[tuple[int, str]]:
    at = 0
    for line in text.split("\n"):
        yield at, line
        at += len(line) + 1


def _line(line: str, begin: int, end: int) -> str:
    begin, end = max(begin, 0), min(end, len(line))
    if begin >= end:
        return f"{escaped(line)}\n"
    before, cited, after = line[:begin], line[begin:end], line[end:]
    return f"{escaped(before)}<mark>{escaped(cited)}</mark>{escaped(after)}\n"


def _row(line: str, *, is_cited: bool) -> str:
    """A row of cells; nothing for the rule below a header."""
    if _RULE.fullmatch(line):
        return ""
    cells = [each.replace("\\|", "|").strip() for each in _CELL.split(line.strip().strip("|"))]
    inner = "".join(
        f"<td><mark>{escaped(cell)}</mark></td>" if is_cited else f"<td>{escaped(cell)}</td>"
        for cell in cells
    )
    return f"<tr>{inner}</tr>"


def _table(rows: list[str]) -> list[str]:
    kept = [row for row in rows if row]
    return [f"<table>{''.join(kept)}</table>"] if kept else []
