"""How good the answers are: evaluations, and what visitors thought."""

from typing import Any

import pandas as pd
import streamlit as st

from kb_qa import KbQaError
from kb_qa.evaluation.comparison import compare
from kb_qa.evaluation.report import FOLDER, Report, load_report, reports
from kb_qa.evaluation.results import Result
from kb_qa.paths import shown
from ui import golden
from ui.frame import Frame
from ui.history import Feedback
from ui.jobs import Job, State
from ui.markup import list_markup, note_markup, numbers_markup, problem_markup, title_markup
from ui.messages.quality import QUALITY, QualityTexts
from ui.uploads import harmless

_KIND = "evaluate"
_BEAT = 2.0  # seconds between two looks at a run
_DEPTHS = (1, 5, 10)
_QUESTION_FILES = ["jsonl", "txt", "tsv"]


def draw(frame: Frame) -> None:
    """The reports on the knowledge base, the failing questions first; then the feedback."""
    texts = QUALITY[frame.language]
    evaluations, feedback = st.tabs([texts.evaluations, texts.feedback])
    with evaluations:
        if frame.visitor.may_edit:
            _offer_run(frame, texts)
        _show_reports(frame, texts)
    with feedback:
        _show_feedback(frame, texts)


def _offer_run(frame: Frame, texts: QualityTexts) -> None:
    job = frame.jobs.latest(_KIND, about=str(frame.kb))
    if job and frame.jobs.state(job) is State.RUNNING:
        st.fragment(_follow, run_every=_BEAT)(frame, job, texts)
        st.button(texts.stop, on_click=frame.jobs.stop, args=(job,))
        return
    if job and frame.jobs.state(job) is State.FAILED:
        said = frame.jobs.last_words(job).splitlines()
        st.html(problem_markup(texts.failed_run.format(reason=said[-1] if said else job.id)))
    with st.expander(texts.start, expanded=not reports(frame.kb)):
        st.html(note_markup(texts.start_note))
        file = st.file_uploader(texts.file, type=_QUESTION_FILES)
        count = len(golden.golden_questions(frame.kb))
        collected = bool(count) and st.checkbox(texts.golden.format(count=count))
        if st.button(texts.run, type="primary", disabled=not (file or collected)):
            questions = golden.golden_file(frame.kb)
            if file:
                questions = frame.uploads / "questions" / harmless(file.name)
                questions.parent.mkdir(parents=True, exist_ok=True)
                questions.write_bytes(file.getvalue())
            command = ["kb_qa", "evaluate", str(questions.absolute()), "--kb", str(frame.kb)]
            frame.jobs.start(_KIND, command, about=str(frame.kb), owner=frame.visitor.id)
            st.rerun()


def _follow(frame: Frame, job: Job, texts: QualityTexts) -> None:
    if frame.jobs.state(job) is not State.RUNNING:
        st.rerun()
    parts = (frame.kb / FOLDER).glob("*.part")
    done = sum(part.read_text("utf-8").count("\n") + 1 for part in parts)
    st.html(note_markup(texts.running.format(done=done)))


def _show_reports(frame: Frame, texts: QualityTexts) -> None:
    paths = reports(frame.kb)
    if not paths:
        st.html(note_markup(texts.none))
        return
    chosen = st.selectbox(texts.report, paths, format_func=lambda path: path.stem)
    earlier = [path for path in paths if path < chosen]
    baseline = st.selectbox(
        texts.baseline,
        [None, *earlier],
        format_func=lambda path: path.stem if path else texts.no_baseline,
    )
    try:
        report = load_report(chosen)
        before = load_report(baseline) if baseline else None
    except KbQaError as error:
        st.html(problem_markup(str(error)))
        return
    _show_figures(report, texts)
    if before is not None:
        _show_comparison(report, before, texts)
    _show_failures(report, texts)
    _show_plots(report, texts)
    st.download_button(
        texts.download, chosen.read_bytes(), chosen.name, "application/json", on_click="ignore"
    )


def _show_figures(report: Report, texts: QualityTexts) -> None:
    figures = {
        texts.questions: f"{len(report.results)}",
        texts.failed: f"{len(report.failed)}",
        texts.first: _share(report.score("recall@1")),
        texts.contains: _share(report.score("contains")),
        texts.cited: _share(report.score("citation_precision")),
        texts.refused: _share(report.refused(answerable=False)),
        texts.refused_wrongly: _share(report.refused(answerable=True)),
    }
    st.html(numbers_markup(figures))


def _show_comparison(report: Report, before: Report, texts: QualityTexts) -> None:
    comparison = compare(report, baseline=before)
    st.dataframe(
        [
            {
                texts.metric: each.metric,
                texts.before: round(each.before, 3),
                texts.now: round(each.now, 3),
                texts.verdict: texts.verdicts[each.verdict],
            }
            for each in comparison.differences
        ],
        hide_index=True,
    )
    for label, questions in ((texts.gained, comparison.gained), (texts.lost, comparison.lost)):
        if questions:
            st.html(title_markup(f"{label} · {len(questions)}", level=4))
            st.html(list_markup([(question, "", "") for question in questions]))


def _show_failures(report: Report, texts: QualityTexts) -> None:
    st.html(title_markup(texts.failing, level=3))
    entries = [_failed(each, texts) for each in report.failed]
    st.html(list_markup(entries) if entries else note_markup(texts.all_well))


def _failed(result: Result, texts: QualityTexts) -> tuple[str, str, str]:
    cause, _, rest = result.failed.partition(": ")
    places = "; ".join(dict.fromkeys(shown(str(each["source"])) for each in result.citations))
    said = " ".join(result.answer.split())[:300]
    why = texts.causes.get(cause, cause) + (f": {rest}" if rest else "")
    return result.question, why, " — ".join(filter(None, (said, places)))


def _show_plots(report: Report, texts: QualityTexts) -> None:
    recall = [(depth, report.score(f"recall@{depth}")) for depth in _DEPTHS]
    known = [(depth, score) for depth, score in recall if score is not None]
    if known:
        st.html(title_markup(texts.recall, level=3))
        frame = pd.DataFrame(known, columns=[texts.passages, texts.recall])
        st.line_chart(frame, x=texts.passages, y=texts.recall, height=240)
    if curve := report.curve():
        st.html(title_markup(texts.curve, level=3))
        st.line_chart(_curve(curve, texts), x=texts.floor, height=240)
    seconds = [each.seconds for each in report.results if each.seconds]
    if seconds:
        st.html(title_markup(texts.latency, level=3))
        counts = pd.Series(seconds).round(1).value_counts().sort_index()
        frame = pd.DataFrame({texts.seconds: counts.index, texts.questions: counts.to_numpy()})
        st.bar_chart(frame, x=texts.seconds, y=texts.questions, height=240)


def _curve(curve: list[dict[str, float | None]], texts: QualityTexts) -> pd.DataFrame:
    rows: list[dict[str, Any]] = [
        {
            texts.floor: each["floor"],
            texts.refused: each["refused_when_unanswerable"],
            texts.refused_wrongly: each["refused_when_answerable"],
        }
        for each in curve
    ]
    return pd.DataFrame(rows).dropna(axis="columns", how="all")


def _show_feedback(frame: Frame, texts: QualityTexts) -> None:
    everybody = frame.visitor.may_edit
    given = frame.history.feedback(None if everybody else frame.visitor.id)
    mine = [each for each in given if each.kb == frame.kb.name]
    if not mine:
        st.html(note_markup(texts.no_feedback))
    for each in mine:
        _show_rating(frame, each, texts)


def _show_rating(frame: Frame, each: Feedback, texts: QualityTexts) -> None:
    thumb = texts.helpful if each.helpful else texts.unhelpful
    marks = [thumb, texts.is_golden] if each.golden else [thumb]
    answer = each.turn.answer.text if each.turn.answer else each.turn.written
    said = " ".join(answer.split())[:300]
    remark = " · ".join(filter(None, (*marks, each.reason)))
    st.html(list_markup([(each.turn.question, remark, said)]))
    if not each.golden and frame.visitor.may_edit:
        with st.popover(texts.make_golden, type="tertiary"):
            key = f"right {each.conversation} {each.ordinal}"
            st.text_input(texts.golden_answer, key=key)
            st.button(
                texts.make_golden,
                key=f"golden {each.conversation} {each.ordinal}",
                on_click=_make_golden,
                args=(frame, each, key),
            )


def _make_golden(frame: Frame, each: Feedback, key: str) -> None:
    right = str(st.session_state.get(key) or "")
    golden.add(frame.kb, each.turn, answer=right, is_right=each.helpful)
    frame.history.mark_golden(each.conversation, each.ordinal)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"
