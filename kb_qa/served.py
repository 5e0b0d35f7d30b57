"""A language model behind an OpenAI-compatible server: vLLM, sglang, Ollama, a hosted one."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_openai.chat_models.base import BaseChatOpenAI
from pydantic import SecretStr

from kb_qa.budget import ANSWER, CONTEXT, utf8_bytes
from kb_qa.errors import GeneratorError

_CONNECT = 10.0  # seconds
_SILENCE = 300.0  # seconds between two pieces; a server may have others to answer first
# A connection that is kept belongs to its event loop, and fails on the next one.
_LIMITS = httpx2.Limits(max_keepalive_connections=0)
_NO_KEY = "none"  # a server that wants none ignores it
_SAID = 200  # characters of a server's own message

_REMEDIES: dict[type[Exception], str] = {
    openai.AuthenticationError: "the key was refused: set KB_QA_LLM_KEY or OPENAI_API_KEY",
    openai.PermissionDeniedError: "the key may not use this model: set KB_QA_LLM_KEY to another",
    openai.NotFoundError: (
        "there is no model {model!r}, or no API: a base URL mostly ends in /v1, and /models below "
        "it lists the names for KB_QA_LLM=openai:BASE_URL#MODEL"
    ),
    openai.RateLimitError: "too many requests, or no credit left: wait, and ask again",
    openai.BadRequestError: (
        "the request was refused ({said}): if it is too long, set KB_QA_MAX_MODEL_LEN to the "
        "context the server was started with"
    ),
    openai.InternalServerError: "the server failed ({said}): its own log says why",
    openai.APITimeoutError: "no answer in time: see whether the server is overloaded, ask again",
    openai.APIConnectionError: "cannot be reached: see whether the server runs there",
    TimeoutError: "no answer in time: see whether the server is overloaded, ask again",
    httpx2.TimeoutException: "fell silent in the middle of an answer: ask again",
    httpx2.HTTPError: "ended the answer in the middle: see the server's log, ask again",
    openai.OpenAIError: "failed ({said}): the server's own log says why",
}
"""What to do, by error; the first that fits."""


class ServedChat(BaseChatOpenAI):
    """A chat model of an OpenAI-compatible server, whose errors are told in one line.

    The base class speaks what all such servers understand; LangChain's
    ChatOpenAI has names for OpenAI's own, such as `max_completion_tokens`.

    Attributes:
        max_model_len: tokens of prompt and answer together that the server takes.
    """

    max_model_len: int = CONTEXT

    def get_num_tokens(self, text: str) -> int:
        """From above: LangChain would download a tokenizer, and one of another model."""
        return utf8_bytes(text)

    def _stream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        finished = False
        with self._errors_told():
            for chunk in super()._stream(messages, *args, **kwargs):
                finished = finished or _finishes(chunk)
                yield chunk
            self._hold_finished(finished)

    async def _astream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        finished = False
        with self._errors_told():
            async for chunk in super()._astream(messages, *args, **kwargs):
                finished = finished or _finishes(chunk)
                yield chunk
            self._hold_finished(finished)

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        with self._errors_told():
            return super()._generate(messages, *args, **kwargs)

    async def _agenerate(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> ChatResult:
        with self._errors_told():
            return await super()._agenerate(messages, *args, **kwargs)

    def _hold_finished(self, finished: bool) -> None:  # noqa: FBT001
        """A connection that closes early looks like an end."""
        if not finished:
            raise httpx2.RemoteProtocolError("no finish reason came")

    @contextmanager
    def _errors_told(self) -> Iterator[None]:
        try:
            yield
        except tuple(_REMEDIES) as error:
            remedy = next(text for kind, text in _REMEDIES.items() if isinstance(error, kind))
            told = remedy.format(model=self.model_name, said=_said(error))
            raise GeneratorError(f"{_place(self.openai_api_base or '')}: {told}") from error


def load_served(
    base_url: str, *, model: str, key: str | None = None, max_model_len: int | None = None
) -> BaseChatModel:
    """A model of a server, asked to answer the same each time; nothing is sent yet."""
    timeout = httpx2.Timeout(_SILENCE, connect=_CONNECT)
    return ServedChat(
        model=model,
        base_url=base_url,
        api_key=SecretStr(key or _NO_KEY),
        max_model_len=max_model_len or CONTEXT,
        temperature=0,
        max_tokens=ANSWER,
        stream_usage=True,
        http_client=openai.DefaultHttpxClient(limits=_LIMITS, timeout=timeout),
        http_async_client=openai.DefaultAsyncHttpxClient(limits=_LIMITS, timeout=timeout),
        timeout=timeout,
        stream_chunk_timeout=_SILENCE,
        max_retries=1,
    )


def _finishes(chunk: ChatGenerationChunk) -> bool:
    return bool((chunk.generation_info or {}).get("finish_reason"))


def _said(error: Exception) -> str:
    """The server's own words, in one short line."""
    words = " ".join(str(error).split())
    return words if len(words) <= _SAID else f"{words[:_SAID]} …"


def _place(url: str) -> str:
    """The address without a password that may stand in it."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
