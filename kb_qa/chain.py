"""build_qa_chain(): the only place where the parts meet."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, closing
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any, cast

from langchain_classic.chains import RetrievalQA
from langchain_core.callbacks import AsyncCallbackManagerForChainRun, CallbackManagerForChainRun
from langchain_core.documents import Document
from langchain_core.language_models import BaseLanguageModel
from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.utils import AddableDict

from kb_qa.answer import Answer, Citation, Source
from kb_qa.embeddings import PassageEmbeddings, configured_embeddings
from kb_qa.errors import QuestionError, SettingsError
from kb_qa.evidence import Evidence, Weigher
from kb_qa.generation import AnswerChain
from kb_qa.generators import configured_llm
from kb_qa.prompted import PromptedChain
from kb_qa.prompts import Turn
from kb_qa.quote import QuoteChain
from kb_qa.reranking import configured_reranker
from kb_qa.retrieval import HybridRetriever
from kb_qa.settings import Settings, load_settings
from kb_qa.store.base import Searchable
from kb_qa.store.calibration import DEFAULT_FLOOR, load_calibration
from kb_qa.store.filter import ANYTHING, Filter
from kb_qa.store.opening import open_knowledge_base
from kb_qa.store.several import SeveralKnowledgeBases

_QUESTION_CHARACTERS = 4000
_WHERE = "where"

_AsyncParts = AsyncGenerator[AddableDict, None]


def build_qa_chain(
    *,
    kb: Path | str | Sequence[Path | str] | None = None,
    settings: Settings | None = None,
    llm: BaseLanguageModel[Any] | None = None,
    embeddings: PassageEmbeddings | None = None,
    where: Filter = ANYTHING,
) -> "KnowledgeBaseQA":
    """A question-answering chain over a knowledge base, or several.

    Args:
        kb: its folder, or the folders of several that are asked as one; the settings' one if not
            given. Where they say that it is kept in Milvus, what belongs to it on this machine.
        settings: the environment's if not given.
        llm: who writes the answers; the settings' one if not given.
        embeddings: loaded already; the settings' one if not given.
        where: which passages may be found; a question may say otherwise.

    Raises:
        KnowledgeBaseMissing: there is no knowledge base there.
        EmbedderMismatch: another embedder made its vectors.
        SettingsError: a setting has a value that cannot be used.
        GeneratorError: the language model cannot be loaded.
    """
    settings = settings or load_settings()
    named = [settings.kb] if kb is None else [kb] if isinstance(kb, Path | str) else kb
    folders = [Path(folder) for folder in named]
    knowledge_base = _opened(folders, settings, embeddings or configured_embeddings(settings))
    return KnowledgeBaseQA(
        retriever=HybridRetriever(
            knowledge_base=knowledge_base,
            passages=settings.passages,
            candidates=settings.candidates,
            mass_weight=settings.mass_weight,
            where=where,
            reranker=configured_reranker(settings),
            reranked=settings.reranked,
        ),
        combine_documents_chain=_generator(
            settings,
            knowledge_base,
            llm or configured_llm(settings),
            floor=_floor(folders, settings, knowledge_base.embeddings),
        ),
        return_source_documents=True,
    )


class KnowledgeBaseQA(RetrievalQA):
    """RetrievalQA whose answers can be checked.

    `invoke({"query": question})` gives `query`, `result`, `source_documents`
    and `answer` (an `Answer`). `stream` gives `source_documents` first, then
    pieces of `result`, then `answer`. `chat_history`, a list of (question,
    answer) pairs or of messages, may go with the query, and so may `where`, a
    `Filter` of the passages that may be found.
    """

    @property
    def output_keys(self) -> list[str]:
        """`answer` as well, if the generator is one of this house."""
        own = ["answer"] if isinstance(self.combine_documents_chain, AnswerChain) else []
        return [*super().output_keys, *own]

    def search(self, question: str, *, where: Filter = ANYTHING) -> Answer:
        """The passages found for a question, as the citations of an empty answer."""
        watch = _Watch()
        question, _, narrowed = _asked({self.input_key: question, _WHERE: where}, self.input_key)
        documents = self.retriever.invoke(question, **narrowed, **self._timed(watch))
        sources = [Source.from_document(each) for each in documents]
        watch.lap("retrieve")
        citations = tuple(
            Citation(n, source, source.start, source.end, source.score)
            for n, source in enumerate(sources, 1)
        )
        return Answer(
            question,
            "",
            refused=False,
            generator="",
            citations=citations,
            sources=tuple(sources),
            seconds=watch.seconds,
        )

    def stream(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[AddableDict]:
        """The sources, then the text in pieces, then the answer; closing it stops the model."""
        yield from self._transform_stream_with_config(
            iter([self.prep_inputs(input)]), self._streamed, config, **kwargs
        )

    async def astream(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> _AsyncParts:
        """`stream`, off the event loop."""
        parts = self._atransform_stream_with_config(
            _one(await self.aprep_inputs(input)), self._astreamed, config, **kwargs
        )
        async with aclosing(cast("_AsyncParts", parts)):
            async for part in parts:
                yield part

    def _call(
        self, inputs: dict[str, Any], run_manager: CallbackManagerForChainRun | None = None
    ) -> dict[str, Any]:
        if not isinstance(self.combine_documents_chain, AnswerChain):
            result: dict[str, Any] = super()._call(inputs, run_manager)
            return result
        manager = run_manager or CallbackManagerForChainRun.get_noop_manager()
        return dict(_sum(list(self._parts(inputs, manager))))

    async def _acall(
        self, inputs: dict[str, Any], run_manager: AsyncCallbackManagerForChainRun | None = None
    ) -> dict[str, Any]:
        if not isinstance(self.combine_documents_chain, AnswerChain):
            result: dict[str, Any] = await super()._acall(inputs, run_manager)
            return result
        manager = run_manager or AsyncCallbackManagerForChainRun.get_noop_manager()
        return dict(_sum([part async for part in self._aparts(inputs, manager)]))

    def _streamed(
        self, inputs: Iterator[dict[str, Any]], run_manager: CallbackManagerForChainRun
    ) -> Iterator[AddableDict]:
        for one in inputs:
            yield from self._parts(one, run_manager)

    async def _astreamed(
        self, inputs: AsyncIterator[dict[str, Any]], run_manager: AsyncCallbackManagerForChainRun
    ) -> AsyncIterator[AddableDict]:
        async for one in inputs:
            async with aclosing(self._aparts(one, run_manager)) as parts:
                async for part in parts:
                    yield part

    def _parts(
        self, inputs: dict[str, Any], run_manager: CallbackManagerForChainRun
    ) -> Iterator[AddableDict]:
        """Condense, retrieve, weigh; then generate, or refuse."""
        question, history, narrowed = _asked(inputs, self.input_key)
        generator, watch = self._generator, _Watch()
        evidence, documents = Evidence(question, (), ()), list[Document]()
        callbacks = RunnableConfig(callbacks=run_manager.get_child())
        for phrasing in generator.phrasings(question, history):
            watch.lap("condense")
            documents = self.retriever.invoke(phrasing, callbacks, **narrowed, **self._timed(watch))
            watch.lap("retrieve")
            evidence = generator.weigh(phrasing, documents)
            watch.lap("weigh")
            if generator.suffices(evidence):
                break
        asked_as = _asked_as(question, evidence)
        yield _found(documents, asked_as)
        with closing(generator.answer(question, evidence)) as pieces:
            for piece in pieces:
                yield self._part(piece, watch, evidence, asked_as)

    async def _aparts(
        self, inputs: dict[str, Any], run_manager: AsyncCallbackManagerForChainRun
    ) -> _AsyncParts:
        question, history, narrowed = _asked(inputs, self.input_key)
        generator, watch = self._generator, _Watch()
        evidence, documents = Evidence(question, (), ()), list[Document]()
        callbacks = RunnableConfig(callbacks=run_manager.get_child())
        async with aclosing(generator.aphrasings(question, history)) as phrasings:
            async for phrasing in phrasings:
                watch.lap("condense")
                documents = await self.retriever.ainvoke(
                    phrasing, callbacks, **narrowed, **self._timed(watch)
                )
                watch.lap("retrieve")
                evidence = await asyncio.to_thread(generator.weigh, phrasing, documents)
                watch.lap("weigh")
                if generator.suffices(evidence):
                    break
        asked_as = _asked_as(question, evidence)
        yield _found(documents, asked_as)
        async with aclosing(generator.aanswer(question, evidence)) as pieces:
            async for piece in pieces:
                yield self._part(piece, watch, evidence, asked_as)

    def _part(
        self, piece: str | Answer, watch: "_Watch", evidence: Evidence, asked_as: str
    ) -> AddableDict:
        if isinstance(piece, str):
            watch.lap_once("prompt")
            return AddableDict({self.output_key: piece})
        watch.lap("generate")
        score = evidence.score if evidence.sentences else None
        finished = replace(piece, seconds=watch.seconds, asked_as=asked_as, evidence=score)
        return AddableDict(answer=finished)

    def _timed(self, watch: "_Watch") -> dict[str, Any]:
        """What tells the watch of a retriever's stages; another's are one."""
        return {"lap": watch.lap} if isinstance(self.retriever, HybridRetriever) else {}

    @property
    def _generator(self) -> AnswerChain:
        generator = self.combine_documents_chain
        if not isinstance(generator, AnswerChain):
            raise SettingsError(
                f"{type(generator).__name__} cannot stream: use `invoke`, or an AnswerChain"
            )
        return generator


class _Watch:
    """What each stage took, in seconds."""

    def __init__(self) -> None:
        self._began = self._last = time.perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self._laps[stage] = self._laps.get(stage, 0.0) + now - self._last
        self._last = now

    def lap_once(self, stage: str) -> None:
        """Further ones belong to the next stage."""
        if stage not in self._laps:
            self.lap(stage)

    @property
    def seconds(self) -> dict[str, float]:
        return {**self._laps, "total": self._last - self._began}


def _opened(
    folders: Sequence[Path], settings: Settings, embeddings: PassageEmbeddings
) -> Searchable:
    """The knowledge base, or several as one; what is missing or foreign is told now."""
    stores = {
        str(folder): open_knowledge_base(folder, store=settings.store, embeddings=embeddings)
        for folder in folders
    }
    several = SeveralKnowledgeBases(stores)
    several.check()
    return several if len(stores) > 1 else next(iter(stores.values()))


def _generator(
    settings: Settings,
    knowledge_base: Searchable,
    llm: BaseLanguageModel[Any] | None,
    *,
    floor: float,
) -> AnswerChain:
    weigher = Weigher(knowledge_base)
    if llm is None:
        return QuoteChain(weigher=weigher, floor=floor)
    return PromptedChain(
        llm=llm, max_model_len=settings.max_model_len, weigher=weigher, floor=floor
    )


def _floor(folders: Sequence[Path], settings: Settings, embeddings: PassageEmbeddings) -> float:
    """What is set, or calibrated; of several knowledge bases what theirs are on average."""
    if settings.floor is not None:
        return settings.floor
    embedder = embeddings.identity.digest
    known = [load_calibration(folder, embedder=embedder) for folder in folders]
    return mean(each.floor if each else DEFAULT_FLOOR for each in known)


def _asked_as(question: str, evidence: Evidence) -> str:
    return evidence.question if evidence.question != question else ""


def _found(documents: list[Document], asked_as: str) -> AddableDict:
    """The first part of a stream: what was found, and what was searched for if not as asked."""
    shown = {"asked_as": asked_as} if asked_as else {}
    return AddableDict(source_documents=documents, **shown)


def _asked(inputs: dict[str, Any], key: str) -> tuple[str, list[Turn], dict[str, Filter]]:
    """The question, what was said before it, and what the search is told beside it."""
    question = str(inputs[key]).strip()
    if not question:
        raise QuestionError("the question is empty: ask something")
    if len(question) > _QUESTION_CHARACTERS:
        raise QuestionError(
            f"the question has {len(question)} characters: ask with at most {_QUESTION_CHARACTERS}"
        )
    where = inputs.get(_WHERE) or ANYTHING
    if not isinstance(where, Filter):
        raise QuestionError(f"{_WHERE}={where!r} is no filter: give a kb_qa.Filter")
    return question, _turns(inputs.get("chat_history") or ()), {_WHERE: where} if where else {}


def _turns(history: Sequence[Any]) -> list[Turn]:
    """Pairs as they are; messages, as LangChain keeps them, two by two."""
    if history and isinstance(history[0], BaseMessage):
        texts = [str(message.text) for message in history]
        return list(zip(texts[::2], texts[1::2], strict=False))
    return [(str(asked), str(answered)) for asked, answered in history]


def _sum(parts: Sequence[AddableDict]) -> AddableDict:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


async def _one(value: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    yield value
