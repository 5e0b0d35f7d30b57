"""The scores of all questions together: a plain file that diffs, and what a person reads."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from kb_qa.errors import ReportError
from kb_qa.evaluation.metrics import mean
from kb_qa.evaluation.results import Result
from kb_qa.store.files import write_whole

FOLDER = "evaluations"
"""In the knowledge base's folder: the reports on it."""

RETRIEVAL = ("recall@1", "recall@5", "recall@10", "mrr@10", "ndcg@10")
ANSWERS = ("contains", "exact_match", "f1")
CITATIONS = ("precision", "recall", "page")

_DIGITS = 4
_POINTS = 21  # of the refusal curve


@dataclass(frozen=True)
class Report:
    """An evaluation.

    Attributes:
        results: one a question, in the order of the file.
        about: what was evaluated: `kb`, `generation`, `generator`, `settings`, `version`, `date`.
    """

    results: tuple[Result, ...]
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def failed(self) -> tuple[Result, ...]:
        """The questions that failed, those of one cause together."""
        return tuple(sorted((each for each in self.results if each.failed), key=lambda r: r.failed))

    @property
    def judged(self) -> int:
        """How many questions say what is right."""
        return sum(each.judged for each in self.results)

    def score(self, metric: str) -> float | None:
        """The mean of a metric over the questions that it can judge; None without one."""
        return mean([each.scores[metric] for each in self.results if metric in each.scores])

    def refused(self, *, answerable: bool) -> float | None:
        """The share of the questions of a kind that were refused; None without one."""
        kind = self._refusable(answerable=answerable)
        return mean([float(each.refused) for each in kind])

    def curve(self) -> list[dict[str, float | None]]:
        """What would be refused at other floors, from what the evidence was."""
        right, wrong = (self._refusable(answerable=each) for each in (True, False))
        known = [each.evidence for each in (*right, *wrong) if each.evidence is not None]
        if not known:
            return []
        floors = np.linspace(min(known), max(known), _POINTS)
        return [
            {
                "floor": round(float(floor), _DIGITS),
                "refused_when_unanswerable": _rounded(_share_below(wrong, float(floor))),
                "refused_when_answerable": _rounded(_share_below(right, float(floor))),
            }
            for floor in floors
        ]

    def to_json(self) -> dict[str, Any]:
        """As `python -m kb_qa evaluate --json` prints it, figures rounded."""
        seconds = [each.seconds for each in self.results if each.seconds]
        low, high = np.percentile(seconds, [50, 95]) if seconds else (None, None)
        return {
            "retrieval": {name: _rounded(self.score(name)) for name in RETRIEVAL},
            "answers": {name: _rounded(self.score(name)) for name in ANSWERS},
            "citations": {name: _rounded(self.score(f"citation_{name}")) for name in CITATIONS},
            "refusal": {
                "refused_when_unanswerable": _rounded(self.refused(answerable=False)),
                "refused_when_answerable": _rounded(self.refused(answerable=True)),
                "curve": self.curve(),
            },
            "latency": {"p50": _rounded(low), "p95": _rounded(high)},
            "questions": [each.to_json() for each in self.results],
            "about": dict(self.about),
        }

    def _refusable(self, *, answerable: bool) -> list[Result]:
        """The questions that say whether the documents answer them."""
        return [
            each
            for each in self.results
            if "refused" in each.scores and ("recall@1" in each.scores) == answerable
        ]


def save(report: Report, path: Path) -> None:
    """Write a report, whole or not at all.

    Raises:
        ReportError: it cannot be written there.
    """
    text = json.dumps(report.to_json(), ensure_ascii=False, indent=1)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, f"{text}\n".encode())
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}: name another file with --out") from error


def load_report(path: Path) -> Report:
    """A report that was saved.

    Raises:
        ReportError: it cannot be read, or is none.
    """
    try:
        values = json.loads(path.read_text("utf-8"))
        results = tuple(Result.from_json(each) for each in values["questions"])
        return Report(results, values["about"])
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}: name a report that evaluate wrote") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ReportError(f"{path}: no report of an evaluation: name one that it wrote") from error


def reports(kb: Path) -> list[Path]:
    """The reports on a knowledge base, the last first."""
    return sorted((kb / FOLDER).glob("*.json"), reverse=True)


def new_name(now: datetime) -> str:
    """The name of a report: later ones sort later."""
    return f"{now:%Y-%m-%dT%H%M%S}.json"


def _share_below(results: Sequence[Result], floor: float) -> float | None:
    return mean([float(each.evidence is None or each.evidence < floor) for each in results])


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), _DIGITS)
