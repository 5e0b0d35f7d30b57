"""Rules that text is written over, as on squared paper: they part neither words nor cells."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from ingest.formats.lines import Rule
from ingest.formats.pdf_objects import Box
from ingest.formats.ruled_tables import crossing_rules

_PIECES, _OF_TEXT = 5, 0.2
_RULES, _OF_RULES = 3, 0.25
"""Pieces of text that rules run through, those rules, and their shares of all that are there,
from which the rules are a background: in a table text runs over a rule here and there."""

_MOST_PIECES, _MOST_PLACES = 300, 20
"""Of a page that are looked at, and of a piece that are asked for letters."""

_MARGIN = 1.0
"""Points from the end of a piece of text, within which a rule touches it and no more."""


def without_backgrounds(
    rules: Sequence[Rule],
    places: Callable[[], Sequence[Box]],
    is_on_letter: Callable[[float, float], bool],
) -> Sequence[Rule]:
    """The rules but those that cross each other behind text.

    Args:
        rules: what is drawn on a page.
        places: where its text stands, piece by piece.
        is_on_letter: whether a place is well within a letter.
    """
    if sum(rule.is_upright for rule in rules) < _RULES:
        return rules
    texts = places()
    looked_at = texts[:: max(1, len(texts) // _MOST_PIECES)]
    if len(list(_crossed(looked_at, rules))) < _PIECES:
        return rules
    behind: defaultdict[tuple[bool, int], list[Rule]] = defaultdict(list)
    for level, upright in crossing_rules(rules):
        if _is_background(upright, _between(looked_at, upright), is_on_letter):
            for rule in (*level, *upright):
                behind[rule.is_upright, int(rule.at)].append(rule)
    return [rule for rule in rules if not _is_among(rule, behind)] if behind else rules


def _is_background(
    upright: Sequence[Rule], texts: Sequence[Box], is_on_letter: Callable[[float, float], bool]
) -> bool:
    """Whether many of the rules run through letters, and through much of the text."""
    hit = [
        found
        for places in _crossed(texts, upright)
        if (found := {x for x, y in places if is_on_letter(x, y)})
    ]
    return len(hit) >= max(_PIECES, _OF_TEXT * len(texts)) and (
        len(set().union(*hit)) >= max(_RULES, _OF_RULES * len(upright))
    )


def _crossed(texts: Sequence[Box], rules: Sequence[Rule]) -> Iterator[list[tuple[float, float]]]:
    """For each piece of text that upright rules run through, places where they do."""
    upright = sorted((rule for rule in rules if rule.is_upright), key=lambda rule: rule.at)
    places = [rule.at for rule in upright]
    for left, low, right, high in texts:
        first = bisect_right(places, left + _MARGIN)
        last = bisect_left(places, right - _MARGIN)
        middle = (low + high) / 2
        found = [
            (rule.at, middle) for rule in upright[first:last] if rule.begin <= middle <= rule.end
        ]
        if found:
            yield found[:: -(-len(found) // _MOST_PLACES)]


def _between(texts: Sequence[Box], upright: Sequence[Rule]) -> list[Box]:
    """The pieces of text among upright rules."""
    left, right = min(rule.at for rule in upright), max(rule.at for rule in upright)
    low, high = min(rule.begin for rule in upright), max(rule.end for rule in upright)
    return [box for box in texts if box[2] > left and box[0] < right and low < box[1] < high]


def _is_among(rule: Rule, merged: dict[tuple[bool, int], list[Rule]]) -> bool:
    """Whether a rule is part of one of those that several were made into."""
    near = (int(rule.at), int(rule.at) - 1)
    return any(
        0 <= rule.at - whole.at < 1 and whole.begin <= rule.begin <= whole.end
        for place in near
        for whole in merged.get((rule.is_upright, place), ())
    )
