"""What fits into a model's context."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models import FakeListLLM
from pydantic import Field

from kb_qa.answer import Source
from kb_qa.budget import ANSWER, CONTEXT, Budget, fit_history, fit_passages, utf8_bytes
from kb_qa.errors import PromptTooLong, QuestionError

QUESTION = "How long?"


class CountingLLM(FakeListLLM):
    """A model that says how long its context is, and counts a token a character."""

    responses: list[str] = Field(default=["Two [1]."])
    max_model_len: int = 2048

    def get_num_tokens(self, text: str) -> int:
        return len(text)


def make_sources(*sizes: int) -> list[Source]:
    """Passages of so many characters, best first, each further up in its document."""
    starts = range(10_000 * len(sizes), 0, -10_000)
    return [
        Source(n, "/docs/a.md", "A", "x" * size, start, start + size)
        for n, (size, start) in enumerate(zip(sizes, starts, strict=True))
    ]


def budget_of(tokens: int) -> Budget:
    return Budget(tokens, len)


def test_a_model_that_knows_its_context_counts_itself() -> None:
    """With room left for the answer; what is set elsewhere does not matter."""
    budget = Budget.of(CountingLLM(), max_model_len=100_000)
    assert 2048 - ANSWER - 100 < budget.tokens < 2048 - ANSWER
    assert budget.count("四个汉字") == 4


def test_any_other_model_is_counted_from_above() -> None:
    """A token a byte, of the context that was set or a modest one; nothing is downloaded."""
    model = FakeListLLM(responses=[""])
    assert Budget.of(model).count("四个汉字") == 12
    assert CONTEXT - ANSWER - 100 < Budget.of(model).tokens < CONTEXT - ANSWER
    assert Budget.of(model, max_model_len=32768).tokens > 32000


def test_a_short_context_keeps_most_for_the_prompt() -> None:
    """The answer gets no more than a quarter."""
    assert Budget.of(CountingLLM(max_model_len=1024)).tokens > 700


@given(st.lists(st.integers(0, 900), max_size=8), st.integers(1500, 4000))
def test_passages_stay_whole_and_the_best_stay(sizes: list[int], tokens: int) -> None:
    """What does not fit is named; what is kept is whole, and the prompt never too long."""
    sources = make_sources(*sizes)
    fitted = fit_passages(QUESTION, sources, budget_of(tokens))
    assert len(fitted.prompt) <= tokens
    assert {each.id for each in (*fitted.sources, *fitted.left_out)} == set(range(len(sizes)))
    for n, source in enumerate(fitted.sources, 1):
        assert f"<passage {n}>\nA\n{source.text}\n</passage {n}>".replace("\n\n", "\n") in (
            fitted.prompt
        )
    if sources:
        assert sources[0] in fitted.sources
    for worse in fitted.left_out:  # no room was left for it beside the better ones
        better = [each for each in fitted.sources if each.id < worse.id]
        assert sum(len(each.text) for each in (*better, worse)) > tokens - 1500


def test_numbers_follow_the_order_in_the_prompt() -> None:
    """The best passage is not number one if it stands further down."""
    fitted = fit_passages(QUESTION, make_sources(5, 6, 7), budget_of(5000))
    assert [len(each.text) for each in fitted.sources] == [7, 6, 5]


def test_a_passage_too_long_gives_way_to_the_next() -> None:
    """It is named as left out, and the shorter ones are used."""
    fitted = fit_passages(QUESTION, make_sources(9000, 50), budget_of(2000))
    assert [each.id for each in fitted.sources] == [1]
    assert [each.id for each in fitted.left_out] == [0]


def test_a_question_too_long_is_told() -> None:
    """It is never cut."""
    with pytest.raises(QuestionError, match=r"takes \d+ tokens of 500: ask a shorter one"):
        fit_passages("why " * 500, make_sources(5), budget_of(500))
    with pytest.raises(QuestionError, match="ask a shorter one"):
        fit_history("why " * 500, [("a", "b")], budget_of(500))


def test_no_passage_at_all_is_told() -> None:
    """An answer from nothing would be invented."""
    with pytest.raises(PromptTooLong, match="none of 2 passages fits"):
        fit_passages(QUESTION, make_sources(9000, 9000), budget_of(1000))


def test_the_latest_turns_are_kept(caplog: pytest.LogCaptureFixture) -> None:
    """Whole, as many as fit; the log says how many were left out."""
    history = [(f"question {n}?", "word " * 40) for n in range(10)]
    with caplog.at_level(logging.WARNING):
        prompt = fit_history("And then?", history, budget_of(1000))
    assert len(prompt) <= 1000
    assert "question 9?" in prompt
    assert "question 0?" not in prompt
    kept = prompt.count("\nQ: question ")
    assert f"{10 - kept} earliest turns do not fit" in caplog.text


def test_a_history_that_fits_is_whole(caplog: pytest.LogCaptureFixture) -> None:
    """Then nothing is said."""
    prompt = fit_history("And then?", [("one?", "1"), ("two?", "2")], budget_of(1000))
    assert prompt.index("one?") < prompt.index("two?") < prompt.index("And then?")
    assert not caplog.text


@given(st.text())
def test_no_text_has_more_tokens_than_bytes(text: str) -> None:
    """A tokenizer on bytes makes at most one of each; a lone surrogate becomes a question mark."""
    assert utf8_bytes(text) >= len(text)
