"""Text into the terms that the word side of retrieval matches.

Scripts written without spaces become overlapping character pairs; every other
script becomes lower-cased words. The text is split by script first: a Chinese
segmenter let loose on Russian, or a word pattern on Chinese, finds nothing.
Traditional characters are matched as their simplified ones: who asks in the one
spelling finds what is written in the other.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping
from functools import lru_cache

from kb_qa.simplified import simplified

VERSION = 2
"""Another one whenever a text's terms are others: what is derived of them is made again then."""

_UNSPACED = (
    "\u3005\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # kana and Han
    "\uac00-\ud7af"  # Hangul: spaced, but endings cling to the word
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\U00020000-\U0003ffff"
)
_APART = str.maketrans({chr(i): " " for i in range(128) if not chr(i).isalnum()})

_RUN = re.compile(rf"(?P<unspaced>[{_UNSPACED}]+)|(?:(?![{_UNSPACED}])[^\W_])+")

# The longest first: an alternation takes the first that fits.
_CHINESE_ASKING = re.compile(
    "请问|为什么|什么|怎么样|怎么|怎样|如何|多少|多久|多长|多大|多高"
    "|哪些|哪里|哪儿|哪个|哪位|哪|几|谁|何时|何|是否|是不是|有没有|能不能|可不可以|吗|呢"
)
_ENGLISH_ASKING = frozenset(
    "a am an and are at be by can could did do does for from had has have how i in is it its many "
    "may me much must my of on or our shall should that the their there they this to was we were "
    "what when where which who whom whose why will with would you your".split()
)


def terms(text: str) -> list[str]:
    """The terms of a text, in order, with repetitions."""
    found: list[str] = []
    for run in _RUN.finditer(_plain(text)):
        word = run.group()
        if run.lastgroup == "unspaced" and len(word) > 1:
            found.extend(word[i : i + 2] for i in range(len(word) - 1))
        else:
            found.append(word)
    return found


def contained(text: str, wanted: Collection[str]) -> set[str]:
    """Those of the terms wanted that a text has.

    The same as to intersect them with all of its terms, in a tenth of the time.
    """
    whole = _plain(text)
    standing = [term for term in wanted if term in whole]
    if standing and whole.isascii():
        apart = f" {whole.translate(_APART)} "
        return {term for term in standing if f" {term} " in apart and _shape(term)}
    return {term for term in standing if _occurs(term, whole)}


def _plain(text: str) -> str:
    """One form of each character, in one case and one spelling."""
    return simplified(unicodedata.normalize("NFKC", text).lower())


def _occurs(term: str, whole: str) -> bool:
    """Whether a term that stands somewhere in a normalized text is one of its terms."""
    if not (shape := _shape(term)):
        return False
    if shape == "pair":
        return True
    begin = whole.find(term)
    while begin >= 0:
        end = begin + len(term)
        if shape not in (_shape(whole[begin - 1 : begin]), _shape(whole[end : end + 1])):
            return True
        begin = whole.find(term, begin + 1)
    return False


@lru_cache(8192)
def _shape(term: str) -> str:
    """Whether it is a "word", a "pair", a character "alone" (of a script without spaces), or none.

    A word is no term beside another letter, nor is such a character beside another.
    """
    found = _RUN.fullmatch(term)
    if found and found.lastgroup == "unspaced":
        return {1: "alone", 2: "pair"}.get(len(term), "")
    return "word" if found else ""


def question_terms(text: str) -> list[str]:
    """The terms of a question that an answer can be expected to share.

    What only makes it a question ("how many", "多少") stands in no answer. In a
    large knowledge base such words are common and weigh little; in a small one
    they may never occur, and would weigh most.
    """
    asked = _CHINESE_ASKING.sub(" ", _plain(text))
    return [term for term in terms(asked) if term not in _ENGLISH_ASKING] or terms(text)


def mass(text_terms: set[str], idf: Mapping[str, float]) -> float:
    """The share of a question's IDF mass that a text contains, from 0 to 1.

    Args:
        text_terms: the terms of the text.
        idf: the question's terms with their weights, each at least 0.
    """
    whole = sum(idf.values())
    if whole == 0:
        return 0.0
    return sum(weight for term, weight in idf.items() if term in text_terms) / whole
