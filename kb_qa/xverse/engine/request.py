"""One request: what is asked of the engine, and the handle on what comes back."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

from kb_qa.errors import SettingsError


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen, and when to end.

    Attributes:
        max_tokens: the most tokens to generate.
        temperature: 0 takes the likeliest token each time.
        top_p: the least mass of the likeliest tokens to choose from.
        top_k: how many of the likeliest tokens to choose from; 0 for all.
        repetition_penalty: divides the logits of tokens seen before; 1 for none.
        seed: the same seed gives the same tokens; random if not given.
        stop_ids: a token that ends the generation, and is not handed out.

    Raises:
        SettingsError: a value is out of its range.
    """

    max_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    repetition_penalty: float = 1.0
    seed: int | None = None
    stop_ids: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        for name, holds, remedy in (
            ("max_tokens", self.max_tokens >= 1, "give 1 or more"),
            ("temperature", 0 <= self.temperature < float("inf"), "give 0 or more"),
            ("top_p", 0 < self.top_p <= 1, "give more than 0, at most 1"),
            ("top_k", self.top_k >= 0, "give 0 for all tokens, or more"),
            ("repetition_penalty", 0 < self.repetition_penalty < float("inf"), "give more than 0"),
        ):
            if not holds:
                raise SettingsError(f"{name}={getattr(self, name)!r}: {remedy}")


class FinishReason(StrEnum):
    """Why a generation ended."""

    STOP = "stop"
    LENGTH = "length"
    CANCELLED = "cancelled"


@dataclass
class Usage:
    """What a generation took.

    Attributes:
        prompt_tokens: how many there were.
        cached_tokens: of these, how many needed no computing.
        new_tokens: handed out so far.
        steps: of the model, to get them.
        first_token_seconds: from the request to the first new token.
        seconds: from the request to the last new token.
    """

    prompt_tokens: int = 0
    cached_tokens: int = 0
    new_tokens: int = 0
    steps: int = 0
    first_token_seconds: float = 0.0
    seconds: float = 0.0


@dataclass
class Mailbox:
    """Tokens on their way from the engine's thread to whoever reads them."""

    usage: Usage
    cancelled: bool = False
    finish_reason: FinishReason | None = None
    error: Exception | None = None
    _pieces: deque[list[int]] = field(default_factory=deque)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _listeners: list[Callable[[], None]] = field(default_factory=list)

    @property
    def closed(self) -> bool:
        """Whether nothing more will be put in."""
        return self.finish_reason is not None or self.error is not None

    def put(self, tokens: list[int]) -> None:
        """Hand out the tokens of one step."""
        with self._changed:
            self._pieces.append(tokens)
            self._notify()

    def finish(self, reason: FinishReason) -> None:
        """Nothing more will come."""
        with self._changed:
            self.finish_reason = self.finish_reason or reason
            self._notify()

    def fail(self, error: Exception) -> None:
        """Nothing more will come, for this reason."""
        with self._changed:
            self.error = error
            self._notify()

    def take(self, *, wait: bool) -> list[int] | None:
        """The tokens of the next step; none when closed, or when not to wait for them.

        Raises:
            Exception: the one the engine failed with.
        """
        with self._changed:
            while wait and not self._pieces and not self.closed:
                self._changed.wait()
            if self._pieces:
                return self._pieces.popleft()
            if self.error is not None:
                raise self.error
            return None

    def listen(self, listener: Callable[[], None]) -> None:
        """Call this whenever there is something to take."""
        with self._changed:
            self._listeners.append(listener)

    def _notify(self) -> None:
        self._changed.notify_all()
        for listener in self._listeners:
            with suppress(RuntimeError):  # an event loop that has been closed in between
                listener()


class Generation:
    """One request under way; may be read and cancelled from any thread.

    Iterating gives the tokens of each step as they come, several at once where
    they were guessed right. Leaving the iteration early cancels it.
    """

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    @property
    def usage(self) -> Usage:
        return self._mailbox.usage

    @property
    def finish_reason(self) -> FinishReason | None:
        """None while it is under way."""
        return self._mailbox.finish_reason

    def cancel(self) -> None:
        """Free its place; the iteration ends after what has come already."""
        self._mailbox.cancelled = True

    def __iter__(self) -> Iterator[list[int]]:
        try:
            while (piece := self._mailbox.take(wait=True)) is not None:
                yield piece
        finally:
            self.cancel()

    async def __aiter__(self) -> AsyncIterator[list[int]]:
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def listener() -> None:
            loop.call_soon_threadsafe(changed.set)

        self._mailbox.listen(listener)
        try:
            while True:
                changed.clear()
                closed = self._mailbox.closed
                while (piece := self._mailbox.take(wait=False)) is not None:
                    yield piece
                if closed:
                    return
                await changed.wait()
        finally:
            self.cancel()
