"""Guesses are what followed the same words before."""

from hypothesis import given
from hypothesis import strategies as st

from kb_qa.xverse.engine.speculation import LONGEST, SHORTEST, PromptLookup


def test_three_words_count_for_more_than_two() -> None:
    """The longest run seen before is gone on from, and of equal ones the last."""
    text = [1, 2, 3, 50, 9, 2, 3, 60, 1, 2, 3]
    assert PromptLookup().guess(text, 2) == [50, 9]
    assert PromptLookup().guess([2, 3, 50, 2, 3, 60, 2, 3], 1) == [60]


def test_new_words_give_no_guess() -> None:
    """One word in common is not enough."""
    assert PromptLookup().guess([1, 2, 3, 4, 9, 3], 5) == []
    assert PromptLookup().guess([1], 5) == []


@given(text=st.lists(st.integers(0, 2), max_size=40), count=st.integers(1, 7))
def test_a_growing_text_is_guessed_as_a_whole_one(text: list[int], count: int) -> None:
    """What is guessed follows the text's end somewhere earlier, however the text grew."""
    growing = PromptLookup()
    for end in range(1, len(text) + 1):
        part = text[:end]
        guessed = growing.guess(part, count)
        assert guessed == PromptLookup().guess(part, count)
        assert len(guessed) <= count
        places = [
            start
            for size in range(SHORTEST, LONGEST + 1)
            for start in range(size, end)
            if part[start - size : start] == part[end - size :]
        ]
        assert bool(guessed) == bool(places)
        assert not guessed or any(part[i : i + len(guessed)] == guessed for i in places)
