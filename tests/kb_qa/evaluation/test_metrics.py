"""The metrics, by hand and by their laws."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_qa.evaluation.metrics import (
    contains,
    discounted_gain,
    exact_match,
    f1,
    is_sure,
    mean,
    permutation_test,
    recall_at,
    reciprocal_rank,
    sign_test,
    tokens,
)

RANKS = st.none() | st.integers(1, 30)


def test_tokens() -> None:
    """Words without case, width and marks; Chinese letter by letter; citations are no words."""
    assert tokens("Ｔhe QL-T300, 45 元/班 [1]。年假") == [
        *("the", "ql", "t300", "45", "元", "班", "年", "假")
    ]


@pytest.mark.parametrize(
    ("text", "answers", "holds", "is_it", "overlap"),
    [
        ("每班津贴为 45 元。[1]", ["45 元"], 1, 0, 2 * 2 / (7 + 2)),
        ("1145 元", ["45 元"], 0, 0, 0.5),
        ("At most 600 yuan.", ["at most 600 YUAN"], 1, 1, 1),
        ("At most 600 yuan.", ["600 yuan", "six hundred"], 1, 0, 2 * 2 / (4 + 2)),
        ("", ["600"], 0, 0, 0),
        ("600", ["。"], 0, 0, 0),
    ],
)
def test_answers_by_hand(
    text: str, answers: list[str], holds: float, is_it: float, overlap: float
) -> None:
    """Contained token by token, equal marks aside, and the harmonic mean of shared tokens."""
    assert contains(text, answers) == holds
    assert exact_match(text, answers) == is_it
    assert f1(text, answers) == pytest.approx(overlap)


@given(st.text(max_size=40), st.lists(st.text(max_size=20), max_size=3))
def test_answers_are_scored_from_0_to_1(text: str, answers: list[str]) -> None:
    """Any text against any answers; one that is the answer has full marks."""
    for score in (contains, exact_match, f1):
        assert 0 <= score(text, answers) <= 1
    if tokens(text):
        assert contains(text, [text]) == exact_match(text, [text]) == f1(text, [text]) == 1


def test_ranks_by_hand() -> None:
    """The first is best, the tenth counts a little, the eleventh nothing."""
    assert [recall_at(rank, 5) for rank in (1, 5, 6, None)] == [1, 1, 0, 0]
    assert [reciprocal_rank(rank) for rank in (1, 2, 10, 11, None)] == [1, 0.5, 0.1, 0, 0]
    assert discounted_gain(1) == 1
    assert discounted_gain(3) == pytest.approx(0.5)
    assert discounted_gain(10) == pytest.approx(1 / math.log2(11))
    assert discounted_gain(11) == discounted_gain(None) == 0


@given(RANKS, RANKS)
def test_a_better_rank_is_never_worse(one: int | None, other: int | None) -> None:
    """Every measure of ranks keeps their order."""
    better, worse = sorted((one, other), key=lambda rank: rank or 99)
    for score in (reciprocal_rank, discounted_gain, lambda rank: recall_at(rank, 5)):
        assert 1 >= score(better) >= score(worse) >= 0


def test_the_mean_of_nothing() -> None:
    """What nothing was said of has no score, which is not 0."""
    assert mean([]) is None
    assert mean([0.0, 1.0]) == 0.5


def test_noise_is_not_called_progress() -> None:
    """As the tables of the sign test have it; equal questions count for nothing."""
    assert sign_test(0, 0) == sign_test(3, 3) == 1
    assert sign_test(5, 0) == pytest.approx(0.0625)
    assert sign_test(1, 8) == pytest.approx(0.0390625)
    assert not is_sure(sign_test(5, 0))
    assert is_sure(sign_test(6, 0))


@given(st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0]), max_size=30))
def test_the_permutation_test_has_no_favourite(differences: list[float]) -> None:
    """Turned round, a difference is as sure as before; zeros change nothing."""
    chance = permutation_test(differences)
    assert 0 < chance <= 1
    assert permutation_test([-each for each in differences]) == pytest.approx(chance, abs=0.03)
    assert permutation_test([*differences, 0.0]) == chance


def test_the_permutation_test_agrees_with_the_sign_test() -> None:
    """On differences of one size they ask the same question."""
    for better, worse in ((6, 0), (9, 3), (7, 5)):
        differences = [1.0] * better + [-1.0] * worse
        assert permutation_test(differences) == pytest.approx(sign_test(better, worse), abs=0.02)
