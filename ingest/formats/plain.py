"""Plain text: paragraphs between blank lines, and the lines that were only wrapped.

A line is taken for wrapped where the first word of the next would not have
fitted: not into the paragraph's widest line, nor into most of the file's usual
width. Every other line end was meant.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import dropwhile
from textwrap import dedent

from ingest.document import Block, BlockKind, Parsed
from ingest.encoding import decode
from ingest.formats.inline import CJK, one_line

_WRAP_COLUMNS = range(40, 121)
"""Widths that text is wrapped at: shorter lines are lists and verses, longer are paragraphs."""

_SLACK = 4
"""Columns a wrapped line may stay short: Chinese marks may not begin a line."""

_WIDE = re.compile(f"[{CJK}]")
_FIRST_WORD = re.compile(rf"\s*([{CJK}]|[^\s{CJK}]+)")
_ITEM = re.compile(
    r"\s*(?:[-*+•·●○▪■◆►]\s|\d{1,3}[)）、．]|\d{1,3}(?:\.\d{1,3})*\.\s|[（(]\w{1,3}[)）]|[一二三四五六七八九十]{1,3}、)"
)
_RULE = re.compile(r"\s*([=\-~*_#+.])\1{2,}\s*\Z")
_UNDERLINES = {"#": 1, "*": 1, "=": 1, "-": 2, "~": 3}
_COUNT = r"[一二三四五六七八九十百零〇\d]{1,5}"
_NUMBERED = (
    (re.compile(rf"第\s?{_COUNT}\s?[卷部篇编]"), 1),
    (re.compile(rf"第\s?{_COUNT}\s?[章回]|Chapter \d+\b"), 2),
    (re.compile(rf"第\s?{_COUNT}\s?节"), 3),
    (re.compile(r"\d{1,2}\.\d{1,2}\.?\s"), 7),
    (re.compile(r"\d{1,2}\.\d{1,2}\.\d{1,2}\.?\s"), 8),
)
"""Numbers that make a line of its own a heading, and its level."""

_NUMBERED_ALIKE = (
    (re.compile(r"[一二三四五六七八九十]{1,3}、"), 4),
    (re.compile(r"[（(][一二三四五六七八九十]{1,3}[)）]"), 5),
    (re.compile(r"\d{1,2}[.、．]\s*\D"), 6),
)
"""Numbers that items of a list have too: a heading's neighbours are no such lines."""

_LONGEST_HEADING = 80
_CLAUSE_END = re.compile(r"[。.，,；;：:]\Z")
_SENTENCE_END = re.compile(r"[。！？!?.…：:；;”’\"」]\Z")
_COLUMNS = re.compile(r"\S(?: {3,}|\t)\S|[|+]--|[│┃├└┌─]{2}")


def parse(data: bytes, *, name: str) -> Parsed:
    """Paragraphs, lists, aligned passages and evident headings of a text file.

    Raises:
        ParseError: the bytes are not text.
    """
    decoded = decode(data)
    groups = list(_groups(decoded.text))
    usual = _usual_columns(groups)
    blocks = [block for group in groups for block in _blocks(group, usual)]
    return Parsed(name, tuple(_with_headings(blocks)), warnings=decoded.warnings)


def parse_lines(data: bytes, *, name: str) -> Parsed:
    """A log: its lines stay as they are, blank lines part its blocks.

    Raises:
        ParseError: the bytes are not text.
    """
    decoded = decode(data)
    blocks = tuple(Block(BlockKind.CODE, "\n".join(group)) for group in _groups(decoded.text))
    return Parsed(name, blocks, warnings=decoded.warnings)


def _groups(text: str) -> Iterator[list[str]]:
    """The lines between blank lines."""
    group: list[str] = []
    for line in text.replace("\f", "\n\n").split("\n"):
        if stripped := line.expandtabs(8).rstrip():
            group.append(stripped)
        elif group:
            yield group
            group = []
    if group:
        yield group


def _usual_columns(groups: Sequence[Sequence[str]]) -> int:
    """The width that nine in ten of the lines keep to that another line follows.

    Returns:
        0 if paragraphs are lines, as is plain where one line in ten is longer than any wrapped.
    """
    widths = sorted(_width(line) for group in groups for line in group)
    if not widths or widths[len(widths) * 9 // 10] >= _WRAP_COLUMNS.stop:
        return 0
    followed = sorted(_width(line) for group in groups for line in group[:-1])
    return followed[len(followed) * 9 // 10] if followed else 0


def _blocks(group: list[str], usual: int) -> Iterator[Block]:
    lines = [line for line in group if not _RULE.match(line)]
    if len(lines) < len(group) and (level := _underlined(group)):
        yield Block(BlockKind.HEADING, one_line(lines.pop(0)), level)
    if 2 * sum(bool(_COLUMNS.search(line)) for line in lines) > len(lines):
        yield Block(BlockKind.CODE, dedent("\n".join(lines)))
        return
    meant = _unwrapped(lines, usual)
    if len(meant) == 1 and (level := _numbered(meant[0].strip(), _NUMBERED)):
        yield Block(BlockKind.HEADING, meant[0].strip(), level)
    else:
        yield from _prose(meant)


def _underlined(group: Sequence[str]) -> int:
    """The level of a heading that stands first and has a rule under it; else 0."""
    titles = dropwhile(_RULE.match, group)
    title, under = next(titles, ""), _RULE.match(next(titles, ""))
    if under is None or len(title) > _LONGEST_HEADING or 2 * len(under.group()) < _width(title):
        return 0
    return _UNDERLINES.get(under.group(1), 0)


def _with_headings(blocks: Sequence[Block]) -> Iterator[Block]:
    """The blocks, numbered lines between others made headings: 一、总则, but not a list's items."""
    levels = [
        0 if block.kind is BlockKind.HEADING else _numbered(block.text, _NUMBERED_ALIKE)
        for block in blocks
    ]
    for block, before, level, after in zip(
        blocks, [0, *levels], levels, [*levels[1:], None], strict=False
    ):
        is_heading = level and after is not None and level not in (before, after)
        yield Block(BlockKind.HEADING, block.text, level) if is_heading else block


def _numbered(line: str, numbers: Sequence[tuple[re.Pattern[str], int]]) -> int:
    """The level that a heading's number says; 0 for any other line."""
    if len(line) > _LONGEST_HEADING or "\n" in line or _CLAUSE_END.search(line):
        return 0
    return next((level for each, level in numbers if each.match(line)), 0)


def _unwrapped(lines: Sequence[str], usual: int) -> list[str]:
    """The lines as they were meant, indented as the first of those wrapped into one."""
    columns = max(map(_width, lines), default=0)
    is_wrapped = columns in _WRAP_COLUMNS and usual in _WRAP_COLUMNS
    columns = max(columns, usual * 4 // 5)
    meant: list[list[str]] = []
    for line in lines:
        if meant and is_wrapped and _continues(meant[-1], line, columns):
            meant[-1].append(line)
        else:
            meant.append([line])
    return [" " * _indent(each[0]) + one_line("\n".join(each)) for each in meant]


def _continues(so_far: Sequence[str], line: str, columns: int) -> bool:
    """Whether a line goes on with the one before it, which was full."""
    if _ITEM.match(line):
        return False
    before = so_far[-1]
    hangs = _indent(line) > _indent(before)
    if hangs and not (len(so_far) == 1 and _ITEM.match(before)):
        return False
    word = _FIRST_WORD.match(line)
    needed = 1 + _width(word.group(1)) if word else 0
    return _width(before) + needed > columns - _SLACK


def _prose(lines: Sequence[str]) -> Iterator[Block]:
    items: list[str] = []
    paragraphs: list[str] = []
    for line in lines:
        if _ITEM.match(line):
            yield from _paragraphs(paragraphs)
            paragraphs = []
            items.append(line)
        elif items:
            items.append(line)
        else:
            paragraphs.append(line)
    yield from _paragraphs(paragraphs)
    if items:
        yield Block(BlockKind.LIST, dedent("\n".join(items)))


def _paragraphs(lines: Sequence[str]) -> Iterator[Block]:
    """Lines that end like sentences are paragraphs, others a list: an address, a verse."""
    ended = sum(bool(_SENTENCE_END.search(line)) for line in lines)
    if len(lines) == 1 or 2 * ended > len(lines):
        yield from (Block(BlockKind.PARAGRAPH, line.strip()) for line in lines)
    elif lines:
        yield Block(BlockKind.LIST, dedent("\n".join(lines)))


def _width(line: str) -> int:
    """Columns on a terminal, where a Chinese character takes two."""
    return len(line) if line.isascii() else len(line) + len(_WIDE.findall(line))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
