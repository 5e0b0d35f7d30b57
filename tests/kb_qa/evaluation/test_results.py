"""One question judged: what is right, and why it failed."""

import pytest

from kb_qa.answer import Answer, Citation, Source
from kb_qa.evaluation.comparison import compare
from kb_qa.evaluation.questions import Golden
from kb_qa.evaluation.report import Report
from kb_qa.evaluation.results import Failure, Result, scored
from kb_qa.evaluation.told import told


def source(path: str, text: str, *, page: int | None = None) -> Source:
    return Source(1, path, "t", text, 0, len(text), page=page)


LEAVE = source("/docs/hr/leave.pdf", "Leave is fifteen days.", page=3)
LUNCH = source("/docs/lunch.md", "Lunch is at noon.")


def answered(text: str, *cited: Source, refused: bool = False, evidence: float = 0.5) -> Answer:
    citations = tuple(
        Citation(n, each, each.start, each.end, 0.5) for n, each in enumerate(cited, 1)
    )
    return Answer("q", text, refused=refused, generator="g", citations=citations, evidence=evidence)


RIGHT = answered("Fifteen days. [1]", LEAVE)


@pytest.mark.parametrize(
    ("golden", "answer", "found", "failed"),
    [
        (Golden("q", ("fifteen days",)), RIGHT, [LEAVE], ""),
        (Golden("q", source="hr/leave.pdf", page=3), RIGHT, [LUNCH, LEAVE], ""),
        (Golden("q", source="leave.pdf", page=4), RIGHT, [LEAVE], Failure.NOT_RETRIEVED),
        (Golden("q", ("fifteen",)), RIGHT, [LUNCH], Failure.NOT_RETRIEVED),
        (Golden("q", ("fifteen",)), answered("No.", refused=True), [LEAVE], Failure.REFUSED),
        (Golden("q", ("ten",), "leave.pdf"), RIGHT, [LEAVE], Failure.NOT_ANSWERED),
        (Golden("q", source="lunch.md"), RIGHT, [LUNCH], Failure.NOT_CITED),
        (Golden("q", unanswerable=True), RIGHT, [LEAVE], Failure.ANSWERED),
        (Golden("q", unanswerable=True), answered("No.", refused=True), [], ""),
        (Golden("q"), RIGHT, [LEAVE], ""),
    ],
)
def test_why_a_question_failed(
    golden: Golden, answer: Answer, found: list[Source], failed: str
) -> None:
    """The first cause in the order of the way from documents to answer."""
    assert scored(golden, answer, found).failed == failed


def test_a_citation_on_another_page() -> None:
    """The file is right and the page was found, but what is cited stands elsewhere."""
    other = source("/docs/hr/leave.pdf", "See page three.", page=2)
    result = scored(Golden("q", source="leave.pdf", page=3), answered("x [1]", other), [LEAVE])
    assert result.failed == Failure.WRONG_PAGE
    assert (result.scores["citation_precision"], result.scores["citation_page"]) == (1, 0)


def test_a_file_is_known_by_whole_parts_of_its_path() -> None:
    """`leave.pdf` is no `sick-leave.pdf`."""
    sick = source("/docs/sick-leave.pdf", "x")
    golden = Golden("q", source="leave.pdf")
    assert scored(golden, RIGHT, [sick, LEAVE]).rank == 2


def report(*results: Result) -> Report:
    return Report(results)


def judged(question: str, *, good: bool, answerable: bool = True, evidence: float = 0.5) -> Result:
    if not answerable:
        golden, refused = Golden(question, unanswerable=True), good
        return scored(golden, answered("a", LEAVE, refused=refused, evidence=evidence), [])
    golden = Golden(question, ("fifteen",))
    return scored(golden, answered("Fifteen" if good else "Ten", LEAVE, evidence=evidence), [LEAVE])


def test_the_report_in_figures() -> None:
    """Each figure is a mean over the questions that can say something of it; else it is null."""
    made = report(
        judged("a", good=True),
        judged("b", good=False),
        judged("c", good=True, answerable=False, evidence=0.1),
        judged("d", good=False, answerable=False, evidence=0.4),
    ).to_json()
    assert made["answers"] == {"contains": 0.5, "exact_match": 0.5, "f1": 0.5}
    assert made["citations"] == {"precision": 1.0, "recall": 1.0, "page": None}
    assert made["refusal"]["refused_when_unanswerable"] == 0.5
    assert made["refusal"]["refused_when_answerable"] == 0.0
    curve = made["refusal"]["curve"]
    assert [each["floor"] for each in curve] == sorted(each["floor"] for each in curve)
    assert curve[0]["refused_when_unanswerable"] == 0.0
    assert curve[-1] == {
        "floor": 0.5,
        "refused_when_unanswerable": 1.0,
        "refused_when_answerable": 0.0,
    }
    assert made["latency"] == {"p50": None, "p95": None}
    assert report().to_json()["refusal"]["curve"] == []


def test_a_person_reads_the_failures_first() -> None:
    """Those of one cause together, each with what was said and where it was found."""
    lines = told(report(judged("a?", good=True), judged("b?", good=False))).splitlines()
    assert lines[0] == "2 questions, 2 judged, 1 failed"
    at = lines.index(f"{Failure.NOT_ANSWERED}:")
    assert lines[at + 1].strip() == "b?"
    assert "leave.pdf, p. 3" in lines[at + 2]


def test_better_worse_or_noise() -> None:
    """Two of ten is noise, ten of ten is not; each question that changed is named."""
    names = [f"q{n}" for n in range(10)]
    before = report(*(judged(name, good=False) for name in names))
    little = report(*(judged(name, good=n < 2) for n, name in enumerate(names)))
    much = report(*(judged(name, good=True) for name in names), judged("new", good=True))
    verdicts = {each.metric: each.verdict for each in compare(little, baseline=before).differences}
    assert verdicts["contains"] == "no difference shown"
    compared = compare(much, baseline=before)
    verdicts = {each.metric: each.verdict for each in compared.differences}
    assert (verdicts["contains"], verdicts["recall@1"]) == ("better", "no difference shown")
    assert (compared.gained, compared.lost) == (tuple(names), ())
    assert (compared.only_now, compared.only_before) == (1, 0)
    assert compare(before, baseline=much).lost == tuple(names)
