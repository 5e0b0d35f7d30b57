"""A question under way, which the page takes in parts and may give up."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk
from pydantic import Field

from kb_qa import KnowledgeBaseQA, build_qa_chain, load_settings
from kb_qa.errors import GeneratorError
from kb_qa.store.knowledge_base import KnowledgeBase
from kb_qa.store.records import Chunk, Document
from ui.asking import Asking, EventLoop
from ui.queueing import Queue

ASKED = {"query": "annual leave"}


class HeldModel(FakeListChatModel):
    """A chat model that says a word, and goes on when it is let."""

    responses: list[str] = Field(default_factory=list)
    let: threading.Event = Field(default_factory=threading.Event)
    closed: threading.Event = Field(default_factory=threading.Event)
    fails: bool = False

    async def _astream(self, *_: Any, **__: Any) -> AsyncIterator[Any]:
        try:
            yield ChatGenerationChunk(message=AIMessageChunk("Fifteen "))
            if self.fails:
                raise GeneratorError("the card is on fire: put it out")
            while not self.let.is_set():  # noqa: ASYNC110 - set by another thread
                await asyncio.sleep(0.01)
            yield ChatGenerationChunk(message=AIMessageChunk("[1]."))
        finally:
            self.closed.set()


@pytest.fixture
def loop() -> EventLoop:
    return EventLoop()


def chain_with(model: HeldModel, kb: KnowledgeBase) -> KnowledgeBaseQA:
    text = "Annual leave is fifteen days a year."
    with kb.write() as writer, writer.transaction():
        vectors = kb.embeddings.embed_passages([text])
        chunks = [Chunk(text, 0, len(text))]
        key = writer.put(Document("Handbook", "Handbook", text), chunks=chunks, vectors=vectors)
        writer.place("/docs/a.md", document=key, stamp="")
    settings = load_settings(llm="quote", floor=0.3)
    return build_qa_chain(kb=kb.folder, settings=settings, embeddings=kb.embeddings, llm=model)


def ask(chain: KnowledgeBaseQA, loop: EventLoop, queue: Queue | None = None) -> Asking:
    return Asking(chain, ASKED, visitor="anna", queue=queue or Queue(1), loop=loop)


def take_text(asking: Asking) -> str:
    """Take parts until there is text."""
    while True:
        if text := "".join(part.get("result", "") for part in asking.take(within=0.1)):
            return text


def test_parts_come_while_the_rest_is_still_to_come(
    knowledge_base: KnowledgeBase, loop: EventLoop
) -> None:
    """Then the answer, and it is finished."""
    model = HeldModel()
    asking = ask(chain_with(model, knowledge_base), loop)
    assert take_text(asking) == "Fifteen "
    began = time.monotonic()
    assert asking.take(within=0.1) == []
    assert 0.1 <= time.monotonic() - began < 1
    assert not asking.finished
    model.let.set()
    parts: list[dict[str, Any]] = []
    while not asking.finished:
        parts += asking.take(within=0.1)
    assert parts[-1]["answer"].text == "Fifteen [1]."


def test_giving_up_stops_the_model(knowledge_base: KnowledgeBase, loop: EventLoop) -> None:
    """Though it is silent at that moment; and the loop serves the next question."""
    model = HeldModel()
    chain = chain_with(model, knowledge_base)
    asking = ask(chain, loop)
    take_text(asking)
    asking.close()
    assert model.closed.wait(5)
    assert take_text(ask(chain, loop)) == "Fifteen "


def test_what_came_before_an_error_is_not_lost(
    knowledge_base: KnowledgeBase, loop: EventLoop
) -> None:
    """First the text, then the error."""
    model = HeldModel(fails=True)
    asking = ask(chain_with(model, knowledge_base), loop)
    assert take_text(asking) == "Fifteen "
    with pytest.raises(GeneratorError, match="on fire"):
        asking.take(within=1)


def test_a_question_waits_for_its_turn(knowledge_base: KnowledgeBase, loop: EventLoop) -> None:
    """With one desk a second question knows its place, and is answered when the first is."""
    model, queue = HeldModel(), Queue(1)
    chain = chain_with(model, knowledge_base)
    first = ask(chain, loop, queue)
    assert take_text(first) == "Fifteen "
    second = ask(chain, loop, queue)
    assert second.take(within=0.2) == []
    assert (first.place, second.place) == (0, 1)
    model.let.set()
    assert take_text(second).startswith("Fifteen ")
    assert second.place == 0
