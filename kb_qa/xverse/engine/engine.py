"""The engine: token ids in, token ids out, many requests at once on one device."""

import secrets
import threading
from collections.abc import Sequence as Tokens
from contextlib import suppress
from hashlib import blake2b
from types import TracebackType
from typing import Self

import torch

from kb_qa.errors import GeneratorError, PromptTooLong, SettingsError
from kb_qa.xverse.engine.request import Generation, Mailbox, Sampling, Usage
from kb_qa.xverse.engine.runner import Runner
from kb_qa.xverse.engine.scheduler import Scheduler
from kb_qa.xverse.engine.sequence import Sequence


class Engine:
    """Generates for many requests at once, in a thread of its own.

    Args:
        runner: computes the steps.
        scheduler: says what they are.
        max_model_len: tokens of one prompt and its answer.
        vocabulary: ids a prompt may hold.
    """

    def __init__(
        self, runner: Runner, scheduler: Scheduler, *, max_model_len: int, vocabulary: int
    ) -> None:
        self.max_model_len, self.vocabulary = max_model_len, vocabulary
        self._runner, self._scheduler = runner, scheduler
        self._arrived: list[Sequence] = []
        self._changed = threading.Condition()
        self._closed = False
        self._error: GeneratorError | None = None
        self._thread = threading.Thread(target=self._run, name="xverse-engine", daemon=True)
        self._thread.start()

    def submit(self, prompt: Tokens[int], sampling: Sampling) -> Generation:
        """Begin to generate after a prompt.

        Raises:
            PromptTooLong: the prompt leaves no room for an answer.
            SettingsError: the prompt is empty, or holds an id the model does not know.
            GeneratorError: the engine has been closed, or has failed.
        """
        self._check(prompt)
        seed = secrets.randbits(63) if sampling.seed is None else _spread(sampling.seed)
        limit = min(len(prompt) + sampling.max_tokens, self.max_model_len)
        mailbox = Mailbox(Usage(prompt_tokens=len(prompt)))
        sequence = Sequence(list(prompt), sampling, limit=limit, seed=seed, mailbox=mailbox)
        with self._changed:
            if self._error is not None:
                raise GeneratorError(str(self._error))
            if self._closed:
                raise GeneratorError("the engine has been closed: load it again")
            self._arrived.append(sequence)
            self._changed.notify()
        return Generation(mailbox)

    def close(self) -> None:
        """End what is under way, and let go of the device's memory."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _check(self, prompt: Tokens[int]) -> None:
        if not prompt:
            raise SettingsError("the prompt has no tokens: give at least one")
        if len(prompt) >= self.max_model_len:
            raise PromptTooLong(
                f"the prompt has {len(prompt):,} tokens, and prompt and answer together may have "
                f"{self.max_model_len:,}: shorten it, or load the model with a larger max_model_len"
            )
        strange = next((each for each in prompt if not 0 <= each < self.vocabulary), None)
        if strange is not None:
            raise SettingsError(f"token id {strange}: the model knows 0 to {self.vocabulary - 1}")

    def _run(self) -> None:
        while self._wait():
            try:
                self._step()
            except torch.OutOfMemoryError as error:
                # What was asked of it was too much at once; the engine itself is sound.
                self._fail(GeneratorError(f"the device ran out of memory: {_first_line(error)}"))
            except Exception as error:  # noqa: BLE001 - whatever it is, whoever waits must hear of it
                with self._changed:
                    self._error = GeneratorError(f"the engine failed: {_first_line(error)}")
                self._fail(self._error)
        self._fail(GeneratorError("the engine was closed while it answered"))
        del self._runner

    def _wait(self) -> bool:
        """Wait for something to do; false when closed or failed."""
        with self._changed:
            while not (self._closed or self._error or self._arrived or self._scheduler.sequences):
                self._changed.wait()
            return not (self._closed or self._error)

    def _step(self) -> None:
        """Take in, plan, compute, hand out."""
        self._take_in()
        works = self._scheduler.next_step()
        if works:
            chosen = self._runner.run(works)
            self._scheduler.finish_step(works, chosen)

    def _take_in(self) -> None:
        with self._changed:
            arrived, self._arrived = self._arrived, []
        for sequence in arrived:
            self._scheduler.add(sequence)

    def _fail(self, error: GeneratorError) -> None:
        """Let everyone who waits hear of it."""
        self._take_in()
        for sequence in self._scheduler.drop_all():
            with suppress(RuntimeError):
                sequence.mailbox.fail(error)


def _spread(seed: int) -> int:
    """A seed whose neighbours' random numbers have nothing in common with its own."""
    digest = blake2b(str(seed).encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
