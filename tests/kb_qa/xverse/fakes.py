"""An engine that says what it was told to say."""

from collections.abc import Callable, Sequence

from kb_qa.errors import PromptTooLong
from kb_qa.xverse.engine import Engine, FinishReason, Generation, Sampling, Usage
from kb_qa.xverse.engine.request import Mailbox
from kb_qa.xverse.loading import LoadedModel

CACHED, SECONDS, FIRST = 4, 2.0, 0.5

Scripted = Callable[..., LoadedModel]
"""Makes a model that says a text; keywords as of ScriptedEngine."""


class ScriptedEngine(Engine):
    """Answers every prompt with the same tokens, and remembers what it was asked.

    Args:
        steps: the tokens of each step.
        finish: how the answer ends; None leaves it under way for ever.
        error: raised after the last step instead.
        refusal: raised in place of any answer.
    """

    def __init__(
        self,
        steps: Sequence[Sequence[int]] = (),
        *,
        finish: FinishReason | None = FinishReason.STOP,
        error: Exception | None = None,
        refusal: Exception | None = None,
        max_model_len: int = 512,
    ) -> None:
        self.max_model_len, self.vocabulary = max_model_len, 1200
        self.steps, self.finish, self.error, self.refusal = steps, finish, error, refusal
        self.prompts: list[list[int]] = []
        self.samplings: list[Sampling] = []
        self.mailboxes: list[Mailbox] = []
        self.is_closed = False

    @property
    def cancelled(self) -> list[bool]:
        """Of each request, whether its place is free again."""
        return [mailbox.cancelled for mailbox in self.mailboxes]

    def submit(self, prompt: Sequence[int], sampling: Sampling) -> Generation:
        if self.refusal is not None:
            raise self.refusal
        if len(prompt) >= self.max_model_len:
            raise PromptTooLong(f"{len(prompt)} tokens of {self.max_model_len}: shorten it")
        self.prompts.append(list(prompt))
        self.samplings.append(sampling)
        new = sum(map(len, self.steps))
        usage = Usage(len(prompt), CACHED, new, len(self.steps), FIRST, SECONDS)
        mailbox = Mailbox(usage)
        self.mailboxes.append(mailbox)
        for step in self.steps:
            mailbox.put(list(step))
        if self.error is not None:
            mailbox.fail(self.error)
        elif self.finish is not None:
            mailbox.finish(self.finish)
        return Generation(mailbox)

    def close(self) -> None:
        self.is_closed = True
