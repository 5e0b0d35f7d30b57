"""One answer under way, as text."""

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Sequence
from contextlib import aclosing, closing
from types import TracebackType
from typing import Any, Self, cast

from langchain_core.messages.ai import InputTokenDetails, UsageMetadata

from kb_qa.xverse.engine import FinishReason, Generation
from kb_qa.xverse.streaming_text import StreamingText
from kb_qa.xverse.tokenizer import Tokenizer


class Reply:
    """The pieces of an answer, then what is to be said about it.

    Iterate once, either way, inside a `with`: leaving that early, however it
    comes about, ends the work on it.

    Args:
        generation: the engine's.
        tokenizer: the model's.
        stops: strings that end it.
        keeps: must live as long as the answer is under way.
    """

    def __init__(
        self,
        generation: Generation,
        tokenizer: Tokenizer,
        *,
        stops: Sequence[str] = (),
        keeps: object = None,
    ) -> None:
        self._generation = generation
        self._text = StreamingText(tokenizer, stops)
        self._keeps = keeps

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._generation.cancel()

    def __iter__(self) -> Iterator[str]:
        steps = cast("Generator[list[int], None, None]", iter(self._generation))
        with closing(steps):
            for tokens in steps:
                if piece := self._text.add(tokens):
                    yield piece
                if self._text.stopped:
                    return
        if rest := self._text.end():
            yield rest

    async def __aiter__(self) -> AsyncIterator[str]:
        steps = cast("AsyncGenerator[list[int], None]", aiter(self._generation))
        async with aclosing(steps):
            async for tokens in steps:
                if piece := self._text.add(tokens):
                    yield piece
                if self._text.stopped:
                    return
        if rest := self._text.end():
            yield rest

    @property
    def usage(self) -> UsageMetadata:
        """Tokens it took, in LangChain's words."""
        usage = self._generation.usage
        return UsageMetadata(
            input_tokens=usage.prompt_tokens,
            output_tokens=usage.new_tokens,
            total_tokens=usage.prompt_tokens + usage.new_tokens,
            input_token_details=InputTokenDetails(cache_read=usage.cached_tokens),
        )

    @property
    def finish(self) -> dict[str, Any]:
        """Why it ended, and how fast it came: `length` where it was cut off."""
        usage, reason = self._generation.usage, self._generation.finish_reason
        return {
            "finish_reason": str(FinishReason.STOP if self._text.stopped else reason),
            "seconds": round(usage.seconds, 4),
            "first_token_seconds": round(usage.first_token_seconds, 4),
            "tokens_per_second": round(usage.new_tokens / usage.seconds, 1)
            if usage.seconds
            else 0.0,
        }
