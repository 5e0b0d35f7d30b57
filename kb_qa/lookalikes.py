"""Letters that look like others, and characters that nobody sees.

A text can say one thing to its reader and another to a program: an order spelled in wide,
bold or Cyrillic letters, a message in characters of no width. Here is what a reader would
take it for.
"""

import re
import unicodedata
from collections.abc import Iterator

_CYRILLIC_AND_GREEK = dict(
    zip(
        "АВСЕНІЈКМОРЅТХУаеоорсухіјѕԁһԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧοραν",
        "ABCEHIJKMOPSTXYaeoopcyxijsdhqwABEZHIKMNOPTYXopav",
        strict=True,
    )
)
_WIDE = "".join(map(chr, range(0xFF01, 0xFF5F)))
_SPELLED = "".join(
    map(
        chr,
        (*range(0x1D400, 0x1D800), *range(0x2100, 0x2150), *range(0x24B6, 0x24EA), 0xFE64, 0xFE65),
    )
)
"""Bold, italic, double-struck, encircled letters, and small signs."""

_PUNCTUATION = frozenset("！，：；？（）")
"""Wide signs that ordinary Chinese is written with."""

_KEPT_LIGATURE = 1


def _folds() -> Iterator[tuple[str, str]]:
    yield from _CYRILLIC_AND_GREEK.items()
    for each in _WIDE + _SPELLED:
        plain = unicodedata.normalize("NFKC", each)
        if each not in _PUNCTUATION and len(plain) == _KEPT_LIGATURE and plain.isascii():
            yield each, plain


_FOLDS = dict(_folds())
_LOOKALIKE = re.compile(
    "[\u0391-\u051d\u2102-\u2149\u24b6-\u24e9\ufe64\ufe65\uff02-\uff07\uff0a\uff0b\uff0d-\uff19"
    "\uff1c-\uff1e\uff20-\uff5e\U0001d400-\U0001d7ff]"
)

_JOINERS = "\u200c\u200d"
_ALWAYS_UNSEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
)
_UNSEEN = re.compile(
    f"[{_ALWAYS_UNSEEN}]+"
    # They join letters of Persian and of India, and pictures; elsewhere they say nothing.
    rf"|(?:(?<=[\x00-\u05ff\u1e00-\u1eff{_JOINERS}\u2e80-\ud7ff])|\A)[{_JOINERS}]+"
    # A flag of a part of a country is spelled in tags; so is what nobody sees.
    "|(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0000-\U000e007f]+"
    # One chooses the form of the character before it; a row of them is a message.
    "|(?<=[\ufe00-\ufe0f\U000e0100-\U000e01ef])[\ufe00-\ufe0f\U000e0100-\U000e01ef]+"
    "|[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]+"
)
_MAY_BE_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Few texts have any, and looking for one of these is quick."""

_LINE_END = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")


def folded(text: str) -> str:
    """The text in plain letters where others look like them; no character moves."""
    if text.isascii():
        return text
    return _LOOKALIKE.sub(lambda letter: _FOLDS.get(letter[0], letter[0]), text)


def seen(text: str) -> str:
    """The text without what nobody sees; what ends a line for some programs ends it for all."""
    if not _MAY_BE_UNSEEN.search(text):
        return text
    return _UNSEEN.sub("", _LINE_END.sub("\n", text))
