"""A visitor's conversation, for each knowledge base, and what is kept of it."""

from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest

from kb_qa import Answer
from ui.conversation import Conversation, Turn
from ui.history import History


def _answer(text: str) -> Answer:
    return Answer("", text, refused=False, generator="quote")


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "page")


def conversation(
    history: History,
    session: MutableMapping[Any, Any] | None = None,
    *,
    kb: str = "kb",
    owner: str = "anna",
) -> Conversation:
    session = {} if session is None else session
    return Conversation(session, kb=Path(kb), memory=history, owner=owner)


def test_a_question_waits_until_it_is_settled(history: History) -> None:
    """The last question is pending until it has an answer, a problem, or was stopped."""
    for outcome in ({"answer": _answer("yes")}, {"problem": "no"}, {"stopped": True}):
        talk = conversation(history)
        talk.ask("why?")
        talk.settle(written="so far")
        assert talk.pending == Turn("why?", written="so far")
        talk.settle(**outcome)
        assert talk.pending is None


def test_nothing_asked_is_nothing_pending(history: History) -> None:
    """A new conversation waits for nothing, and nothing of it is kept."""
    assert conversation(history).pending is None
    assert conversation(history).id == ""
    assert history.entries("anna", kb="kb") == []


def test_only_the_last_question_is_asked(history: History) -> None:
    """A question that was left behind is not answered after a later one."""
    talk = conversation(history)
    talk.ask("left behind")
    talk.ask("asked now")
    talk.settle(answer=_answer("here"))
    assert talk.pending is None


def test_history_is_what_was_answered(history: History) -> None:
    """The chain is told the questions that have an answer, oldest first."""
    talk = conversation(history)
    talk.ask("one")
    talk.settle(answer=_answer("1"))
    talk.ask("two")
    talk.settle(problem="failed")
    talk.ask("three")
    assert talk.history == [("one", "1")]


def test_each_knowledge_base_has_its_own_turns(history: History) -> None:
    """Turns stay with the session and the knowledge base they were about."""
    session: dict[Any, Any] = {}
    conversation(history, session, kb="a").ask("about a")
    assert conversation(history, session, kb="b").turns == []
    kept = conversation(history, session, kb="a")
    assert [turn.question for turn in kept.turns] == ["about a"]


def test_another_session_goes_on(history: History) -> None:
    """After a restart a conversation is opened as it was; what was being answered was stopped."""
    talk = conversation(history)
    talk.ask("one")
    talk.settle(answer=_answer("1"))
    talk.ask("two")
    later = conversation(history)
    assert later.open(talk.id)
    assert later.turns == [Turn("one", answer=_answer("1")), Turn("two", stopped=True)]
    later.ask("three", generator="xverse")
    later.settle(answer=_answer("3"))
    kept = history.turns("anna", talk.id, kb="kb")
    assert kept is not None
    assert [turn.question for turn in kept] == ["one", "two", "three"]
    assert kept[-1].generator == "xverse"


def test_another_visitor_cannot_open_it(history: History) -> None:
    """An address with the conversation's name is not enough."""
    talk = conversation(history)
    talk.ask("secret")
    other = conversation(history, owner="eve")
    assert not other.open(talk.id)
    assert other.turns == []


def test_a_new_one_leaves_the_old_one_kept(history: History) -> None:
    """Leaving a conversation forgets nothing."""
    session: dict[Any, Any] = {}
    talk = conversation(history, session)
    talk.ask("one")
    talk.leave()
    assert conversation(history, session).turns == []
    conversation(history, session).ask("two")
    assert {entry.title for entry in history.entries("anna", kb="kb")} == {"one", "two"}
