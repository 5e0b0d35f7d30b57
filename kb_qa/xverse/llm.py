"""XVERSE_LLM: the model as a plain LangChain LLM, text in and text out."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LangSmithParams
from langchain_core.language_models.llms import LLM
from langchain_core.outputs import Generation, GenerationChunk, LLMResult

from kb_qa.errors import SettingsError
from kb_qa.xverse.chat_format import Role, Turn
from kb_qa.xverse.fields import ALLOWED, XverseFields
from kb_qa.xverse.reply import Reply


class XVERSE_LLM(XverseFields, LLM):  # noqa: N801 - the name that tutorials gave it
    """XVERSE-7B-Chat on this machine; the text is what the user says to it.

    ```python
    llm = XVERSE_LLM("data/models/xverse/XVERSE-7B-Chat")
    llm.invoke("你好")
    ```

    Keywords as of `ChatXverse`, with which it shares the loaded model. What
    tutorials write works as well: `XVERSE_LLM(mode_name_or_path=...)`, and
    `llm("你好")`.
    """

    model_config = ALLOWED

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        mode_name_or_path: str | Path | None = None,
        **values: Any,
    ) -> None:
        if model is not None and mode_name_or_path is not None:
            raise SettingsError(f"two models were named, {model} and {mode_name_or_path}: name one")
        super().__init__(mode_name_or_path if model is None else model, **values)

    def __call__(self, prompt: str, stop: list[str] | None = None, **kwargs: Any) -> str:
        """As `invoke`: LangChain's own classes could be called so before version 1."""
        return self.invoke(prompt, stop=stop, **kwargs)

    @property
    def _llm_type(self) -> str:
        return "xverse"

    def _call(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> str:
        return "".join(chunk.text for chunk in self._stream(prompt, stop, run_manager, **kwargs))

    async def _acall(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> str:
        chunks = self._astream(prompt, stop, run_manager, **kwargs)
        return "".join([chunk.text async for chunk in chunks])

    def _generate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        """All prompts are under way before the first answer is read."""
        with ExitStack() as under_way:
            begin = under_way.enter_context
            replies = [begin(self._reply(prompt, stop, kwargs)) for prompt in prompts]
            # LangChain hands over the callbacks of the first prompt alone.
            managers = [run_manager, *[None] * len(replies)]
            answers = [_read(*each) for each in zip(replies, managers, strict=False)]
        return self._result(answers, replies)

    async def _agenerate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        with ExitStack() as under_way:
            begin = under_way.enter_context
            replies = [begin(self._reply(prompt, stop, kwargs)) for prompt in prompts]
            managers = [run_manager, *[None] * len(replies)]
            readers = [_aread(*each) for each in zip(replies, managers, strict=False)]
            answers = await asyncio.gather(*readers)
        return self._result(answers, replies)

    def _stream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[GenerationChunk]:
        with self._reply(prompt, stop, kwargs) as reply:
            for piece in reply:
                chunk = GenerationChunk(text=piece)
                if run_manager:
                    run_manager.on_llm_new_token(piece, chunk=chunk)
                yield chunk
        yield GenerationChunk(text="", generation_info=self._info(reply))

    async def _astream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[GenerationChunk]:
        with self._reply(prompt, stop, kwargs) as reply:
            async for piece in reply:
                chunk = GenerationChunk(text=piece)
                if run_manager:
                    await run_manager.on_llm_new_token(piece, chunk=chunk)
                yield chunk
        yield GenerationChunk(text="", generation_info=self._info(reply))

    def _reply(self, prompt: str, stop: list[str] | None, values: dict[str, Any]) -> Reply:
        return self._begin([Turn(Role.USER, prompt)], stop, values)

    def _info(self, reply: Reply) -> dict[str, Any]:
        return {**self._told(reply), "usage_metadata": reply.usage}

    def _result(self, answers: list[str], replies: list[Reply]) -> LLMResult:
        generations = [
            [Generation(text=text, generation_info=self._info(reply))]
            for text, reply in zip(answers, replies, strict=True)
        ]
        return LLMResult(generations=generations, llm_output={"model_name": self.model_name})

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return self._traced("llm", stop, kwargs)


def _read(reply: Reply, run_manager: CallbackManagerForLLMRun | None) -> str:
    pieces = []
    for piece in reply:
        pieces.append(piece)
        if run_manager:
            run_manager.on_llm_new_token(piece)
    return "".join(pieces)


async def _aread(reply: Reply, run_manager: AsyncCallbackManagerForLLMRun | None) -> str:
    pieces = []
    async for piece in reply:
        pieces.append(piece)
        if run_manager:
            await run_manager.on_llm_new_token(piece)
    return "".join(pieces)
