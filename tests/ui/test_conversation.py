"""A session's conversation, for each knowledge base."""

from pathlib import Path
from typing import Any

from kb_qa import Answer
from ui.conversation import Conversation, Turn


def _answer(text: str) -> Answer:
    return Answer("", text, refused=False, generator="quote")


def test_a_question_waits_until_it_is_settled() -> None:
    """The last question is pending until it has an answer, a problem, or was stopped."""
    for outcome in ({"answer": _answer("yes")}, {"problem": "no"}, {"stopped": True}):
        conversation = Conversation({}, kb=Path("kb"))
        conversation.ask("why?")
        conversation.settle(written="so far")
        assert conversation.pending == Turn("why?", written="so far")
        conversation.settle(**outcome)
        assert conversation.pending is None


def test_nothing_asked_is_nothing_pending() -> None:
    """A new conversation waits for nothing."""
    assert Conversation({}, kb=Path("kb")).pending is None


def test_only_the_last_question_is_asked() -> None:
    """A question that was left behind is not answered after a later one."""
    conversation = Conversation({}, kb=Path("kb"))
    conversation.ask("left behind")
    conversation.ask("asked now")
    conversation.settle(answer=_answer("here"))
    assert conversation.pending is None


def test_history_is_what_was_answered() -> None:
    """The chain is told the questions that have an answer, oldest first."""
    conversation = Conversation({}, kb=Path("kb"))
    conversation.ask("one")
    conversation.settle(answer=_answer("1"))
    conversation.ask("two")
    conversation.settle(problem="failed")
    conversation.ask("three")
    assert conversation.history == [("one", "1")]


def test_each_knowledge_base_has_its_own_turns() -> None:
    """Turns stay with the session and the knowledge base they were about."""
    session: dict[Any, Any] = {}
    Conversation(session, kb=Path("a")).ask("about a")
    assert Conversation(session, kb=Path("b")).turns == []
    assert [turn.question for turn in Conversation(session, kb=Path("a")).turns] == ["about a"]


def test_clearing_forgets_everything() -> None:
    """A cleared conversation is as it began."""
    session: dict[Any, Any] = {}
    conversation = Conversation(session, kb=Path("a"))
    conversation.ask("secret")
    conversation.clear()
    assert Conversation(session, kb=Path("a")).turns == []
