"""The text layer of a PDF page as lines with their places.

pdfium puts what stands on one height into one line, whatever lies between. Here such a
line is cut wherever more than a word's space lies between two words, and wherever a
drawn rule does: what belongs together is found from the pieces.
"""

import ctypes
import math
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from ingest.formats.hidden import HiddenText
from ingest.formats.inline import tightened
from ingest.formats.lines import Line, Rule
from ingest.formats.pdf_objects import Box, address
from ingest.formats.pdf_rotation import Rotation

_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
_LINE = re.compile("[^\r\n\x02\ufffe]*[\x02\ufffe]|[^\r\n\x02\ufffe]+")
"""pdfium puts one of two noncharacters in place of a hyphen that ends a line, and of the end."""

_WORD = re.compile(r"\S+")

_GLYPHS = str.maketrans(
    {
        code: unicodedata.normalize("NFKC", chr(code))
        for code in (*range(0xFB00, 0xFB07), *range(0x2F00, 0x2FD6))
    }
    | dict(zip(
        map(ord, "⺟⺠⻁⻄⻅⻆⻉⻋⻓⻔⻘⻙⻚⻛⻜⻝⻢⻣⻤⻥⻦⻧⻨⻩⻬⻮⻰"),
        "母民虎西见角贝车长门青韦页风飞食马骨鬼鱼鸟卤麦黄齐齿龙",
        strict=True,
    ))
    | dict.fromkeys((0xF06C, 0xF06E, 0xF075, 0xF0A7, 0xF0B7, 0xF0D8, 0xF0FC), "•")
    | dict.fromkeys((0x02, 0xFFFE, 0xAD), "-")
    | dict.fromkeys((0, 1, *range(3, 9), *range(14, 32), 0x7F))
)  # fmt: skip
"""Letters that fonts draw as one, radicals that fonts name instead of characters, the bullets
of Word's symbol fonts, hyphens by other names, and control characters, which are dropped."""

_WIDE = 0.9
"""Times the type size: a gap that no space between words is."""

_Piece = tuple[int, int, float, float]
"""Where a piece begins in the text, and ends; where it begins on the page, and ends."""

_NOWHERE: Box = (0.0, 0.0, 0.0, 0.0)
_LONGEST, _MOST = 20_000, 200
"""Characters of a page, and text objects of a line, of which pdfium finds one by its place."""

_INSIDE = 0.3
"""Points from its left edge to what is surely a letter's."""

_RIM = 0.2
"""Share of a letter's width, at each of its sides, where a rule may touch it by a slip."""

_SMALLEST = 1.0
"""Points; nobody reads smaller type."""

_FIXED_PITCH, _FORCE_BOLD, _BOLD_WEIGHT = 1, 1 << 18, 600
_FIXED_NAME = re.compile(rb"courier|mono|consol|typewriter|cmtt|menlo", re.IGNORECASE)
_BOLD_NAME = re.compile(rb"bold|black|heavy|demi|simhei|heiti", re.IGNORECASE)


class TextLayer:
    """The text of a page; of no use once the page is closed.

    Attributes:
        raw: the text as pdfium gives it.
        hidden: what was left out because nobody sees it, once `lines` was called.
    """

    def __init__(self, text_page: pypdfium2.PdfTextPage) -> None:
        self._page = text_page.raw
        self.raw: str = text_page.get_text_range()
        self.hidden = HiddenText()
        self._astral = [match.start() for match in _ASTRAL.finditer(self.raw)]
        self._is_plain = not self._astral and len(self.raw) == text_page.count_chars()
        self._fonts: dict[int, tuple[bool, bool]] = {}
        self._hidden: frozenset[int] = frozenset()
        self._rotation: Rotation | None = None
        self._rules: list[Rule] = []
        self._places: list[float] = []
        self._x, self._y = ctypes.c_double(), ctypes.c_double()
        self._box, self._matrix = pdfium.FS_RECTF(), pdfium.FS_MATRIX()
        self._sides = tuple(ctypes.c_double() for _ in range(4))

    def lines(
        self,
        rules: Sequence[Rule],
        hidden: frozenset[int],
        area: Box,
        rotation: Rotation | None = None,
    ) -> list[Line]:
        """The lines, in the order they were drawn in.

        Args:
            rules: drawn lines, of which those that stand upright part text.
            hidden: addresses of text objects to be left out.
            area: what is seen of the page.
            rotation: how the page is turned; rules and area are given as they are seen.
        """
        self._hidden, self._rotation = hidden, rotation
        self._rules = sorted((rule for rule in rules if rule.is_upright), key=lambda rule: rule.at)
        self._places = [rule.at for rule in self._rules]
        seen: list[Line] = []
        for match in _LINE.finditer(self.raw):
            for piece in self._pieces(match.start(), match.end()):
                line = self._line(*piece)
                if line is None:
                    continue
                if line.size < _SMALLEST or not _is_within(line, area):
                    self.hidden.leave_out(line.text)
                else:
                    self.hidden.show()
                    seen.append(line)
        return seen

    def places(self) -> list[Box]:
        """Where the text objects stand, on the page as it is before it is turned."""
        left, top, right, bottom = self._sides
        boxes: list[Box] = []
        for number in range(pdfium.FPDFText_CountRects(self._page, 0, -1)):
            pdfium.FPDFText_GetRect(self._page, number, left, top, right, bottom)
            boxes.append((left.value, bottom.value, right.value, top.value))
        return boxes

    def is_on_letter(self, x: float, y: float) -> bool:
        """Whether a place is well within a letter, on the page as it is before it is turned."""
        index = pdfium.FPDFText_GetCharIndexAtPos(self._page, x, y, 0.0, 0.0)
        if index < 0 or not pdfium.FPDFText_GetLooseCharBox(self._page, index, self._box):
            return False
        margin = _RIM * (self._box.right - self._box.left)
        return bool(self._box.left + margin < x < self._box.right - margin)

    def _pieces(self, start: int, end: int) -> Iterator[_Piece]:
        """The pieces of a line between which more than a space lies."""
        written = self.raw[start:end]
        start += len(written) - len(written.lstrip())
        end -= len(written) - len(written.rstrip())
        if start >= end:
            return
        boxes = self._boxes(start, end)
        if not boxes:
            return
        if self._hidden or "  " in written:
            yield from self._cut(start, end)
        elif self._is_parted(boxes):
            yield from self._cut_between(start, end, boxes) or self._cut(start, end)
        else:
            yield start, end, boxes[0][0], boxes[-1][2]

    def _is_parted(self, boxes: Sequence[Box]) -> bool:
        """Whether there may be a gap or a rule between text objects of a line, or in one."""
        if len(boxes) > 1:
            widest = 0.8 * _WIDE * max(high - low for _, low, _, high in boxes)
            for (_, _, right, _), (left, _, _, _) in pairwise(boxes):
                if not -widest < left - right <= widest:
                    return True
        if not self._rules:
            return False
        left, right = min(box[0] for box in boxes), max(box[2] for box in boxes)
        return self._is_ruled(left, right, (boxes[0][1] + boxes[0][3]) / 2)

    def _is_ruled(self, left: float, right: float, height: float) -> bool:
        """Whether an upright rule stands between two places at a height."""
        first, last = bisect_right(self._places, left), bisect_left(self._places, right)
        return first < last and any(
            rule.begin <= height <= rule.end for rule in self._rules[first:last]
        )

    def _cut_between(self, start: int, end: int, boxes: Sequence[Box]) -> list[_Piece]:
        """The pieces where all gaps lie between text objects; none if that cannot be told."""
        if not self._is_plain or self._rotation or len(self.raw) > _LONGEST or len(boxes) > _MOST:
            return []
        size = self._size(self._middle(start, end))
        pieces: list[_Piece] = []
        begin, left = start, boxes[0][0]
        for last, box in pairwise(boxes):
            if not self._is_apart(last, box, size):
                continue
            x, y = box[0] + _INSIDE, (box[1] + box[3]) / 2
            at = pdfium.FPDFText_GetCharIndexAtPos(self._page, x, y, _INSIDE, _INSIDE)
            if not begin < at < end or not self.raw[at - 1].isspace():
                return []
            stop = begin + len(self.raw[begin:at].rstrip())
            pieces.append((begin, stop, left, last[2]))
            begin, left = at, box[0]
        if any(self._is_ruled(box[0], box[2], (box[1] + box[3]) / 2) for box in boxes):
            return []
        return [*pieces, (begin, end, left, boxes[-1][2])]

    def _cut(self, start: int, end: int) -> Iterator[_Piece]:
        """The pieces by the place of each word."""
        size = self._size(self._middle(start, end))
        begin: int | None = None
        left, last, stop = 0.0, _NOWHERE, start
        for at, until, first, after in self._words(start, end):
            if begin is not None and (first is _NOWHERE or self._is_apart(last, first, size)):
                yield begin, stop, left, last[2]
                begin = None
            if first is not _NOWHERE:
                begin, left = (at, first[0]) if begin is None else (begin, left)
                last, stop = after, until
        if begin is not None:
            yield begin, stop, left, last[2]

    def _words(self, start: int, end: int) -> Iterator[tuple[int, int, Box, Box]]:
        """The words of a line, each with the boxes of its first letter and of its last.

        A word that a rule crosses comes letter by letter, and so does each where some text of
        the page is hidden; a hidden letter stands nowhere.
        """
        for word in _WORD.finditer(self.raw, start, end):
            at, until = word.span()
            if not self._hidden:
                first, after = self._loose_box(at), self._loose_box(until - 1)
                height = (first[1] + first[3]) / 2
                if not self._rules or not self._is_ruled(first[2], after[0], height):
                    yield at, until, first, after
                    continue
            for letter in range(at, until):
                if self._hidden and self._is_hidden(letter):
                    self.hidden.leave_out(self.raw[letter])
                    yield letter, letter + 1, _NOWHERE, _NOWHERE
                else:
                    box = self._loose_box(letter)
                    yield letter, letter + 1, box, box

    def _is_apart(self, last: Box, box: Box, size: float) -> bool:
        if box[0] - last[2] > _WIDE * size or box[0] < last[0] - size:
            return True
        if not self._rules:
            return False
        left, right = (last[0] + last[2]) / 2, (box[0] + box[2]) / 2
        return self._is_ruled(left, right, (box[1] + box[3]) / 2)

    def _middle(self, start: int, end: int) -> int:
        """The index of a letter in the middle: one at an end may be a power or a mark."""
        place = (start + end) // 2
        while self.raw[place].isspace() and place + 1 < end:
            place += 1
        return self._index(place)

    def _line(self, start: int, end: int, left: float, right: float) -> Line | None:
        text = self.raw[start:end].translate(_GLYPHS).strip()
        if not text:
            return None
        text = text if text.isascii() else tightened(text)
        middle = self._middle(start, end)
        is_bold, is_fixed = self._font(self._index(start))
        if is_bold or is_fixed:
            at_end = self._font(self._index(end - 1))
            is_bold, is_fixed = is_bold and at_end[0], is_fixed and at_end[1]
        if is_fixed:
            left = self._loose_box(start)[0]
        pdfium.FPDFText_GetCharOrigin(self._page, middle, self._x, self._y)
        baseline = self._y.value
        if self._rotation:
            baseline = self._rotation.point(self._x.value, baseline)[1]
        return Line(
            text,
            left=left,
            right=max(right, left),
            baseline=baseline,
            last_baseline=baseline,
            size=self._size(middle),
            is_bold=is_bold,
            is_fixed=is_fixed,
        )

    def _index(self, place: int) -> int:
        """A character's index for pdfium: it counts UTF-16 units, and characters with no text."""
        if self._is_plain:
            return place
        units = place + bisect_left(self._astral, place)
        return int(pdfium.FPDFText_GetCharIndexFromTextIndex(self._page, units))

    def _boxes(self, start: int, end: int) -> list[Box]:
        """Where the text objects of a range stand, in the order of the text."""
        first = self._index(start)
        count = end - start if self._is_plain else self._index(end - 1) - first + 1
        left, top, right, bottom = self._sides
        boxes: list[Box] = []
        for number in range(pdfium.FPDFText_CountRects(self._page, first, count)):
            pdfium.FPDFText_GetRect(self._page, number, left, top, right, bottom)
            boxes.append((left.value, bottom.value, right.value, top.value))
        return [self._rotation.box(box) for box in boxes] if self._rotation else boxes

    def _loose_box(self, place: int) -> Box:
        box = self._box
        index = place if self._is_plain else self._index(place)
        pdfium.FPDFText_GetLooseCharBox(self._page, index, box)
        loose = box.left, box.bottom, box.right, box.top
        return self._rotation.box(loose) if self._rotation else loose

    def _is_hidden(self, place: int) -> bool:
        each = pdfium.FPDFText_GetTextObject(self._page, self._index(place))
        return bool(each) and address(each) in self._hidden

    def _size(self, index: int) -> float:
        """Type size on the page, in points: the font's size times the matrix it is drawn with."""
        scale = 1.0
        if pdfium.FPDFText_GetMatrix(self._page, index, self._matrix):
            scale = math.hypot(self._matrix.c, self._matrix.d) or 1.0
        return float(pdfium.FPDFText_GetFontSize(self._page, index)) * scale

    def _font(self, index: int) -> tuple[bool, bool]:
        """Whether a character's font is bold, and whether all its characters are of one width."""
        each = pdfium.FPDFText_GetTextObject(self._page, index)
        font = pdfium.FPDFTextObj_GetFont(each) if each else None
        if not font:
            return False, False
        key = address(font)
        if key not in self._fonts:
            self._fonts[key] = _look(font)
        return self._fonts[key]


def _look(font: Any) -> tuple[bool, bool]:
    name = ctypes.create_string_buffer(128)
    pdfium.FPDFFont_GetBaseFontName(font, name, 128)
    flags, weight = pdfium.FPDFFont_GetFlags(font), pdfium.FPDFFont_GetWeight(font)
    bold = weight >= _BOLD_WEIGHT or flags & _FORCE_BOLD or _BOLD_NAME.search(name.value)
    return bool(bold), bool(flags & _FIXED_PITCH or _FIXED_NAME.search(name.value))


def _is_within(line: Line, area: Box) -> bool:
    left, low, right, high = area
    return (
        line.left < right
        and line.right > left
        and low <= line.baseline + line.size
        and (line.baseline <= high)
    )
