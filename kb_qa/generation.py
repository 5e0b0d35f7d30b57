"""The seam for generators: passages and a question in, an answer out, piece by piece."""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing
from typing import Any

from langchain_classic.chains.combine_documents.base import BaseCombineDocumentsChain
from langchain_core.documents import Document
from pydantic import ConfigDict

from kb_qa.answer import Answer, Citation, Source
from kb_qa.evidence import Evidence, Sentence, Weigher
from kb_qa.prompts import Turn, refusal
from kb_qa.verification import Verifier

NEAREST = 3  # passages offered with a refusal


class AnswerChain(BaseCombineDocumentsChain):
    """A generator as LangChain's RetrievalQA takes it.

    It answers only where the evidence reaches the floor; below it no
    generator is asked. Subclasses write `generator`, `phrasings` and `_generate`.

    Attributes:
        weigher: weighs the passages' sentences.
        floor: evidence under which nothing is answered.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    weigher: Weigher
    floor: float

    @property
    @abstractmethod
    def generator(self) -> str:
        """The name of who writes the answers."""

    @property
    def verifier(self) -> Verifier:
        """Holds answers against the passages."""
        return Verifier(self.weigher.knowledge_base)

    @abstractmethod
    def phrasings(self, question: str, history: Sequence[Turn]) -> Generator[str, None, None]:
        """What to search for, in turn, until there is evidence."""

    async def aphrasings(self, question: str, history: Sequence[Turn]) -> AsyncGenerator[str, None]:
        """`phrasings`, off the event loop."""
        phrasings = self.phrasings(question, history)
        while (phrasing := await asyncio.to_thread(next, phrasings, None)) is not None:
            yield phrasing

    @abstractmethod
    def _generate(self, question: str, evidence: Evidence) -> Generator[str | Answer, None, None]:
        """Pieces of the text as they come, then the answer."""

    def weigh(self, question: str, documents: Sequence[Document]) -> Evidence:
        """What the documents hold for a question."""
        return self.weigher.weigh(question, [Source.from_document(each) for each in documents])

    def suffices(self, evidence: Evidence) -> bool:
        """Whether there is enough to answer from."""
        return evidence.score >= self.floor

    def answer(self, question: str, evidence: Evidence) -> Generator[str | Answer, None, None]:
        """Pieces of the text as they come, then the answer; a refusal without evidence."""
        if self.suffices(evidence):
            yield from self._generate(question, evidence)
        else:
            yield from self._refuse(question, evidence)

    async def aanswer(
        self, question: str, evidence: Evidence
    ) -> AsyncGenerator[str | Answer, None]:
        """`answer`, off the event loop."""
        pieces = self.answer(question, evidence)
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            yield piece

    def combine_docs(
        self, docs: list[Document], *, question: str = "", **_kwargs: Any
    ) -> tuple[str, dict[str, Any]]:
        """LangChain's way to ask: the text, and the `Answer` beside it."""
        *_, answer = self.answer(question, self.weigh(question, docs))
        return _told(answer)

    async def acombine_docs(
        self, docs: list[Document], *, question: str = "", **_kwargs: Any
    ) -> tuple[str, dict[str, Any]]:
        """`combine_docs`, off the event loop."""
        evidence = await asyncio.to_thread(self.weigh, question, docs)
        answer: str | Answer = ""
        async with aclosing(self.aanswer(question, evidence)) as pieces:
            async for piece in pieces:
                answer = piece
        return _told(answer)

    def _refuse(self, question: str, evidence: Evidence) -> Generator[str | Answer, None, None]:
        text = refusal(question)
        yield text
        nearest = enumerate(evidence.sources[:NEAREST], 1)
        yield Answer(
            question,
            text,
            refused=True,
            generator=self.generator,
            citations=tuple(cite(n, source, evidence) for n, source in nearest),
            sources=evidence.sources,
        )


def cite(n: int, source: Source, evidence: Evidence) -> Citation:
    """A source's sentence that speaks most to the question, or all of it where it has none."""
    whole = Sentence(source, source.start, source.end, source.score)
    best = next((each for each in evidence.sentences if each.source == source), whole)
    return Citation(n, source, best.start, best.end, best.score)


def _told(answer: str | Answer) -> tuple[str, dict[str, Any]]:
    if isinstance(answer, str):
        raise TypeError("a generator must end with an Answer")
    return answer.text, {"answer": answer}
