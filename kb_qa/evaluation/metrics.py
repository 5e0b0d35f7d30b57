"""How good an answer is, from what a person wrote down of it. Every score is from 0 to 1."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kb_qa.citations import replace_citations

_WORD = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\u3040-\u30ff]|[^\W_]+")
_DRAWS = 10_000
_SURE = 0.05
"""Share of experiments without any difference that would show one as large: below it the
difference is not called noise."""


def tokens(text: str) -> list[str]:
    """Words in lower case without their marks; Chinese and Japanese letter by letter.

    As the measures of SQuAD and CMRC take a text apart; English articles stay.
    """
    folded = unicodedata.normalize("NFKC", replace_citations(text, lambda *_: " ")).casefold()
    spread = re.sub(r"([\u3400-\u4dbf\u4e00-\u9fff\u3040-\u30ff])", r" \1 ", folded)
    return _WORD.findall(spread)


def contains(text: str, answers: Sequence[str]) -> float:
    """1 if the text holds one of the answers, token by token; else 0."""
    said = f" {' '.join(tokens(text))} "
    wanted = (" ".join(tokens(answer)) for answer in answers)
    return float(any(each and f" {each} " in said for each in wanted))


def exact_match(text: str, answers: Sequence[str]) -> float:
    """1 if the text is one of the answers, marks and case aside; else 0."""
    said = tokens(text)
    return float(any(said == tokens(answer) for answer in answers))


def f1(text: str, answers: Sequence[str]) -> float:
    """The best harmonic mean, over the answers, of the tokens' precision and recall."""
    said = tokens(text)
    return max((_overlap(said, tokens(answer)) for answer in answers), default=0.0)


def _overlap(said: list[str], wanted: list[str]) -> float:
    if not said or not wanted:
        return float(said == wanted)
    same = sum((Counter(said) & Counter(wanted)).values())
    return 2 * same / (len(said) + len(wanted))


def recall_at(rank: int | None, most: int) -> float:
    """1 if the first right passage is among so many; `rank` is from 1, None if there is none."""
    return float(rank is not None and rank <= most)


def reciprocal_rank(rank: int | None, most: int = 10) -> float:
    """1 / the rank of the first right passage; 0 beyond `most`."""
    return 1 / rank if rank is not None and rank <= most else 0.0


def discounted_gain(rank: int | None, most: int = 10) -> float:
    """Normalized discounted cumulative gain, where one right passage is all that is wanted."""
    return 1 / math.log2(1 + rank) if rank is not None and rank <= most else 0.0


def mean(values: Sequence[float]) -> float | None:
    """Their mean; None of none."""
    return sum(values) / len(values) if values else None


def sign_test(better: int, worse: int) -> float:
    """How often chance alone parts so many differing pairs as unevenly, or more: 0 to 1.

    The exact two-sided sign test; for yes and no it is McNemar's.
    """
    trials, fewer = better + worse, min(better, worse)
    if not trials:
        return 1.0
    ways = sum(math.comb(trials, count) for count in range(fewer + 1))
    return min(1.0, float(2 * ways / 2**trials))


def permutation_test(differences: Sequence[float], *, seed: int = 0) -> float:
    """How often chance alone gives a mean difference as far from 0: 0 to 1.

    The paired permutation test: each difference's sign is drawn anew, 10,000 times, seeded.
    """
    values: NDArray[np.float64] = np.asarray([each for each in differences if each], np.float64)
    if not len(values):
        return 1.0
    generator = np.random.default_rng(seed)
    seen = abs(values.sum()) - 1e-9
    hits = 0
    for _ in range(_DRAWS // 100):
        signs = generator.integers(0, 2, size=(100, len(values))) * 2 - 1
        hits += int((abs(signs @ values) >= seen).sum())
    return (hits + 1) / (_DRAWS + 1)


def is_sure(chance: float) -> bool:
    """Whether a difference with this chance of being none is called one."""
    return chance < _SURE
