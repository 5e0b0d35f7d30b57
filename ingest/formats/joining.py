"""Lines made one text: broken words are made whole, Chinese is joined without spaces."""

import re
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise

from ingest.formats.inline import one_line

_LONGEST_WORD = 60
"""Characters; what a hostile page calls a word would be searched in quadratic time."""

_HYPHENS = ("-", "\u2010")
_BROKEN = re.compile(r"(?P<head>[^\W\d_]+)[-\u2010]\Z")
_REST = re.compile(r"[^\W\d_]+")
_HYPHENATED = re.compile(r"(?<![^\W\d_])[^\W\d_]+[-\u2010][^\W\d_]+")


def hyphenated_words(texts: Iterable[str]) -> frozenset[str]:
    """The words that are written with a hyphen within a line: it belongs to them."""
    return frozenset(
        word.casefold() for text in texts if "-" in text for word in _HYPHENATED.findall(text)
    )


def joined(texts: Sequence[str], hyphenated: Collection[str] = ()) -> str:
    """Lines as one; a hyphen at the end of one goes unless the word is known to have it."""
    pieces = [texts[0]] if texts else []
    for above, below in pairwise(texts):
        if is_broken(above, below):
            pieces[-1] = before_break(above, below, hyphenated, pieces[-1])
            pieces.append(below)
        else:
            pieces += ["\n", below]
    return one_line("".join(pieces))


def is_broken(above: str, below: str) -> bool:
    """Whether a word goes on from the end of one line to the beginning of the next."""
    return (
        above.endswith(_HYPHENS)
        and _BROKEN.search(above[-_LONGEST_WORD:]) is not None
        and _REST.match(below) is not None
    )


def before_break(
    above: str, below: str, hyphenated: Collection[str], written: str | None = None
) -> str:
    """What stands before a break in a word, without its hyphen unless the word has one."""
    head, rest = _BROKEN.search(above[-_LONGEST_WORD:]), _REST.match(below)
    written = above if written is None else written
    if head is None or rest is None or not rest.group()[0].islower():
        return written
    word = f"{head['head']}-{rest.group()}".casefold()
    return written if word in hyphenated else written[:-1]
