"""Conversations and what was thought of them: kept, found, each visitor's own."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kb_qa import Answer, Citation, Source
from kb_qa.errors import HistoryError
from ui.conversation import Turn
from ui.history import FILE, History

SOURCE = Source(
    7, "/docs/a.pdf", "手册", "年假是十五天。", 10, 17, ("一", "二"), page=3, breaks=((12, 4),)
)
ANSWER = Answer(
    "年假几天？",
    "十五天 [1]",
    refused=False,
    generator="quote",
    citations=(Citation(1, SOURCE, 10, 17, 0.5),),
    sources=(SOURCE,),
    seconds={"total": 0.25},
)


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "page")


def test_a_conversation_survives_a_restart(history: History, tmp_path: Path) -> None:
    """Every turn comes back as it was: answers with their sources, problems, what was stopped."""
    turns = [
        Turn("年假几天？", answer=ANSWER),
        Turn("and then?", written="so f", stopped=True),
        Turn("why?", problem="no model"),
    ]
    key = history.begin("anna", kb="office")
    history.keep("anna", key, turns)
    assert History(tmp_path / "page").turns("anna", key, kb="office") == turns


def test_nobody_finds_another_s(history: History) -> None:
    """A conversation's id alone opens it for nobody but its owner, to read, change or remove."""
    key = history.begin("anna", kb="office")
    history.keep("anna", key, [Turn("secret", answer=ANSWER)])
    assert history.turns("eve", key, kb="office") is None
    history.keep("eve", key, [Turn("forged")])
    history.rate("eve", key, 0, helpful=False)
    history.forget("eve", key)
    assert history.entries("eve", kb="office") == []
    assert history.feedback("eve") == []
    assert history.feedback() == []
    assert history.turns("anna", key, kb="office") == [Turn("secret", answer=ANSWER)]


def test_the_list_has_the_last_first_and_can_be_searched(history: History) -> None:
    """Questions and answers are searched word for word, whatever their case; % is a sign."""
    for question in ("Annual leave?", "100% remote?", "Lunch?"):
        key = history.begin("anna", kb="office")
        history.keep("anna", key, [Turn(question, answer=ANSWER), Turn("more?")])
    history.begin("anna", kb="office")  # nothing was asked in it: nothing to list
    assert [each.title for each in history.entries("anna", kb="office")] == [
        "Lunch?",
        "100% remote?",
        "Annual leave?",
    ]
    assert [each.turns for each in history.entries("anna", kb="office")] == [2, 2, 2]
    assert [each.title for each in history.entries("anna", matching="ANNUAL", kb="office")] == [
        "Annual leave?"
    ]
    assert [each.title for each in history.entries("anna", matching="0% r", kb="office")] == [
        "100% remote?"
    ]
    assert len(history.entries("anna", matching="十五", kb="office")) == 3
    assert history.entries("anna", matching="l%ch", kb="office") == []


def test_what_is_kept_is_what_the_conversation_is_now(history: History) -> None:
    """Turns that were taken back go, and a conversation that was forgotten stays forgotten."""
    key = history.begin("anna", kb="office")
    history.keep("anna", key, [Turn("one", answer=ANSWER), Turn("two")])
    history.keep("anna", key, [Turn("one", problem="no")])
    assert history.turns("anna", key, kb="office") == [Turn("one", problem="no")]
    history.forget("anna", key)
    history.keep("anna", key, [Turn("ghost")])
    assert history.turns("anna", key, kb="office") is None


def test_conversations_follow_their_knowledge_base(history: History) -> None:
    """When it is renamed, they are found under its new name."""
    key = history.begin("anna", kb="office")
    history.keep("anna", key, [Turn("one", answer=ANSWER)])
    history.rename("office", to="bureau")
    assert history.turns("anna", key, kb="office") is None
    assert history.turns("anna", key, kb="bureau") == [Turn("one", answer=ANSWER)]


def test_thumbs(history: History) -> None:
    """An answer is rated with a reason, rated anew, taken back, and made golden."""
    key = history.begin("anna", kb="office")
    history.keep("anna", key, [Turn("q", answer=ANSWER)])
    assert history.rating(key, 0) is None
    history.rate("anna", key, 0, helpful=True)
    history.rate("anna", key, 0, helpful=False, reason=" wrong page ")
    assert history.rating(key, 0) == (False, "wrong page")
    history.mark_golden(key, 0)
    (given,) = history.feedback()
    assert (given.helpful, given.reason, given.golden) == (False, "wrong page", True)
    assert (given.kb, given.turn) == ("office", Turn("q", answer=ANSWER))
    history.rate("anna", key, 0, helpful=None)
    assert history.feedback() == []
    history.rate("anna", key, 5, helpful=True)  # no such turn
    assert history.feedback() == []


def test_many_write_at_once(history: History, tmp_path: Path) -> None:
    """Sessions in several threads, each with its own connection, lose nothing."""

    def converse(n: int) -> None:
        mine = History(tmp_path / "page")
        key = mine.begin(f"visitor {n}", kb="office")
        for m in range(1, 6):
            mine.keep(f"visitor {n}", key, [Turn(f"{n} {k}") for k in range(m)])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(converse, range(8)))
    assert [history.entries(f"visitor {n}", kb="office")[0].turns for n in range(8)] == [5] * 8


def test_a_file_that_is_not_ours_is_told(tmp_path: Path) -> None:
    """A newer format, another program's database, no database: one line with the remedy."""
    for name, statement in (
        ("newer", "PRAGMA user_version = 99"),
        ("other", "CREATE TABLE t (a)"),
    ):
        (tmp_path / name).mkdir()
        connection = sqlite3.connect(tmp_path / name / FILE)
        connection.execute(statement)
        connection.commit()
        connection.close()
    (tmp_path / "junk").mkdir()
    (tmp_path / "junk" / FILE).write_bytes(b"junk" * 1000)
    (tmp_path / "file").write_text("")
    for name in ("newer", "other", "junk", "file"):
        with pytest.raises(HistoryError, match="KB_QA_PAGE"):
            History(tmp_path / name)
