"""ChatXverse, as LangChain uses it."""

import asyncio
import gc
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig

from kb_qa.errors import GeneratorError, PromptTooLong, QuestionError, SettingsError
from kb_qa.xverse.chat_model import ChatXverse
from kb_qa.xverse.engine import FinishReason, Generation, Sampling
from kb_qa.xverse.llm import XVERSE_LLM
from kb_qa.xverse.loading import LoadedModel
from tests.kb_qa.xverse.fakes import CACHED, FIRST, SECONDS, Scripted, ScriptedEngine

CONVERSATION = [SystemMessage("Be brief."), HumanMessage("q1"), AIMessage("a1"), HumanMessage("q2")]


def chat(loaded: LoadedModel, **values: Any) -> ChatXverse:
    return ChatXverse(loaded=loaded, **values)


def engine_of(model: ChatXverse | XVERSE_LLM) -> ScriptedEngine:
    assert model.loaded is not None
    assert isinstance(model.loaded.engine, ScriptedEngine)
    return model.loaded.engine


def test_a_conversation_reaches_the_engine_in_the_models_format(scripted: Scripted) -> None:
    """And the answer comes back whole, spaces included."""
    model = chat(scripted(" 你好 😀 "))
    assert model.invoke(CONVERSATION).content == " 你好 😀 "
    text = model._loaded.chat_format.tokenizer.decode(engine_of(model).prompts[0])
    assert text == "Human: Be brief.\n\nq1\n\nAssistant: a1Human: q2\n\nAssistant: "


def test_the_answer_says_what_it_took_and_why_it_ended(scripted: Scripted) -> None:
    """In LangChain's words."""
    model = chat(scripted("four", finish=FinishReason.LENGTH))
    answer = model.invoke("hi")
    prompt, new = len(engine_of(model).prompts[0]), len(model.get_token_ids("four"))
    assert answer.usage_metadata == {
        "input_tokens": prompt,
        "output_tokens": new,
        "total_tokens": prompt + new,
        "input_token_details": {"cache_read": CACHED},
    }
    assert answer.response_metadata == {
        "finish_reason": "length",
        "seconds": SECONDS,
        "first_token_seconds": FIRST,
        "tokens_per_second": round(new / SECONDS, 1),
        "model_name": "tiny",
    }


def test_a_stream_adds_up_to_the_answer(scripted: Scripted) -> None:
    """Text, usage and reason; what is known at the end comes in the last piece."""
    model = chat(scripted("one 二 three "))
    pieces = list(model.stream("hi"))
    whole = sum(pieces[1:], pieces[0])
    answer = model.invoke("hi")
    assert len(pieces) > 3
    assert whole.content == answer.content == "one 二 three "
    assert whole.usage_metadata == answer.usage_metadata
    assert whole.response_metadata == answer.response_metadata
    assert whole.response_metadata["finish_reason"] == "stop"


async def test_asynchronous_answers_are_the_same(scripted: Scripted) -> None:
    """Invoked and streamed."""
    model = chat(scripted("one 二 three "))
    answer = await model.ainvoke("hi")
    pieces = [piece async for piece in model.astream("hi")]
    whole = sum(pieces[1:], pieces[0])
    assert whole.content == answer.content == "one 二 three "
    assert whole.response_metadata == answer.response_metadata
    assert whole.usage_metadata == answer.usage_metadata == model.invoke("hi").usage_metadata


async def test_asynchronous_answers_need_no_thread(scripted: Scripted) -> None:
    """They are read on the event loop itself: a hundred cost no thread pool."""
    model = chat(scripted("words"), callbacks=[])
    before = set(threading.enumerate())
    answers = await asyncio.gather(*[model.ainvoke("hi") for _ in range(20)])
    assert [answer.content for answer in answers] == ["words"] * 20
    assert set(threading.enumerate()) == before


def test_an_empty_answer_is_an_answer(scripted: Scripted) -> None:
    """A model may have nothing to say."""
    model = chat(scripted(""))
    assert model.invoke("hi").content == ""
    assert [piece.content for piece in model.stream("hi")] == [""]


def test_the_call_outweighs_the_object_and_the_object_the_folder(scripted: Scripted) -> None:
    """The folder's generation_config.json comes last."""
    model = chat(scripted(), temperature=0, top_k=5, seed=1)
    model.invoke("hi", top_k=7, max_tokens=3)
    assert engine_of(model).samplings == [
        Sampling(
            max_tokens=3, temperature=0, top_p=0.85, top_k=7, repetition_penalty=1.1, seed=1,
            stop_ids=frozenset({3}),
        )
    ]  # fmt: skip


@pytest.mark.parametrize("of_object", [True, False], ids=["object", "call"])
def test_stop_strings_end_the_answer_and_the_work(scripted: Scripted, *, of_object: bool) -> None:
    """They are no part of it, also where they span tokens; an end by one is a stop."""
    model = chat(scripted("one two three", finish=None), stop=["o th"] if of_object else None)
    answer = model.invoke("hi", stop=None if of_object else ["o th"])
    assert answer.content == "one tw"
    assert answer.response_metadata["finish_reason"] == "stop"
    assert engine_of(model).cancelled == [True]


def test_unknown_words_of_a_call_are_refused(scripted: Scripted) -> None:
    """A choice that would be ignored is a mistake the caller should hear of."""
    model = chat(scripted())
    with pytest.raises(SettingsError, match="temprature, tools: no such choice"):
        model.invoke("hi", temprature=0, tools=[])
    with pytest.raises(SettingsError, match="n: no such choice"):
        list(model.stream("hi", n=2))
    assert not engine_of(model).prompts


@pytest.mark.parametrize(
    "values", [{"temperature": -1}, {"top_p": 0}, {"temprature": 0}, {"stop": [""]}], ids=str
)
def test_an_object_with_a_bad_value_is_not_made(prepared: Path, values: dict[str, Any]) -> None:
    """Nothing is loaded for it; the error is one line that names the value."""
    (name,) = values
    with pytest.raises(SettingsError, match=rf"^{name}=[^\n]*$"):
        ChatXverse(prepared / "nothing is there", **values)


def test_tools_and_images_are_refused(scripted: Scripted) -> None:
    """In words, not by an answer that ignores them."""
    model = chat(scripted())
    with pytest.raises(SettingsError, match="tools"):
        model.bind_tools([])
    with pytest.raises(SettingsError, match="tools"):
        model.get_num_tokens_from_messages([HumanMessage("q")], tools=[dict])
    with pytest.raises(QuestionError, match="image"):
        model.invoke([HumanMessage([{"type": "image", "url": "x"}])])


def test_tokens_are_counted_as_the_prompt_has_them(scripted: Scripted) -> None:
    """Of a text, as it stands in a prompt; of messages, exactly."""
    model = chat(scripted())
    model.invoke(CONVERSATION)
    assert model.get_num_tokens_from_messages(CONVERSATION) == len(engine_of(model).prompts[0])
    assert model.get_num_tokens("a<|endoftext|>") > 5
    assert model.get_num_tokens("Human:") == len(
        model._loaded.chat_format.tokenizer.encode("Human：")
    )


def test_the_context_is_known_once_the_model_is_loaded(scripted: Scripted) -> None:
    """Whoever fills a prompt asks the model how long it may be."""
    assert chat(scripted(max_model_len=99)).max_model_len == 99


class Heard(BaseCallbackHandler):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.errors: list[BaseException] = []

    def on_llm_new_token(self, token: Any, **_kwargs: Any) -> None:
        self.tokens.append(token)

    def on_llm_error(self, error: BaseException, **_kwargs: Any) -> None:
        self.errors.append(error)


class HeardLater(AsyncCallbackHandler):
    """Keeps what it hears, asynchronously."""

    def __init__(self) -> None:
        self.tokens: list[str] = []

    async def on_llm_new_token(self, token: Any, **_kwargs: Any) -> None:
        self.tokens.append(token)


async def test_callbacks_hear_each_piece_once(scripted: Scripted) -> None:
    """In all four ways to ask."""
    model = chat(scripted("a b c"))
    pieces = [piece.text for piece in model.stream("hi")]
    ways: dict[str, tuple[Any, Callable[[Any], Any]]] = {
        "invoke": (Heard(), lambda config: model.invoke("hi", config)),
        "stream": (Heard(), lambda config: list(model.stream("hi", config))),
    }
    for heard, ask in ways.values():
        ask({"callbacks": [heard]})
    later, streamed = HeardLater(), HeardLater()
    await model.ainvoke("hi", {"callbacks": [later]})
    _ = [piece async for piece in model.astream("hi", {"callbacks": [streamed]})]
    said = [piece for piece in pieces if piece]
    for heard in (ways["invoke"][0], ways["stream"][0], later, streamed):
        assert [token for token in heard.tokens if token] == said


async def test_an_error_of_the_engine_reaches_every_reader(scripted: Scripted) -> None:
    """After the pieces that came before it; callbacks hear of it too."""
    failed = GeneratorError("the engine failed: sound of breaking")
    model, heard = chat(scripted("some", error=failed)), Heard()
    with pytest.raises(GeneratorError, match="breaking"):
        model.invoke("hi", {"callbacks": [heard]})
    with pytest.raises(GeneratorError, match="breaking"):
        await model.ainvoke("hi")
    got = []
    with pytest.raises(GeneratorError, match="breaking"):
        got.extend(model.stream("hi"))
    with pytest.raises(GeneratorError, match="breaking"):
        got.extend([piece async for piece in model.astream("hi")])
    assert heard.errors == [failed]
    assert all(engine_of(model).cancelled)


async def test_an_engine_that_is_closed_ends_the_streams_it_had(prepared: Path) -> None:
    """Readers that wait for the next piece hear of it at once, and so do those who come after."""
    model = ChatXverse(prepared, device="cpu", dtype="float32", max_model_len=500, temperature=0)
    waiting, later = model.stream("hi"), model.astream("hi")
    next(waiting)
    await anext(later)
    model._loaded.engine.close()
    with pytest.raises(GeneratorError, match="closed"):
        list(waiting)
    with pytest.raises(GeneratorError, match="closed"):
        _ = [piece async for piece in later]
    with pytest.raises(GeneratorError, match="closed"):
        model.invoke("hi")
    again = ChatXverse(prepared, device="cpu", dtype="float32", max_model_len=500, temperature=0)
    assert again.invoke("hi", max_tokens=2).content


def test_a_prompt_that_does_not_fit_says_so(loaded: LoadedModel) -> None:
    """How long it is, how long it may be, and what to do."""
    model = chat(loaded)
    question = "long " * 600
    tokens = model.get_num_tokens_from_messages([HumanMessage(question)])
    with pytest.raises(PromptTooLong, match=rf"{tokens:,} tokens.*512.*max_model_len"):
        model.invoke(question)


def test_an_answer_cut_off_by_the_context_says_so(loaded: LoadedModel) -> None:
    """It has what room there is, and ends for its length."""
    model = chat(loaded, temperature=0, max_tokens=2048)
    answer = model.invoke("hi " * 200)
    usage = answer.usage_metadata
    assert usage is not None
    assert usage["total_tokens"] == model.max_model_len == 512
    assert answer.response_metadata["finish_reason"] == "length"


def test_leaving_a_stream_frees_its_place(scripted: Scripted) -> None:
    """By break, by close, by an error of the reader's own, or by forgetting it."""
    model = chat(scripted("one two three", finish=None))
    for _piece in model.stream("hi"):
        break
    closed = model.stream("hi")
    next(closed)
    closed.close()  # type: ignore[attr-defined]
    forgotten = model.stream("hi")
    next(forgotten)
    del forgotten
    gc.collect()
    with suppress(ZeroDivisionError):
        for _piece in model.stream("hi"):
            raise ZeroDivisionError
    assert engine_of(model).cancelled == [True] * 4


async def test_leaving_an_asynchronous_stream_frees_its_place(scripted: Scripted) -> None:
    """By break, by close, by cancelling the task that reads it, or that waits for all of it."""
    model = chat(scripted("one two three", finish=None))
    async for _piece in model.astream("hi"):
        break
    closed = model.astream("hi")
    await anext(closed)
    await closed.aclose()  # type: ignore[attr-defined]
    for waiting in (_read_all(model), model.ainvoke("hi"), model.abatch(["hi", "ho"])):
        task = asyncio.ensure_future(waiting)
        await asyncio.sleep(0.05)
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    gc.collect()
    await asyncio.sleep(0.05)
    assert engine_of(model).cancelled == [True] * 6


async def _read_all(model: ChatXverse) -> list[AIMessageChunk]:
    return [piece async for piece in model.astream("hi")]


async def test_a_callback_that_fails_frees_the_place(scripted: Scripted) -> None:
    """Though the error, and all that it holds, is kept."""

    class Failing(Heard):
        raise_error = True

        def on_llm_new_token(self, token: Any, **_kwargs: Any) -> None:
            raise ZeroDivisionError(token)

    model = chat(scripted("one two three", finish=None))
    config: RunnableConfig = {"callbacks": [Failing()]}
    with pytest.raises(ZeroDivisionError) as first:
        model.invoke("hi", config)
    with pytest.raises(ZeroDivisionError) as second:
        await model.ainvoke("hi", config)
    assert first.value.__traceback__
    assert second.value.__traceback__
    assert engine_of(model).cancelled == [True, True]


class Meeting(ScriptedEngine):
    """Accepts a request only when so many are waiting."""

    def __init__(self, count: int, **script: Any) -> None:
        super().__init__(**script)
        self.barrier = threading.Barrier(count, timeout=20)

    def submit(self, prompt: Any, sampling: Sampling) -> Generation:
        self.barrier.wait()
        return super().submit(prompt, sampling)


def test_a_batch_is_asked_all_at_once(loaded: LoadedModel) -> None:
    """Not as many at a time as there are processors."""
    meeting = LoadedModel(Meeting(40), loaded.chat_format)
    assert len(chat(meeting).batch([f"question {n}" for n in range(40)])) == 40


def test_a_batch_keeps_the_limit_it_is_given(scripted: Scripted) -> None:
    """And tells of each answer whether it failed; nothing asked is nothing answered."""
    model = chat(scripted("a", max_model_len=30))
    answers = model.batch(["q", "long " * 30, "q"], {"max_concurrency": 1}, return_exceptions=True)
    assert [type(each) for each in answers] == [AIMessage, PromptTooLong, AIMessage]
    assert model.batch([]) == []


QUESTIONS = [f"question {n}: {'x ' * n}" for n in range(16)]


def test_sixteen_threads_get_the_answers_each_would_get_alone(loaded: LoadedModel) -> None:
    """Nothing of one conversation leaks into another."""
    model = chat(loaded, temperature=0, max_tokens=24)
    alone = [model.invoke(question).content for question in QUESTIONS]
    with ThreadPoolExecutor(16) as threads:
        together = list(threads.map(lambda question: model.invoke(question).content, QUESTIONS))
    assert together == alone
    assert [answer.content for answer in model.batch(QUESTIONS)] == alone
    assert len(set(alone)) > 8


async def test_sixteen_tasks_get_the_same_answers(loaded: LoadedModel) -> None:
    """Streams and whole answers side by side, on one event loop."""
    model = chat(loaded, temperature=0, max_tokens=24)
    alone = [model.invoke(question).content for question in QUESTIONS]

    async def streamed(question: str) -> str:
        return "".join([str(piece.content) async for piece in model.astream(question)])

    assert await asyncio.gather(*map(streamed, QUESTIONS)) == alone
    assert [answer.content for answer in await model.abatch(QUESTIONS)] == alone


def test_the_same_seed_gives_the_same_answer(loaded: LoadedModel) -> None:
    """Another seed another one."""
    model = chat(loaded, temperature=1.5, top_k=0, top_p=1.0, max_tokens=16)
    answers = [model.invoke("hi", seed=seed).content for seed in (1, 1, 2)]
    assert answers[0] == answers[1] != answers[2]


def test_abandoned_streams_leave_the_engine_free(loaded: LoadedModel) -> None:
    """A hundred readers who go away after the first piece hold up nobody."""
    model = chat(loaded, temperature=0, max_tokens=400)
    for _ in range(100):
        next(iter(model.stream("hi")))
    assert model.invoke("hi", max_tokens=4).response_metadata["seconds"] < 20


def test_an_object_loads_its_folder_and_shares_it(prepared: Path) -> None:
    """Path first or by name; both faces use one engine."""
    model = ChatXverse(prepared, device="cpu", dtype="float32", max_model_len=128)
    text = XVERSE_LLM(model=str(prepared), device="cpu", dtype="float32", max_model_len=128)
    assert model.loaded is text.loaded
    assert (model.model_name, model.max_model_len) == ("tiny", 128)
    assert model.invoke("你好", temperature=0, max_tokens=4).content


def test_a_copy_with_other_choices_shares_the_model(scripted: Scripted) -> None:
    """`bind`, `model_copy` and configurable fields load nothing."""
    model = chat(scripted("a"))
    assert model.model_copy(update={"temperature": 0}).loaded is model.loaded
    assert model.model_copy(deep=True).loaded is model.loaded
    assert model.bind(stop=["x"]).invoke("hi").content == "a"


@pytest.mark.parametrize("face", [ChatXverse, XVERSE_LLM])
def test_a_cache_of_answers_goes_by_model_and_choices(
    scripted: Scripted, face: type[ChatXverse | XVERSE_LLM]
) -> None:
    """The same question is answered anew where other choices hold."""
    loaded, cache = scripted("a"), InMemoryCache()
    for choices in ({}, {}, {"temperature": 0}, {"stop": ["x"]}, {"quantize": "int8"}):
        face(loaded=loaded, cache=cache, **choices).invoke("hi")
    engine = loaded.engine
    assert isinstance(engine, ScriptedEngine)
    assert len(engine.prompts) == 4


def test_a_streaming_object_answers_the_same(scripted: Scripted) -> None:
    """LangChain's older way to have callbacks hear the pieces."""
    loaded = scripted("one two ")
    whole, streamed = chat(loaded).invoke("hi"), chat(loaded, streaming=True).invoke("hi")
    assert streamed.content == whole.content
    assert streamed.usage_metadata == whole.usage_metadata
    assert streamed.response_metadata == whole.response_metadata


def test_a_model_is_shown_by_its_name_and_its_choices(scripted: Scripted) -> None:
    """Not by the tables it holds."""
    model = chat(scripted(), temperature=0.2)
    assert "loaded" not in repr(model)
    assert model.asdict() == {
        "_type": "xverse-chat", "model_name": "tiny", "model": str(model.model), "dtype": None,
        "quantize": None, "temperature": 0.2, "top_k": 30, "top_p": 0.85,
        "repetition_penalty": 1.1, "max_tokens": 2048,
    }  # fmt: skip
