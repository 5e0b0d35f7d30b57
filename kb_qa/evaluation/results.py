"""What became of one golden question, scored."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import PurePath
from typing import Any

from kb_qa.answer import Answer, Citation, Source
from kb_qa.evaluation import metrics
from kb_qa.evaluation.questions import Golden

DEPTH = 10  # passages that retrieval is judged by
_DIGITS = 4


class Failure(StrEnum):
    """Why a question counts as failed; the first that is so, in this order."""

    ERROR = "error"
    ANSWERED = "answered, though nothing answers it"
    REFUSED = "refused"
    NOT_RETRIEVED = "not retrieved"
    NOT_ANSWERED = "retrieved, but the answer does not say it"
    NOT_CITED = "answered, but the citations do not show it"
    WRONG_PAGE = "cited on another page"


@dataclass(frozen=True)
class Result:
    """A golden question, what was answered, and how good that is.

    Attributes:
        question: as it was asked.
        asked_as: what was searched for, where the conversation was needed.
        answer: the text.
        refused: whether nothing was answered.
        evidence: how strongly the passages spoke to it; None if there were none.
        rank: of the first right passage, from 1; None if it was not among the first ten, or
            nobody said what is right.
        citations: what was cited: source, page and text.
        scores: by metric; without those that the golden question does not allow to judge.
        failed: why it counts as failed; empty if it does not.
        judged: whether the golden question says what is right at all.
        seconds: that the answer took.
    """

    question: str
    asked_as: str = ""
    answer: str = ""
    refused: bool = False
    evidence: float | None = None
    rank: int | None = None
    citations: tuple[dict[str, Any], ...] = ()
    scores: dict[str, float] = field(default_factory=dict)
    failed: str = ""
    judged: bool = False
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain values, figures rounded."""
        values = asdict(self)
        values["citations"] = list(values["citations"])
        values["scores"] = {key: round(value, _DIGITS) for key, value in self.scores.items()}
        values["evidence"] = None if self.evidence is None else round(self.evidence, _DIGITS)
        return {**values, "seconds": round(self.seconds, _DIGITS)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Result":
        """The result that `to_json` made this of."""
        return cls(**{**values, "citations": tuple(values["citations"])})


def scored(golden: Golden, answer: Answer, found: list[Source]) -> Result:
    """Judge an answer.

    Args:
        golden: the question, and what is known of its answer.
        answer: what was answered.
        found: the first ten passages that were found for it.
    """
    rank = next((n for n, each in enumerate(found, 1) if is_right(golden, each)), None)
    scores = _scores(golden, answer, rank)
    return Result(
        question=golden.question,
        asked_as=answer.asked_as,
        answer=answer.text,
        refused=answer.refused,
        evidence=answer.evidence,
        rank=rank if golden.is_answerable else None,
        citations=tuple(_told(each) for each in answer.citations) if not answer.refused else (),
        scores=scores,
        failed=_failure(golden, answer, scores),
        judged=golden.unanswerable or golden.is_answerable,
        seconds=answer.seconds.get("total", 0.0),
    )


def is_right(golden: Golden, source: Source) -> bool:
    """Whether a passage is one that answers.

    It is in the file, and on the page, that the golden question names; where it names no file,
    it holds one of the answers.
    """
    if not golden.source:
        return bool(metrics.contains(source.text, golden.answers))
    return _is_of(golden, source) and (golden.page is None or golden.page in _pages(source))


def _is_of(golden: Golden, source: Source) -> bool:
    """Whether a path is the golden one, or ends with all of its parts."""
    path, wanted = PurePath(source.source).parts, PurePath(golden.source).parts
    return path[-len(wanted) :] == wanted


def _pages(source: Source) -> set[int]:
    first = {source.page} if source.page is not None else set[int]()
    return first | {page for _, page in source.breaks}


def _scores(golden: Golden, answer: Answer, rank: int | None) -> dict[str, float]:
    if golden.unanswerable:
        return {"refused": float(answer.refused)}
    if not golden.is_answerable:
        return {}
    scores = {
        "recall@1": metrics.recall_at(rank, 1),
        "recall@5": metrics.recall_at(rank, 5),
        "recall@10": metrics.recall_at(rank, DEPTH),
        "mrr@10": metrics.reciprocal_rank(rank, DEPTH),
        "ndcg@10": metrics.discounted_gain(rank, DEPTH),
        "refused": float(answer.refused),
    }
    if golden.answers:
        said = "" if answer.refused else answer.text
        scores["contains"] = metrics.contains(said, golden.answers)
        scores["exact_match"] = metrics.exact_match(said, golden.answers)
        scores["f1"] = metrics.f1(said, golden.answers)
    return scores | _citation_scores(golden, answer)


def _citation_scores(golden: Golden, answer: Answer) -> dict[str, float]:
    """Precision of what was cited, whether what is right was cited, and on the right page."""
    cited = () if answer.refused else answer.citations
    right = [each for each in cited if _is_rightly_cited(golden, each)]
    scores = {"citation_recall": float(bool(right))}
    if cited:
        scores["citation_precision"] = len(right) / len(cited)
    if golden.page is not None:
        scores["citation_page"] = float(any(each.page == golden.page for each in right))
    return scores


def _is_rightly_cited(golden: Golden, citation: Citation) -> bool:
    if golden.source:
        return _is_of(golden, citation.source)
    return bool(metrics.contains(citation.text, golden.answers))


def _failure(golden: Golden, answer: Answer, scores: dict[str, float]) -> str:
    if golden.unanswerable:
        return "" if answer.refused else Failure.ANSWERED
    causes = {
        Failure.REFUSED: answer.refused and golden.is_answerable,
        Failure.NOT_RETRIEVED: scores.get("recall@10") == 0,
        Failure.NOT_ANSWERED: scores.get("contains") == 0,
        Failure.NOT_CITED: scores.get("citation_recall") == 0,
        Failure.WRONG_PAGE: scores.get("citation_page") == 0,
    }
    if causes[Failure.REFUSED] and causes[Failure.NOT_RETRIEVED]:
        return Failure.NOT_RETRIEVED  # what was not found could only be refused
    return next((cause for cause, is_so in causes.items() if is_so), "")


def _told(citation: Citation) -> dict[str, Any]:
    return {
        "n": citation.n,
        "source": citation.source.source,
        "page": citation.page,
        "text": citation.text,
    }
