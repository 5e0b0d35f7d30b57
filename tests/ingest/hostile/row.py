"""A hostile file, and what ingestion must say of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ingest.report import Verdict

ADDED, SKIPPED, FAILED = Verdict.ADDED, Verdict.SKIPPED, Verdict.FAILED

CANARY = "canary-7f3a-that-no-document-holds"
"""Stands in a file outside, and nowhere else: to see it is to have read outside."""


@dataclass(frozen=True)
class Outside:
    """What lies beyond the documents, and must be left alone.

    Attributes:
        canary: a file that holds `CANARY`.
        trophy: a path that hostile files try to write to.
        url: of a server that counts who calls.
    """

    canary: Path
    trophy: Path
    url: str


Build = Callable[[Outside], bytes]
Plant = Callable[[Path, Outside], None]


@dataclass(frozen=True)
class Row:
    """One hostile file.

    Attributes:
        about: what is wrong with it.
        name: of the file.
        verdict: it must end with; None where more than one is true.
        said: a regular expression found in its reason and warnings.
        build: its bytes; None if `plant` makes it.
        holds: a regular expression found in what the knowledge base holds of it.
        plant: makes it in a folder of its own, where bytes alone are not enough.
    """

    about: str
    name: str
    verdict: Verdict | None
    said: str = ""
    build: Build | bytes | None = None
    holds: str = ""
    plant: Plant | None = None

    @property
    def suffix(self) -> str:
        return Path(self.name).suffix.lower()

    def make(self, folder: Path, outside: Outside) -> None:
        """Put it into its folder."""
        folder.mkdir(parents=True)
        if self.plant:
            self.plant(folder, outside)
        elif self.build is not None:
            data = self.build if isinstance(self.build, bytes) else self.build(outside)
            (folder / self.name).write_bytes(data)
