"""Where sentences begin and end: Chinese, English and the languages around them.

One scan over the marks that may end a sentence, each judged by a bounded
neighbourhood, so the time is linear in the text whatever the text is.

It does not know sentences that end without a mark, nor full stops that end an
abbreviation and a sentence at once before an unusual opening word: "He lives in
the U.S. Mary called." stays whole. Too few boundaries are the better mistake: a
sentence cut in two is quoted as half a statement.
"""

import re
from collections.abc import Iterator

_MARK = re.compile(r"[。！？｡؟۔।॥；][。！？｡；!?.…]*|[!?][!?.…]*|[.…]+|．|\n")

_CLOSING_QUOTES = "”’」』〞\"'"
_CLOSING_BRACKETS = ")]}）］｝】〕》〉"
_CITATIONS = r"(?:\[\d{1,3}\])*"
_CJK_CLOSERS = re.compile(rf"[{re.escape(_CLOSING_QUOTES + _CLOSING_BRACKETS)}]*{_CITATIONS}")
# German closes with the signs that others open with: „so.“ and »so.«
_LATIN_CLOSERS = re.compile(
    rf"[{re.escape(_CLOSING_QUOTES + _CLOSING_BRACKETS)}“«»‹›]*{_CITATIONS}"
)

_CARRIES_ON = frozenset("，、：；,:;的")
"""After a closing quote these carry the sentence on: “好！”，他说。"""

_IDEOGRAPH = re.compile(
    r"[\u2e80-\u2fdf\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_SPACES = re.compile(r"\s*")
_BLANK_LINE = re.compile(r"[^\S\n]*(?:\n|\Z)")
_ITEM_LINE = re.compile(
    r"(?: {4}|\t)|[^\S\n]*(?:[-*+•·●○▪■◆►][^\S\n]|\||```|~~~|[①-⑳]|\d{1,3}(?:[)）、．]|\.[^\S\n])"
    r"|[（(][0-9a-zA-Z一二三四五六七八九十]{1,3}[)）]|[一二三四五六七八九十]{1,3}、)"
)
_ROW_LINE = re.compile(r" {4}|\t|[^\S\n]*\|")

_REACH = 32
"""Characters looked at before and after a full stop: longer than any abbreviation."""

_WORD_BEFORE = re.compile(r"[^\s()（）\[\]{}\"“”„‘’'«»「」『』，,;:/]+\Z")
_WORD_AFTER = re.compile(r"[^\w\s]*([^\W\d_]+)")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_NUMERAL = re.compile(r"\d{1,3}|[ivxlc]{1,5}")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BEFORE_ANYTHING = _words(
    # English
    "mr mrs ms dr prof rev hon gen col capt lt sgt gov sen rep mt messrs e.g i.e cf vs viz "
    "approx eds resp "
    # German
    "bzw z.b d.h u.a o.ä u.ä s.o s.u i.d.r vgl bd hrsg tel inkl zzgl ggf evtl sog geb gest "
    "abb kap bspw insb mio mrd ca "
    # Spanish, Portuguese, Italian, French
    "sr sra srta dra ud vd p.ej ej av avda dña gral ing lic aprox a.c d.c sig mme mlle"
)
_BEFORE_A_NUMBER = _words(
    "no nos nr núm num fig figs eq eqs sec ch chap vol vols ed pp pág págs cap art abs app tab "
    "ref refs max min jan feb febr mar apr jun jul aug sep sept oct okt nov dec dez"
)
_BEFORE_A_NAME = _words("inc ltd co corp jr al usw ee uu st str")
_OPENINGS = _words(
    "the this that these those it its in on at he she they we you i there here a an but and "
    "however when while if as for after before since although because what who how why our his "
    "her their my your so then to by from with most many some all one both each no not "
    "der die das ein eine er sie es wir ich im am auf für und aber dies diese dieser dabei "
    "el la los las un una en por para con y pero él ella su sus le les il elle ce cette dans"
)
_COUNTED_BY_ORDINAL = _words(
    "januar februar märz april mai juni juli august september oktober november dezember jänner "
    "jahrhundert jahrhunderts jahrhunderte platz mal tag jahr jahre auflage armee dynastie klasse"
)


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """The sentences of a text, as offsets.

    Args:
        text: any text. A blank line always ends a sentence; a single newline only
            before a line that is a list item, a table row or indented, and after a
            row or an indented line.

    Returns:
        (start, end) pairs in order, not overlapping, with no space at either end;
        together they hold every character that is not white space.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for end in _boundaries(text):
        sentence = text[start:end]
        if stripped := sentence.strip():
            first = start + len(sentence) - len(sentence.lstrip())
            spans.append((first, first + len(stripped)))
        start = end
    return spans


def _boundaries(text: str) -> Iterator[int]:
    line_start = 0
    for match in _MARK.finditer(text):
        if match.group() == "\n":
            if _newline_ends(text, line_start, match.end()):
                yield match.end()
            line_start = match.end()
        elif end := _sentence_end(text, match):
            yield end
    yield len(text)


def _newline_ends(text: str, line_start: int, next_line: int) -> bool:
    return bool(
        _BLANK_LINE.match(text, next_line)
        or _ITEM_LINE.match(text, next_line)
        or _ROW_LINE.match(text, line_start)
    )


def _sentence_end(text: str, match: re.Match[str]) -> int | None:
    """Where the sentence ends that this mark closes, or None if it closes none."""
    mark = match.group()
    judge, closers = _JUDGES.get(mark[0], (_full_width_ends, _CJK_CLOSERS))
    end = _skip(closers, text, match.end())
    ends = end == len(text) or judge(text, match, end)
    return end if ends else None


def _full_width_ends(text: str, match: re.Match[str], end: int) -> bool:
    following = text[end]
    if end > match.end() and text[end - 1] in _CLOSING_BRACKETS:
        return following.isspace()
    return following not in _CARRIES_ON


def _exclamation_ends(text: str, match: re.Match[str], end: int) -> bool:
    if _follows_ideograph(text, match.start()):
        return _full_width_ends(text, match, end)
    return text[end].isspace() and not _next_character(text, end).islower()


def _stop_ends(text: str, match: re.Match[str], end: int) -> bool:
    if len(match.group()) > 1 or match.group() == "…":
        return _ellipsis_ends(text, match, end)
    if _follows_ideograph(text, match.start()):
        return text[end].isspace() or _is_ideograph(text[end])
    if not text[end].isspace() or _next_character(text, end).islower():
        return False
    return not _is_abbreviation(text, match.start(), end)


def _ellipsis_ends(text: str, match: re.Match[str], end: int) -> bool:
    """Whether an ellipsis is followed by a quote's end or a space, not as in 他……走了."""
    if text[end].isspace():
        return not _next_character(text, end).islower()
    return end > match.end() and text[end] not in _CARRIES_ON


def _is_abbreviation(text: str, stop: int, end: int) -> bool:
    found = _WORD_BEFORE.search(text, max(0, stop - _REACH), stop)
    if not found:
        return False
    word, following = found.group().lower(), _next_word(text, end)
    if word in _BEFORE_ANYTHING:
        return True
    if word in _BEFORE_A_NUMBER:
        return _next_character(text, end).isdigit()
    if word in _BEFORE_A_NAME or _INITIALS.fullmatch(word):
        return following not in _OPENINGS
    if _NUMERAL.fullmatch(word):
        return following in _COUNTED_BY_ORDINAL or _opens_line(text, found.start())
    return False


def _opens_line(text: str, position: int) -> bool:
    before = text[max(0, position - _REACH) : position].rstrip(" \t")
    return not before or before.endswith("\n")


def _follows_ideograph(text: str, start: int) -> bool:
    """Whether a mark of ASCII stands in Chinese: 你好吗?我很好."""
    return start > 0 and (_is_ideograph(text[start - 1]) or text[start - 1] in "”」』）》")


def _is_ideograph(character: str) -> bool:
    return _IDEOGRAPH.match(character) is not None


def _skip(pattern: re.Pattern[str], text: str, position: int) -> int:
    """Where a pattern that may match nothing stops."""
    found = pattern.match(text, position)
    return found.end() if found else position


def _next_character(text: str, end: int) -> str:
    position = _skip(_SPACES, text, end)
    return text[position : position + 1]


def _next_word(text: str, end: int) -> str:
    word = _WORD_AFTER.match(text, _skip(_SPACES, text, end))
    return word.group(1).lower() if word else ""


_JUDGES = {
    ".": (_stop_ends, _LATIN_CLOSERS),
    "…": (_stop_ends, _CJK_CLOSERS),
    "!": (_exclamation_ends, _LATIN_CLOSERS),
    "?": (_exclamation_ends, _LATIN_CLOSERS),
}
