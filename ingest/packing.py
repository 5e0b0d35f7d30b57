"""Even packing: a row of pieces into chunks near one size, cut where a cut costs least."""

from collections.abc import Sequence
from itertools import accumulate


def pack(
    sizes: Sequence[int], costs: Sequence[float], *, target: float, cap: float
) -> list[tuple[int, int]]:
    """The cheapest partition of a row of pieces.

    A chunk costs the square of its relative distance from the target size, a cut what
    the boundary costs. The time is linear in the pieces, times those in one chunk.

    Args:
        sizes: of the pieces, none of them negative.
        costs: of cutting before each piece; the first one's is not used.
        target: the size chunks ought to have.
        cap: the size no chunk exceeds, unless it is a single piece.

    Returns:
        (first, past the last) piece of each chunk, in order, covering all of them.
    """
    ends = [0, *accumulate(sizes)]
    if ends[-1] <= target:
        return [(0, len(sizes))] if sizes else []
    # Least cost of all that stands before a piece, the cut before that piece included.
    before, begins, reach = [0.0], [0], 0
    for last in range(1, len(ends)):
        end = ends[last]
        while end - ends[reach] > cap and reach < last - 1:
            reach += 1
        least, begin = min(
            (before[first] + ((end - ends[first]) / target - 1.0) ** 2, first)
            for first in range(reach, last)
        )
        before.append(least + (costs[last] if last < len(costs) else 0.0))
        begins.append(begin)
    return _walk_back(begins)


def _walk_back(begins: Sequence[int]) -> list[tuple[int, int]]:
    chunks, end = [], len(begins) - 1
    while end:
        chunks.append((begins[end], end))
        end = begins[end]
    return chunks[::-1]
