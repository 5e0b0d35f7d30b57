"""What fits into a model's context: whole passages, best first, and the latest turns.

Tokens are counted by the model where it says how long its context is
(`max_model_len`), as the models of this house do. Elsewhere a token is taken
to be a byte of UTF-8, of which no tokenizer in use makes more than one: too
careful, above all for Chinese, but never short, and nothing has to be
downloaded to count, as LangChain's own default would.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseLanguageModel

from kb_qa.answer import Source
from kb_qa.errors import PromptTooLong, QuestionError
from kb_qa.prompts import Turn, answer_prompt, by_document, condense_prompt

CONTEXT = 8192  # tokens, of a model that does not say
ANSWER = 512  # tokens kept for the answer
_ANSWER_SHARE = 4  # of a short context, at most one part in so many
_FORMAT = 32  # tokens that a chat format puts around a prompt

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Budget:
    """The tokens a prompt may take.

    Attributes:
        tokens: how many.
        count: counts those of a text, exactly or from above.
    """

    tokens: int
    count: Callable[[str], int]

    @classmethod
    def of(cls, llm: BaseLanguageModel[Any], *, max_model_len: int | None = None) -> "Budget":
        """A model's context without what its answer takes.

        Args:
            llm: the model.
            max_model_len: its context in tokens, if it does not say itself.
        """
        own = getattr(llm, "max_model_len", None)
        context = own if isinstance(own, int) else max_model_len or CONTEXT
        count = llm.get_num_tokens if isinstance(own, int) else utf8_bytes
        return cls(context - min(ANSWER, context // _ANSWER_SHARE) - _FORMAT, count)

    def holds(self, prompt: str) -> bool:
        """Whether a prompt fits."""
        return self.count(prompt) <= self.tokens


@dataclass(frozen=True)
class Fitted:
    """A prompt that fits.

    Attributes:
        prompt: its text.
        sources: the passages in it, in the order of their numbers.
        left_out: those that did not fit, best first.
    """

    prompt: str
    sources: tuple[Source, ...]
    left_out: tuple[Source, ...]


def fit_passages(question: str, sources: Sequence[Source], budget: Budget) -> Fitted:
    """The prompt for an answer, with as many whole passages as fit, best first.

    Args:
        question: what is asked.
        sources: the passages, best first.
        budget: what the prompt may take.

    Raises:
        QuestionError: the question alone does not fit.
        PromptTooLong: no passage fits beside it.
    """
    _hold_question(budget, answer_prompt(question, ()))
    kept: list[Source] = []
    left_out: list[Source] = []
    for source in sources:
        fits = budget.holds(answer_prompt(question, by_document([*kept, source])))
        (kept if fits else left_out).append(source)
    if not kept and left_out:
        raise PromptTooLong(
            f"none of {len(left_out)} passages fits beside the question into {budget.tokens} "
            "tokens: set KB_QA_MAX_MODEL_LEN higher, or split the documents smaller"
        )
    ordered = by_document(kept)
    return Fitted(answer_prompt(question, ordered), tuple(ordered), tuple(left_out))


def fit_history(question: str, history: Sequence[Turn], budget: Budget) -> str:
    """The prompt that makes a question stand alone, with as many of the latest turns as fit.

    Raises:
        QuestionError: the question alone does not fit.
    """
    prompt = condense_prompt(question, ())
    _hold_question(budget, prompt)
    for turns in range(1, len(history) + 1):
        longer = condense_prompt(question, history[-turns:])
        if not budget.holds(longer):
            _log.warning("%d earliest turns do not fit and are left out", len(history) - turns + 1)
            break
        prompt = longer
    return prompt


def utf8_bytes(text: str) -> int:
    """No fewer than a text's tokens."""
    return len(text.encode(errors="replace"))


def _hold_question(budget: Budget, prompt: str) -> None:
    if not budget.holds(prompt):
        raise QuestionError(
            f"the question with its instruction takes {budget.count(prompt)} tokens of "
            f"{budget.tokens}: ask a shorter one, or set KB_QA_MAX_MODEL_LEN higher"
        )
