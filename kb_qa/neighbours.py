"""Passages that touch in their document, found together, as the one text they are.

A cut between two of them is the splitter's, not the author's: an answer may stand on both sides
of it, and is quoted, cited and read by a model in one piece.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

from kb_qa.answer import Source

_MOST = 3
"""Passages that become one: it must still fit beside a question into a short context."""


def joined(sources: Sequence[Source]) -> list[Source]:
    """The sources, those that touch or overlap as one, which stands where its best one stood.

    Such a one has the id of its best, and its strongest evidence.
    """
    runs: list[list[Source]] = []
    for source in sources:
        own = [source]
        for run in list(runs):
            if len(own) + len(run) <= _MOST and _adjoin(own, run):
                runs.remove(run)
                own = sorted((*own, *run), key=_place)
        runs.append(own)
    rank = {id(source): number for number, source in enumerate(sources)}
    best = [min(run, key=lambda each: rank[id(each)]) for run in runs]
    order = sorted(range(len(runs)), key=lambda number: rank[id(best[number])])
    return [_one(runs[number], best[number]) for number in order]


def _place(source: Source) -> tuple[int, int]:
    return source.start, source.end


def _adjoin(some: Sequence[Source], others: Sequence[Source]) -> bool:
    """Whether two runs are one stretch of a section; of tables, of the same."""
    before, after = sorted((some, others), key=lambda run: _place(run[0]))
    last, first = max(before, key=lambda each: each.end), after[0]
    same = all(
        getattr(last, name) == getattr(first, name) for name in ("kb", "source", "title", "heading")
    )
    told = first.context == last.context or any(first.context in each.text for each in before)
    return same and told and first.start <= last.end


def _one(run: Sequence[Source], best: Source) -> Source:
    if len(run) == 1:
        return best
    return replace(reduce(_with, run), id=best.id, score=max(each.score for each in run))


def _with(first: Source, second: Source) -> Source:
    breaks = {*first.breaks, *second.breaks}
    if second.page is not None and second.page != first.page_at(second.start):
        breaks.add((second.start, second.page))
    return replace(
        first,
        text=first.text + second.text[first.end - second.start :],
        end=max(first.end, second.end),
        breaks=tuple(sorted(breaks)),
        scanned=first.scanned or second.scanned,
        also=tuple(path for path in first.also if path in second.also),
    )
