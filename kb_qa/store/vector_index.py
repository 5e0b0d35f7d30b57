"""FAISS over rows, immutable once made: exact while they are few, near enough when many.

Many rows are kept twice: in 8 bits a number, on disk, and in 2 bits a number, in memory. A
search compares its row with all of the latter, in 10 ms a million, and the nearest of those
with the former; as many as a measured recall asked for. What it finds is scored again exactly
by the caller, from the catalog's vectors.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from kb_qa.store.centring import LANGUAGES, Centring, Rows

RECALL, RECALL_AT, OFFERED = 0.99, 10, 50
"""Of the best RECALL_AT rows, at least this share is among the OFFERED that a search brings."""

_OUTGROWN = 2.0
_SAMPLE_ROWS = 65_536
_QUESTIONS = 128
_LIKENESS = 0.85  # of a question and its passage: about what e5 and bge give
_FEWEST_READ, _MOST_READ = 128, 8192
_READ_BY_MASK = 0.1  # share of rows allowed, below which only those are compared
_BITS = 4  # for two numbers: what the fast scan takes
_COPIED = 65_536  # rows at a time
_COARSE = ".coarse"

# Their arguments are keywords that faiss's own type hints do not know.
_Parameters: Any = faiss.SearchParameters
_Allowed: Any = faiss.IDSelectorBitmap

Keys = NDArray[np.int64]
"""Chunk ids: int64, shape (rows,)."""

Batches = Callable[[], Iterator[tuple[Keys, Rows]]]
"""Called for all rows there are, in batches of thousands; may be called again."""


@dataclass(frozen=True)
class VectorIndex:
    """Rows that are searched by inner product.

    Attributes:
        reads: rows that a search compares closely; 0 where it does every row.
        measured_for: rows that there were when that number was measured.
    """

    _index: Any
    _coarse: Any = None
    reads: int = 0
    measured_for: int = 0

    @classmethod
    def exact(cls, keys: Keys, rows: Rows) -> "VectorIndex":
        """Every row is compared."""
        index = faiss.IndexIDMap(faiss.IndexFlatIP(rows.shape[1]))
        index.add_with_ids(np.ascontiguousarray(rows), keys)
        return cls(index)

    @classmethod
    def approximate(
        cls, count: int, batches: Batches, *, centring: Callable[[], Centring]
    ) -> "VectorIndex":
        """Rows kept small.

        Args:
            count: how many.
            batches: the rows.
            centring: that of all rows, once they went by.
        """
        sample = _sampled(batches, share=min(1.0, _SAMPLE_ROWS / count))
        questions = _questions(sample, centring())
        fine = faiss.IndexScalarQuantizer(
            sample.shape[1], faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
        )
        fine.train(sample)
        index = faiss.IndexIDMap(fine)
        best = _Best(len(questions))
        for keys, rows in batches():
            index.add_with_ids(np.ascontiguousarray(rows), keys)
            best.see(keys, rows @ questions.T)
        coarse = _coarse(fine, centring())
        return cls(index, coarse, _MOST_READ, count)._measured(questions, best.keys)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def is_exact(self) -> bool:
        """Whether every row is compared."""
        return self.reads == 0

    def is_fit_for(self, count: int) -> bool:
        """Whether what it reads was measured for about so many rows."""
        return self.measured_for / _OUTGROWN <= count <= self.measured_for * _OUTGROWN

    def search(
        self, row: NDArray[np.float32], *, limit: int, allowed: NDArray[np.bool_] | None = None
    ) -> list[tuple[int, float]]:
        """Keys and inner products of the best rows, best first.

        Args:
            row: what to compare with.
            limit: how many, at most.
            allowed: of each key from 0, whether it may be found; those beyond may not.
        """
        if not len(self):
            return []
        faiss.omp_set_num_threads(1)  # of this thread: several searches share the cores
        share = 1.0 if allowed is None else np.count_nonzero(allowed) / len(self)
        if not self.is_exact and share >= _READ_BY_MASK:
            return self._nearest(row, limit, allowed, min(1.0, share))
        parameters = None
        if allowed is not None:
            selector = _Allowed(np.packbits(allowed, bitorder="little"))
            parameters = _Parameters(sel=selector)
        products, keys = self._index.search(row[None], limit, params=parameters)
        pairs = zip(keys[0].tolist(), products[0].tolist(), strict=True)
        return [(key, product) for key, product in pairs if key >= 0]

    def rows_of(self, keys: Keys) -> Rows:
        """The rows of keys that are all in it, as far as 8 bits keep them."""
        places = np.flatnonzero(np.isin(self._keys, keys))
        return np.asarray(self._index.index.reconstruct_batch(places), np.float32)

    def changed(
        self, *, removed: Keys, added: tuple[Keys, Rows], centring: Centring
    ) -> "VectorIndex":
        """An approximate one of other rows. This one is of no use after it."""
        self._index.remove_ids(faiss.IDSelectorBatch(removed))
        self._index.add_with_ids(np.ascontiguousarray(added[1]), added[0])
        coarse = _coarse(self._index.index, centring)
        return VectorIndex(self._index, coarse, self.reads, self.measured_for)

    def save(self, path: Path) -> dict[str, int]:
        """Write it; what comes back is to be given to `load`."""
        faiss.write_index(self._index, str(path))
        if not self.is_exact:
            faiss.write_index(self._coarse, str(path) + _COARSE)
        return {"reads": self.reads, "measured_for": self.measured_for}

    @classmethod
    def load(
        cls, path: Path, *, reads: int, measured_for: int, to_change: bool = False
    ) -> "VectorIndex":
        """One that was saved. Its rows stay on disk, and in the system's cache, unless to change.

        Raises:
            RuntimeError: the file is none.
        """
        index = faiss.read_index(str(path), 0 if to_change else faiss.IO_FLAG_MMAP_IFC)
        coarse = faiss.read_index(str(path) + _COARSE) if reads else None
        return cls(index, coarse, reads, measured_for)

    @cached_property
    def _keys(self) -> Keys:
        """By place."""
        return np.asarray(faiss.vector_to_array(self._index.id_map), np.int64)

    def _nearest(
        self,
        row: NDArray[np.float32],
        limit: int,
        allowed: NDArray[np.bool_] | None,
        share: float,
    ) -> list[tuple[int, float]]:
        # The fewer rows are allowed, the more are read that are not.
        most = min(len(self), math.ceil(max(limit, self.reads) / share))
        _, found = self._coarse.search(np.ascontiguousarray(row[None, :-LANGUAGES]), most)
        places = found[0][found[0] >= 0]
        if allowed is not None:
            keys = self._keys[places]
            within = keys < len(allowed)
            within[within] = allowed[keys[within]]
            places = places[within]
        # In the order they lie on disk.
        places = np.sort(places)
        products = np.asarray(self._index.index.reconstruct_batch(places)) @ row
        order = np.argsort(-products, kind="stable")[:limit]
        keys = self._keys[places[order]]
        return list(zip(keys.tolist(), products[order].tolist(), strict=True))

    def _measured(self, questions: Rows, best: NDArray[np.int64]) -> "VectorIndex":
        """Reading twice the fewest rows, of powers of two, that find what was asked for.

        Twice, because others ask other questions, and reading costs little.
        """
        reads = _FEWEST_READ
        while reads < _MOST_READ:
            index = VectorIndex(self._index, self._coarse, reads, self.measured_for)
            found = [[key for key, _ in index.search(row, limit=OFFERED)] for row in questions]
            hits = [np.isin(row, each).mean() for row, each in zip(best, found, strict=True)]
            reads *= 2
            if np.mean(hits) >= RECALL:
                return VectorIndex(self._index, self._coarse, reads, self.measured_for)
        return self


def _coarse(fine: Any, centring: Centring) -> Any:
    """The same rows in 2 bits a number, each without the mean of its language.

    Four bits stand for two numbers, which sixteen points of a plane do well as long as no few
    rows lie far off, as those of a rare language would with the slots of the languages.
    """
    width = fine.d - LANGUAGES
    parts = width if width % 2 else width // 2
    coarse = faiss.IndexPQFastScan(width, parts, _BITS, faiss.METRIC_INNER_PRODUCT)
    coarse.pq.cp.min_points_per_centroid = 1  # a small index is no reason to warn
    chance = np.random.default_rng(2)
    some = np.sort(chance.permutation(fine.ntotal)[:_SAMPLE_ROWS])
    coarse.train(_centred(fine.reconstruct_batch(some), centring))
    for begin in range(0, fine.ntotal, _COPIED):
        count = min(_COPIED, fine.ntotal - begin)
        coarse.add(_centred(fine.reconstruct_n(begin, count), centring))
    return coarse


def _centred(rows: Rows, centring: Centring) -> Rows:
    vectors, slots = rows[:, :-LANGUAGES], rows[:, -LANGUAGES:].argmax(axis=1)
    return np.ascontiguousarray(vectors - centring.means[slots])


class _Best:
    """The RECALL_AT best rows of each question, of all that went by."""

    def __init__(self, questions: int) -> None:
        self.keys = np.full((questions, RECALL_AT), -1, np.int64)
        self._products = np.full((questions, RECALL_AT), -np.inf, np.float32)

    def see(self, keys: Keys, products: NDArray[np.float32]) -> None:
        """Take in the products of rows with questions: shape (rows, questions)."""
        all_products = np.concatenate([self._products, products.T], axis=1)
        all_keys = np.concatenate(
            [self.keys, np.broadcast_to(keys, (len(self.keys), len(keys)))], axis=1
        )
        best = np.argpartition(-all_products, RECALL_AT - 1, axis=1)[:, :RECALL_AT]
        self._products = np.take_along_axis(all_products, best, axis=1)
        self.keys = np.take_along_axis(all_keys, best, axis=1)


def _sampled(batches: Batches, *, share: float) -> Rows:
    """Rows from everywhere, so large a share of all."""
    chance = np.random.default_rng(0)
    return np.concatenate([rows[chance.random(len(rows)) < share] for _, rows in batches()])


def _questions(sample: Rows, centring: Centring) -> Rows:
    """Rows of questions: each near a passage, and off as passages are from each other.

    Off in any direction would be harder than any question is: vectors of texts fill
    but a few of their dimensions.
    """
    chance = np.random.default_rng(1)
    vectors = sample[:, : centring.sums.shape[1]]
    near, one, other = (vectors[chance.integers(len(vectors), size=_QUESTIONS)] for _ in range(3))
    off = one - other
    off /= np.maximum(np.linalg.norm(off, axis=1, keepdims=True), 1e-6)
    asked = _LIKENESS * near + math.sqrt(1 - _LIKENESS**2) * off
    asked /= np.linalg.norm(asked, axis=1, keepdims=True)
    return np.stack([centring.question_row(each) for each in asked])
