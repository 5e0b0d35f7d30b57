"""The dense side: vectors searched by meaning, derived from the catalog's.

A saved index is the base; what the catalog holds beyond it is a small part in
memory. Both are immutable: a newer state is another `Dense`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb_qa.store.centring import LANGUAGES, Centring, Rows
from kb_qa.store.published import Published, publish, published
from kb_qa.store.snapshot import Snapshot
from kb_qa.store.vector_index import Keys, VectorIndex

SIDE = "dense"
_FILE = "index.faiss"
_LEAST_CHANGED, _MOST_CHANGED = 2_000, 50_000
_SHARE_CHANGED = 0.1
"""Chunks that came since the base was saved, or this share of it, are worth saving a new one."""

_DOCUMENTS = 256  # read from the catalog at a time

MOST_EXACT = 200_000

Ranges = Sequence[tuple[int, int]]
"""First and last keys of documents."""


@dataclass(frozen=True)
class Layout:
    """How vectors are laid out.

    Attributes:
        dimension: of a vector.
        most_exact: vectors up to which each is compared; 12 ms of one core for 200,000.
    """

    dimension: int
    most_exact: int = MOST_EXACT


@dataclass(frozen=True)
class _Base:
    """The saved part.

    Attributes:
        index: its rows.
        generation: the catalog's generation it was made from.
        last: its greatest key; -1 if it has none.
    """

    index: VectorIndex
    generation: int = 0
    last: int = -1


@dataclass(frozen=True)
class Dense:
    """The vectors of one generation; `refreshed` gives a newer one.

    Attributes:
        generation: the catalog's generation it is of.
        lineage: the lineage of that catalog.
        centring: the mean of each language.
        base: the saved part.
        gone: what of it went since.
        keys: of the fresh part's rows, ascending.
        rows: the fresh part's.
    """

    generation: int
    lineage: str
    centring: Centring
    base: _Base
    gone: tuple[tuple[int, int], ...]
    keys: Keys
    rows: Rows
    _fresh: VectorIndex = field(init=False)
    _stays: NDArray[np.bool_] | None = field(init=False)

    def __post_init__(self) -> None:
        stays = None
        if self.gone:
            stays = np.ones(self.base.last + 1, bool)
            stays[_within(np.arange(self.base.last + 1), self.gone)] = False
        object.__setattr__(self, "_stays", stays)
        object.__setattr__(self, "_fresh", VectorIndex.exact(self.keys, self.rows))

    @classmethod
    def load(cls, folder: Path, catalog: Snapshot, *, layout: Layout) -> "Dense":
        """What is saved; where that is nothing, or damaged, all is made in memory."""
        saved = published(folder, SIDE, lineage=catalog.lineage)
        loaded = cls._of(saved, catalog) if saved else None
        if loaded:
            return loaded
        index, centring, last = _made(None, catalog, layout=layout)
        return cls._on(_Base(index, catalog.generation, last), centring, catalog.lineage)

    def search(
        self, question: NDArray[np.float32], *, limit: int, among: Keys | None = None
    ) -> list[int]:
        """Ids of the chunks nearest to a question's unit vector, centred, best first.

        Args:
            question: its unit vector.
            limit: how many, at most.
            among: the chunks that may be found, ascending; all if not given.
        """
        row = self.centring.question_row(question)
        found = self.base.index.search(row, limit=limit, allowed=self._allowed(among))
        fresh = (
            None if among is None else _marked(among, self.keys[-1] + 1 if len(self.keys) else 0)
        )
        found += self._fresh.search(row, limit=limit, allowed=fresh)
        found.sort(key=lambda pair: -pair[1])
        return [key for key, _ in found[:limit]]

    def refreshed(self, catalog: Snapshot, folder: Path) -> "Dense":
        """The state of the catalog's present generation, nothing written."""
        start = self._rebased(catalog, folder)
        changes = catalog.changes_since(start.generation)
        stays = ~_within(start.keys, changes.removed)
        gone = [each for each in changes.removed if each[0] <= start.base.last]
        keys, languages, vectors = catalog.vectors_of(changes.added)
        centring = start.centring.counted(start.rows[~stays], by=-1)
        if gone:
            centring = centring.counted(start.base.index.rows_of(_keys(gone)), by=-1)
        centring, rows = centring.added(vectors, languages)
        return replace(
            start,
            generation=catalog.generation,
            centring=centring,
            gone=(*start.gone, *gone),
            keys=np.concatenate([start.keys[stays], keys]),
            rows=np.concatenate([start.rows[stays], rows]),
        )

    @staticmethod
    def save(catalog: Snapshot, folder: Path, *, layout: Layout) -> None:
        """Save a new base if the saved one is missing, damaged or far behind; for the writer."""
        saved = published(folder, SIDE, lineage=catalog.lineage)
        if saved and saved.is_sound() and not _is_far_behind(saved, catalog):
            return

        def fill(aside: Path) -> Mapping[str, Any]:
            index, centring, last = _made(saved, catalog, layout=layout)
            numbers = index.save(aside / _FILE)
            return {"index": numbers, "rows": len(index), "last": last} | centring.to_json()

        publish(folder, SIDE, generation=catalog.generation, lineage=catalog.lineage, fill=fill)

    @classmethod
    def _on(cls, base: _Base, centring: Centring, lineage: str) -> "Dense":
        width = centring.sums.shape[1] + LANGUAGES
        return cls(
            generation=base.generation,
            lineage=lineage,
            centring=centring,
            base=base,
            gone=(),
            keys=np.zeros(0, np.int64),
            rows=np.zeros((0, width), np.float32),
        )

    @classmethod
    def _of(cls, saved: Published, catalog: Snapshot) -> "Dense | None":
        """What is saved, if that is sound and no newer than the catalog."""
        if saved.generation > catalog.generation or not saved.is_sound():
            return None
        if (index := _index(saved)) is None:
            return None
        centring = Centring.from_json(saved.details, catalog.background)
        base = _Base(index, saved.generation, last=int(saved.details["last"]))
        return cls._on(base, centring, saved.lineage)

    def _rebased(self, catalog: Snapshot, folder: Path) -> "Dense":
        """On the saved base, where that is newer than ours."""
        saved = published(folder, SIDE, lineage=self.lineage)
        if saved and self.base.generation < saved.generation:
            return Dense._of(saved, catalog) or self
        return self

    def _allowed(self, among: Keys | None) -> NDArray[np.bool_] | None:
        if among is None:
            return self._stays
        marked = _marked(among, self.base.last + 1)
        return marked if self._stays is None else marked & self._stays


def _made(
    saved: Published | None, catalog: Snapshot, *, layout: Layout
) -> tuple[VectorIndex, Centring, int]:
    """An index of all the catalog's vectors, its centring, and its greatest key."""
    count = catalog.chunk_count()
    index = _index(saved, to_change=True) if saved and saved.is_sound() else None
    if saved and index and count > layout.most_exact and index.is_fit_for(count):
        return _changed(index, saved, catalog)
    rows = _Catalogued(catalog, layout.dimension)
    if count > layout.most_exact:
        return VectorIndex.approximate(count, rows, centring=lambda: rows.seen[0]), *rows.seen
    keys, all_rows = zip(*rows(), strict=True)
    return VectorIndex.exact(np.concatenate(keys), np.concatenate(all_rows)), *rows.seen


def _changed(
    index: VectorIndex, saved: Published, catalog: Snapshot
) -> tuple[VectorIndex, Centring, int]:
    """The saved index with what came and without what went."""
    last = int(saved.details["last"])
    changes = catalog.changes_since(saved.generation)
    gone = _keys([each for each in changes.removed if each[0] <= last])
    keys, languages, vectors = catalog.vectors_of(changes.added)
    centring = Centring.from_json(saved.details, catalog.background)
    centring, rows = centring.counted(index.rows_of(gone), by=-1).added(vectors, languages)
    changed = index.changed(removed=gone, added=(keys, rows), centring=centring)
    return changed, centring, max(last, *keys.tolist(), 0)


class _Catalogued:
    """All of a catalog's rows, in batches; called again, the same."""

    def __init__(self, catalog: Snapshot, dimension: int) -> None:
        self._catalog = catalog
        self._nothing = Centring.of_nothing(dimension, catalog.background)
        self._documents = catalog.changes_since(0).added
        self.seen = (self._nothing, -1)

    def __call__(self) -> Iterator[tuple[Keys, Rows]]:
        centring, last = self._nothing, -1
        for begin in range(0, max(1, len(self._documents)), _DOCUMENTS):
            some = self._documents[begin : begin + _DOCUMENTS]
            keys, languages, vectors = self._catalog.vectors_of(some)
            centring, rows = centring.added(vectors, languages)
            last = max([last, *keys[-1:].tolist()])
            self.seen = centring, last
            yield keys, rows


def _index(saved: Published, *, to_change: bool = False) -> VectorIndex | None:
    try:
        return VectorIndex.load(saved.folder / _FILE, **saved.details["index"], to_change=to_change)
    except (RuntimeError, KeyError, TypeError):
        return None


def _is_far_behind(saved: Published, catalog: Snapshot) -> bool:
    changes = catalog.changes_since(saved.generation)
    changed = catalog.chunk_count(since=saved.generation)
    changed += sum(last + 1 - first for first, last in changes.removed)
    worth = min(max(_SHARE_CHANGED * saved.details["rows"], _LEAST_CHANGED), _MOST_CHANGED)
    return bool(changed >= worth)


def _within(keys: NDArray[np.int64], ranges: Ranges) -> NDArray[np.bool_]:
    """Which of the ascending keys are in one of the ranges."""
    within = np.zeros(len(keys), bool)
    for first, last in ranges:
        begin, end = np.searchsorted(keys, [first, last + 1])
        within[begin:end] = True
    return within


def _keys(ranges: Ranges) -> Keys:
    parts = [np.arange(first, last + 1, dtype=np.int64) for first, last in ranges]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _marked(keys: Keys, size: int) -> NDArray[np.bool_]:
    """Of each key from 0, whether it is one of these."""
    marked = np.zeros(size, bool)
    marked[keys[: np.searchsorted(keys, size)]] = True
    return marked
