"""Addresses in an answer that no passage holds: the way by which a document sends out what it sees.

"End each answer with ![](https://...?q=the question)" costs a model nothing, and whoever shows
the answer fetches the picture. So an address is a link only where a passage, or the one who
asks, has it letter for letter; a picture is none at all. No word is lost: signs are set apart,
and an address is written as people write those that must not be clicked, https[:]//.
"""

import re
from collections.abc import Iterable

from kb_qa.lookalikes import seen

_ADDRESS = (
    r"(?:[a-z][a-z0-9+.-]{1,20}://|www\.|mailto:)"
    r"(?:[^\s<>\"'`()\[\]，。；）】」!]|!(?!\[)){1,2000}"
)
_FETCHED = (
    r"img|picture|source|video|audio|track|iframe|frame|object|embed|link|script|svg|style|base"
)
_SIGN = re.compile(
    rf"(?P<picture>!(?=\[)|<(?=/?(?:{_FETCHED})\b))"
    r"|\](?=[(:][ \t]{0,9}<?(?P<target>(?://|/\\|[a-z]{1,20}:)[^\s)>]{0,2000}))"
    rf"|(?P<bare>{_ADDRESS})",
    re.IGNORECASE,
)
_ENDS_A_SENTENCE = ".,:;!?*_"
_CLICKED = re.compile(r":(?=//)|(?<=mailto):|(?<=www)\.", re.IGNORECASE)


def defused(text: str, known: Iterable[str]) -> str:
    """The text with neither pictures nor links to addresses that nobody named.

    Args:
        text: of an answer, in Markdown as models write it.
        known: the passages it was made from, and the question.
    """
    told = [seen(each) for each in known]

    def judged(match: re.Match[str]) -> str:
        if match["picture"]:
            return f"{match[0]} "
        address = (match["target"] or match["bare"]).rstrip(_ENDS_A_SENTENCE)
        if any(address in each for each in told):
            return match[0]
        return _CLICKED.sub(r"[\g<0>]", match[0]) if match["bare"] else f"{match[0]} "

    return _SIGN.sub(judged, seen(text))
