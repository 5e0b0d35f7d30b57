"""FAISS over rows, immutable once made: exact while they are few, approximate and small when many.

Many rows are kept in 8 bits a number, in lists around centroids, of which a
search reads the nearest few: as many as a measured recall asked for. What it
finds is scored again exactly by the caller, from the catalog's vectors.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from kb_qa.store.centring import Centring, Rows

RECALL, RECALL_AT, OFFERED = 0.99, 10, 50
"""Of the best RECALL_AT rows, at least this share is among the OFFERED that a search brings."""

_OUTGROWN = 2.0
_SAMPLE_ROWS, _ITERATIONS = 40, 8  # of each centroid's training: more gave no better recall
_QUESTIONS = 128
_LIKENESS = 0.85  # of a question and its passage: about what e5 and bge give

# Their arguments are keywords that faiss's own type hints do not know.
_Parameters: Any = faiss.SearchParameters
_ListParameters: Any = faiss.SearchParametersIVF
_MapOfKeys: Any = getattr(faiss, "DirectMap")  # noqa: B009 - the same
_Allowed: Any = faiss.IDSelectorBitmap

Keys = NDArray[np.int64]
"""Chunk ids: int64, shape (rows,)."""

Batches = Callable[[], Iterator[tuple[Keys, Rows]]]
"""Called for all rows there are, in batches of thousands; may be called again."""


@dataclass(frozen=True)
class VectorIndex:
    """Rows that are searched by inner product.

    Attributes:
        probes: lists that a search reads; 0 where every row is compared.
        trained_for: rows that the lists were made for; 0 where there are none.
    """

    _index: Any
    probes: int = 0
    trained_for: int = 0

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
        """Lists made for so many rows, and the rows in them.

        Args:
            count: how many.
            batches: the rows.
            centring: that of all rows, once they went by.
        """
        lists = 1 << round(math.log2(2 * math.sqrt(count)))
        sample = _sampled(batches, share=min(1.0, _SAMPLE_ROWS * lists / count))
        width = sample.shape[1]
        index = faiss.IndexIVFScalarQuantizer(
            faiss.IndexFlatIP(width),
            width,
            lists,
            faiss.ScalarQuantizer.QT_8bit,
            faiss.METRIC_INNER_PRODUCT,
        )
        index.cp.niter, index.cp.min_points_per_centroid = _ITERATIONS, 1
        index.train(sample)
        questions = _questions(sample, centring())
        best = _Best(len(questions))
        for keys, rows in batches():
            index.add_with_ids(rows, keys)
            best.see(keys, rows @ questions.T)
        return cls(index, _probes(index, questions, best.keys), trained_for=count)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def is_exact(self) -> bool:
        """Whether every row is compared."""
        return self.probes == 0

    def has_lists_for(self, count: int) -> bool:
        """Whether it has lists, made for about so many rows."""
        return self.trained_for / _OUTGROWN <= count <= self.trained_for * _OUTGROWN

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
        products, keys = self._index.search(row[None], limit, params=self._parameters(allowed))
        pairs = zip(keys[0].tolist(), products[0].tolist(), strict=True)
        return [(key, product) for key, product in pairs if key >= 0]

    def rows_of(self, keys: Keys) -> Rows:
        """The rows of keys that are all in it, as far as 8 bits keep them."""
        if self.is_exact:
            places = np.flatnonzero(np.isin(faiss.vector_to_array(self._index.id_map), keys))
            return np.asarray(self._index.index.reconstruct_batch(places), np.float32)
        self._index.set_direct_map_type(_MapOfKeys.Hashtable)
        rows = np.asarray(self._index.reconstruct_batch(keys), np.float32)
        self._index.set_direct_map_type(_MapOfKeys.NoMap)
        return rows

    def changed(self, *, removed: Keys, added: tuple[Keys, Rows]) -> "VectorIndex":
        """An approximate one of other rows in the same lists. This one is of no use after it."""
        self._index.remove_ids(faiss.IDSelectorBatch(removed))
        self._index.add_with_ids(added[1], added[0])
        return VectorIndex(self._index, self.probes, self.trained_for)

    def save(self, path: Path) -> dict[str, int]:
        """Write it; what comes back is to be given to `load`."""
        faiss.write_index(self._index, str(path))
        return {"probes": self.probes, "trained_for": self.trained_for}

    @classmethod
    def load(
        cls, path: Path, *, probes: int, trained_for: int, to_change: bool = False
    ) -> "VectorIndex":
        """One that was saved. Its rows stay on disk, and in the system's cache, unless to change.

        Raises:
            RuntimeError: the file is none.
        """
        mapped = faiss.IO_FLAG_MMAP if probes else faiss.IO_FLAG_MMAP_IFC
        index = faiss.read_index(str(path), 0 if to_change else mapped)
        return cls(index, probes, trained_for)

    def _parameters(self, allowed: NDArray[np.bool_] | None) -> Any:
        share, selector = 1.0, None
        if allowed is not None:
            share = max(1, int(np.count_nonzero(allowed))) / len(self)
            selector = _Allowed(np.packbits(allowed, bitorder="little"))
        if self.is_exact:
            return _Parameters(sel=selector) if selector else None
        # The fewer rows are allowed, the farther away the nearest of them are.
        probes = min(self._index.nlist, math.ceil(self.probes / min(1.0, share)))
        return _ListParameters(sel=selector, nprobe=probes)


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


def _probes(index: Any, questions: Rows, best: NDArray[np.int64]) -> int:
    """The fewest lists to read, of powers of two, that find what was asked for."""
    probes = 1
    while probes < index.nlist:
        parameters = _ListParameters(nprobe=probes)
        _, found = index.search(questions, OFFERED, params=parameters)
        hits = [np.isin(row, each).mean() for row, each in zip(best, found, strict=True)]
        if np.mean(hits) >= RECALL:
            return probes
        probes *= 2
    return int(index.nlist)
