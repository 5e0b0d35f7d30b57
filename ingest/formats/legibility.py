"""Whether a text layer says what is drawn, or a font's own numbers for its letters.

A font without a table of what its glyphs mean yields private or unassigned characters,
or letters shifted through the alphabet. Written language has a third and more of vowels
among its Latin letters, and its most frequent characters among the Chinese ones.
"""

import re
import string
import unicodedata

_NO_TEXT = re.compile("[\\x00-\\x08\\x0e-\\x1f\\x7f-\\x9f\\ue000-\\uf8ff\\ufffd]|\\(cid:\\d+\\)")
_MARKS = frozenset("\uf06c\uf06e\uf075\uf0a7\uf0b7\uf0d8\uf0fc")
_LATIN, _VOWELS = string.ascii_letters, "AEIOUYaeiouy"
_HAN = re.compile("[\u3400-\u9fff]")
_KANA = re.compile("[\u3040-\u30ff]")
_FREQUENT = re.compile(
    "[的一是不了在人有我他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学"
    "对可她里后小么心多天而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面"
    "公同三已老从动两长知民样现分将外但身些与高意进把法此實個國來時們為這會學後過對發開見經頭動長"
    "現將進與員工部月日本人名第定理及其表数量請请或等可按应應其度位电電]"
)

_MOST_LOST = 0.3
_FEWEST_VOWELS = 0.2
_FEWEST_FREQUENT = 0.03
_ENOUGH = 120
"""Letters from which their statistics say something."""

_SAMPLE = 1_000
_LONGEST_WORD = 15.0
"""Letters a word on the average; keys and sums written out have no vowels either."""


def is_legible(text: str) -> bool:
    """Whether a page's text may be what a reader sees on it; of little text, it is presumed."""
    text = text[:_SAMPLE]
    words = text.split()
    written = sum(map(len, words))
    if not text.isascii() or not text.isprintable():
        lost = [match for match in _NO_TEXT.findall(text) if match not in _MARKS]
        if sum(map(len, lost)) > _MOST_LOST * written:
            return False
    latin = sum(map(text.count, _LATIN))
    if latin > written / 2:
        return latin < _ENOUGH or written > _LONGEST_WORD * len(words) or _has_vowels(text, latin)
    han = len(_HAN.findall(text))
    if han > written / 2 and han >= _ENOUGH and not _KANA.search(text):
        return len(_FREQUENT.findall(text)) >= _FEWEST_FREQUENT * han
    return True


def _has_vowels(text: str, latin: int) -> bool:
    """Whether the letters hold vowels enough, those with accents too."""
    if sum(map(text.count, _VOWELS)) >= _FEWEST_VOWELS * latin:
        return True
    plain = unicodedata.normalize("NFD", text)
    return sum(map(plain.count, _VOWELS)) >= _FEWEST_VOWELS * sum(map(plain.count, _LATIN))
