"""What became of every file."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from kb_qa.paths import shown


class Verdict(StrEnum):
    """What became of a file."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    MOVED = "moved"
    REMOVED = "removed"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True)
class FileReport:
    """One file's verdict.

    Attributes:
        path: as a person reads it.
        verdict: what became of it.
        reason: why, in one line; empty where the verdict says all.
        pages: pages, slides or sheets; None where the format has none.
        chunks: passages the knowledge base holds of it.
        warnings: what was lost or guessed, one line each.
    """

    path: str
    verdict: Verdict
    reason: str = ""
    pages: int | None = None
    chunks: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """The verdict on one line."""
        size = f" ({self.chunks} chunks)" if self.chunks else ""
        said = "; ".join(part for part in (self.reason, *self.warnings) if part)
        return f"{self.verdict:<9} {self.path}{size}{': ' if said else ''}{said}"


@dataclass(frozen=True)
class Report:
    """A whole run.

    Attributes:
        kb: the knowledge base's folder.
        files: one report a file, in the order they ended.
        seconds: what each stage took, some of them at the same time, and the whole.
        confined: whether the system kept parsers from the network and from writing files.
        kind: what it tells of, where that is not a run that has just ended.
    """

    kb: Path
    files: tuple[FileReport, ...]
    seconds: Mapping[str, float]
    confined: bool = True
    kind: str = ""

    @property
    def totals(self) -> dict[str, int]:
        """Files by verdict, every verdict named, and the chunks of all of them."""
        counts = Counter(file.verdict for file in self.files)
        return {
            "files": len(self.files),
            **{verdict.value: counts[verdict] for verdict in Verdict},
            "chunks": sum(file.chunks for file in self.files),
        }

    @property
    def failed(self) -> bool:
        """Whether some file failed."""
        return any(file.verdict is Verdict.FAILED for file in self.files)

    @property
    def line(self) -> str:
        """The run on one line."""
        counts = [f"{self.totals[verdict]} {verdict}" for verdict in Verdict]
        some = ", ".join(count for count in counts if not count.startswith("0 "))
        chunks, seconds = self.totals["chunks"], self.seconds["total"]
        begin = f"{self.kind}: " if self.kind else ""
        end = f"{chunks} chunks in {shown(str(self.kb))} ({seconds:.1f} s)"
        return f"{begin}{some or 'no files'}: {end}"

    def to_json(self) -> dict[str, Any]:
        """As `python -m ingest --json` prints it."""
        return {
            "kb": shown(str(self.kb)),
            "files": [dict(vars(file)) for file in self.files],
            "totals": self.totals,
            "seconds": {stage: round(value, 4) for stage, value in self.seconds.items()},
            "confined": self.confined,
        }
