"""What one does with an answer: rate it, copy it, ask again, see it in its document, go on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import streamlit as st

from kb_qa import Citation, Source
from kb_qa.generators import Kind
from kb_qa.paths import shown
from kb_qa.store.records import Passage
from ui import document, library
from ui.conversation import Conversation
from ui.export import as_text
from ui.follow_ups import follow_ups
from ui.frame import Frame
from ui.labels import plain
from ui.markup import heading_markup, note_markup, title_markup
from ui.messages import Texts
from ui.text_markup import place_markup

_OPENED, _NEW = "opened document", "document to be brought into sight"
_OPENINGS = "documents opened so far"
_BESIDE = 2  # passages on either side of the first cited one, which may suggest a question
_QUESTION_LABEL = 120  # characters

_BRING_INTO_SIGHT = """<script>{{ // opening {number}
  const panel = document.querySelector(".st-key-document");
  const mark = panel?.querySelector("mark");
  if (panel) panel.scrollTop = mark
    ? panel.scrollTop + mark.getBoundingClientRect().top
      - panel.getBoundingClientRect().top - panel.clientHeight / 2
    : 0;
  if (innerWidth <= 640) panel?.scrollIntoView();
}}</script>"""
"""The cited words may stand far below the first ones that are shown, and on a phone all of it below
the conversation. Only a number of our own is put into it: Streamlit runs no script twice."""

_THUMBS = (False, True)  # as `st.feedback` counts them


@dataclass(frozen=True)
class Opened:
    """A citation that is shown in its document.

    Attributes:
        conversation: the conversation it is cited in.
        citation: what is shown.
        page: of the document.
    """

    conversation: str
    citation: Citation
    page: int


def is_open(session: Mapping[Any, Any]) -> bool:
    """Whether a document stands beside the conversation, which needs the whole width."""
    return _OPENED in session


def opened(conversation: Conversation) -> Opened | None:
    """What is shown beside the conversation; nothing that another one has opened."""
    shown_now: Opened | None = st.session_state.get(_OPENED)
    return shown_now if shown_now and shown_now.conversation == conversation.id else None


def offer_actions(conversation: Conversation, index: int, frame: Frame, texts: Texts) -> None:
    """The row below an answer."""
    turn = conversation.turns[index]
    if turn.answer is None:
        return
    key = f"{conversation.id} {index}"
    with st.container(horizontal=True, gap="small", key=f"actions-{index}"):
        for citation in turn.answer.citations:
            st.button(
                plain(texts.open_document.format(n=citation.n)),
                key=f"open {key} {citation.n}",
                on_click=_open,
                args=(Opened(conversation.id, citation, citation.page or 1),),
                type="tertiary",
            )
        with st.popover(texts.copy, type="tertiary"):
            st.code(as_text(turn.answer), language=None, wrap_lines=True)
        _offer_retry(conversation, turn.question, frame, texts, key=key)
        _offer_rating(conversation, index, frame, texts, key=key)


def offer_follow_ups(conversation: Conversation, frame: Frame, texts: Texts) -> None:
    """Questions that go on from the last answer, which a click asks."""
    answer = conversation.turns[-1].answer if conversation.turns else None
    if answer is None:
        return
    neighbours: tuple[Passage, ...] = ()
    if answer.citations:
        source = answer.citations[0].source
        kb = _kb_of(source, frame)
        neighbours = library.neighbours(kb, source.source, source.start, most=_BESIDE)
    asked = [turn.question for turn in conversation.turns]
    questions = follow_ups(answer, neighbours, asked=asked)
    if not questions:
        return
    with st.container(gap="xxsmall", key="follow-ups"):
        st.html(heading_markup(texts.follow_ups))
        for question in questions:
            st.button(
                plain(question, longest=_QUESTION_LABEL),
                key=f"ask {conversation.id} {len(asked)} {question}",
                on_click=conversation.ask,
                args=(question,),
                icon=":material/arrow_forward:",
                type="tertiary",
            )


def show_document(beside: Opened, frame: Frame, texts: Texts) -> None:
    """A citation in its document: the page as a picture, or the text around it."""
    citation = beside.citation
    kb = _kb_of(citation.source, frame)
    with st.container(gap="small", key="document"):
        head = st.container(gap="xxsmall", key="document-head")
        with head, st.container(horizontal=True, vertical_alignment="center", key="document-name"):
            st.html(title_markup(citation.source.title, level=3))
            st.button(
                texts.close_document, on_click=_close, icon=":material/close:", type="tertiary"
            )
        st.html(note_markup(shown(citation.source.source)))
        drawn = None
        if document.has_picture(citation):
            drawn = document.picture(citation, page=beside.page)
        if drawn is None:
            _show_text(citation, kb, texts)
        else:
            with head:
                _turn_pages(beside, library.pages_of(kb, citation.source.source) or 1, texts)
            st.image(drawn, width="stretch")
        if st.session_state.pop(_NEW, False):
            number = st.session_state[_OPENINGS]
            st.html(_BRING_INTO_SIGHT.format(number=number), unsafe_allow_javascript=True)


def _turn_pages(beside: Opened, pages: int, texts: Texts) -> None:
    before, after = replace(beside, page=beside.page - 1), replace(beside, page=beside.page + 1)
    with st.container(horizontal=True, vertical_alignment="center", key="document-pages"):
        st.button(
            texts.page_before,
            on_click=_open,
            args=(before,),
            disabled=beside.page <= 1,
            icon=":material/chevron_left:",
            type="tertiary",
        )
        st.html(note_markup(texts.document_page.format(page=beside.page, pages=pages)))
        st.button(
            texts.page_after,
            on_click=_open,
            args=(after,),
            disabled=beside.page >= pages,
            icon=":material/chevron_right:",
            icon_position="right",
            type="tertiary",
        )


def _kb_of(source: Source, frame: Frame) -> Path:
    """The knowledge base that a source is from, of those that are asked now."""
    asked = {str(each): each for each in (frame.kb, *frame.beside)}
    return asked.get(source.kb, frame.kb)


def _show_text(citation: Citation, kb: Path, texts: Texts) -> None:
    source = citation.source
    if not Path(source.source).exists():
        st.html(note_markup(texts.document_gone))
    text = library.text_of(kb, source.source)
    if text is None or text[source.start : source.end] != source.text:
        # Indexed anew since: what was cited is kept with the answer.
        begin, end = citation.start - source.start, citation.end - source.start
        st.html(place_markup(source.text, begin, end))
        return
    st.html(place_markup(text, citation.start, citation.end))


def _offer_retry(
    conversation: Conversation, question: str, frame: Frame, texts: Texts, *, key: str
) -> None:
    choices = frame.engine.choices
    names = [texts.quote if each.kind is Kind.QUOTE else each.name for each in choices]
    with st.popover(texts.retry, type="tertiary"):
        for choice, name in zip(choices, names, strict=True):
            st.button(
                plain(texts.retry_by.format(name=name)),
                key=f"retry {key} {choice.kind} {choice.model}",
                on_click=conversation.ask,
                args=(question,),
                kwargs={"generator": choice.name},
            )


def _offer_rating(
    conversation: Conversation, index: int, frame: Frame, texts: Texts, *, key: str
) -> None:
    known = frame.history.rating(conversation.id, index)
    thumb = st.feedback(
        "thumbs",
        key=f"thumbs {key}",
        default=_THUMBS.index(known[0]) if known else None,
        on_change=_rate,
        args=(conversation, index, frame, f"thumbs {key}", f"reason {key}"),
    )
    if thumb is not None:
        with st.popover(texts.reason, type="tertiary"):
            st.text_area(
                texts.reason,
                known[1] if known else "",
                key=f"reason {key}",
                label_visibility="collapsed",
            )
            st.button(
                texts.reason_keep,
                key=f"keep {key}",
                on_click=_rate,
                args=(conversation, index, frame, f"thumbs {key}", f"reason {key}"),
            )


def _rate(conversation: Conversation, index: int, frame: Frame, thumb: str, reason: str) -> None:
    given = st.session_state.get(thumb)
    frame.history.rate(
        frame.visitor.id,
        conversation.id,
        index,
        helpful=None if given is None else _THUMBS[given],
        reason=st.session_state.get(reason) or "",
    )


def _open(wanted: Opened) -> None:
    st.session_state[_OPENED] = wanted
    st.session_state[_NEW] = True
    st.session_state[_OPENINGS] = st.session_state.get(_OPENINGS, 0) + 1


def _close() -> None:
    st.session_state.pop(_OPENED, None)
