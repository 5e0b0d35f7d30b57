"""What a knowledge base's floor was calibrated to, kept beside its catalog."""

import json
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path

from kb_qa.errors import KnowledgeBaseError
from kb_qa.store.files import write_whole

CALIBRATION = "calibration.json"
DEFAULT_FLOOR = 0.37
"""Where nothing was calibrated; fits the bundled embedder."""

_OUTGROWN = 2.0


@dataclass(frozen=True)
class Calibration:
    """A floor, and what it rests on.

    Attributes:
        floor: evidence under which nothing is answered.
        questions: drafted questions it rests on.
        answered: share of them that reach it with their document there.
        refused: share of them that do not where their document is left out.
        chunks: that the knowledge base had.
        embedder: digest of the embedder's identity; scores of another one mean other things.
        made: local date, ISO 8601.
    """

    floor: float
    questions: int
    answered: float
    refused: float
    chunks: int
    embedder: str
    made: str

    def __str__(self) -> str:
        return (
            f"{self.floor:.3f}, calibrated on {self.made} with {self.questions} questions drafted "
            f"from the documents: {self.answered:.0%} of them are answered, {self.refused:.0%} "
            "refused where their document is left out"
        )

    def is_outgrown(self, chunks: int) -> bool:
        """Whether the knowledge base is another one by now: twice the chunks, or half."""
        return not self.chunks / _OUTGROWN <= chunks <= self.chunks * _OUTGROWN


def load_calibration(folder: Path, *, embedder: str) -> Calibration | None:
    """A knowledge base's calibration with this embedder; None if there is none.

    Raises:
        KnowledgeBaseError: the file is not what was written.
    """
    path = folder / CALIBRATION
    try:
        calibration = Calibration(**json.loads(path.read_text("utf-8")))
        calibration = _checked(calibration)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise KnowledgeBaseError(
            f"{path} cannot be read ({error}): remove it, and calibrate again with "
            f"`python -m kb_qa calibrate --kb {folder}`"
        ) from error
    return calibration if calibration.embedder == embedder else None


def save_calibration(folder: Path, calibration: Calibration) -> None:
    """Keep it.

    Raises:
        KnowledgeBaseError: it cannot be written.
    """
    path = folder / CALIBRATION
    text = json.dumps(asdict(calibration), indent=2) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode())
    except OSError as error:
        raise KnowledgeBaseError(
            f"{path}: {error.strerror}: make room on the disk, or let this user write there"
        ) from error


def _checked(calibration: Calibration) -> Calibration:
    numbers: list[object] = [
        *(calibration.floor, calibration.answered, calibration.refused, calibration.chunks)
    ]
    if not all(isinstance(each, int | float) and isfinite(each) for each in numbers):
        raise ValueError("its numbers are none")
    return calibration
