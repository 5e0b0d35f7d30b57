"""The knowledge bases: what is in them, and how it comes in and goes out."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

import streamlit as st

from kb_qa import KbQaError
from kb_qa.paths import shown
from kb_qa.store.folders import create, delete, rename, size
from kb_qa.store.records import Location, Summary
from ui import library
from ui.frame import Frame
from ui.jobs import Job, State
from ui.labels import plain
from ui.markup import (
    list_markup,
    note_markup,
    numbers_markup,
    passages_markup,
    problem_markup,
    title_markup,
)
from ui.messages.library import LIBRARY, LibraryTexts
from ui.reading import KIND, Reading, follow, seconds_left, start, suffixes
from ui.sidebar import choose_next
from ui.uploads import Kept, Upload, keep

_PROBLEM = "library problem"
_BEAT = 1.0  # seconds between two looks at a run
_PASSAGES_A_PAGE = 40
_MEGABYTE = 1 << 20


def draw(frame: Frame) -> None:
    """What the knowledge base holds, what is being read into it, and ways to change it."""
    texts = LIBRARY[frame.language]
    _show_problem()
    numbers = library.summary(frame.kb)
    _show_numbers(frame, numbers, texts)
    if frame.visitor.may_edit:
        _offer_management(frame, numbers, texts)
        offer_adding(frame, texts, title=texts.add)
    show_reading(frame, texts)
    if numbers is None:
        return
    documents, search = st.tabs([texts.documents, texts.search])
    with documents:
        _show_documents(frame, texts)
    with search:
        _offer_search(frame, texts)


def _show_numbers(frame: Frame, numbers: Summary | None, texts: LibraryTexts) -> None:
    st.html(title_markup(frame.kb.name, level=2))
    facts = {
        texts.documents: f"{numbers.documents if numbers else 0:,}",
        texts.passages: f"{numbers.chunks if numbers else 0:,}",
        texts.failed: f"{numbers.refusals if numbers else 0:,}",
        texts.disk: f"{size(frame.kb) / _MEGABYTE:,.1f} MB",
    }
    st.html(numbers_markup(facts))


def _offer_management(frame: Frame, numbers: Summary | None, texts: LibraryTexts) -> None:
    with st.container(horizontal=True):
        if st.button(texts.new):
            st.dialog(texts.new)(_ask_for_name)(frame, _make, "", texts.make, texts)
        if not library.is_made(frame.kb):
            return
        if st.button(texts.rename):
            name = frame.kb.name
            st.dialog(texts.rename)(_ask_for_name)(frame, _rename, name, texts.rename, texts)
        if st.button(texts.delete):
            title = texts.delete_title.format(name=frame.kb.name)
            st.dialog(title)(_ask_whether_to_delete)(frame, numbers, texts)


def _ask_for_name(
    frame: Frame, change: Callable[[Frame, str], None], name: str, done: str, texts: LibraryTexts
) -> None:
    with st.form("name", border=False):
        given = st.text_input(texts.new_name, name)
        if st.form_submit_button(done, type="primary"):
            _tried(change, frame, given)
            st.rerun()


def _ask_whether_to_delete(frame: Frame, numbers: Summary | None, texts: LibraryTexts) -> None:
    documents = numbers.documents if numbers else 0
    st.html(note_markup(texts.delete_note.format(documents=f"{documents:,}")))
    with st.container(horizontal=True):
        if st.button(texts.delete_sure, type="primary"):
            _tried(_delete, frame)
            st.rerun()
        if st.button(texts.cancel):
            st.rerun()


def offer_adding(frame: Frame, texts: LibraryTexts, *, title: str) -> None:
    """Fields for files and folders, and what is read."""
    with st.expander(title, expanded=library.summary(frame.kb) is None):
        megabytes = frame.engine.settings.upload_megabytes
        told = " ".join(sorted(suffixes()))
        files = st.file_uploader(
            texts.add_files,
            accept_multiple_files=True,
            max_upload_size=megabytes,
            help=texts.add_note.format(megabytes=megabytes, suffixes=told),
            key=f"files {frame.kb} {_round(frame.kb)}",
        )
        folder = st.file_uploader(
            texts.add_folder,
            accept_multiple_files="directory",
            max_upload_size=megabytes,
            key=f"folder {frame.kb} {_round(frame.kb)}",
        )
        place = ""
        if not frame.engine.settings.sign_in:  # else a visitor would read the server's own files
            place = st.text_input(texts.add_place, help=texts.add_place_note)
        if st.button(texts.start, type="primary", disabled=not (files or folder or place.strip())):
            _tried(_add, frame, [*files, *folder], place.strip(), texts)
            st.rerun()


def show_reading(frame: Frame, texts: LibraryTexts) -> None:
    """The last run into this knowledge base: how far it is, or what became of it."""
    job = frame.jobs.latest(KIND, about=str(frame.kb))
    if job is None:
        return
    reading: Reading = st.session_state.setdefault(f"reading {job.id}", Reading())
    state = follow(frame.jobs, job, reading)
    if state is State.RUNNING:
        st.fragment(_follow, run_every=_BEAT)(frame, job, reading, texts)
    else:
        _show_outcome(frame, job, reading, state, texts)


def _follow(frame: Frame, job: Job, reading: Reading, texts: LibraryTexts) -> None:
    if follow(frame.jobs, job, reading) is not State.RUNNING:
        st.rerun()
    count = texts.reading_count.format(
        ended=f"{reading.ended:,}", files=f"{reading.files:,}", passages=f"{reading.passages:,}"
    )
    left = seconds_left(datetime.fromisoformat(job.began).timestamp(), reading.share)
    time_left = texts.reading_left.format(seconds=round(left)) if left is not None else ""
    said = " · ".join(filter(None, (texts.reading, count if reading.files else "", time_left)))
    st.progress(reading.share, text=said)
    if frame.visitor.may_edit:
        st.button(texts.stop, on_click=frame.jobs.stop, args=(job,), key="stop reading")
    _list_verdicts(reading, texts)


def _show_outcome(
    frame: Frame, job: Job, reading: Reading, state: State, texts: LibraryTexts
) -> None:
    if state is State.FAILED:
        last = frame.jobs.last_words(job).splitlines()
        st.html(problem_markup(texts.read_failed.format(reason=last[-1] if last else job.id)))
    elif reading.failed:
        st.html(note_markup(texts.read_some.format(failed=reading.failed)))
    else:
        files, passages = f"{reading.files:,}", f"{reading.passages:,}"
        st.html(note_markup(texts.read.format(files=files, passages=passages)))
    if frame.visitor.may_edit:
        again = [Path(each) for each in _paths_of(job)]
        st.button(texts.again, on_click=_tried, args=(_read, frame, again), type="tertiary")
    _list_verdicts(reading, texts)


def _list_verdicts(reading: Reading, texts: LibraryTexts) -> None:
    entries = [
        (Path(path).name, " · ".join(filter(None, (texts.verdicts.get(verdict, ""), said))), path)
        for path, verdict, said in reversed(reading.verdicts)
    ]
    if entries:
        with st.container(height=min(260, 70 * len(entries)), border=False):
            st.html(list_markup(entries))


def _show_documents(frame: Frame, texts: LibraryTexts) -> None:
    matching = st.text_input(texts.find, key="find")
    found = library.contents(frame.kb, matching=matching)
    if found.refused:
        refused = [
            (Path(shown(each.path)).name, each.reason, shown(each.path)) for each in found.refused
        ]
        with st.expander(f"{texts.failed} · {len(found.refused)}"):
            st.html(list_markup(refused))
    if not found.read:
        st.html(note_markup(texts.none))
        return
    rows = {each.path: number for number, each in enumerate(found.read)}
    table, chosen = f"documents {frame.kb} {matching}", f"document {frame.kb}"
    st.dataframe(
        [_row(each, texts) for each in found.read],
        hide_index=True,
        on_select=partial(_choose, tuple(rows), table, chosen),
        selection_mode="single-row",
        key=table,
    )
    if found.left_out:
        st.html(note_markup(texts.more.format(count=f"{found.left_out:,}")))
    # The table is one picture to a screen reader, and hardly anybody knows its keys.
    path = st.selectbox(
        texts.see,
        list(rows),
        index=None,
        format_func=lambda path: f"{found.read[rows[path]].title} · {shown(path)}",
        placeholder=texts.choose,
        key=chosen,
        on_change=_mark,
        args=(rows, table, chosen),
    )
    if path is not None:
        _show_document(frame, found.read[rows[path]], texts)


def _choose(paths: Sequence[str], table: str, chosen: str) -> None:
    """Have the document chosen whose row was."""
    selected = st.session_state[table]["selection"]["rows"]
    st.session_state[chosen] = next((paths[row] for row in selected if row < len(paths)), None)


def _mark(rows: Mapping[str, int], table: str, chosen: str) -> None:
    """Mark the row of the document that was chosen."""
    path = st.session_state[chosen]
    st.session_state[table] = {"selection": {"rows": [] if path is None else [rows[path]]}}


def _row(location: Location, texts: LibraryTexts) -> dict[str, str | int]:
    return {
        texts.column_title: location.title,
        texts.column_pages: str(location.pages or ""),
        texts.column_passages: location.chunks,
        texts.column_verdict: texts.verdicts.get(location.verdict, location.verdict),
        texts.column_path: shown(location.path),
    }


def _show_document(frame: Frame, location: Location, texts: LibraryTexts) -> None:
    st.html(title_markup(location.title, level=3))
    if location.warnings:
        st.html(note_markup(f"{texts.warnings}: {' · '.join(location.warnings)}"))
    if frame.visitor.may_edit:
        _offer_changes(frame, location, texts)
    st.html(note_markup(texts.text_note))
    document = library.document(frame.kb, location.document)
    pages = -(-len(document.passages) // _PASSAGES_A_PAGE)
    page = st.pagination(pages, key=f"passages {location.document}") if pages > 1 else 1
    first = (page - 1) * _PASSAGES_A_PAGE
    part = document.passages[first : first + _PASSAGES_A_PAGE]
    st.html(passages_markup(document.text, part, label=texts.passage_number))


def _offer_changes(frame: Frame, location: Location, texts: LibraryTexts) -> None:
    with st.container(horizontal=True):
        file = _file_of(location.path)
        if file and st.button(texts.read_again):
            _tried(_read, frame, [file])
            st.rerun()
        if st.button(texts.remove):
            title = texts.remove_title.format(name=location.title)
            st.dialog(plain(title))(_ask_whether_to_remove)(frame, location, texts)


def _ask_whether_to_remove(frame: Frame, location: Location, texts: LibraryTexts) -> None:
    note = texts.remove_upload if _is_upload(frame, location.path) else texts.remove_note
    st.html(note_markup(note.format(path=shown(location.path))))
    with st.container(horizontal=True):
        if st.button(texts.remove_sure, type="primary"):
            _tried(_remove, frame, location.path)
            st.rerun()
        if st.button(texts.cancel, key="keep the document"):
            st.rerun()


def _offer_search(frame: Frame, texts: LibraryTexts) -> None:
    question = st.text_input(texts.search, key="search")
    if not question.strip():
        return
    found = frame.engine.chain(frame.kb).result().search(question)
    entries = [
        (
            citation.source.title,
            texts.score.format(score=f"{citation.score:.2f}"),
            " ".join(citation.text.split()),
        )
        for citation in found.citations
    ]
    st.html(list_markup(entries) if entries else note_markup(texts.search_none))


def _tried(change: Callable[..., None], *arguments: object) -> None:
    """Make a change; what stands in its way is told when the page is drawn again."""
    try:
        change(*arguments)
    except KbQaError as error:
        st.session_state[_PROBLEM] = str(error)


def _show_problem() -> None:
    if problem := st.session_state.pop(_PROBLEM, ""):
        st.html(problem_markup(problem))


def _make(frame: Frame, name: str) -> None:
    parent = frame.engine.settings.kb.parent
    choose_next(create(parent, name, embeddings=frame.engine.embeddings))


def _rename(frame: Frame, name: str) -> None:
    renamed = rename(frame.kb, name)
    if _uploads(frame).exists():
        _uploads(frame).rename(frame.uploads / renamed.name)
    frame.engine.forget(frame.kb)
    frame.history.rename(frame.kb.name, to=renamed.name)
    choose_next(renamed)


def _delete(frame: Frame) -> None:
    delete(frame.kb)
    frame.engine.forget(frame.kb)
    choose_next(frame.engine.settings.kb)


def _add(frame: Frame, files: list[Upload], place: str, texts: LibraryTexts) -> None:
    paths: list[Path] = []
    if files:
        kept = keep(
            files,
            folder=_uploads(frame),
            megabytes=frame.engine.settings.upload_megabytes,
            suffixes=suffixes(),
        )
        paths += [_uploads(frame)] if kept.files else []
        st.session_state[_PROBLEM] = _refusals(kept, frame, texts)
    if place:
        paths.append(Path(place).expanduser())
    st.session_state[f"round {frame.kb}"] = _round(frame.kb) + 1  # the fields are empty again
    if paths:
        _read(frame, paths)


def _refusals(kept: Kept, frame: Frame, texts: LibraryTexts) -> str:
    told = {"kind": texts.refused_kind, "size": texts.refused_size}
    megabytes = frame.engine.settings.upload_megabytes
    return " · ".join(
        told[reason].format(name=name, megabytes=megabytes) for name, reason in kept.refused
    )


def _read(frame: Frame, paths: list[Path]) -> None:
    start(frame.jobs, paths, kb=frame.kb, owner=frame.visitor.id)


def _remove(frame: Frame, path: str) -> None:
    if _is_upload(frame, path):
        Path(path).unlink(missing_ok=True)
    frame.engine.remove(frame.kb, path)


def _is_upload(frame: Frame, path: str) -> bool:
    """Whether it is a file that a visitor brought; what is inside an archive is no file."""
    file = Path(path)
    return _uploads(frame).absolute() in file.parents and file.is_file()


def _file_of(path: str) -> Path | None:
    """The file that a document is read from, which may be an archive; None if it is gone."""
    place = Path(path)
    return next((each for each in (place, *place.parents) if each.is_file()), None)


def _paths_of(job: Job) -> tuple[str, ...]:
    return job.command[1 : job.command.index("--kb")]


def _uploads(frame: Frame) -> Path:
    return frame.uploads / frame.kb.name


def _round(kb: Path) -> int:
    """How often files were added: a field with another key is an empty one."""
    return int(st.session_state.get(f"round {kb}", 0))
