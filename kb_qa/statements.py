"""An answer taken apart: its sentences, which of them claim something, and what each cites."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from kb_qa.citations import bracketed_numbers
from kb_qa.prompts import refuses
from kb_qa.sentences import sentence_spans
from kb_qa.tables import is_header, is_row
from kb_qa.terms import terms

_FENCE = re.compile(r"^[ \t]{0,12}(```|~~~)[^\n]*$", re.MULTILINE)
_INLINE_CODE = re.compile(r"`[^`\n]{1,400}`")
_HEADING = re.compile(r"#{1,6}\s|\*\*[^*\n]{1,200}\*\*[:：]?\Z|__[^_\n]{1,200}__[:：]?\Z")
_LEADS_ON = re.compile(r"[:：][*_\s]*\Z")
_SAYS_NOTHING = re.compile(
    r"(?:sure|certainly|of course|great question|hello|hi|thanks?|thank you|you're welcome|yes|no"
    r"|ok|okay|let me know|i hope|feel free|ja|nein|sí|si|hola|hallo|gern|natürlich|gerne|claro)\b"
    r"|(?:好的|当然|當然|你好|您好|是的|不是|可以|谢谢|謝謝|希望|如有|以上|综上|綜上)",
    re.IGNORECASE,
)
_SHORTEST_REFUSAL = 15  # characters
_LITTLE = 8  # terms: a longer sentence that opens politely says something as well
_A_RULE = 400  # characters: as far as the rule below a table's header reaches
_IDENTIFIER = re.compile(r"[A-Za-z_]")
_QUESTION = re.compile(r"[?？][\"”’」』）)\s]*\Z")


@dataclass(frozen=True)
class Mark:
    """Numbers in brackets in a text.

    Attributes:
        start: offset of the opening bracket.
        end: offset past the closing one.
        numbers: what stands between.
    """

    start: int
    end: int
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Statement:
    """A sentence of an answer.

    Attributes:
        start: offset of its first character.
        end: offset past its last one, citations after it not counted.
        text: the sentence without its citations.
        claims: whether it states something that a source can support.
        marks: where it cites, within or after it.
    """

    start: int
    end: int
    text: str
    claims: bool
    marks: tuple[Mark, ...] = ()

    @property
    def cited(self) -> tuple[int, ...]:
        """The numbers it cites, each once, in order."""
        return tuple(dict.fromkeys(number for mark in self.marks for number in mark.numbers))


def statements(text: str, *, of: int) -> list[Statement]:
    """The sentences of an answer in order; together they hold all that is not citation or space.

    A citation between two sentences belongs to the one before it, unless a line begins with it.
    Where a text has more or fewer citations, its sentences are the same.

    Args:
        text: the answer.
        of: how many passages it may cite; `x[42]` is no citation where there are fewer.
    """
    marks = _marks(text, of=of)
    bare = _Bare(text, marks)
    code = _Spans(list(_code(bare.text)))
    spans = sentence_spans(bare.text)
    places = [(bare.at(start), bare.at(end - 1) + 1) for start, end in spans]
    owned = _owned(text, places, marks)
    return [
        Statement(*place, bare.text[start:end], _claims(bare.text, start, end, code), tuple(own))
        for (start, end), place, own in zip(spans, places, owned, strict=True)
    ]


def _marks(text: str, *, of: int) -> list[Mark]:
    code = _Spans(list(_code(text)))
    return [
        Mark(start, end, tuple(numbers))
        for start, end, numbers in bracketed_numbers(text)
        if not code.hold(start, end)
        and (
            1 <= min(numbers) <= max(numbers) <= of
            or not _IDENTIFIER.match(text[start - 1 : start])
        )
    ]


def _owned(text: str, places: list[tuple[int, int]], marks: list[Mark]) -> list[list[Mark]]:
    owned: list[list[Mark]] = [[] for _ in places]
    place = -1
    for mark in marks:
        while place + 1 < len(places) and places[place + 1][0] <= mark.start:
            place += 1
        if owner := _owner(text, places, place, mark):
            owned[owner - 1].append(mark)
    return owned


class _Bare:
    """A text without its citations and the spaces before them."""

    def __init__(self, text: str, marks: list[Mark]) -> None:
        pieces: list[str] = []
        self._begins, self._places = [0], [0]
        length = done = 0
        for mark in marks:
            before = text[done : mark.start].rstrip(" \t")
            pieces.append(before)
            length += len(before)
            done = mark.end
            self._begins.append(length)
            self._places.append(done)
        self.text = "".join(pieces) + text[done:]

    def at(self, offset: int) -> int:
        """Where a character of it stands in the whole text."""
        piece = bisect_right(self._begins, offset) - 1
        return self._places[piece] + offset - self._begins[piece]


class _Spans:
    """Stretches of a text, in order, none within another."""

    def __init__(self, spans: list[tuple[int, int]]) -> None:
        self._spans = sorted(spans)

    def hold(self, start: int, end: int) -> bool:
        """Whether all from start to end lies in one of them."""
        place = bisect_right(self._spans, (start, end)) - 1
        around = self._spans[max(0, place) : place + 2]
        return any(begin <= start and end <= past for begin, past in around)


def _owner(text: str, spans: list[tuple[int, int]], place: int, mark: Mark) -> int:
    """Which sentence a citation belongs to, counted from 1; 0 if there is none."""
    has_next = place + 1 < len(spans)
    if place < 0:
        return 1 if has_next else 0
    end = spans[place][1]
    opens_line = mark.start >= end and "\n" in text[end : mark.start]
    if opens_line and has_next and "\n" not in text[mark.end : spans[place + 1][0]]:
        return place + 2
    return place + 1


def _code(text: str) -> Iterator[tuple[int, int]]:
    """Where code stands: between fences, or between backticks on a line."""
    fences = [match.span() for match in _FENCE.finditer(text)]
    blocks = [
        (fences[i][0], fences[i + 1][1] if i + 1 < len(fences) else len(text))
        for i in range(0, len(fences), 2)
    ]
    yield from blocks
    fenced = _Spans(blocks)
    for match in _INLINE_CODE.finditer(text):
        if not fenced.hold(*match.span()):
            yield match.span()


def _claims(text: str, start: int, end: int, code: _Spans) -> bool:
    sentence = text[start:end]
    said = terms(sentence)
    if not said or _is_apparatus(text, start, end, code):
        return False
    if len(sentence) >= _SHORTEST_REFUSAL and refuses(sentence):
        return False
    return len(said) > _LITTLE or not _SAYS_NOTHING.match(sentence)


def _is_apparatus(text: str, start: int, end: int, code: _Spans) -> bool:
    """Headings, headers, code, questions, and what only announces the next line."""
    sentence = text[start:end]
    if code.hold(start, end):
        return True
    if is_row(sentence):
        return is_header(text[start : end + _A_RULE], 0) or not sentence.strip("|-: ")
    return bool(
        _HEADING.match(sentence) or _LEADS_ON.search(sentence) or _QUESTION.search(sentence)
    )
