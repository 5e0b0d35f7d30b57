"""ChatXverse: the model as any other of LangChain's chat models."""

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LangSmithParams, LanguageModelInput
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import get_config_list
from pydantic import Field

from kb_qa.errors import SettingsError
from kb_qa.xverse.chat_format import turns_of
from kb_qa.xverse.fields import ALLOWED, XverseFields
from kb_qa.xverse.reply import Reply

AT_ONCE = 64  # of a batch; threads that wait for the engine


class ChatXverse(XverseFields, BaseChatModel):
    """XVERSE-7B-Chat, and its larger kin, on this machine.

    ```python
    llm = ChatXverse("data/models/xverse/XVERSE-7B-Chat", temperature=0)
    llm.invoke("你好").content
    ```

    What a call can choose, the object can choose for all of its calls; what
    neither chooses comes from the model's generation_config.json. Objects made
    with the same model, device, dtype, quantize and max_model_len share one
    loaded model. An answer's `response_metadata` says why it ended: `length`
    if it was cut off.

    Args:
        model: the model's folder, as published or prepared, or its id.
        device: `cuda`, `cuda:1`, `cpu`; by itself if not given.
        dtype: `bfloat16`, `float16` or `float32`.
        quantize: `none`, `int8` or `int4`.
        max_model_len: tokens of prompt and answer together; as many as fit if not given.
        download: whether to download a model that is not on this machine.
        temperature: 0 takes the likeliest token each time.
        top_p: the least mass of the likeliest tokens to choose from.
        top_k: how many of the likeliest tokens to choose from; 0 for all.
        repetition_penalty: 1 for none.
        max_tokens: the most tokens of an answer.
        seed: the same seed gives the same answer.
        stop: strings that end an answer, and are not part of it.
        loaded: a model to use instead of loading one.
        streaming: whether `invoke` reads a stream; callbacks hear the pieces either way.

    Raises:
        SettingsError: a value cannot be used.
        CheckpointError: there is no such model.
        DeviceError: there is no such device, or too little memory on it.
    """

    model_config = ALLOWED

    streaming: bool = Field(default=False, description="whether `invoke` reads a stream")

    # Written out, so that type checkers know that the model may come first.
    def __init__(self, model: str | Path | None = None, **values: Any) -> None:
        super().__init__(model, **values)

    @property
    def _llm_type(self) -> str:
        return "xverse-chat"

    def get_num_tokens_from_messages(
        self, messages: list[BaseMessage], tools: Sequence[Any] | None = None
    ) -> int:
        """Tokens of the prompt that a conversation makes, exactly."""
        if tools:
            raise _no_tools()
        return len(self._loaded.chat_format.encode(turns_of(messages)))

    def bind_tools(self, tools: Sequence[Any], **_kwargs: Any) -> NoReturn:  # noqa: ARG002 - LangChain's name
        """Refused: the model was not trained to call tools."""
        raise _no_tools()

    def batch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[AIMessage]:
        """Answers to all at once; LangChain would begin a few, by the number of processors."""
        if not inputs:
            return []
        at_once: RunnableConfig = {"max_concurrency": min(len(inputs), AT_ONCE)}
        configs = [at_once | each for each in get_config_list(config, len(inputs))]
        return super().batch(inputs, configs, return_exceptions=return_exceptions, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        pieces = []
        with self._begin(turns_of(messages), stop, kwargs) as reply:
            for piece in reply:
                pieces.append(piece)
                if run_manager:
                    run_manager.on_llm_new_token(piece)
        return self._result("".join(pieces), reply)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        pieces = []
        with self._begin(turns_of(messages), stop, kwargs) as reply:
            async for piece in reply:
                pieces.append(piece)
                if run_manager:
                    await run_manager.on_llm_new_token(piece)
        return self._result("".join(pieces), reply)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with self._begin(turns_of(messages), stop, kwargs) as reply:
            for piece in reply:
                chunk = _chunk(piece)
                if run_manager:
                    run_manager.on_llm_new_token(piece, chunk=chunk)
                yield chunk
        yield self._last_chunk(reply)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        with self._begin(turns_of(messages), stop, kwargs) as reply:
            async for piece in reply:
                chunk = _chunk(piece)
                if run_manager:
                    await run_manager.on_llm_new_token(piece, chunk=chunk)
                yield chunk
        yield self._last_chunk(reply)

    def _result(self, text: str, reply: Reply) -> ChatResult:
        message = AIMessage(text, usage_metadata=reply.usage, response_metadata=self._told(reply))
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _last_chunk(self, reply: Reply) -> ChatGenerationChunk:
        """Without text: what is known of an answer only at its end."""
        message = AIMessageChunk(
            content="",
            usage_metadata=reply.usage,
            response_metadata=self._told(reply),
            chunk_position="last",
        )
        return ChatGenerationChunk(message=message)

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return self._traced("chat", stop, kwargs)


def _chunk(piece: str) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk(content=piece))


def _no_tools() -> SettingsError:
    return SettingsError("tools: the model was not trained to call any; ask for text instead")
