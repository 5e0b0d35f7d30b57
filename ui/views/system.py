"""Who answers, on what, by which settings; getting XVERSE; what the doctor finds."""

from pathlib import Path

import streamlit as st

from kb_qa import configured_embeddings
from kb_qa.generators import Kind
from kb_qa.store.checkup import State as Health
from kb_qa.store.checkup import check_up
from kb_qa.store.opening import IN_FOLDER
from ui import system
from ui.frame import Frame
from ui.jobs import Job, State
from ui.markup import facts_markup, list_markup, note_markup, problem_markup, title_markup
from ui.messages.system import SYSTEM, SystemTexts

_DOWNLOAD = "download"
_BEAT = 2.0  # seconds between two looks at a download
_SIGNS = {Health.OK: "✓", Health.REPAIRED: "✎", Health.NEEDS_YOU: "!"}


def draw(frame: Frame) -> None:
    """What runs, and how it fares."""
    texts = SYSTEM[frame.language]
    st.html(facts_markup(_facts(frame, texts)))
    if frame.visitor.may_edit:
        _offer_download(frame, texts)
        if frame.engine.settings.store == IN_FOLDER:
            _offer_doctor(frame, texts)
    _show_settings(frame, texts)


def _facts(frame: Frame, texts: SystemTexts) -> dict[str, str]:
    engine = frame.engine
    choice, queue = engine.choice, engine.queue
    name = texts.quote if choice.kind is Kind.QUOTE else choice.name
    state = texts.loaded if engine.is_loaded(choice) else texts.not_loaded
    card = system.card()
    where = texts.processor.format(cores=system.cores())
    if card is not None:
        used, whole = f"{card.used:.1f}", f"{card.whole:.1f}"
        where = texts.card.format(name=card.name, used=used, whole=whole)
    rate = engine.speed
    return {
        texts.generator: f"{name} · {state}",
        texts.embedder: engine.settings.embeddings,
        texts.device: where,
        texts.memory: system.memory(),
        texts.speed: texts.speed_rate.format(rate=f"{rate:.0f}") if rate else texts.speed_none,
        texts.queue: texts.queue_state.format(
            served=queue.served, desks=queue.desks, waiting=queue.waiting
        ),
    }


def _offer_download(frame: Frame, texts: SystemTexts) -> None:
    job = frame.jobs.latest(_DOWNLOAD, about=_DOWNLOAD)
    state = frame.jobs.state(job) if job else None
    with st.expander(texts.download, expanded=state is State.RUNNING):
        st.html(note_markup(texts.download_note))
        st.html(note_markup(texts.licence))
        if job and state is State.RUNNING:
            st.fragment(_follow, run_every=_BEAT)(frame, job, texts)
            st.button(texts.download_stop, on_click=frame.jobs.stop, args=(job,))
            return
        if job and state is State.DONE:
            st.html(note_markup(texts.downloaded))
        elif job:
            reason = _last_line(frame, job)
            st.html(problem_markup(texts.download_failed.format(reason=reason)))
        agreed = st.checkbox(texts.licence_agree)
        if st.button(texts.download_start, type="primary", disabled=not agreed):
            command = ["kb_qa", "download"]
            frame.jobs.start(_DOWNLOAD, command, about=_DOWNLOAD, owner=frame.visitor.id)
            st.rerun()


def _follow(frame: Frame, job: Job, texts: SystemTexts) -> None:
    if frame.jobs.state(job) is not State.RUNNING:
        st.rerun()
    st.html(note_markup(texts.downloading.format(said=_last_line(frame, job))))


def _last_line(frame: Frame, job: Job) -> str:
    said = frame.jobs.last_words(job).splitlines()
    return said[-1] if said else "…"


def _offer_doctor(frame: Frame, texts: SystemTexts) -> None:
    st.html(title_markup(texts.doctor, level=3))
    st.html(note_markup(texts.doctor_note))
    if not st.button(texts.doctor_start):
        return
    settings = frame.engine.settings
    findings = check_up(Path(frame.kb), embeddings=lambda: configured_embeddings(settings))
    entries = [
        (
            f"{_SIGNS[each.state]} {each.what}",
            texts.states[each.state],
            f"{each.text} — {each.remedy}" if each.remedy else each.text,
        )
        for each in findings
    ]
    st.html(list_markup(entries))


def _show_settings(frame: Frame, texts: SystemTexts) -> None:
    st.html(title_markup(texts.settings, level=3))
    rows = [
        {
            texts.column_name: name,
            texts.column_value: value,
            texts.column_origin: texts.origins[origin],
        }
        for name, value, origin in system.settings_in_force(frame.engine.settings)
    ]
    st.dataframe(rows, hide_index=True)
