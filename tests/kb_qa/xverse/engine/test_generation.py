"""The handle on a request: read, cancelled, and told of errors, from any thread or loop."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest
import torch

from kb_qa.errors import GeneratorError, PromptTooLong, SettingsError
from kb_qa.xverse.engine import Engine, FinishReason, Generation, Sampling
from kb_qa.xverse.engine.blocks import BlockPool
from kb_qa.xverse.engine.runner import Runner
from kb_qa.xverse.engine.scheduler import Limits, Scheduler, Work
from tests.kb_qa.xverse.engine.conftest import Tiny
from tests.kb_qa.xverse.engine.models import NEW, tokens_of

LONG = Sampling(max_tokens=5000)
CONTEXT, VOCABULARY = 10_000, 100


class CountingRunner(Runner):
    """Says the number of tokens so far, a little slowly; raises when told to."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.once = False

    def run(self, works: Sequence[Work]) -> list[list[int]]:
        time.sleep(0.001)
        if self.error is not None:
            error, self.error = self.error, None if self.once else self.error
            raise error
        return [[len(work.sequence.tokens) % VOCABULARY] * work.choices for work in works]


class Counting:
    """An engine over a counting runner, and its pool of blocks."""

    def __init__(self) -> None:
        self.runner = CountingRunner()
        self.pool = BlockPool(1 + CONTEXT // 10, block_tokens=20)
        limits = Limits(sequences=8, chunk_tokens=100, guess_rows=0, guesses=0, read_tokens=CONTEXT)
        scheduler = Scheduler(self.pool, limits)
        self.blocks = self.pool.free
        self.engine = Engine(self.runner, scheduler, max_model_len=CONTEXT, vocabulary=VOCABULARY)

    def submit(self, sampling: Sampling = LONG) -> Generation:
        return self.engine.submit([1, 2, 3], sampling)

    @property
    def is_free(self) -> bool:
        """Whether every block is nobody's."""
        return self.pool.free == self.blocks


@pytest.fixture
def counting() -> Iterator[Counting]:
    made = Counting()
    yield made
    made.engine.close()


def test_tokens_come_as_they_are_made(counting: Counting) -> None:
    """A reader has the first token long before the last is there."""
    generation = counting.submit(Sampling(max_tokens=500))
    pieces = iter(generation)
    assert next(pieces) == [3]
    assert generation.finish_reason is None
    assert [token for piece in pieces for token in piece] == [i % 100 for i in range(4, 503)]
    assert generation.finish_reason is FinishReason.LENGTH
    usage = generation.usage
    assert (usage.prompt_tokens, usage.new_tokens, usage.steps) == (3, 500, 500)
    assert 0 < usage.first_token_seconds < usage.seconds


async def test_an_event_loop_reads_many_at_once(llama: Tiny, tiny_engine: Engine) -> None:
    """Asynchronous readers take turns, and each gets its own answer."""

    async def read(prompt: list[int]) -> list[int]:
        generation = tiny_engine.submit(prompt, Sampling(max_tokens=NEW))
        return [token async for piece in generation for token in piece]

    answers = await asyncio.gather(*(read(prompt) for prompt in llama.prompts[:20]))
    assert answers == llama.answers[:20]


async def test_an_event_loop_is_not_kept_waiting(counting: Counting) -> None:
    """While an answer comes, the loop does other things."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.001)

    other = asyncio.create_task(tick())
    async for _ in counting.submit(Sampling(max_tokens=200)):
        pass
    other.cancel()
    assert ticks > 20


def test_leaving_the_iteration_frees_its_place(counting: Counting) -> None:
    """A reader that breaks off has cancelled; the blocks are nobody's soon after."""
    generation = counting.submit()
    for _ in generation:
        break
    wait_until(lambda: counting.is_free)
    assert generation.finish_reason is FinishReason.CANCELLED
    assert generation.usage.new_tokens < 1000


async def test_leaving_an_asynchronous_iteration_frees_its_place(counting: Counting) -> None:
    """The same on an event loop, whether it breaks off or its task is cancelled."""

    async def read_one() -> None:
        async for _ in counting.submit():
            break

    async def read_all() -> None:
        async for _ in counting.submit():
            pass

    await read_one()
    task = asyncio.create_task(read_all())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.05)
    await asyncio.to_thread(wait_until, lambda: counting.is_free)


def test_another_thread_cancels(counting: Counting) -> None:
    """The reader's iteration ends at once, without an error, with what had come."""
    generation = counting.submit()
    threading.Timer(0.05, generation.cancel).start()
    tokens = tokens_of(generation)
    assert 0 < len(tokens) == generation.usage.new_tokens < 4000
    assert generation.finish_reason is FinishReason.CANCELLED
    wait_until(lambda: counting.is_free)


def test_who_waits_in_the_queue_can_be_cancelled(counting: Counting) -> None:
    """A request that has not begun is cancelled like any other."""
    generations = [counting.submit() for _ in range(9)]  # one more than there are places
    wait_until(lambda: generations[0].usage.new_tokens > 0)
    generations[8].cancel()
    assert tokens_of(generations[8]) == []
    for each in generations:
        each.cancel()
    wait_until(lambda: counting.is_free)


def test_several_readers_share_the_pieces(counting: Counting) -> None:
    """Each piece goes to one reader, and all readers end."""
    generation = counting.submit(Sampling(max_tokens=300))
    read: list[list[int]] = [[] for _ in range(4)]
    threads = [
        threading.Thread(target=lambda part=part: part.extend(tokens_of(generation)))
        for part in read
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join(timeout=30)
        assert not each.is_alive()
    assert sorted(token for part in read for token in part) == sorted(
        i % 100 for i in range(3, 303)
    )


async def test_an_engine_error_reaches_everyone_at_once(counting: Counting) -> None:
    """Readers in threads and on loops, those waiting, and who comes later hear of it in a line."""
    running, waiting = counting.submit(), [counting.submit() for _ in range(10)]
    async_reader = asyncio.create_task(read_async(counting.submit()))
    await asyncio.sleep(0.02)
    counting.runner.error = ValueError("the card fell off\nthe bus")
    for generation in (running, *waiting):
        with pytest.raises(GeneratorError, match=r"^the engine failed: the card fell off$"):
            await asyncio.to_thread(tokens_of, generation)
    with pytest.raises(GeneratorError, match="the card fell off"):
        await asyncio.wait_for(async_reader, timeout=5)
    with pytest.raises(GeneratorError, match="the card fell off"):
        counting.submit()
    assert counting.is_free


def test_running_out_of_memory_fails_only_those_under_way(counting: Counting) -> None:
    """They hear of it; the engine answers whoever comes after."""
    generation = counting.submit()
    counting.runner.once = True
    counting.runner.error = torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate")
    with pytest.raises(GeneratorError, match=r"^the device ran out of memory: CUDA out of memory"):
        tokens_of(generation)
    assert len(tokens_of(counting.submit(Sampling(max_tokens=5)))) == 5


def test_closing_ends_what_is_under_way(counting: Counting) -> None:
    """Readers are told, running or waiting; later requests are refused; closing twice is fine."""
    generations = [counting.submit() for _ in range(10)]
    next(iter(generations[0]))
    counting.engine.close()
    for each in generations[1:]:
        with pytest.raises(GeneratorError, match="closed while it answered"):
            tokens_of(each)
    with pytest.raises(GeneratorError, match="has been closed: load it again"):
        counting.submit()
    counting.engine.close()
    assert counting.is_free
    assert "xverse-engine" not in [
        each.name for each in threading.enumerate() if each is counting.engine._thread
    ]


def test_a_prompt_must_leave_room_for_an_answer(counting: Counting) -> None:
    """The error says both numbers and what to do."""
    with pytest.raises(
        PromptTooLong,
        match=r"^the prompt has 10,000 tokens, .* may have 10,000: shorten it, or load .*$",
    ):
        counting.engine.submit([1] * CONTEXT, LONG)


@pytest.mark.parametrize("strange", [-1, VOCABULARY])
def test_ids_the_model_does_not_know_are_refused(counting: Counting, strange: int) -> None:
    """The id is named, and so are those that are known."""
    with pytest.raises(SettingsError, match=rf"^token id {strange}: the model knows 0 to 99$"):
        counting.engine.submit([1, strange, 2], LONG)


def test_an_empty_prompt_is_refused(counting: Counting) -> None:
    """There is nothing to go on from."""
    with pytest.raises(SettingsError, match="the prompt has no tokens: give at least one"):
        counting.engine.submit([], LONG)


async def read_async(generation: Generation) -> list[int]:
    return [token async for piece in generation for token in piece]


def wait_until(holds: Callable[[], bool], *, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.005)
