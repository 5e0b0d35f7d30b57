"""A pending question becomes an answer before the reader's eyes."""

import logging
from concurrent.futures import Future
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import StopException

from kb_qa import KbQaError, KnowledgeBaseQA
from ui.conversation import Conversation, Turn
from ui.markup import turn_markup
from ui.messages import Texts

_BRING_INTO_SIGHT = """<script>
  [...document.querySelectorAll(".kq-turn")].at(-1)?.scrollIntoView({block: "start"});
</script>"""
"""A reader may have scrolled away before asking. Constant: nothing is ever put into it."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Drawing:
    """The place on the page of one turn.

    Attributes:
        area: holds one element, which each drawing replaces.
        index: the turn's place in the conversation.
        texts: the page's language.
    """

    area: DeltaGenerator
    index: int
    texts: Texts

    def show(self, turn: Turn, *, status: str = "") -> None:
        """Draw the turn as it stands, and what is being done about it."""
        self.area.html(turn_markup(turn, index=self.index, texts=self.texts, status=status))


def answer_pending(
    conversation: Conversation, loading: Future[KnowledgeBaseQA], drawing: Drawing
) -> None:
    """Answer the last question.

    A rerun of the page, for a switch of language say, leaves the question
    pending: the next run answers it.
    """
    try:
        drawing.show(conversation.turns[-1], status=drawing.texts.loading)
        st.html(_BRING_INTO_SIGHT, unsafe_allow_javascript=True)
        _stream(conversation, loading.result(), drawing)
    except KbQaError as error:
        conversation.settle(problem=str(error))
    except StopException:
        conversation.settle(stopped=True)
        raise
    except Exception:  # noqa: BLE001 - the edge of the page: a traceback belongs in the terminal
        _log.exception("a question could not be answered")
        conversation.settle(problem=drawing.texts.unexpected)
    drawing.show(conversation.turns[-1])


def _stream(conversation: Conversation, chain: KnowledgeBaseQA, drawing: Drawing) -> None:
    turn = conversation.turns[-1]
    drawing.show(turn, status=drawing.texts.searching)
    asked = {"query": turn.question, "chat_history": conversation.history}
    written = ""
    for part in chain.stream(asked):
        written += part.get("result", "")
        turn = conversation.settle(written=written, answer=part.get("answer"))
        drawing.show(turn, status=drawing.texts.writing if turn.pending else "")
