"""Answers written by a language model from the passages, any LangChain model."""

from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass, field, replace
from typing import Any, cast

from langchain_core.language_models import BaseLanguageModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.ai import UsageMetadata, add_usage
from pydantic import SkipValidation

from kb_qa.answer import Answer
from kb_qa.budget import Budget, Fitted, fit_history, fit_passages
from kb_qa.citations import cited_numbers
from kb_qa.condensing import searches, trusted
from kb_qa.errors import GeneratorError
from kb_qa.evidence import Evidence
from kb_qa.generation import NEAREST, AnswerChain, cite
from kb_qa.links import defused
from kb_qa.prompts import Turn, refuses

_Stream = Generator[object, None, None]
_AsyncStream = AsyncGenerator[object, None]


class PromptedChain(AnswerChain):
    """Asks a language model to answer from the passages and to cite them.

    Attributes:
        llm: a chat model or a text model.
        max_model_len: its context in tokens, if it does not say itself.
    """

    llm: SkipValidation[BaseLanguageModel[Any]]
    max_model_len: int | None = None

    @property
    def generator(self) -> str:
        """The model's own name, or its class's."""
        for attribute in ("model_name", "model", "model_id"):
            if name := getattr(self.llm, attribute, None):
                return str(name)
        return type(self.llm).__name__

    @property
    def budget(self) -> Budget:
        """What a prompt may take."""
        return Budget.of(self.llm, max_model_len=self.max_model_len)

    def phrasings(self, question: str, history: Sequence[Turn]) -> Generator[str, None, None]:
        """The question as it is, if it may stand alone; then as the model makes it stand alone."""
        without_model = searches(question, history)
        if without_model[0] == question:
            yield question
        if len(without_model) > 1:
            with self._stream(fit_history(question, history, self.budget)) as pieces:
                rewritten = "".join(_text(each) for each in pieces).strip()
            yield from _after(rewritten, question, history)

    async def aphrasings(self, question: str, history: Sequence[Turn]) -> AsyncGenerator[str, None]:
        """`phrasings` by the model's own asynchronous stream."""
        without_model = searches(question, history)
        if without_model[0] == question:
            yield question
        if len(without_model) > 1:
            async with self._astream(fit_history(question, history, self.budget)) as pieces:
                rewritten = "".join([_text(each) async for each in pieces]).strip()
            for phrasing in _after(rewritten, question, history):
                yield phrasing

    def _generate(self, question: str, evidence: Evidence) -> Generator[str | Answer, None, None]:
        fitted = self._fitted(evidence)
        written = _Written()
        with self._stream(fitted.prompt) as pieces:
            for piece in pieces:
                if text := written.add(piece):
                    yield text
        yield self._answer(question, written, fitted, evidence)

    async def aanswer(
        self, question: str, evidence: Evidence
    ) -> AsyncGenerator[str | Answer, None]:
        """Pieces of the model's own asynchronous stream, then the answer."""
        if not self.suffices(evidence):
            for refused in self._refuse(question, evidence):
                yield refused
            return
        fitted = self._fitted(evidence)
        written = _Written()
        async with self._astream(fitted.prompt) as pieces:
            async for piece in pieces:
                if text := written.add(piece):
                    yield text
        yield self._answer(question, written, fitted, evidence)

    def _fitted(self, evidence: Evidence) -> Fitted:
        """The prompt asks as the search did: the model sees no conversation."""
        return fit_passages(evidence.question, evidence.sources, self.budget)

    def _answer(
        self, question: str, written: "_Written", fitted: Fitted, evidence: Evidence
    ) -> Answer:
        if not written.text.strip():
            raise GeneratorError(f"{self.generator} returned no text: ask again, or use another")
        sources = fitted.sources
        text = defused(written.text, (question, *(each.text for each in sources)))
        refused = refuses(written.text) and not any(
            1 <= n <= len(sources) for n in cited_numbers(written.text)
        )
        answer = Answer(
            question,
            text,
            refused=refused,
            generator=self.generator,
            sources=tuple(each for each in evidence.sources if each not in fitted.left_out),
            left_out=fitted.left_out,
            cut_off=written.cut_off,
            tokens=written.tokens,
        )
        if refused:
            nearest = enumerate(evidence.sources[:NEAREST], 1)
            return replace(answer, citations=tuple(cite(n, each, evidence) for n, each in nearest))
        checked = self.verifier.verify(text, sources)
        return replace(
            answer, text=checked.text, citations=checked.citations, claims=checked.claims
        )

    def _stream(self, prompt: str) -> closing[_Stream]:
        # Closing is what ends the model's work when nobody reads on.
        return closing(cast("_Stream", self.llm.stream(prompt)))

    def _astream(self, prompt: str) -> aclosing[_AsyncStream]:
        return aclosing(cast("_AsyncStream", self.llm.astream(prompt)))


@dataclass
class _Written:
    """What a model has written so far, and what it said about it."""

    text: str = ""
    cut_off: bool = False
    usage: UsageMetadata | None = field(default=None)

    def add(self, piece: object) -> str:
        """Take a piece of the stream; gives its text."""
        text = _text(piece)
        self.text += text
        if isinstance(piece, AIMessage):
            self.usage = add_usage(self.usage, piece.usage_metadata)
            self.cut_off |= piece.response_metadata.get("finish_reason") == "length"
        return text

    @property
    def tokens(self) -> dict[str, int]:
        """Of the prompt, those of it cached, and the new ones; empty if it did not say."""
        if self.usage is None or not self.usage["output_tokens"]:
            return {}
        cached = self.usage.get("input_token_details", {}).get("cache_read") or 0
        return {
            "prompt": self.usage["input_tokens"],
            "cached": cached,
            "new": self.usage["output_tokens"],
        }


def _after(rewritten: str, question: str, history: Sequence[Turn]) -> list[str]:
    """The model's rewriting if it can be trusted, then what needs no model."""
    first = [rewritten] if trusted(rewritten, question, history) else []
    return list(dict.fromkeys([*first, *searches(question, history)]))


def _text(message: object) -> str:
    """A text model streams strings, a chat model messages."""
    return str(message.text) if isinstance(message, BaseMessage) else str(message)
