"""XVERSE_LLM: the tutorial's class."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.prompts import PromptTemplate

from kb_qa.errors import GeneratorError, PromptTooLong, SettingsError
from kb_qa.xverse.chat_model import ChatXverse
from kb_qa.xverse.llm import XVERSE_LLM
from kb_qa.xverse.loading import LoadedModel
from tests.kb_qa.xverse.fakes import CACHED, Scripted, ScriptedEngine


def llm(loaded: LoadedModel, **values: Any) -> XVERSE_LLM:
    return XVERSE_LLM(loaded=loaded, **values)


def engine_of(model: XVERSE_LLM) -> ScriptedEngine:
    assert isinstance(model._loaded.engine, ScriptedEngine)
    return model._loaded.engine


@pytest.mark.parametrize("way", ["path first", "mode_name_or_path", "model"])
def test_the_model_is_named_in_any_of_three_ways(prepared: Path, way: str) -> None:
    """As tutorials write it, as people do, and as LangChain does."""
    here = {"device": "cpu", "dtype": "float32", "temperature": 0, "max_tokens": 4}
    made = XVERSE_LLM(prepared, **here) if way == "path first" else XVERSE_LLM(
        **{way: str(prepared)}, **here
    )  # fmt: skip
    assert made("你好") == made.invoke("你好") != ""


def test_two_models_are_one_too_many() -> None:
    """The error names both."""
    with pytest.raises(SettingsError, match=r"a and b"):
        XVERSE_LLM("a", mode_name_or_path="b")


def test_the_text_is_what_the_user_says(scripted: Scripted) -> None:
    """One turn in the chat format, as the tutorial's `model.chat` made it."""
    model = llm(scripted(" 你好 "))
    assert model("Assistant: q") == " 你好 "
    text = model._loaded.chat_format.tokenizer.decode(engine_of(model).prompts[0])
    assert text == "Human: Assistant： q\n\nAssistant: "


async def test_all_ways_to_ask_give_the_same_text(scripted: Scripted) -> None:
    """Called, invoked, in a batch, streamed; and each asynchronously."""
    model = llm(scripted("one 二 three "))
    assert model("hi") == "one 二 three "
    assert model.invoke("hi") == "one 二 three "
    assert model.batch(["hi", "ho"]) == ["one 二 three "] * 2
    assert "".join(model.stream("hi")) == "one 二 three "
    assert await model.ainvoke("hi") == "one 二 three "
    assert await model.abatch(["hi", "ho"]) == ["one 二 three "] * 2
    assert "".join([piece async for piece in model.astream("hi")]) == "one 二 three "
    assert model._call("hi") == await model._acall("hi") == "one 二 three "


def test_it_stands_in_a_chain_like_any_other(scripted: Scripted) -> None:
    """With a prompt before it, and words bound to it."""
    chain = PromptTemplate.from_template("Say {word}") | llm(scripted("a b")).bind(stop=[" b"])
    assert chain.invoke({"word": "x"}) == "a"


def test_choices_and_stop_strings_hold_per_object_and_per_call(scripted: Scripted) -> None:
    """The tutorial's class ignored both."""
    model = llm(scripted("one two three", finish=None), temperature=0, stop=["three"])
    assert model("hi", top_k=3) == "one two "
    assert model("hi", stop=[" two"]) == "one"
    assert [(each.temperature, each.top_k) for each in engine_of(model).samplings] == [
        (0, 3),
        (0, 30),
    ]
    assert engine_of(model).cancelled == [True, True]
    with pytest.raises(SettingsError, match="history: no such choice"):
        model("hi", history=[])


def test_the_answers_say_what_they_took(scripted: Scripted) -> None:
    """Each of its own, beside the text."""
    model = llm(scripted("words"))
    result = model.generate(["hi", "a longer one"])
    infos = [generation.generation_info or {} for (generation,) in result.generations]
    assert [info["usage_metadata"]["input_tokens"] for info in infos] == [
        len(prompt) for prompt in engine_of(model).prompts
    ]
    assert infos[0]["usage_metadata"]["input_token_details"] == {"cache_read": CACHED}
    assert infos[0]["finish_reason"] == "stop"
    assert result.llm_output == {"model_name": "tiny"}


class Waiting(ScriptedEngine):
    """Finishes nothing before so many have been asked."""

    def __init__(self, count: int, **script: Any) -> None:
        super().__init__(**script, finish=None)
        self.count = count

    def submit(self, prompt: Any, sampling: Any) -> Any:
        generation = super().submit(prompt, sampling)
        if len(self.mailboxes) == self.count:
            for mailbox in self.mailboxes:
                mailbox.finish("stop")  # type: ignore[arg-type]
        return generation


async def test_a_batch_is_under_way_before_the_first_answer_is_read(loaded: LoadedModel) -> None:
    """The engine can answer all of it at once."""
    waiting = LoadedModel(Waiting(80), loaded.chat_format)
    assert llm(waiting).batch(["q"] * 80) == [""] * 80
    waiting = LoadedModel(Waiting(80), loaded.chat_format)
    assert await llm(waiting).abatch(["q"] * 80) == [""] * 80


async def test_a_batch_that_cannot_be_asked_frees_what_was(scripted: Scripted) -> None:
    """An early error leaves nothing under way, nor does cancelling."""
    model = llm(scripted("a", finish=None, max_model_len=40))
    with pytest.raises(PromptTooLong):
        model.batch(["q", "q", "long " * 40])
    with pytest.raises(PromptTooLong):
        await model.abatch(["q", "q", "long " * 40])
    task = asyncio.ensure_future(model.abatch(["q", "q"]))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert engine_of(model).cancelled == [True] * 6


def test_an_error_of_the_engine_reaches_the_caller(scripted: Scripted) -> None:
    """Whole or in pieces."""
    model = llm(scripted("some", error=GeneratorError("the engine failed")))
    with pytest.raises(GeneratorError, match="failed"):
        model("hi")
    with pytest.raises(GeneratorError, match="failed"):
        list(model.stream("hi"))


def test_leaving_a_stream_frees_its_place(scripted: Scripted) -> None:
    """As of the chat model."""
    model = llm(scripted("one two", finish=None))
    for _piece in model.stream("hi"):
        break
    assert engine_of(model).cancelled == [True]


async def test_callbacks_hear_each_piece_once(scripted: Scripted) -> None:
    """Streamed or not."""

    class Heard(BaseCallbackHandler):
        def __init__(self) -> None:
            self.tokens: list[str] = []

        def on_llm_new_token(self, token: Any, **_kwargs: Any) -> None:
            self.tokens.append(token)

    model = llm(scripted("a b c"))
    heard = [Heard() for _ in range(4)]
    model.invoke("hi", {"callbacks": [heard[0]]})
    pieces = list(model.stream("hi", {"callbacks": [heard[1]]}))
    await model.ainvoke("hi", {"callbacks": [heard[2]]})
    _ = [piece async for piece in model.astream("hi", {"callbacks": [heard[3]]})]
    said = [piece for piece in pieces if piece]
    assert [each.tokens for each in heard] == [said] * 4


def test_it_answers_as_the_chat_model_does(loaded: LoadedModel) -> None:
    """One engine, one format."""
    choices = {"temperature": 0, "max_tokens": 12}
    text, chat = llm(loaded, **choices), ChatXverse(loaded=loaded, **choices)
    assert text("你好") == chat.invoke("你好").content
    assert (
        text.get_num_tokens("你好")
        == chat.get_num_tokens("你好")
        == len(text.get_token_ids("你好"))
    )
    assert text._llm_type == "xverse"
