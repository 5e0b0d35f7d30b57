"""The page: ask, watch the answer come, open what it rests on.

`streamlit run ui/app.py` runs this file anew for every interaction; what lasts
is the process's engine and the session's conversation.
"""

import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from kb_qa import KbQaError
from kb_qa.paths import shown
from kb_qa.settings import Settings
from ui import library, sidebar
from ui.answering import Drawing, answer_pending
from ui.conversation import Conversation
from ui.engine import Engine, shared_engine
from ui.markup import greeting_markup, note_markup, problem_markup, turn_markup
from ui.messages import TEXTS, Texts

_HERE = Path(__file__).parent
_SAMPLES = "data/docs"
_LOOK_AGAIN_SECONDS = 2.0
_LONGEST_QUESTION = 2000  # characters; an embedder reads fewer
_TITLES = 6  # of documents, in the greeting


def main() -> None:
    """Draw the page of this process."""
    st.set_page_config(page_title="kb-qa", page_icon=str(_HERE / "icon.svg"), layout="centered")
    st.html(_HERE / "style.css")
    page(shared_engine)


def page(load_engine: Callable[[], Engine]) -> None:
    """Draw the page, or in one line why it cannot be drawn."""
    try:
        _draw(load_engine())
    except KbQaError as error:
        st.html(problem_markup(str(error)))


def _draw(engine: Engine) -> None:
    """The column beside, then the conversation, or how to make a knowledge base."""
    column = st.sidebar.container()
    with st.sidebar:
        texts = TEXTS[sidebar.choose_language()]
    with column:
        sidebar.show_name(texts)
        kb = sidebar.choose_knowledge_base(engine.settings.kb, texts)
    numbers = library.summary(kb)
    if numbers is None:
        _explain_missing(kb, texts)
        return
    conversation = Conversation(st.session_state, kb=kb)
    _take_question(conversation, texts)
    with column:
        sidebar.show_contents(kb, numbers, texts)
        sidebar.show_generator(engine.choice, texts)
        sidebar.offer_clearing(conversation, texts)
    _converse(conversation, engine, kb, texts)


def _take_question(conversation: Conversation, texts: Texts) -> None:
    question = st.chat_input(
        texts.ask, max_chars=_LONGEST_QUESTION, submit_mode="stop", key="question"
    )
    if question and question.strip():
        conversation.ask(question.strip())


def _converse(conversation: Conversation, engine: Engine, kb: Path, texts: Texts) -> None:
    engine.chain(kb)  # loads while the reader types
    if not conversation.turns:
        titles = library.titles(kb, limit=_TITLES)
        st.html(greeting_markup(texts.greeting, texts.greeting_note, documents=titles))
    for index, turn in enumerate(conversation.turns):
        if turn is conversation.pending:
            answer_pending(conversation, engine, Drawing(st.empty(), index, texts), kb=kb)
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


if __name__ == "__main__":
    main()
