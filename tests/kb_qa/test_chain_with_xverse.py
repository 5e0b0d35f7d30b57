"""The chain with XVERSE itself: a tiny one with random weights, on the processor."""

import asyncio
import time
from pathlib import Path

import pytest

from kb_qa.chain import KnowledgeBaseQA, build_qa_chain
from kb_qa.errors import DeviceError
from kb_qa.generators import configured_llm, has_cuda_card
from kb_qa.lookalikes import seen
from kb_qa.prompted import PromptedChain
from kb_qa.settings import Settings
from kb_qa.store.knowledge_base import KnowledgeBase
from kb_qa.store.records import Chunk, Document
from kb_qa.xverse.chat_model import ChatXverse
from kb_qa.xverse.engine import FinishReason, Generation
from tests.kb_qa.xverse.official import Shape, make_official

TEXT = "恒温槽的保修期是两年。清洗前请先断电。"
QUESTION = "保修期是多久？"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model as its makers publish it."""
    return make_official(tmp_path_factory.mktemp("published") / "tiny", shape=Shape(positions=2048))


@pytest.fixture
def chain(published: Path, knowledge_base: KnowledgeBase) -> KnowledgeBaseQA:
    with knowledge_base.write() as writer, writer.transaction():
        vectors = knowledge_base.embeddings.embed_passages([TEXT])
        chunks = [Chunk(TEXT, 0, len(TEXT))]
        key = writer.put(Document("手册", "手册", TEXT), chunks=chunks, vectors=vectors)
        writer.place("/docs/手册.md", document=key, stamp="")
    settings = Settings(llm=str(published), device="cpu", floor=0.3)
    return build_qa_chain(
        kb=knowledge_base.folder, settings=settings, embeddings=knowledge_base.embeddings
    )


@pytest.mark.skipif(has_cuda_card(), reason="there is a card")
def test_without_a_card_it_is_refused(published: Path) -> None:
    """Unless KB_QA_DEVICE=cpu says that a processor will do."""
    with pytest.raises(DeviceError, match=r"no CUDA card .*KB_QA_DEVICE=cpu"):
        configured_llm(Settings(llm=str(published)))


def model_of(chain: KnowledgeBaseQA) -> ChatXverse:
    generator = chain.combine_documents_chain
    assert isinstance(generator, PromptedChain)
    assert isinstance(generator.llm, ChatXverse)
    return generator.llm


def test_a_published_folder_answers(chain: KnowledgeBaseQA) -> None:
    """Prepared, loaded, asked, streamed: text, who wrote it, and what it took."""
    parts = list(chain.stream({"query": QUESTION}))
    answer = parts[-1]["answer"]
    streamed = "".join(part.get("result", "") for part in parts)
    assert seen(streamed) == answer.text  # a model of noise also writes control characters
    assert answer.text.strip()
    assert answer.generator.startswith("tiny")
    assert answer.tokens["prompt"] > 50
    assert answer.tokens["new"] > 1
    assert answer.tokens_per_second > 1


async def test_the_same_question_gets_the_same_answer(chain: KnowledgeBaseQA) -> None:
    """Greedy, however it is asked."""
    first = chain.invoke(QUESTION)["result"]
    assert chain.invoke(QUESTION)["result"] == first
    assert (await chain.ainvoke({"query": QUESTION}))["result"] == first


def test_a_second_question_reads_only_what_is_new(chain: KnowledgeBaseQA) -> None:
    """Instruction and passages are known from the first."""
    chain.invoke(QUESTION)
    again = chain.invoke("保修期从哪天算起？")["answer"]
    assert again.tokens["cached"] > again.tokens["prompt"] / 2


def test_its_own_tokens_are_counted(chain: KnowledgeBaseQA) -> None:
    """Not bytes: the context holds more of Chinese."""
    budget = chain.combine_documents_chain.budget
    assert budget.tokens < 2048
    assert budget.count(TEXT) == len(model_of(chain).get_token_ids(TEXT))


async def test_stopping_frees_the_engine(chain: KnowledgeBaseQA) -> None:
    """A stream that is closed leaves nothing running."""
    scheduler = model_of(chain).loaded.engine._scheduler
    stream = chain.astream({"query": QUESTION})
    while "result" not in await anext(stream):
        pass
    (sequence,) = scheduler.sequences
    await stream.aclose()
    until = time.monotonic() + 5
    while scheduler.sequences and time.monotonic() < until:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    assert not scheduler.sequences
    assert Generation(sequence.mailbox).finish_reason is FinishReason.CANCELLED
