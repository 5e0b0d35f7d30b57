"""Blocks of the cache belong to one text, or to texts that begin alike."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from kb_qa.xverse.engine.blocks import SPARE, BlockPool

BLOCKS, SIZE = 12, 2
TOKENS = st.integers(0, 1)  # few, so that texts often begin alike


class Pool(RuleBasedStateMachine):
    """Texts come, are computed token by token, and go; what each block holds is kept beside."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = BlockPool(BLOCKS, block_tokens=SIZE)
        self.texts: list[tuple[list[int], list[int]]] = []
        self.contents: dict[int, list[int]] = {}

    @rule(text=st.lists(TOKENS, min_size=1, max_size=9))
    def open(self, text: list[int]) -> None:
        """A new text takes what is there of its beginning, and computes the rest."""
        if self.pool.needed(len(text)) > self.pool.free:
            return
        blocks = self.pool.share(text)
        for index, block in enumerate(blocks):
            assert self.contents[block] == text[: (index + 1) * SIZE]
        assert len(blocks) * SIZE < len(text)
        self.texts.append((text, blocks))
        self.compute(self.texts[-1], since=len(blocks) * SIZE)

    @precondition(lambda self: self.texts)
    @rule(data=st.data(), tokens=st.lists(TOKENS, min_size=1, max_size=4))
    def grow(self, data: st.DataObject, tokens: list[int]) -> None:
        text = data.draw(st.sampled_from(self.texts))
        if self.pool.needed(len(text[0]) + len(tokens)) - len(text[1]) <= self.pool.free:
            since = len(text[0])
            text[0].extend(tokens)
            self.compute(text, since=since)

    @precondition(lambda self: self.texts)
    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.texts) - 1))
        _, blocks = self.texts.pop(index)
        self.pool.release(blocks)

    def compute(self, text: tuple[list[int], list[int]], *, since: int) -> None:
        tokens, blocks = text
        held = {block for _, others in self.texts for block in others}
        while len(blocks) < self.pool.needed(len(tokens)):
            block = self.pool.allocate()
            assert block not in held, "handed out while a text holds it"
            assert block != SPARE
            held.add(block)
            blocks.append(block)
        for end in range(since + 1, len(tokens) + 1):
            self.contents[blocks[(end - 1) // SIZE]] = tokens[:end]
        self.pool.remember(tokens, blocks, since=since, until=len(tokens))

    @invariant()
    def every_text_finds_its_tokens(self) -> None:
        for tokens, blocks in self.texts:
            for index, block in enumerate(blocks):
                assert self.contents[block] == tokens[: (index + 1) * SIZE]

    @invariant()
    def no_block_is_lost(self) -> None:
        held = {block for _, blocks in self.texts for block in blocks}
        assert len(held) + self.pool.free == BLOCKS - 1


Pool.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestBlocksOfManyTexts = Pool.TestCase
"""However texts come and go, each finds its own tokens, and every block is held or free."""


@given(
    text=st.lists(TOKENS, min_size=9, max_size=20),
    place=st.integers(0, 19),
)
def test_texts_that_differ_share_nothing_after(text: list[int], place: int) -> None:
    """One other token, and neither its block nor any after it is shared."""
    place %= len(text)
    pool = BlockPool(40, block_tokens=SIZE)
    blocks = fill(pool, text)
    other = [*text[:place], 2, *text[place + 1 :]]
    assert pool.share(other) == blocks[: min(place, len(text) - 1) // SIZE]


def test_the_same_blocks_are_not_shared_under_another_beginning() -> None:
    """Equal tokens after unequal ones have other keys and values."""
    pool = BlockPool(10, block_tokens=SIZE)
    fill(pool, [1, 1, 5, 5, 6, 6])
    assert pool.share([2, 2, 5, 5, 6, 6]) == []
    assert pool.share([5, 5, 6, 6]) == []


def test_the_last_token_is_always_computed() -> None:
    """A text that is cached whole gets all but the block of its last token."""
    pool = BlockPool(10, block_tokens=SIZE)
    blocks = fill(pool, [1, 2, 3, 4])
    assert pool.share([1, 2, 3, 4]) == blocks[:1]


def test_what_was_not_used_for_longest_is_overwritten_first() -> None:
    """Room comes from the text released first, from its end; used again, it stays."""
    pool = BlockPool(7, block_tokens=SIZE)
    first, second, third = ([each] * 5 for each in (1, 2, 3))
    held = {}
    for text in (first, second):
        held[text[0]] = fill(pool, text)
    pool.release(held[1])
    pool.release(held[2])
    pool.release(pool.share(first))  # used again
    taken = [pool.allocate() for _ in range(3)]
    assert held[1][0] not in taken
    assert held[1][1] not in taken
    pool.release(taken)
    assert len(pool.share(first)) == 2
    assert pool.share(third) == []


def test_there_is_an_error_when_no_block_is_free() -> None:
    """No block is handed out twice."""
    pool = BlockPool(3, block_tokens=SIZE)
    assert {pool.allocate(), pool.allocate()} == {1, 2}
    with pytest.raises(IndexError, match="no block is free"):
        pool.allocate()


def fill(pool: BlockPool, text: list[int]) -> list[int]:
    """A text computed in new blocks."""
    blocks = [pool.allocate() for _ in range(pool.needed(len(text)))]
    pool.remember(text, blocks, since=0, until=len(text))
    return blocks
