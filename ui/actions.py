"""What one does with an answer: rate it, copy it, ask again, see it in its document."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import streamlit as st

from kb_qa import Citation
from kb_qa.generators import Kind
from kb_qa.paths import shown
from ui import document, library
from ui.conversation import Conversation
from ui.export import as_text
from ui.frame import Frame
from ui.labels import plain
from ui.markup import note_markup, title_markup
from ui.messages import Texts
from ui.text_markup import place_markup

_OPENED = "opened document"
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


def show_document(beside: Opened, frame: Frame, texts: Texts) -> None:
    """A citation in its document: the page as a picture, or the text around it."""
    citation = beside.citation
    st.html(title_markup(citation.source.title, level=3))
    st.html(note_markup(shown(citation.source.source)))
    st.button(texts.close_document, on_click=_close, type="tertiary")
    if document.has_picture(citation):
        drawn = document.picture(citation, page=beside.page)
        if drawn is not None:
            _show_page(beside, drawn, texts)
            return
    asked = {str(each): each for each in (frame.kb, *frame.beside)}
    _show_text(citation, asked.get(citation.source.kb, frame.kb), texts)


def _show_page(beside: Opened, drawn: bytes, texts: Texts) -> None:
    with st.container(horizontal=True):
        before, after = replace(beside, page=beside.page - 1), replace(beside, page=beside.page + 1)
        first = beside.page <= 1
        st.button(texts.page_before, on_click=_open, args=(before,), disabled=first)
        st.html(note_markup(texts.document_page.format(page=beside.page)))
        st.button(texts.page_after, on_click=_open, args=(after,))
    st.image(drawn, width="stretch")


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


def _close() -> None:
    st.session_state.pop(_OPENED, None)
