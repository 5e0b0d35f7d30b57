"""A language model behind an OpenAI-compatible server, over real HTTP."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from kb_qa.errors import GeneratorError
from kb_qa.served import load_served
from tests.served import KEY, ChatServer, Script, chat_server


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as running:
        yield running


def test_it_streams_and_says_what_it_used(server: ChatServer) -> None:
    """Pieces as the server makes them, the same answer each time, and the tokens at the end."""
    model = load_served(server.url, model="tiny", key=KEY)
    pieces = list(model.stream("How long?"))
    assert [piece.text for piece in pieces if piece.text] == list(server.script.pieces)
    total = sum(pieces[1:], pieces[0])
    assert total.usage_metadata["output_tokens"] == 3
    assert total.usage_metadata["input_token_details"]["cache_read"] == 60
    (asked,) = server.asked
    assert asked["model"] == "tiny"
    assert asked["temperature"] == 0
    assert asked["max_tokens"] == 512  # servers other than OpenAI's know no other name for it
    assert server.keys == [f"Bearer {KEY}"]


async def test_all_ways_to_ask_agree(server: ChatServer) -> None:
    """invoke, ainvoke, astream; each on its own event loop, as servers of pages have several."""
    model = load_served(server.url, model="tiny")
    text = "".join(server.script.pieces)
    assert model.invoke("How long?").text == text
    assert (await model.ainvoke("How long?")).text == text
    assert "".join([piece.text async for piece in model.astream("How long?")]) == text


FAULTS = [
    (Script(status=401, said=f"bad key {KEY}"), "the key was refused: set KB_QA_LLM_KEY or OPENAI"),
    (Script(status=403), "the key may not use this model"),
    (Script(status=404), "there is no model 'tiny', or no API"),
    (Script(status=429), "too many requests"),
    (Script(status=400, said="maximum\ncontext"), "maximum context.*set KB_QA_MAX_MODEL_LEN"),
    (Script(status=500, said="out of memory"), "the server failed .*out of memory"),
    (Script(status=418, said="a teapot"), "failed .*a teapot"),
    (Script(ends="cut"), "ended the answer in the middle"),
    (Script(ends="error", said="the engine died"), "failed .*the engine died"),
]


@pytest.mark.parametrize(("script", "told"), FAULTS, ids=[told[:30] for _, told in FAULTS])
async def test_what_goes_wrong_is_one_line(server: ChatServer, script: Script, told: str) -> None:
    """It names the address, and what to do; never the key."""
    server.script = script
    model = load_served(server.url, model="tiny", key=KEY)
    with pytest.raises(GeneratorError, match=f"^{server.url}: .*{told}") as failed:
        list(model.stream("How long?"))
    with pytest.raises(GeneratorError, match=told):
        _ = [piece async for piece in model.astream("How long?")]
    assert "\n" not in str(failed.value)
    assert KEY not in str(failed.value)


def test_a_server_that_is_not_there(server: ChatServer) -> None:
    """Its address is named, without the password in it."""
    server.server_close()
    url = server.url.replace("//", "//me:hunter2@")
    with pytest.raises(GeneratorError, match=f"{server.url}: cannot be reached") as failed:
        load_served(url, model="tiny").invoke("How long?")
    assert "hunter2" not in str(failed.value)


def test_closing_the_stream_hangs_up(server: ChatServer) -> None:
    """The server notices at once, and need not write to the end."""
    server.script = Script(pieces=["word "] * 1000, seconds=0.02)
    stream = load_served(server.url, model="tiny").stream("How long?")
    next(stream)
    stream.close()
    assert server.left.wait(5)


async def test_closing_the_asynchronous_stream_hangs_up(server: ChatServer) -> None:
    """Though the server is silent at that moment."""
    server.script = Script(pieces=["word "] * 1000, seconds=0.02)
    stream = load_served(server.url, model="tiny").astream("How long?")
    await anext(stream)
    await stream.aclose()
    assert await _soon(server.left)


async def _soon(event: threading.Event) -> bool:
    return await asyncio.to_thread(event.wait, 5)


def test_the_key_is_never_shown() -> None:
    """Not by the model, however it is printed."""
    model = load_served("http://127.0.0.1:1/v1", model="tiny", key=KEY)
    assert KEY not in repr(model) + str(model) + str(model.model_dump())


def test_nothing_is_asked_of_the_network_before_a_question() -> None:
    """Importing, building and counting tokens open no connection."""
    script = (
        "import socket\n"
        "def refuse(*_): raise AssertionError('a connection')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from kb_qa.served import load_served\n"
        "print(load_served('http://host/v1', model='tiny').get_num_tokens('四个汉字'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.stdout == "12\n", done.stderr
