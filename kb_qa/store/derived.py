"""What is derived from the catalog, kept close behind it for those who search."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kb_qa.store.catalog import Catalog
from kb_qa.store.dense import Dense, Layout
from kb_qa.store.lexical import Lexical
from kb_qa.store.snapshot import Snapshot

_STALE_SECONDS = 1.0  # a state that was the newest so lately is good enough
_PATIENCE_SECONDS = 1.0  # a search waits so long, from when the bringing up began


@dataclass(frozen=True)
class Derived:
    """Both sides, of one generation of the catalog."""

    dense: Dense
    lexical: Lexical

    @property
    def generation(self) -> int:
        """The catalog's generation; of two, where one side had to be made anew, the older."""
        return min(self.dense.generation, self.lexical.generation)

    @property
    def lineage(self) -> str:
        """The catalog's lineage."""
        return self.dense.lineage

    @classmethod
    def load(cls, folder: Path, catalog: Snapshot, *, layout: Layout) -> "Derived":
        """As far as it is saved."""
        dense = Dense.load(folder, catalog, layout=layout)
        return cls(dense, Lexical.load(folder, catalog))

    def refreshed(self, catalog: Snapshot, folder: Path) -> "Derived":
        """The state of the catalog's present generation."""
        dense, lexical = self.dense, self.lexical
        return Derived(dense.refreshed(catalog, folder), lexical.refreshed(catalog, folder))

    @staticmethod
    def save(catalog: Snapshot, folder: Path, *, layout: Layout) -> None:
        """Save what later readers would have to make; for the writer only."""
        Lexical.save(catalog, folder)
        Dense.save(catalog, folder, layout=layout)


class Follower:
    """Holds a state of what is derived, and brings it up behind the searches' backs.

    A search gets the newest state there is; it waits a little for a newer one if
    that one has been behind for a while, and as long as it takes for a first one,
    or for what this process wrote itself.

    Args:
        catalog: what to follow.
        layout: of its vectors.
    """

    def __init__(self, catalog: Catalog, *, layout: Layout) -> None:
        self._catalog, self._folder = catalog, catalog.path.parent
        self._layout = layout
        self._derived: Derived | None = None
        self._newest_at = 0.0
        self._least = 0
        self._starting = threading.Lock()
        self._under_way: Future[None] | None = None
        self._began = 0.0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="derive")

    def wrote(self, generation: int) -> None:
        """From now on no search may see less than this generation."""
        self._least = generation

    def state(self, snapshot: Snapshot) -> Derived:
        """What is derived, near the snapshot: a little older, or newer.

        What it finds beyond the snapshot is dropped by the caller.
        """
        derived = self._derived
        if derived and derived.lineage == snapshot.lineage:
            if derived.generation >= snapshot.generation:
                self._newest_at = time.monotonic()
                return derived
            is_late = time.monotonic() - self._newest_at > _STALE_SECONDS
            bringing = self._bring_up()
            if derived.generation >= self._least:
                if is_late:
                    patience = self._began + _PATIENCE_SECONDS - time.monotonic()
                    with suppress(NotYet):
                        bringing.result(max(0.0, patience))
                return self._derived or derived
        return self._waited_for(snapshot)

    def _waited_for(self, snapshot: Snapshot) -> Derived:
        """A state of the snapshot's lineage, no older than what we wrote."""
        least = min(self._least, snapshot.generation)
        while True:
            self._bring_up().result()
            derived = self._derived
            if derived and derived.lineage == snapshot.lineage and derived.generation >= least:
                return derived
            if derived and derived.lineage != snapshot.lineage:
                return Derived.load(self._folder, snapshot, layout=self._layout).refreshed(
                    snapshot, self._folder
                )

    def _bring_up(self) -> "Future[None]":
        with self._starting:
            if self._under_way is None or self._under_way.done():
                self._began = time.monotonic()
                self._under_way = self._thread.submit(self._follow)
            return self._under_way

    def _follow(self) -> None:
        with self._catalog.read() as snapshot:
            derived = self._derived
            if derived is None or derived.lineage != snapshot.lineage:
                derived = Derived.load(self._folder, snapshot, layout=self._layout)
            if derived.generation < snapshot.generation:
                derived = derived.refreshed(snapshot, self._folder)
            self._derived = derived
            self._newest_at = time.monotonic()
