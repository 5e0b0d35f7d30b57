"""Whose tokens are computed next, and what happens when the cache is too small for all."""

import random
from collections.abc import Callable

import pytest

from kb_qa.xverse.engine import Sampling
from kb_qa.xverse.engine.blocks import BlockPool
from kb_qa.xverse.engine.request import FinishReason, Mailbox, Usage
from kb_qa.xverse.engine.scheduler import Limits, Scheduler, Work
from kb_qa.xverse.engine.sequence import Sequence
from tests.kb_qa.xverse.engine.conftest import Tiny
from tests.kb_qa.xverse.engine.models import NEW, generate, make_tiny_engine

SIZE = 4


def test_answers_are_right_when_the_cache_is_too_small_for_all(llama: Tiny) -> None:
    """Texts without room wait, or are sent back, and still end as they would alone."""
    with make_tiny_engine(llama.folder, cache_tokens=160) as engine:
        texts = generate(engine, llama.prompts[:60], Sampling(max_tokens=NEW))
    assert texts == llama.answers[:60]


@pytest.mark.parametrize("seed", range(40))
def test_every_text_ends_however_little_room_there_is(seed: int) -> None:
    """No step is empty while a text is left; all blocks are free again in the end."""
    chance = random.Random(seed)
    pool, scheduler = make(blocks=chance.randint(12, 24), chunk_tokens=chance.randint(3, 30))
    heads = [[chance.randrange(3) for _ in range(36)] for _ in range(2)]
    sequences = []
    for _ in range(12):
        head = chance.choice(heads)[: chance.randint(1, 36)]
        sequences.append(sequence_of(head, new=chance.randint(1, 44 - len(head))))
        scheduler.add(sequences[-1])
    run(scheduler)
    assert all(each.mailbox.finish_reason == FinishReason.LENGTH for each in sequences)
    assert [len(each.tokens) for each in sequences] == [each.limit for each in sequences]
    assert pool.free == pool_size(pool)


def test_halves_of_prompts_do_not_wait_for_each_other() -> None:
    """A new text takes no cached block that an older text's prompt yet needs."""
    pool, scheduler = make(blocks=11, chunk_tokens=12)
    cached = [*range(20), 90, 91, 92]
    scheduler.add(sequence_of(cached, new=1))
    run(scheduler)
    long = sequence_of([*range(100, 123)], new=1)
    scheduler.add(long)
    scheduler.finish_step(works := scheduler.next_step(), answers(works))
    scheduler.add(sequence_of(cached, new=3))
    run(scheduler)
    assert long.mailbox.finish_reason == FinishReason.LENGTH
    assert pool.free == pool_size(pool)


def test_texts_begin_in_the_order_they_came() -> None:
    """A short text that would fit does not overtake a long one that must wait."""
    _, scheduler = make(blocks=10, chunk_tokens=100)
    texts = [sequence_of([i] * length, new=2) for i, length in enumerate((20, 30, 3))]
    for each in texts:
        scheduler.add(each)
    order: list[Sequence] = []
    run(scheduler, watch=lambda works: order.extend(work.sequence for work in works))
    firsts = [order.index(each) for each in texts]
    assert firsts == sorted(firsts)
    assert order.index(texts[1]) > order.index(texts[0])


def test_texts_sent_back_go_on_in_the_order_they_came() -> None:
    """The youngest makes room; who is oldest is never sent back."""
    _, scheduler = make(blocks=9, chunk_tokens=100)
    texts = [sequence_of([i] * 8, new=20) for i in range(3)]
    for each in texts:
        scheduler.add(each)
    finished: list[Sequence] = []

    def watch(works: list[Work]) -> None:
        assert texts[0].mailbox.closed or texts[0] in [work.sequence for work in works]
        finished.extend(each for each in texts if each.mailbox.closed and each not in finished)

    run(scheduler, watch=watch)
    assert finished[:2] == texts[:2]


def test_a_long_prompt_does_not_stop_those_who_read() -> None:
    """While a prompt is taken in, piece by piece, every other step is one of answers."""
    _, scheduler = make(blocks=100, chunk_tokens=8)
    reader = sequence_of([1, 2, 3], new=60)
    scheduler.add(reader)
    works = scheduler.next_step()
    scheduler.finish_step(works, answers(works))
    long = sequence_of([*range(100, 200)], new=2)
    scheduler.add(long)
    steps: list[Sequence] = []
    while long.computed < long.prompt_tokens:
        works = scheduler.next_step()
        assert sum(len(work.tokens) for work in works) <= 8
        steps += [works[0].sequence]
        scheduler.finish_step(works, answers(works))
    turns = [each is long for each in steps]
    assert turns[:20] in ([True, False] * 10, [False, True] * 10)


def test_a_step_of_prompts_reads_no_more_than_there_is_memory_for() -> None:
    """Long texts, cached but for their ends, do not go on all in one step; one always may."""
    _, scheduler = make(blocks=100, chunk_tokens=100)
    head = [*range(40)]
    scheduler.add(sequence_of(head, new=1))
    run(scheduler)
    texts = [sequence_of([*head, 100 + i, 7, 8, 9, 9], new=2) for i in range(4)]
    for each in texts:
        scheduler.add(each)
    sizes: list[int] = []

    def watch(works: list[Work]) -> None:
        if len(works[0].tokens) > 1 and works[0].choices == 1:
            sizes.append(sum(each.sequence.computed + len(each.tokens) for each in works))

    run(scheduler, watch=watch)
    assert len(sizes) >= 4
    assert max(sizes) <= 45


def test_cancelled_texts_free_their_blocks_at_the_next_step() -> None:
    """Running or waiting, a cancelled text is gone, and its reader hears of it."""
    pool, scheduler = make(blocks=12, chunk_tokens=100, sequences=2)
    texts = [sequence_of([i] * 9, new=20) for i in range(3)]
    for each in texts:
        scheduler.add(each)
    scheduler.finish_step(works := scheduler.next_step(), answers(works))
    assert pool.free < pool_size(pool)
    for each in texts:
        each.mailbox.cancelled = True
    assert scheduler.next_step() == []
    assert {each.mailbox.finish_reason for each in texts} == {FinishReason.CANCELLED}
    assert pool.free == pool_size(pool)
    assert not scheduler.sequences


def test_cached_tokens_are_those_found_at_the_first_start() -> None:
    """What a text had computed itself before it was sent back is not counted as found."""
    _, scheduler = make(blocks=9, chunk_tokens=100)
    texts = [sequence_of([i] * 8, new=20) for i in range(3)]
    for each in texts:
        scheduler.add(each)
    run(scheduler)
    assert [each.usage.cached_tokens for each in texts] == [0, 0, 0]


def make(*, blocks: int, chunk_tokens: int, sequences: int = 8) -> tuple[BlockPool, Scheduler]:
    pool = BlockPool(blocks, block_tokens=SIZE)
    limits = Limits(
        sequences=sequences, chunk_tokens=chunk_tokens, guess_rows=8, guesses=3, read_tokens=44
    )
    return pool, Scheduler(pool, limits)


def pool_size(pool: BlockPool) -> int:
    return len(pool._references) - 1


def sequence_of(prompt: list[int], *, new: int) -> Sequence:
    mailbox = Mailbox(Usage(prompt_tokens=len(prompt)))
    return Sequence(list(prompt), Sampling(), limit=len(prompt) + new, seed=0, mailbox=mailbox)


def answers(works: list[Work]) -> list[list[int]]:
    """A model that says 7 after everything."""
    return [[7] * work.choices for work in works]


def run(scheduler: Scheduler, *, watch: Callable[[list[Work]], None] = lambda _works: None) -> None:
    """Until nothing is left."""
    while scheduler.sequences:
        works = scheduler.next_step()
        assert works, "a step does nothing while texts wait"
        watch(works)
        scheduler.finish_step(works, answers(works))
