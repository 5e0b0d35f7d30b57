"""The text of a document, its tables as tables, the cited words marked.

Everything goes through `escaped`; a table is drawn from its rows, never from its document's
markup.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import groupby, pairwise

from kb_qa.tables import header_of
from ui.escaping import escaped

_ROW = re.compile(r"\s*\|.*(?<!\\)\|(?:\s*[\[【][\d,，、\s]+[\]】])*\s*")
"""Citation numbers may stand behind a quoted row."""

_RULE = re.compile(r"\s*\|(?:\s*:?-+:?\s*\|)+\s*")
_BAR = re.compile(r"(?<!\\)\|")
_AROUND = 4000  # characters on either side of the cited words

Span = tuple[int, int]
Draw = Callable[[int, int], str]


def text_markup(
    text: str, begin: int = 0, end: int = 0, *, header: str = "", anchor: str = ""
) -> str:
    """A text whose tables are tables.

    Args:
        text: a document, or a part of one.
        begin: offset of the first character to be marked.
        end: offset past the last one; none is marked where it is not past `begin`.
        header: the header row of the table that the text begins amid; empty if it does not.
        anchor: the id of the first mark; none if empty.
    """

    def draw(first: int, last: int) -> str:
        start, stop = max(first, begin), min(last, end)
        if start >= stop:
            return escaped(text[first:last])
        before, cited, after = text[first:start], text[start:stop], text[stop:last]
        return f"{escaped(before)}<mark>{escaped(cited)}</mark>{escaped(after)}"

    drawn = tables_drawn(text, draw, lead=header)
    return drawn.replace("<mark>", f'<mark id="{escaped(anchor)}">', 1) if anchor else drawn


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
    drawn = text_markup(window, begin - first, end - first, header=header_of(text, first))
    return f'<div class="kq-document" dir="auto">{drawn}</div>'


def tables_drawn(text: str, draw: Draw, *, lead: str = "", headers: Collection[str] = ()) -> str:
    """A text of which each part is drawn as the caller will, tables as tables.

    Args:
        text: the text.
        draw: gives the markup of the characters between two offsets.
        lead: the header row of the table that the text begins amid; empty if it does not.
        headers: rows that are headers though no rule stands below them.
    """
    parts: list[str] = []
    for is_table, group in groupby(_lines(text), lambda line: is_row(text[slice(*line)])):
        lines = list(group)
        if is_table:
            heads = lead if lines[0][0] == 0 else ""
            parts.append(_table(text, lines, draw, lead=heads, headers=headers))
        else:
            parts.append(draw(lines[0][0], min(lines[-1][1] + 1, len(text))))
    return "".join(parts)


def is_row(line: str) -> bool:
    """Whether a line is drawn as a row of a table."""
    return bool(_ROW.fullmatch(line))


def one_line(text: str) -> str:
    """A text on one line; cells of tables are told apart by dots."""
    lines = (
        " · ".join(text_of_cell(line[slice(*cell)]) for cell in _cells(line))
        if is_row(line)
        else line
        for line in text.split("\n")
        if not _RULE.fullmatch(line)
    )
    return " ".join(" ".join(lines).split())


def text_of_cell(text: str) -> str:
    """What a cell says, its bars as bars."""
    return text.replace("\\|", "|").strip()


def rows_of(text: str, *, header: str = "") -> Iterator[tuple[list[str], list[str]]]:
    """The rows of the tables in a text, each with its header: pairs of cells.

    Args:
        text: a passage.
        header: the header row of the table that it begins amid; empty if it does not.
    """
    names = _texts(header)
    lines = text.split("\n")
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if not is_row(line):
            names = []
        elif _RULE.fullmatch(following):
            names = _texts(line)
        elif names and not _RULE.fullmatch(line):
            yield names, _texts(line)


def _lines(text: str) -> Iterator[Span]:
    at = 0
    for line in text.split("\n"):
        yield at, at + len(line)
        at += len(line) + 1


def _texts(line: str) -> list[str]:
    return [text_of_cell(line[slice(*cell)]) for cell in _cells(line)]


def _cells(line: str) -> Iterator[Span]:
    """The cells of a row, without the spaces around them."""
    bars = [bar.start() for bar in _BAR.finditer(line)]
    for before, after in pairwise(bars):
        cell = line[before + 1 : after]
        begin = before + 1 + len(cell) - len(cell.lstrip())
        yield begin, max(begin, after - len(cell) + len(cell.rstrip()))


def _table(
    text: str, lines: Sequence[Span], draw: Draw, *, lead: str, headers: Collection[str]
) -> str:
    rows = []
    if is_row(lead):
        rows.append(_row(lead, lambda begin, end: escaped(lead[begin:end]), tag="th"))
    for line, following in zip(lines, [*lines[1:], (0, 0)], strict=True):
        row = text[slice(*line)]
        if _RULE.fullmatch(row):
            continue
        is_header = row.strip() in headers or bool(_RULE.fullmatch(text[slice(*following)]))
        rows.append(_row(row, _from(draw, line[0]), tag="th" if is_header else "td"))
    return f'<div class="kq-table"><table>{"".join(rows)}</table></div>' if rows else ""


def _from(draw: Draw, offset: int) -> Draw:
    return lambda begin, end: draw(offset + begin, offset + end)


def _row(line: str, draw: Draw, *, tag: str) -> str:
    cells = [draw(*cell).replace("\\|", "|") for cell in _cells(line)]
    behind = line.rstrip().rindex("|") + 1
    if cells and line[behind:].strip():
        cells[-1] += draw(behind, len(line))
    return f"<tr>{''.join(f'<{tag}>{cell}</{tag}>' for cell in cells)}</tr>"
