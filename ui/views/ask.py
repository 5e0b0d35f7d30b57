"""Ask, watch the answer come, open what it rests on."""

import shlex
import shutil
import sys
from pathlib import Path

import streamlit as st

from kb_qa.paths import shown
from kb_qa.settings import Settings
from ui import library, sidebar
from ui.answering import Drawing, answer_pending
from ui.conversation import Conversation
from ui.frame import Frame
from ui.markup import greeting_markup, note_markup, turn_markup
from ui.messages import TEXTS, Texts

_SAMPLES = "data/docs"
_LOOK_AGAIN_SECONDS = 2.0
_LONGEST_QUESTION = 2000  # characters; an embedder reads fewer
_TITLES = 6  # of documents, in the greeting


def draw(frame: Frame) -> None:
    """The conversation, or how to make a knowledge base."""
    texts = TEXTS[frame.language]
    numbers = library.summary(frame.kb)
    if numbers is None:
        _explain_missing(frame.kb, texts)
        return
    conversation = Conversation(st.session_state, kb=frame.kb)
    _take_question(conversation, texts)
    with st.sidebar:
        sidebar.show_contents(frame.kb, numbers, texts)
        sidebar.show_generator(frame.engine.choice, texts)
        sidebar.offer_clearing(conversation, texts)
    _converse(conversation, frame, texts)


def _take_question(conversation: Conversation, texts: Texts) -> None:
    question = st.chat_input(
        texts.ask, max_chars=_LONGEST_QUESTION, submit_mode="stop", key="question"
    )
    if question and question.strip():
        conversation.ask(question.strip())


def _converse(conversation: Conversation, frame: Frame, texts: Texts) -> None:
    frame.engine.chain(frame.kb)  # loads while the reader types
    if not conversation.turns:
        titles = library.titles(frame.kb, limit=_TITLES)
        st.html(greeting_markup(texts.greeting, texts.greeting_note, documents=titles))
    for index, turn in enumerate(conversation.turns):
        if turn is conversation.pending:
            answer_pending(conversation, frame, Drawing(st.empty(), index, texts))
        else:
            st.html(turn_markup(turn, index=index, texts=texts))


def _explain_missing(kb: Path, texts: Texts) -> None:
    note = texts.missing_note.format(folder=_SAMPLES)
    st.html(greeting_markup(texts.missing, note))
    st.code(_ingest_command(kb), language=None, wrap_lines=True)
    st.html(note_markup(texts.missing_after))
    _look_again(kb)


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
