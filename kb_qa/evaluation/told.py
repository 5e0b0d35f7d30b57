"""A report as a person reads it: the figures, then each failing question and why."""

from collections.abc import Iterator

from kb_qa.evaluation.comparison import Comparison
from kb_qa.evaluation.report import ANSWERS, CITATIONS, RETRIEVAL, Report
from kb_qa.evaluation.results import Result
from kb_qa.paths import shown

_LONGEST = 100


def told(report: Report, comparison: Comparison | None = None) -> str:
    """The report in lines."""
    lines = [*_figures(report), *_failures(report)]
    if report.judged < len(report.results):
        lines += ["", *_unjudged(report)]
    if comparison is not None:
        lines += ["", *_compared(comparison)]
    return "\n".join(lines)


def _figures(report: Report) -> Iterator[str]:
    values = report.to_json()
    failed = sum(each.judged and bool(each.failed) for each in report.results)
    yield f"{len(report.results)} questions, {report.judged} judged, {failed} failed"
    for part, names in (("retrieval", RETRIEVAL), ("answers", ANSWERS), ("citations", CITATIONS)):
        said = "  ".join(f"{name} {_figure(values[part][name])}" for name in names)
        yield f"  {part:<10} {said}"
    refusal, latency = values["refusal"], values["latency"]
    yield (
        f"  {'refusal':<10} when unanswerable {_figure(refusal['refused_when_unanswerable'])}  "
        f"when answerable {_figure(refusal['refused_when_answerable'])}"
    )
    yield f"  {'latency':<10} p50 {_seconds(latency['p50'])}  p95 {_seconds(latency['p95'])}"


def _failures(report: Report) -> Iterator[str]:
    cause = None
    for each in report.failed:
        if each.failed != cause:
            cause = each.failed
            yield ""
            yield f"{cause}:"
        yield f"  {_short(each.question)}"
        yield f"      {_given(each)}"


def _unjudged(report: Report) -> Iterator[str]:
    """What questions without an answer can tell: the weakest evidence first."""
    yield "no answer is written down for these; the weakest evidence first:"
    unjudged = [each for each in report.results if not each.judged and not each.failed]
    for each in sorted(unjudged, key=lambda result: result.evidence or float("-inf")):
        evidence = "none" if each.evidence is None else f"{each.evidence:.2f}"
        yield f"  {evidence:>5}  {_short(each.question)}"
        yield f"         {_given(each)}"


def _given(result: Result) -> str:
    if result.refused:
        return "refused"
    places = [
        shown(str(each["source"])) + (f", p. {each['page']}" if each["page"] else "")
        for each in result.citations
    ]
    return f"{_short(result.answer)} — {'; '.join(dict.fromkeys(places)) or 'nothing cited'}"


def _compared(comparison: Comparison) -> Iterator[str]:
    yield "beside the earlier report:"
    for each in comparison.differences:
        yield (
            f"  {each.metric:<20} {each.before:.3f} -> {each.now:.3f}  "
            f"{each.better} better, {each.worse} worse of {each.questions}: {each.verdict} "
            f"(p = {each.chance:.3f})"
        )
    for sign, questions in (("+", comparison.gained), ("-", comparison.lost)):
        for question in questions:
            yield f"  {sign} {_short(question)}"
    if comparison.only_now or comparison.only_before:
        yield f"  not in both: {comparison.only_now} new, {comparison.only_before} gone"


def _figure(value: float | None) -> str:
    return "  –  " if value is None else f"{value:.3f}"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} s"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
