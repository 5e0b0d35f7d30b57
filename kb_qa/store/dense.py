"""The dense side: FAISS over the catalog's vectors, derived from them.

An embedder prefers passages in the question's own language, so the mean vector
of each language is taken off its passages: a candidate's score is
`q.(p - mean of p's language)`. The mean is taken off on the question's side,
through one extra dimension a language: a row is `[p, one-hot(language)]`, the
question `[q, -q.mean(language) ...]`. So no row changes when a mean does.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from kb_qa.embeddings.base import Vectors
from kb_qa.store.files import write_whole
from kb_qa.store.snapshot import Changes, Snapshot

LANGUAGES = 8  # slots; the last is shared by all languages that come later
# Passages a language must have to outweigh what is known without them. Knowledge
# bases of 1, 3 and 20 articles refuse what they cannot answer, and answer what they
# can, at the same floor as one of 256 (benchmarks/refusal.py).
_SHRINK = 50.0
_MANIFEST = "dense.json"


class Dense:
    """An immutable index of one generation; `refreshed` gives a newer one.

    Attributes:
        generation: the catalog's generation it was made from.
        lineage: the lineage of that catalog.
        chunks: chunk ids, ascending: int64, shape (rows,).
        languages: the languages that have a slot, in slot order.
        background: mean vectors of ordinary passages, by language.
        means: mean vector of each slot: float32, shape (LANGUAGES, dimension).
    """

    def __init__(
        self,
        *,
        generation: int,
        lineage: str,
        chunks: NDArray[np.int64],
        languages: tuple[str, ...],
        background: Mapping[str, NDArray[np.float32]],
        rows: NDArray[np.float32],
    ) -> None:
        self.generation = generation
        self.lineage = lineage
        self.chunks = chunks
        self.languages = languages
        self.background = background
        self.means = _means(rows, languages, background)
        self._index = faiss.IndexFlatIP(rows.shape[1])
        self._index.add(rows)

    @classmethod
    def empty(cls, catalog: Snapshot, *, dimension: int) -> "Dense":
        """An index of nothing, of generation 0."""
        return cls(
            generation=0,
            lineage=catalog.lineage,
            chunks=np.zeros(0, np.int64),
            languages=(),
            background=catalog.background,
            rows=np.zeros((0, dimension + LANGUAGES), np.float32),
        )

    def search(self, question: NDArray[np.float32], *, limit: int) -> list[int]:
        """Ids of the chunks nearest to a question's unit vector, centred, best first."""
        limit = min(limit, len(self.chunks))
        if limit == 0:
            return []
        centred = np.append(question, -(self.means @ question))
        _, found = self._index.search(centred[None], limit)
        return [int(chunk) for chunk in self.chunks[found[0]]]

    def centre(self, language: str, question: NDArray[np.float32]) -> float:
        """What is taken off a cosine with a passage of this language."""
        return float(self.means[self._slot(language)] @ question)

    def refreshed(self, catalog: Snapshot) -> "Dense":
        """The index of the catalog's present generation."""
        changes = catalog.changes_since(self.generation)
        kept = self._kept(changes)
        chunks, languages, vectors = catalog.vectors_of(changes.added)
        known = _slots(self.languages, languages)
        rows = np.concatenate([self._rows(kept), _with_slots(vectors, languages, known)])
        ids = np.concatenate([self.chunks[kept], chunks])
        return Dense(
            generation=catalog.generation,
            lineage=self.lineage,
            chunks=ids,
            languages=known,
            background=self.background,
            rows=rows,
        )

    def save(self, folder: Path) -> None:
        """Write it aside, then name it in the manifest, so that a crash leaves the old one."""
        if self.is_saved(folder, lineage=self.lineage, generation=self.generation):
            return
        data = faiss.serialize_index(self._index).tobytes()
        name = f"dense-{self.generation}.faiss"
        manifest = {
            "file": name,
            "sha256": hashlib.sha256(data + self.chunks.tobytes()).hexdigest(),
            "generation": self.generation,
            "lineage": self.lineage,
            "languages": self.languages,
            "rows": len(self.chunks),
        }
        write_whole(folder / name, data + self.chunks.tobytes())
        write_whole(folder / _MANIFEST, json.dumps(manifest, indent=1).encode())
        for old in folder.glob("dense-*.faiss"):
            if old.name != name:
                old.unlink(missing_ok=True)

    @classmethod
    def load(cls, folder: Path, catalog: Snapshot) -> "Dense | None":
        """The saved index; None if there is none, or it is damaged or of another catalog."""
        try:
            manifest = json.loads((folder / _MANIFEST).read_text())
            if manifest["lineage"] != catalog.lineage:
                return None
            data = (folder / Path(manifest["file"]).name).read_bytes()
            if hashlib.sha256(data).hexdigest() != manifest["sha256"]:
                return None
            split = len(data) - 8 * int(manifest["rows"])
            index = faiss.deserialize_index(np.frombuffer(data[:split], np.uint8))
            return cls(
                generation=int(manifest["generation"]),
                lineage=catalog.lineage,
                chunks=np.frombuffer(data[split:], np.int64),
                languages=tuple(manifest["languages"]),
                background=catalog.background,
                rows=index.reconstruct_n(0, index.ntotal),
            )
        except (OSError, ValueError, KeyError, TypeError, RuntimeError):
            return None

    @staticmethod
    def is_saved(folder: Path, *, lineage: str, generation: int) -> bool:
        """Whether a folder holds the index of a generation, as far as its manifest tells."""
        try:
            manifest = json.loads((folder / _MANIFEST).read_text())
            saved = (manifest["lineage"], manifest["generation"])
            return saved == (lineage, generation) and (folder / manifest["file"]).is_file()
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def _slot(self, language: str) -> int:
        known = self.languages
        return known.index(language) if language in known else LANGUAGES - 1

    def _kept(self, changes: Changes) -> NDArray[np.int64]:
        kept = np.ones(len(self.chunks), bool)
        for first, last in changes.removed:
            begin, end = np.searchsorted(self.chunks, [first, last + 1])
            kept[begin:end] = False
        return np.flatnonzero(kept)

    def _rows(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        if len(numbers) == 0:
            return np.zeros((0, self._index.d), np.float32)
        rows: NDArray[np.float32] = self._index.reconstruct_batch(numbers)
        return rows


def _slots(known: tuple[str, ...], languages: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*known, *languages)))[: LANGUAGES - 1]


def _with_slots(
    vectors: Vectors, languages: Sequence[str], known: tuple[str, ...]
) -> NDArray[np.float32]:
    hot = np.zeros((len(vectors), LANGUAGES), np.float32)
    slots = [known.index(name) if name in known else LANGUAGES - 1 for name in languages]
    hot[np.arange(len(vectors)), slots] = 1.0
    return np.concatenate([vectors, hot], axis=1)


def _means(
    rows: NDArray[np.float32],
    languages: tuple[str, ...],
    background: Mapping[str, NDArray[np.float32]],
) -> NDArray[np.float32]:
    """Each slot's mean, drawn towards that of ordinary passages while it rests on few.

    Without that, the only passage of a language would be its own mean, and its
    score always 0.
    """
    vectors, hot = rows[:, :-LANGUAGES], rows[:, -LANGUAGES:]
    counts = hot.sum(axis=0)[:, None]
    known = [background[name] for name in sorted(background)] or [
        np.zeros(vectors.shape[1], np.float32)
    ]
    general = np.mean(known, axis=0)
    slots = [*languages, *[""] * (LANGUAGES - len(languages))]
    ordinary = np.stack([background.get(name, general) for name in slots])
    means: NDArray[np.float32] = (hot.T @ vectors + _SHRINK * ordinary) / (counts + _SHRINK)
    return means.astype(np.float32)
