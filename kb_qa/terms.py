"""Text into the terms that the word side of retrieval matches.

Scripts written without spaces become overlapping character pairs; every other
script becomes lower-cased words. The text is split by script first: a Chinese
segmenter let loose on Russian, or a word pattern on Chinese, finds nothing.
"""

import re
import unicodedata
from collections.abc import Mapping

_UNSPACED = (
    "\u3005\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # kana and Han
    "\uac00-\ud7af"  # Hangul: spaced, but endings cling to the word
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\U00020000-\U0003ffff"
)
_RUN = re.compile(rf"(?P<unspaced>[{_UNSPACED}]+)|(?:(?![{_UNSPACED}])[^\W_])+")


def terms(text: str) -> list[str]:
    """The terms of a text, in order, with repetitions."""
    found: list[str] = []
    for run in _RUN.finditer(unicodedata.normalize("NFKC", text).lower()):
        word = run.group()
        if run.lastgroup == "unspaced" and len(word) > 1:
            found.extend(word[i : i + 2] for i in range(len(word) - 1))
        else:
            found.append(word)
    return found


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
