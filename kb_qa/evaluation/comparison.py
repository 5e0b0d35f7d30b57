"""An evaluation beside an earlier one, question by question: progress, or noise."""

from dataclasses import asdict, dataclass
from typing import Any

from kb_qa.evaluation.metrics import is_sure, permutation_test
from kb_qa.evaluation.report import Report
from kb_qa.evaluation.results import Result

METRICS = ("recall@1", "mrr@10", "contains", "f1", "citation_precision", "citation_recall")
_REFUSED = "refused rightly"
_LEAST = 1e-9


@dataclass(frozen=True)
class Difference:
    """A metric over the questions that both reports judge by it.

    Attributes:
        metric: its name.
        questions: how many questions both judge.
        before: its mean in the earlier report.
        now: its mean in this one.
        better: how many questions have gained.
        worse: how many have lost.
        chance: how often chance alone parts them as far: a paired permutation test.
    """

    metric: str
    questions: int
    before: float
    now: float
    better: int
    worse: int
    chance: float

    @property
    def verdict(self) -> str:
        """Better, worse, or no difference that chance alone would not show."""
        if not is_sure(self.chance):
            return "no difference shown"
        return "better" if self.now > self.before else "worse"


@dataclass(frozen=True)
class Comparison:
    """Two reports.

    Attributes:
        differences: one a metric that both know.
        gained: questions that failed before and do not now.
        lost: questions that failed not before and do now.
        only_now: questions that the earlier report does not have.
        only_before: questions that only the earlier report has.
    """

    differences: tuple[Difference, ...]
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    only_now: int
    only_before: int

    def to_json(self) -> dict[str, Any]:
        """Plain values, with each difference's verdict."""
        told = [{**asdict(each), "verdict": each.verdict} for each in self.differences]
        return {**asdict(self), "differences": told}


def compare(report: Report, *, baseline: Report) -> Comparison:
    """Hold a report against an earlier one; questions are the same if they are worded the same."""
    now = {each.question: each for each in report.results}
    before = {each.question: each for each in baseline.results}
    pairs = [(before[question], now[question]) for question in now if question in before]
    return Comparison(
        differences=tuple(
            difference for metric in (*METRICS, _REFUSED) if (difference := _of(metric, pairs))
        ),
        gained=tuple(b.question for a, b in pairs if a.failed and not b.failed),
        lost=tuple(b.question for a, b in pairs if b.failed and not a.failed),
        only_now=len(now) - len(pairs),
        only_before=len(before) - len(pairs),
    )


def _of(metric: str, pairs: list[tuple[Result, Result]]) -> Difference | None:
    values = [(_score(a, metric), _score(b, metric)) for a, b in pairs]
    known = [(a, b) for a, b in values if a is not None and b is not None]
    if not known:
        return None
    changes = [b - a for a, b in known]
    return Difference(
        metric,
        len(known),
        sum(a for a, _ in known) / len(known),
        sum(b for _, b in known) / len(known),
        sum(change > _LEAST for change in changes),
        sum(change < -_LEAST for change in changes),
        permutation_test(changes),
    )


def _score(result: Result, metric: str) -> float | None:
    if metric != _REFUSED:
        return result.scores.get(metric)
    if "refused" not in result.scores:
        return None
    is_answerable = "recall@1" in result.scores
    return float(bool(result.scores["refused"]) != is_answerable)
