"""How a run of ingestion goes about it."""

from dataclasses import dataclass
from pathlib import Path

from ingest.abilities import Abilities


@dataclass(frozen=True)
class Options:
    """How a run goes about it.

    Attributes:
        include: patterns of which a file must match one, if there are any.
        exclude: patterns of which a file must match none.
        jobs: files parsed at once; None for as many as there are processors.
        wait_seconds: how long to wait for another writer.
        publish: whether to save what is derived, so that readers that open later are quick.
        within: the folders that the user named, if the paths are only what changed in them.
        abilities: what can be read; by itself those of this machine.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    jobs: int | None = None
    wait_seconds: float = 0.0
    publish: bool = True
    within: tuple[Path, ...] = ()
    abilities: Abilities | None = None
