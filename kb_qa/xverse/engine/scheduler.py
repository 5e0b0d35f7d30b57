"""What the next step computes: which tokens of which sequences."""

from collections import deque
from dataclasses import dataclass

from kb_qa.xverse.engine.blocks import BlockPool
from kb_qa.xverse.engine.request import FinishReason
from kb_qa.xverse.engine.sequence import Sequence


@dataclass(frozen=True)
class Work:
    """The next tokens of one sequence.

    Attributes:
        sequence: whose they are.
        tokens: to compute, after those computed already.
        choices: the last so many of them are each asked what follows; 0 if
            more of the prompt is to come.
    """

    sequence: Sequence
    tokens: list[int]
    choices: int


@dataclass(frozen=True)
class Limits:
    """How much one step may hold.

    Attributes:
        sequences: that are under way at once.
        chunk_tokens: of prompts in one step.
        guess_rows: rows of a step that guesses may fill.
        guesses: most for one sequence.
        read_tokens: of the texts of a step of prompts, those in the cache
            included; one text may have as many as it has.
    """

    sequences: int
    chunk_tokens: int
    guess_rows: int
    guesses: int
    read_tokens: int


class Scheduler:
    """Turns waiting and running sequences into steps.

    A step is either a chunk of prompts or the next token of every sequence
    that has its prompt behind it. They take turns, so that a long prompt does
    not stop those who are reading an answer.
    """

    def __init__(self, pool: BlockPool, limits: Limits) -> None:
        self._pool, self._limits = pool, limits
        self._waiting: deque[Sequence] = deque()
        self._running: list[Sequence] = []
        self._slots = list(range(limits.sequences))
        self._prompts_turn = True

    @property
    def sequences(self) -> list[Sequence]:
        """All, running and waiting."""
        return [*self._running, *self._waiting]

    def add(self, sequence: Sequence) -> None:
        """Put a new request at the end of the queue."""
        self._waiting.append(sequence)

    def next_step(self) -> list[Work]:
        """The work of the next step; none if nothing is left to do."""
        self._drop_cancelled()
        self._prompts_turn = not self._prompts_turn
        steps = (self._prompts, self._answers)
        for step in steps if self._prompts_turn else reversed(steps):
            if works := step():
                return works
        return []

    def finish_step(self, works: list[Work], chosen: list[list[int]]) -> None:
        """Take in what the model chose after a step's tokens."""
        for work, tokens in zip(works, chosen, strict=True):
            sequence = work.sequence
            before = sequence.computed
            if work.choices:
                sequence.extend(tokens)
            else:
                sequence.computed += len(work.tokens)
            self._pool.remember(
                sequence.tokens, sequence.blocks, since=before, until=sequence.computed
            )
            if sequence.mailbox.closed:
                self._retire(sequence)

    def drop_all(self) -> list[Sequence]:
        """Let go of every sequence; the caller tells their readers."""
        dropped = self.sequences
        for sequence in list(self._running):
            self._retire(sequence)
        self._waiting.clear()
        return dropped

    def _drop_cancelled(self) -> None:
        for sequence in [each for each in self.sequences if each.mailbox.cancelled]:
            sequence.mailbox.finish(FinishReason.CANCELLED)
            if sequence in self._running:
                self._retire(sequence)
            else:
                self._waiting.remove(sequence)

    def _prompts(self) -> list[Work]:
        works: list[Work] = []
        room, read_room = self._limits.chunk_tokens, self._limits.read_tokens
        for sequence in self._unread():
            count = min(sequence.remaining, room)
            read_room -= sequence.computed + count
            if works and read_room < 0:
                break
            if not self._reserve(sequence, sequence.computed + count):
                break
            start = sequence.computed
            tokens = sequence.tokens[start : start + count]
            works.append(Work(sequence, tokens, choices=int(count == sequence.remaining)))
            room -= count
            if not room:
                break
        return works

    def _unread(self) -> "list[Sequence]":
        """Sequences with more than one token to compute; new ones as far as there is place.

        A new one may take no block that the rest of an older one's prompt needs:
        two halves of prompts that wait for each other's blocks would wait for ever.
        """
        unread = [each for each in self._running if each.remaining > 1]
        room = self._limits.chunk_tokens - sum(each.remaining for each in unread)
        promised = sum(self._missing(each, len(each.tokens)) for each in unread)
        while self._waiting and self._slots and room > 0:
            needed = self._pool.needed(len(self._waiting[0].tokens) + 1)
            if promised + needed > self._pool.free:
                break
            sequence = self._waiting.popleft()
            self._admit(sequence)
            unread.append(sequence)
            room -= sequence.remaining
            promised += self._missing(sequence, len(sequence.tokens))
        return unread

    def _admit(self, sequence: Sequence) -> None:
        sequence.slot = self._slots.pop()
        sequence.blocks = self._pool.share(sequence.tokens)
        sequence.computed = len(sequence.blocks) * self._pool.block_tokens
        if not sequence.returned:  # what it finds later it may have computed itself
            sequence.usage.cached_tokens = sequence.computed
        self._running.append(sequence)

    def _answers(self) -> list[Work]:
        ready = [each for each in self._running if each.remaining == 1]
        guesses = self._guesses(len(ready))
        for sequence in ready:
            sequence.guess(guesses)
        # Finding room for one may send back those who come after it.
        held = [each for each in ready if each in self._running and self._hold(each)]
        return [
            Work(each, [each.tokens[-1], *each.guesses], choices=1 + len(each.guesses))
            for each in held
            if each in self._running
        ]

    def _guesses(self, sequences: int) -> int:
        """How many each may have: a power of two less the one token that is sure."""
        if not sequences:
            return 0
        rows = min(self._limits.guess_rows // sequences, self._limits.guesses + 1)
        return (1 << (rows.bit_length() - 1)) - 1 if rows > 1 else 0

    def _hold(self, sequence: Sequence) -> bool:
        """Find room for the next tokens, if need be by sending the youngest back to the queue."""
        while not self._reserve(sequence, len(sequence.tokens) + len(sequence.guesses)):
            youngest = self._running[-1]
            self._send_back(youngest)
            if youngest is sequence:
                return False
        return True

    def _reserve(self, sequence: Sequence, tokens: int) -> bool:
        missing = self._missing(sequence, tokens)
        if missing > self._pool.free:
            return False
        sequence.blocks += [self._pool.allocate() for _ in range(missing)]
        return True

    def _missing(self, sequence: Sequence, tokens: int) -> int:
        """Blocks a sequence must yet get to hold so many tokens."""
        return self._pool.needed(tokens) - len(sequence.blocks)

    def _send_back(self, sequence: Sequence) -> None:
        """What it has got it keeps; only its keys and values are computed again."""
        self._retire(sequence)
        sequence.computed, sequence.guesses, sequence.returned = 0, [], True
        self._waiting.appendleft(sequence)

    def _retire(self, sequence: Sequence) -> None:
        self._running.remove(sequence)
        self._pool.release(sequence.blocks)
        self._slots.append(sequence.slot)
        sequence.blocks, sequence.slot = [], -1
