"""One request as the engine keeps it."""

import time
from collections.abc import Sequence as Tokens
from dataclasses import dataclass, field

from kb_qa.xverse.engine.request import FinishReason, Mailbox, Sampling, Usage
from kb_qa.xverse.engine.speculation import PromptLookup


@dataclass(eq=False)
class Sequence:
    """A text that grows.

    Attributes:
        tokens: the prompt, and what was generated.
        sampling: how to go on.
        limit: tokens it may have in all.
        seed: of its random choices.
        blocks: where its keys and values are.
        computed: tokens whose keys and values are there.
        guesses: tokens that may come next, to be checked in one step.
        slot: its row in the sampler's memory.
        returned: whether it once had to make room for others.
    """

    tokens: list[int]
    sampling: Sampling
    limit: int
    seed: int
    mailbox: Mailbox
    blocks: list[int] = field(default_factory=list)
    computed: int = 0
    guesses: list[int] = field(default_factory=list)
    slot: int = -1
    returned: bool = False
    lookup: PromptLookup = field(default_factory=PromptLookup)
    submitted: float = field(default_factory=time.perf_counter)

    @property
    def usage(self) -> Usage:
        return self.mailbox.usage

    @property
    def prompt_tokens(self) -> int:
        return self.usage.prompt_tokens

    @property
    def remaining(self) -> int:
        """Tokens to compute before the next one can be chosen."""
        return len(self.tokens) - self.computed

    @property
    def room(self) -> int:
        """Tokens it may still grow by."""
        return self.limit - len(self.tokens)

    def guess(self, count: int) -> None:
        """Think of at most so many tokens that may come next."""
        count = min(count, self.room - 1)
        self.guesses = self.lookup.guess(self.tokens, count) if count > 0 else []

    def extend(self, chosen: Tokens[int]) -> None:
        """Take the tokens the model chose after each of the last ones, as far as they hold.

        The first follows the text. Each of the others follows a guess, and
        holds only if that guess was what the model chose there.
        """
        checked = len(chosen) - 1
        right = 0
        while right < checked and self.guesses[right] == chosen[right]:
            right += 1
        self.computed = len(self.tokens) + right
        self._hand_out(list(chosen[: right + 1]))
        self.guesses = []

    def _hand_out(self, tokens: list[int]) -> None:
        stop = next((i for i, t in enumerate(tokens) if t in self.sampling.stop_ids), None)
        kept = tokens[: self.room if stop is None else min(stop, self.room)]
        self.tokens += kept
        self._count(len(kept))
        if kept:
            self.mailbox.put(kept)
        if stop is not None and stop == len(kept):
            self.mailbox.finish(FinishReason.STOP)
        elif self.room <= 0:
            self.mailbox.finish(FinishReason.LENGTH)

    def _count(self, new: int) -> None:
        usage, passed = self.usage, time.perf_counter() - self.submitted
        usage.first_token_seconds = usage.first_token_seconds or passed
        usage.seconds = passed
        usage.new_tokens += new
        usage.steps += 1
