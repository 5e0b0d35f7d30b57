"""Batches of sequences, spread over threads."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from kb_qa.embeddings.workers import FEWEST_TOKENS, Workers, cut

sequences_of_any_length = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=400))


def first_and_sum(batch: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """A stand-in for an encoder: what a vector says of its sequence."""
    return np.array([[sequence[0], sum(sequence)] for sequence in batch], np.float32)


@pytest.fixture(scope="module")
def workers() -> Workers:
    """Workers for the CPU."""
    return Workers(torch.device("cpu"))


@given(sequences=st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=400), min_size=1))
def test_vectors_come_in_the_order_of_their_sequences(
    workers: Workers, sequences: list[list[int]]
) -> None:
    """However the sequences are sorted, cut and spread, each gets its own vector."""
    assert np.array_equal(workers.map(first_and_sum, sequences), first_and_sum(sequences))


@given(sequences=sequences_of_any_length, budget=st.integers(1, 500))
def test_batches_hold_everything_once_and_no_more_than_the_budget(
    sequences: list[list[int]], budget: int
) -> None:
    """A batch passes the budget only where one sequence alone does."""
    batches = list(cut(sequences, budget))
    assert [sequence for batch in batches for sequence in batch] == sequences
    for batch in batches:
        assert len(batch) == 1 or sum(map(len, batch)) <= budget


def test_a_long_list_is_spread_and_a_question_does_not_wait_for_it(workers: Workers) -> None:
    """While the threads for lists are held up, a single sequence is still computed."""
    release = threading.Event()

    def held_up(batch: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        release.wait(30)
        return first_and_sum(batch)

    many = [[1] * FEWEST_TOKENS] * 8
    with ThreadPoolExecutor(1) as caller:
        waiting = caller.submit(workers.map, held_up, many)
        assert np.array_equal(workers.map(first_and_sum, [[3, 4]]), [[3, 7]])
        assert not waiting.done()
        release.set()
        assert np.shape(waiting.result()) == (8, 2)


def test_torch_keeps_its_threads() -> None:
    """Workers use one core each, and leave every other thread as many as it had."""
    before = torch.get_num_threads()
    workers = Workers(torch.device("cpu"))

    def cores(batch: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        return np.full((len(batch), 1), torch.get_num_threads(), np.float32)

    assert np.max(workers.map(cores, [[1]])) == 1
    assert np.max(workers.map(cores, [[1] * FEWEST_TOKENS] * 9)) == 1
    assert torch.get_num_threads() == before
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == before


def test_an_error_reaches_the_caller(workers: Workers) -> None:
    """What goes wrong in a thread is raised where the vectors were asked for."""

    def fail(batch: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        raise MemoryError(len(batch))

    with pytest.raises(MemoryError):
        workers.map(fail, [[1], [2]])
