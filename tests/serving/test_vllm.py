"""A real vLLM serves a prepared folder, and the knowledge base answers through it.

`make serving-test` runs this. KB_QA_VLLM is the Python of an environment with vLLM; the CPU build
does.
"""

import os
import re
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from kb_qa.chain import build_qa_chain
from kb_qa.errors import GeneratorError
from kb_qa.served import load_served
from kb_qa.settings import Settings
from kb_qa.xverse.chat_model import ChatXverse
from kb_qa.xverse.preparation import prepare
from tests.kb_qa.xverse.official import Shape, make_official

NAME = "xverse-7b-chat"
SHAPE = Shape(hidden=128, heads=4, positions=4096)  # vLLM wants heads of 32 numbers or more
STARTS_WITHIN = 540  # seconds


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("xverse")
    published = make_official(folder / "published", shape=SHAPE)
    return prepare(published, folder / "tiny", tell=lambda _line: None)


@pytest.fixture(scope="session")
def base_url(prepared: Path) -> Iterator[str]:
    """vLLM, started as the README says, but for one processor instead of cards."""
    python = os.environ.get("KB_QA_VLLM")
    if not python:
        pytest.fail("no vLLM: set KB_QA_VLLM to the Python of an environment that has it")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        *(python, "-m", "vllm.entrypoints.openai.api_server", "--model", str(prepared)),
        *("--served-model-name", NAME, "--host", "127.0.0.1", "--port", str(port)),
        *("--dtype", "float32", "--enforce-eager"),
    ]
    environment = {
        **os.environ,
        "VLLM_CPU_KVCACHE_SPACE": "1",  # GB
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
    }
    log = prepared.parent / "vllm.log"
    with (
        log.open("wb") as said,
        subprocess.Popen(
            command, env=environment, cwd=prepared.parent, stdout=said, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            wait_for(f"http://127.0.0.1:{port}/health", process, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()


def wait_for(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(1)
    pytest.fail(f"vLLM did not start:\n{log.read_text(errors='replace')[-3000:]}")


def test_the_knowledge_base_answers_through_it(base_url: str, sample_kb: Path) -> None:
    """Asked as a user asks: KB_QA_LLM names address and model."""
    settings = Settings(llm=f"openai:{base_url}#{NAME}", max_model_len=4096, passages=2)
    chain = build_qa_chain(kb=sample_kb, settings=settings)
    answer = chain.invoke({"query": "入职满一年的员工有几天年假？"})["answer"]
    assert answer.text.strip()
    assert answer.generator == NAME
    assert answer.tokens["new"] > 1
    again = chain.invoke({"query": "入职满一年的员工有几天年假？"})["answer"]
    assert again.text == answer.text


def test_the_prepared_folder_s_chat_template_is_the_chat_format(
    base_url: str, prepared: Path
) -> None:
    """The same conversation has the same tokens there and here, and the same greedy answer."""
    served = load_served(base_url, model=NAME)
    ours = ChatXverse(prepared, device="cpu", dtype="float32", temperature=0, repetition_penalty=1)
    conversation = [HumanMessage("你好"), AIMessage("你好！"), HumanMessage("How are you?\nWell?")]
    for messages in ([HumanMessage("你好")], conversation):
        theirs = served.invoke(messages, max_tokens=16)
        here = ours.invoke(messages, max_tokens=16)
        assert theirs.usage_metadata["input_tokens"] == here.usage_metadata["input_tokens"]
        assert letters(theirs.text) == letters(here.text)


def letters(text: str) -> str:
    """Random weights make bytes that are no text; engines show those differently."""
    return re.sub(r"[\W_]+", "", text)


def test_its_errors_are_one_line(base_url: str) -> None:
    """A model it does not serve, a prompt too long."""
    with pytest.raises(GeneratorError, match=f"^{base_url}: there is no model 'other'"):
        load_served(base_url, model="other").invoke("你好")
    with pytest.raises(GeneratorError, match=f"^{base_url}: the request was refused .*MAX_MODEL"):
        load_served(base_url, model=NAME).invoke("你好" * 9000)
