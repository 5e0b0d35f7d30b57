"""Ask, watch the answer come, open what it rests on."""

import shlex
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import streamlit as st

from kb_qa.paths import shown
from kb_qa.settings import Settings
from ui import library, sidebar
from ui.actions import offer_actions, offer_follow_ups, opened, show_document
from ui.answering import Drawing, answer_pending
from ui.conversation import Conversation
from ui.frame import Frame
from ui.markup import greeting_markup, note_markup, turn_markup
from ui.messages import TEXTS, Texts
from ui.messages.library import LIBRARY
from ui.views.library import offer_adding, show_reading

_SAMPLES = "data/docs"
_LOOK_AGAIN_SECONDS = 2.0
_LONGEST_QUESTION = 2000  # characters; an embedder reads fewer
_TITLES = 6  # of documents, in the greeting
_ADDRESS = "c"  # names the conversation in the page's address, and whether it was read
_HALVES = (5, 4)  # the conversation, and the document beside it


def draw(frame: Frame) -> None:
    """The conversation, or how to make a knowledge base."""
    texts = TEXTS[frame.language]
    numbers = library.summary(frame.kb)
    if numbers is None:
        _explain_missing(frame, texts)
        return
    conversation = _conversation(frame)
    _take_question(conversation, texts)
    with st.sidebar:
        frame = replace(frame, beside=sidebar.choose_beside(frame, texts))
        sidebar.show_contents(frame.kb, numbers, texts)
        sidebar.show_generator(frame.engine.choice, texts)
        sidebar.show_conversations(conversation, frame, texts)
    beside = opened(conversation)
    if beside is None:
        _converse(conversation, frame, texts)
        return
    left, right = st.columns(_HALVES, gap="medium")
    with right:
        show_document(beside, frame, texts)
    with left:
        _converse(conversation, frame, texts)


def _conversation(frame: Frame) -> Conversation:
    """The one under way; after a reload, the one that the address names."""
    conversation = Conversation(
        st.session_state, kb=frame.kb, memory=frame.history, owner=frame.visitor.id
    )
    if not st.session_state.setdefault(_ADDRESS, False):
        st.session_state[_ADDRESS] = True  # later it names what one has left
        conversation.open(st.query_params.get(_ADDRESS, ""))
    return conversation


def _take_question(conversation: Conversation, texts: Texts) -> None:
    question = st.chat_input(
        texts.ask, max_chars=_LONGEST_QUESTION, submit_mode="stop", key="question"
    )
    if question and question.strip():
        conversation.ask(question.strip())
    if conversation.id:
        st.query_params[_ADDRESS] = conversation.id
    else:
        st.query_params.pop(_ADDRESS, None)


def _converse(conversation: Conversation, frame: Frame, texts: Texts) -> None:
    frame.engine.chain(frame.kb, beside=frame.beside)  # loads while the reader types
    if not conversation.turns:
        titles = library.titles(frame.kb, limit=_TITLES)
        st.html(greeting_markup(texts.greeting, texts.greeting_note, documents=titles))
    for index, turn in enumerate(conversation.turns):
        if turn is conversation.pending:
            answer_pending(conversation, frame, Drawing(st.empty(), index, texts))
            st.rerun()  # what stands beside the conversation was drawn before there was an answer
        else:
            st.html(turn_markup(turn, index=index, texts=texts))
        if conversation.turns[index].answer:
            offer_actions(conversation, index, frame, texts)
    offer_follow_ups(conversation, frame, texts)


def _explain_missing(frame: Frame, texts: Texts) -> None:
    note = texts.missing_note.format(folder=_SAMPLES)
    st.html(greeting_markup(texts.missing, note))
    st.code(_ingest_command(frame.kb), language=None, wrap_lines=True)
    st.html(note_markup(texts.missing_after))
    if frame.visitor.may_edit:
        offer_adding(frame, LIBRARY[frame.language], title=texts.missing_upload)
    show_reading(frame, LIBRARY[frame.language])
    _look_again(frame.kb)


def _ingest_command(kb: Path) -> str:
    """What makes this knowledge base, in a shell that may not have this Python on its path."""
    on_path = shutil.which("python") == sys.executable
    command = ["python" if on_path else shown(sys.executable), "-m", "ingest", _SAMPLES]
    if kb != Settings.model_fields["kb"].default:
        command += ["--kb", shown(str(kb))]
    return shlex.join(command)


@st.fragment(run_every=_LOOK_AGAIN_SECONDS)
def _look_again(kb: Path) -> None:
    if library.summary(kb) is not None:
        st.rerun()
