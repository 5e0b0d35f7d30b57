"""Turns: as many as there are cores search at once, and who is alone is told so."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from kb_qa.store.turns import Turns


def test_who_asks_alone_is_told_so() -> None:
    """Of two who hold a turn at once only the first was alone; afterwards the next is again."""
    turns = Turns(2)
    with turns.taken() as first, turns.taken() as second:
        assert first
        assert not second
    with turns.taken() as next_one:
        assert next_one


def test_no_more_than_so_many_hold_a_turn_at_once() -> None:
    """Of eight who come together three are in at a time, and all get in."""
    turns, inside, most = Turns(3), threading.Semaphore(3), threading.Barrier(8)

    def ask(_: int) -> bool:
        most.wait(10)
        with turns.taken():
            has_room = inside.acquire(blocking=False)
            threading.Event().wait(0.01)
            inside.release()
            return has_room

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(ask, range(8)))


def test_a_turn_is_given_back_by_who_fails() -> None:
    """An error in a search takes nobody's turn away."""
    turns = Turns(1)
    with pytest.raises(ValueError, match="damaged"), turns.taken():
        raise ValueError("damaged")
    with turns.taken() as is_alone:
        assert is_alone
