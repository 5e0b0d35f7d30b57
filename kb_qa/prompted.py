"""Answers written by a language model from the passages, any LangChain model."""

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from langchain_core.language_models import BaseLanguageModel
from langchain_core.messages import BaseMessage
from pydantic import SkipValidation

from kb_qa.answer import Answer
from kb_qa.errors import GeneratorError
from kb_qa.evidence import Evidence
from kb_qa.generation import AnswerChain, cite
from kb_qa.prompts import Turn, answer_prompt, condense_prompt, refusal

_NUMBER = re.compile(r"\[(\d{1,2})\]")


class PromptedChain(AnswerChain):
    """Asks a language model to answer from the passages and to cite them.

    Attributes:
        llm: a chat model or a text model.
    """

    llm: SkipValidation[BaseLanguageModel[Any]]

    @property
    def generator(self) -> str:
        """The model's own name, or its class's."""
        for attribute in ("model_name", "model", "model_id"):
            if name := getattr(self.llm, attribute, None):
                return str(name)
        return type(self.llm).__name__

    def phrasings(self, question: str, history: Sequence[Turn]) -> Iterator[str]:
        """The question, made to stand alone if it follows others."""
        if history:
            pieces = self._stream(condense_prompt(question, history))
            yield "".join(pieces).strip() or question
        else:
            yield question

    def _generate(self, question: str, evidence: Evidence) -> Iterator[str | Answer]:
        text = ""
        for piece in self._stream(answer_prompt(question, evidence.sources)):
            text += piece
            yield piece
        yield self._answer(question, text, evidence)

    async def aanswer(self, question: str, evidence: Evidence) -> AsyncIterator[str | Answer]:
        """Pieces of the model's own asynchronous stream, then the answer."""
        if not self.suffices(evidence):
            for piece in self._refuse(question, evidence):
                yield piece
            return
        text = ""
        async for message in self.llm.astream(answer_prompt(question, evidence.sources)):
            text += (piece := _text(message))
            yield piece
        yield self._answer(question, text, evidence)

    def _answer(self, question: str, text: str, evidence: Evidence) -> Answer:
        if not text.strip():
            raise GeneratorError(f"{self.generator} returned no text: ask again, or use another")
        cited = dict.fromkeys(int(number) for number in _NUMBER.findall(text))
        known = [n for n in cited if 1 <= n <= len(evidence.sources)]
        return Answer(
            question,
            text,
            refused=refusal(question) in text,
            generator=self.generator,
            citations=tuple(cite(n, evidence.sources[n - 1], evidence) for n in sorted(known)),
            sources=evidence.sources,
        )

    def _stream(self, prompt: str) -> Iterator[str]:
        for message in self.llm.stream(prompt):
            yield _text(message)


def _text(message: object) -> str:
    """A text model streams strings, a chat model messages."""
    return str(message.text) if isinstance(message, BaseMessage) else str(message)
