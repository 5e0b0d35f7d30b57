"""What a knowledge base folder suffers from, told; what is derived is made again where it must be.

The catalog is the truth and is never changed here: what is wrong with it needs the person.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from kb_qa.embeddings.base import PassageEmbeddings
from kb_qa.errors import KbQaError, KnowledgeBaseBusy, KnowledgeBaseDamaged, KnowledgeBaseError
from kb_qa.store import dense, lexical
from kb_qa.store.calibration import CALIBRATION, load_calibration
from kb_qa.store.catalog import Catalog
from kb_qa.store.dense import Layout
from kb_qa.store.derived import Derived
from kb_qa.store.knowledge_base import CATALOG, KnowledgeBase
from kb_qa.store.lock import writer_lock
from kb_qa.store.published import leftovers, published
from kb_qa.store.snapshot import Snapshot

SIDES = (dense.SIDE, lexical.SIDE)
_UNIT_WITHIN = 1e-3
_LEAST_FREE = 200_000_000  # bytes; a full disk stops other programs on the machine too
_RESTORE = "put a backup in its place, or move the folder away and ingest again"
_FLOAT_BYTES = 4
_MEGABYTE = 1e6


class State(StrEnum):
    """How it stands with a thing."""

    OK = "ok"
    REPAIRED = "repaired"
    NEEDS_YOU = "needs you"


@dataclass(frozen=True)
class Finding:
    """What was found of one thing.

    Attributes:
        what: the thing.
        state: how it stands with it.
        text: what was found.
        remedy: what the person can do; empty where there is nothing to do.
    """

    what: str
    state: State
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.state}: {self.what}: {self.text}" + (f": {self.remedy}" * bool(self.remedy))


def free_bytes(folder: Path) -> int:
    """Bytes that are free on the disk of a folder."""
    return shutil.disk_usage(folder).free


def check_up(
    folder: Path,
    *,
    embeddings: Callable[[], PassageEmbeddings],
    free: Callable[[Path], int] = free_bytes,
) -> Iterator[Finding]:
    """Look at everything in a knowledge base folder, and repair what is derived.

    Args:
        folder: of the knowledge base.
        embeddings: loads the embedder that the settings name.
        free: how many bytes are free on a folder's disk.

    Raises:
        KnowledgeBaseMissing: the folder holds none.
        SchemaTooNew: a newer version of this program made it.
        SchemaTooOld: an older version made it.
    """
    catalog = Catalog(folder / CATALOG)
    truth = [_of_catalog("catalog", _catalog, catalog), _of_catalog("vectors", _vectors, catalog)]
    yield from truth
    yield _embedder(folder, embeddings)
    yield _floor(catalog)
    yield _leftovers(folder)
    is_sound = all(finding.state is State.OK for finding in truth)
    yield from _derived(catalog) if is_sound else _not_looked_at()
    yield _space(folder, free(folder))
    yield _of_catalog("files", _files, catalog)


def _of_catalog(what: str, look: Callable[[Snapshot, Path], Finding], catalog: Catalog) -> Finding:
    try:
        with catalog.read() as snapshot:
            return look(snapshot, catalog.path.parent)
    except KnowledgeBaseDamaged as error:
        return Finding(
            what, State.NEEDS_YOU, f"cannot be read ({error.__cause__ or error})", _RESTORE
        )


def _catalog(snapshot: Snapshot, _: Path) -> Finding:
    if faults := snapshot.faults():
        text = f"damaged in {len(faults)} places, first: {faults[0]}"
        return Finding("catalog", State.NEEDS_YOU, text, _RESTORE)
    summary = snapshot.summary
    return Finding("catalog", State.OK, f"{summary.documents} documents, {summary.chunks} chunks")


def _vectors(snapshot: Snapshot, folder: Path) -> Finding:
    if missing := snapshot.chunks_without_vector():
        return Finding("vectors", State.NEEDS_YOU, f"{missing} chunks have none", _RESTORE)
    embedder = snapshot.embedder
    dimension = embedder.dimension if embedder else 0
    counts = {"have the wrong length": 0, "are not finite": 0, "are not of unit length": 0}
    total = 0
    for batch in snapshot.stored_vectors():
        total += len(batch)
        right = [vector for vector in batch if len(vector) == dimension * _FLOAT_BYTES]
        rows = np.frombuffer(b"".join(right), np.float32).reshape(len(right), dimension)
        finite = np.isfinite(rows).all(axis=1)
        lengths = np.linalg.norm(rows[finite].astype(np.float64), axis=1)
        counts["have the wrong length"] += len(batch) - len(right)
        counts["are not finite"] += int((~finite).sum())
        counts["are not of unit length"] += int((abs(lengths - 1) > _UNIT_WITHIN).sum())
    if wrong := [f"{count} {fault}" for fault, count in counts.items() if count]:
        remedy = f"make them again with `python -m ingest --reembed --kb {folder}`"
        return Finding("vectors", State.NEEDS_YOU, f"of {total}, {', '.join(wrong)}", remedy)
    return Finding("vectors", State.OK, f"{total}, each of unit length")


def _embedder(folder: Path, embeddings: Callable[[], PassageEmbeddings]) -> Finding:
    try:
        ours = embeddings()
        with KnowledgeBase(folder, embeddings=ours).read():
            return Finding("embedder", State.OK, f"{ours.identity.name}, as the settings name it")
    except KnowledgeBaseDamaged:
        return Finding("embedder", State.NEEDS_YOU, "cannot be read from the catalog", _RESTORE)
    except KbQaError as error:
        return Finding("embedder", State.NEEDS_YOU, str(error))


def _floor(catalog: Catalog) -> Finding:
    """What was calibrated; where it is damaged, or of another embedder, it is removed."""
    folder = catalog.path.parent
    remedy = f"`python -m kb_qa calibrate --kb {folder}` finds the one that fits"
    try:
        with catalog.read() as snapshot:
            embedder, chunks = snapshot.embedder, snapshot.summary.chunks
        calibration = load_calibration(folder, embedder=embedder.digest if embedder else "")
    except KnowledgeBaseDamaged:
        return Finding("floor", State.NEEDS_YOU, "not looked at: the catalog comes first")
    except KnowledgeBaseError as error:
        (folder / CALIBRATION).unlink(missing_ok=True)
        return Finding("floor", State.REPAIRED, f"{error.__cause__}; removed", remedy)
    if calibration is None:
        return Finding("floor", State.OK, "not calibrated: the default is in force", remedy)
    if calibration.is_outgrown(chunks):
        text = f"{calibration}; there were {calibration.chunks} chunks then, and are {chunks}"
        return Finding("floor", State.OK, text, remedy)
    return Finding("floor", State.OK, str(calibration))


def _leftovers(folder: Path) -> Finding:
    if not _left(folder):
        return Finding("leftovers", State.OK, "none")
    try:
        with writer_lock(folder):
            left = _left(folder)
            for path in left:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    except KnowledgeBaseBusy as error:
        # Its own unfinished work looks the same.
        return Finding("leftovers", State.OK, f"not looked at: {error}")
    except OSError as error:
        text = f"cannot be removed ({error.strerror})"
        return Finding("leftovers", State.NEEDS_YOU, text, f"make {folder} writable")
    return Finding("leftovers", State.REPAIRED, f"{len(left)} of killed writers, removed")


def _left(folder: Path) -> list[Path]:
    """What nobody reads any more and, unless a writer is at work, nobody writes."""
    unnamed = {path for side in SIDES for path in leftovers(folder, side)}
    return sorted(unnamed | set(folder.glob("*.tmp")))


def _derived(catalog: Catalog) -> list[Finding]:
    """What is derived, made again where it is damaged or not there."""
    found = _damages(catalog)
    state, outcome, remedy = State.REPAIRED, "made again from the catalog", ""
    if any(found.values()):
        try:
            found = _repaired(catalog)
        except KnowledgeBaseBusy as error:
            state, outcome, remedy = State.NEEDS_YOU, str(error), "then run this again"
        except (OSError, ValueError, RuntimeError) as error:
            state, outcome = State.NEEDS_YOU, f"cannot be made again ({error})"
            remedy = f"see that {catalog.path.parent} is writable and has room"
    return [
        Finding(side, state, f"{damage}; {outcome}", remedy)
        if damage
        else Finding(side, State.OK, "as it was written")
        for side, damage in found.items()
    ]


def _not_looked_at() -> list[Finding]:
    text = "not looked at: the catalog it is made from comes first"
    return [Finding(side, State.NEEDS_YOU, text) for side in SIDES]


def _damages(catalog: Catalog) -> dict[str, str]:
    """What is wrong with each side, in a few words; empty if nothing is."""
    with catalog.read() as snapshot:
        return {side: _damage(catalog.path.parent, side, snapshot) for side in SIDES}


def _damage(folder: Path, side: str, snapshot: Snapshot) -> str:
    saved = published(folder, side, lineage=snapshot.lineage)
    if saved is None:
        there = (folder / f"{side}.json").exists()
        return f"{side}.json is " + ("damaged, or of another catalog" if there else "missing")
    if saved.generation > snapshot.generation:
        return f"{side}.json is of a later state of the catalog"
    if side == lexical.SIDE and not lexical.has_present_terms(saved):
        return f"{side}.json is of an older version's words"
    return saved.damage()


def _repaired(catalog: Catalog) -> dict[str, str]:
    """Make again what is damaged, as its only writer; returns what was wrong."""
    folder = catalog.path.parent
    with writer_lock(folder), catalog.read() as snapshot:
        # Another writer may have come first, and all is well.
        found = {side: _damage(folder, side, snapshot) for side in SIDES}
        for side in (side for side, damage in found.items() if damage):
            # What is saved is made from scratch where no manifest is.
            (folder / f"{side}.json").unlink(missing_ok=True)
        embedder = snapshot.embedder
        Derived.save(snapshot, folder, layout=Layout(embedder.dimension if embedder else 0))
    return found


def _space(folder: Path, free: int) -> Finding:
    size = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # a writer's, gone meanwhile
            size += path.stat().st_size
    text = f"{free / _MEGABYTE:,.0f} MB free, {size / _MEGABYTE:,.1f} MB taken by the folder"
    if free < max(size, _LEAST_FREE):
        return Finding("disk", State.NEEDS_YOU, text, "make room: what is derived is written anew")
    return Finding("disk", State.OK, text)


def _files(snapshot: Snapshot, folder: Path) -> Finding:
    """Files that ingestion refused: told when it did, so they are no fault of the folder."""
    if count := snapshot.summary.refusals:
        remedy = f"`python -m ingest report --kb {folder}` says which, and why"
        return Finding("files", State.OK, f"{count} could not be read", remedy)
    return Finding("files", State.OK, "each could be read")
