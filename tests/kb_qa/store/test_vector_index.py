"""Searches of many vectors: exact while they are few, near enough when they are many."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from kb_qa.store.centring import Centring, Rows
from kb_qa.store.vector_index import OFFERED, RECALL, RECALL_AT, Keys, VectorIndex

DIMENSION, COUNT = 48, 20_000


def passages(count: int = COUNT, seed: int = 0) -> Rows:
    """Vectors in clusters, as passages' are, half of them in each of two languages."""
    chance = np.random.default_rng(seed)
    centres = np.random.default_rng(9).standard_normal((200, DIMENSION)) * 1.5
    vectors = centres[chance.integers(0, 200, count)] + chance.standard_normal((count, DIMENSION))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    nothing = Centring.of_nothing(DIMENSION, {})
    return nothing.added(vectors, ["zh", "en"] * (count // 2))[1]


def keys_of(rows: Rows, *, first: int = 0) -> Keys:
    """Keys with gaps, as deleted documents leave them."""
    return (first + 3 * np.arange(len(rows))).astype(np.int64)


@pytest.fixture(scope="module")
def rows() -> Rows:
    return passages()


@pytest.fixture(scope="module")
def approximate(rows: Rows) -> VectorIndex:
    return made(rows)


def made(rows: Rows) -> VectorIndex:
    def batches() -> Iterator[tuple[Keys, Rows]]:
        for begin in range(0, len(rows), 3000):
            yield keys_of(rows)[begin : begin + 3000], rows[begin : begin + 3000]

    centring = Centring.of_nothing(DIMENSION, {}).counted(rows, by=1)
    return VectorIndex.approximate(len(rows), batches, centring=lambda: centring)


def best(rows: Rows, keys: Keys, question: Rows, limit: int) -> list[int]:
    order = np.argsort(-(rows @ question), kind="stable")[:limit]
    return [int(key) for key in keys[order]]


def recall(index: VectorIndex, rows: Rows, keys: Keys, questions: Rows) -> float:
    """The share of the best that is among what a search brings."""
    shares = []
    for question in questions:
        found = [key for key, _ in index.search(question, limit=OFFERED)]
        shares.append(np.isin(best(rows, keys, question, RECALL_AT), found).mean())
    return float(np.mean(shares))


def test_an_exact_index_finds_the_best(rows: Rows) -> None:
    """Every row is compared."""
    index = VectorIndex.exact(keys_of(rows), rows)
    for question in passages(10, seed=2):
        found = [key for key, _ in index.search(question, limit=10)]
        assert found == best(rows, keys_of(rows), question, 10)


def test_an_approximate_index_reaches_its_recall(approximate: VectorIndex, rows: Rows) -> None:
    """Of the best ten rows the measured share is brought, for questions it never saw."""
    assert approximate.reads <= 1024
    assert recall(approximate, rows, keys_of(rows), passages(200, seed=3)) >= RECALL - 0.01


@pytest.mark.parametrize("share", [0.5, 0.02, 0.001])
@pytest.mark.parametrize("kind", ["exact", "approximate"])
def test_a_search_among_some_finds_the_best_of_them(
    approximate: VectorIndex, rows: Rows, kind: str, share: float
) -> None:
    """However few are allowed, only those are found, and the best of them are."""
    keys = keys_of(rows)
    index = approximate if kind == "approximate" else VectorIndex.exact(keys, rows)
    some = np.random.default_rng(4).random(len(rows)) < share
    allowed = np.zeros(keys[-1] + 1, bool)
    allowed[keys[some]] = True
    hits = []
    for question in passages(20, seed=5):
        found = [key for key, _ in index.search(question, limit=OFFERED, allowed=allowed)]
        assert allowed[found].all()
        hits.append(np.isin(best(rows[some], keys[some], question, RECALL_AT), found).mean())
    assert np.mean(hits) >= RECALL - 0.01


def test_rows_come_and_go(rows: Rows) -> None:
    """What went is not found, what came is, and recall stays."""
    more = passages(4000, seed=6)
    new_keys = keys_of(more, first=3 * len(rows))
    left = np.concatenate([rows[5000:], more])
    centring = Centring.of_nothing(DIMENSION, {}).counted(left, by=1)
    index = made(rows).changed(
        removed=keys_of(rows)[:5000], added=(new_keys, more), centring=centring
    )
    assert len(index) == len(rows) - 5000 + 4000
    keys = np.concatenate([keys_of(rows)[5000:], new_keys])
    questions = passages(100, seed=7)
    assert recall(index, left, keys, questions) >= RECALL - 0.02
    assert not np.isin(index.search(rows[0], limit=50)[0], keys_of(rows)[:5000]).any()


def test_what_is_read_is_measured_again(approximate: VectorIndex) -> None:
    """An index measured for half or twice as many rows is made anew."""
    assert approximate.is_fit_for(COUNT)
    assert approximate.is_fit_for(2 * COUNT)
    assert not approximate.is_fit_for(2 * COUNT + 1)
    assert not approximate.is_fit_for(COUNT // 2 - 1)
    assert not VectorIndex.exact(np.zeros(0, np.int64), passages(0)).is_fit_for(COUNT)


@pytest.mark.parametrize("kind", ["exact", "approximate"])
def test_a_saved_index_is_the_same(
    approximate: VectorIndex, rows: Rows, kind: str, tmp_path: Path
) -> None:
    """What is saved finds what it found, whether it stays on disk or is loaded to change."""
    index = approximate if kind == "approximate" else VectorIndex.exact(keys_of(rows), rows)
    numbers = index.save(tmp_path / "index")
    question = passages(2, seed=8)[0]
    for to_change in (False, True):
        loaded = VectorIndex.load(tmp_path / "index", **numbers, to_change=to_change)
        assert loaded.search(question, limit=20) == index.search(question, limit=20)
        some = np.sort(keys_of(rows)[[5, 700, 19_000]])
        assert np.abs(loaded.rows_of(some) - rows[some // 3]).max() < 0.02
