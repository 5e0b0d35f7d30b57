"""Stages work at the same time, and end together."""

import threading
import time
from collections.abc import Iterator

import pytest

from ingest.ahead import Stages


def no_stage_is_left() -> bool:
    return not any(thread.name == "ingest stage" for thread in threading.enumerate())


def test_items_come_in_their_order() -> None:
    """What one stage makes the next one takes, all of it."""
    with Stages(on_stop=lambda: None) as stages:
        numbers = stages.ahead(lambda: iter(range(100)), most=3)
        squares = stages.ahead(lambda: (number * number for number in numbers), most=3)
        assert list(squares) == [number * number for number in range(100)]
    assert no_stage_is_left()


def test_few_items_wait() -> None:
    """A stage that is faster than the next one stops and waits: memory stays bounded."""
    made: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(1000):
            made.append(number)
            yield number

    with Stages(on_stop=lambda: None) as stages:
        taken = stages.ahead(numbers, most=2)
        for count in range(1, 20):
            next(taken)
            time.sleep(0.005)
            assert len(made) <= count + 3


def test_an_error_is_raised_where_the_items_are_taken() -> None:
    """After the items that were made before it."""

    def numbers() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    taken = []
    with Stages(on_stop=lambda: None) as stages:
        first = stages.ahead(numbers, most=2)
        second = stages.ahead(lambda: (number for number in first), most=2)
        with pytest.raises(ValueError, match="broken"):
            taken.extend(second)
    assert no_stage_is_left()


def test_leaving_early_ends_all_stages() -> None:
    """Also one that waits: whatever it waits for is told to end."""
    released = threading.Event()
    closed = threading.Event()

    def waiting() -> Iterator[int]:
        try:
            yield 1
            released.wait(30)
            yield 2
        finally:
            closed.set()

    began = time.monotonic()
    with Stages(on_stop=released.set) as stages:
        first = stages.ahead(waiting, most=1)
        second = stages.ahead(lambda: (number for number in first), most=1)
        assert next(second) == 1
    assert time.monotonic() - began < 5
    assert closed.is_set()
    assert no_stage_is_left()
