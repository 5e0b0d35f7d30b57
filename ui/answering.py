"""A pending question becomes an answer before the reader's eyes."""

import logging
from collections.abc import Sequence
from concurrent.futures import wait
from contextlib import closing
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import StopException

from kb_qa import KbQaError, KnowledgeBaseQA, Source
from kb_qa.generators import Choice
from ui.conversation import Conversation, Turn
from ui.engine import Engine
from ui.frame import Frame
from ui.markup import turn_markup
from ui.messages import Texts

_BRING_INTO_SIGHT = """<script>
  [...document.querySelectorAll(".kq-turn")].at(-1)?.scrollIntoView({block: "start"});
</script>"""
"""A reader may have scrolled away before asking. Constant: nothing is ever put into it."""

_BEAT = 0.1  # seconds between two drawings
_STILL = 5
"""Beats after which what has not changed is drawn again: drawing is what lets a reader stop, and
takes the browser time that searching wants on the same machine."""

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

    def show(self, turn: Turn, *, status: str = "", found: Sequence[Source] = ()) -> None:
        """Draw the turn as it stands, what is being done about it, and what was found for it."""
        markup = turn_markup(turn, index=self.index, texts=self.texts, status=status, found=found)
        self.area.html(markup)


def answer_pending(conversation: Conversation, frame: Frame, drawing: Drawing) -> None:
    """Answer the last question.

    A rerun of the page, for a switch of language say, leaves the question
    pending: the next run answers it.
    """
    choice = _choice(frame.engine, conversation.turns[-1])
    try:
        status = _loading(frame.engine, choice, drawing.texts)
        drawing.show(conversation.turns[-1], status=status)
        st.html(_BRING_INTO_SIGHT, unsafe_allow_javascript=True)
        chain = _loaded(conversation, frame, drawing, choice=choice)
        _stream(conversation, frame, drawing, chain=chain)
    except KbQaError as error:
        conversation.settle(problem=str(error))
    except StopException:
        conversation.settle(stopped=True)
        raise
    except Exception:  # noqa: BLE001 - the edge of the page: a traceback belongs in the terminal
        _log.exception("a question could not be answered")
        conversation.settle(problem=drawing.texts.unexpected)
    drawing.show(conversation.turns[-1])


def _loaded(
    conversation: Conversation, frame: Frame, drawing: Drawing, *, choice: Choice
) -> KnowledgeBaseQA:
    """The chain, when it is loaded. Drawing meanwhile is what lets a reader stop."""
    loading = frame.engine.chain(frame.kb, choice, beside=frame.beside)
    while not wait([loading], timeout=_BEAT).done:
        drawing.show(conversation.turns[-1], status=_loading(frame.engine, choice, drawing.texts))
    return loading.result()


def _stream(
    conversation: Conversation, frame: Frame, drawing: Drawing, *, chain: KnowledgeBaseQA
) -> None:
    turn = conversation.turns[-1]
    status = drawing.texts.searching
    drawing.show(turn, status=status)
    asked = {"query": turn.question, "chat_history": conversation.history}
    written, found = "", list[Source]()
    beats, shown = 0, None
    with closing(frame.engine.ask(chain, asked, visitor=frame.visitor.id)) as asking:
        while not asking.finished:
            for part in asking.take(within=_BEAT, at_once=not written):
                status = drawing.texts.writing
                found += map(Source.from_document, part.get("source_documents", ()))
                written += part.get("result", "")
                answer = part.get("answer")
                turn = conversation.settle(
                    written=written, answer=frame.engine.noted(answer) if answer else None
                )
            if asking.place:
                status = drawing.texts.queued.format(place=asking.place)
            beats, drawn = beats + 1, (turn, status, len(found))
            if drawn != shown or beats % _STILL == 0:
                drawing.show(turn, status=status if turn.pending else "", found=found)
                shown = drawn


def _choice(engine: Engine, turn: Turn) -> Choice:
    """Who was asked; the page's own choice where nobody was named, or nobody is known by it."""
    named = [each for each in engine.choices if each.name == turn.generator]
    return named[0] if named else engine.choice


def _loading(engine: Engine, choice: Choice, texts: Texts) -> str:
    if engine.loads_xverse(choice):
        return texts.loading_model.format(model=choice.name)
    return texts.loading
