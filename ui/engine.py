"""The parts that answer, loaded once a process, in the background.

One embedder and one language model serve all knowledge bases.

A session draws at once and waits only when it has a question to ask.
"""

import os
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import streamlit as st
from langchain_core.language_models import BaseLanguageModel

from kb_qa import (
    Answer,
    KnowledgeBaseQA,
    PassageEmbeddings,
    Settings,
    build_qa_chain,
    configured_embeddings,
    load_settings,
)
from kb_qa.generators import Choice, Kind, choose_generator, load_generator
from kb_qa.store.opening import open_knowledge_base
from ui.asking import Asking, EventLoop
from ui.queueing import Queue

_QUOTING = {"llm": "quote"}
_DESKS = 8  # answers that a card, or a server, writes at once at hardly a loss for each
_SPEEDS = 20  # of answers, the last ones
_WARM_UP = "?"  # what is loaded on first use is loaded by this, not by the first question


class Engine:
    """One embedder, one generator, and a chain for each knowledge base that was asked.

    All methods may be called from several threads at once.

    Args:
        settings: what to load.
        embeddings: loaded already; the settings' one if not given.

    Attributes:
        settings: as given.
        choice: who answers.
        choices: who may be asked instead, the one who answers first.
        queue: where questions wait for their turn.

    Raises:
        SettingsError: KB_QA_LLM names nobody.
    """

    def __init__(self, settings: Settings, *, embeddings: PassageEmbeddings | None = None) -> None:
        self.settings = settings
        self.choice = choose_generator(settings)
        self.choices = _alternatives(self.choice, settings)
        self._embeddings = embeddings
        self._embeddings_guard = threading.Lock()
        self._llms: dict[Choice, BaseLanguageModel[Any] | None] = {}
        self._speeds: deque[float] = deque(maxlen=_SPEEDS)
        self._loop = EventLoop()
        self.queue = Queue(_desks(self.choice))
        self._chains: dict[tuple[tuple[Path, ...], Choice], Future[KnowledgeBaseQA]] = {}
        self._chains_guard = threading.Lock()
        # One thread: what it loads first, the others share.
        self._loader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")

    def chain(
        self, kb: Path, choice: Choice | None = None, *, beside: tuple[Path, ...] = ()
    ) -> Future[KnowledgeBaseQA]:
        """The chain that answers from a knowledge base, or several; being loaded, or loaded.

        A load that failed is tried again.

        Args:
            kb: the knowledge base.
            choice: who answers; the page's own if not given.
            beside: further ones that are asked with it, as one.
        """
        key = ((kb, *beside), choice or self.choice)
        with self._chains_guard:
            loading = self._chains.get(key)
            if loading is None or _failed(loading):
                loading = self._chains[key] = self._loader.submit(self._load, *key)
            return loading

    @property
    def embeddings(self) -> PassageEmbeddings:
        """The embedder of all knowledge bases; loaded when it is first wanted."""
        with self._embeddings_guard:
            if self._embeddings is None:
                self._embeddings = configured_embeddings(self.settings)
            return self._embeddings

    def forget(self, kb: Path) -> None:
        """Let go of a knowledge base that is no longer there, or has another name."""
        with self._chains_guard:
            for key in [each for each in self._chains if kb in each[0]]:
                del self._chains[key]

    def remove(self, kb: Path, path: str) -> None:
        """Take the document at a path out of a knowledge base.

        Raises:
            KnowledgeBaseBusy: somebody is writing it.
        """
        store = open_knowledge_base(kb, store=self.settings.store, embeddings=self.embeddings)
        with store.write() as writer, writer.transaction():
            writer.unplace(path)

    def loads_xverse(self, choice: Choice) -> bool:
        """Whether XVERSE is still to come, which takes longer than all else."""
        return choice.kind is Kind.XVERSE and choice not in self._llms

    def is_loaded(self, choice: Choice) -> bool:
        """Whether who answers is ready to."""
        return choice in self._llms

    @property
    def speed(self) -> float | None:
        """Tokens a second of the last answers, the middle one; None before there is one."""
        return median(self._speeds) if self._speeds else None

    def noted(self, answer: Answer) -> Answer:
        """Remember how fast an answer was written; returns it."""
        if answer.tokens_per_second:
            self._speeds.append(answer.tokens_per_second)
        return answer

    def ask(self, chain: KnowledgeBaseQA, asked: dict[str, Any], *, visitor: str = "") -> Asking:
        """Put a visitor's question; its answer comes in parts, when it is its turn."""
        return Asking(chain, asked, visitor=visitor, queue=self.queue, loop=self._loop)

    def _load(self, kbs: tuple[Path, ...], choice: Choice) -> KnowledgeBaseQA:
        if choice not in self._llms:
            self._llms[choice] = load_generator(choice, self.settings)
        llm = self._llms[choice]
        chain = build_qa_chain(
            kb=kbs,
            # Who was chosen answers, though a model may have come since.
            settings=self.settings if llm else self.settings.model_copy(update=_QUOTING),
            embeddings=self.embeddings,
            llm=llm,
        )
        chain.retriever.invoke(_WARM_UP)
        return chain


@st.cache_resource(show_spinner=False)
def shared_engine() -> Engine:
    """The process's engine, which has begun to load.

    Raises:
        SettingsError: a setting cannot be used.
    """
    engine = Engine(load_settings())
    engine.chain(engine.settings.kb)
    return engine


def _alternatives(choice: Choice, settings: Settings) -> tuple[Choice, ...]:
    """Who may answer here: who was chosen, XVERSE where it can run, and quotes."""
    automatic = choose_generator(settings.model_copy(update={"llm": "auto"}))
    others = [each for each in (automatic, Choice(Kind.QUOTE)) if not each.wants_model]
    return tuple(dict.fromkeys((choice, *others)))


def _desks(choice: Choice) -> int:
    """How many questions are answered at once; to quote takes a core for each."""
    return os.cpu_count() or 1 if choice.kind is Kind.QUOTE else _DESKS


def _failed(loading: Future[KnowledgeBaseQA]) -> bool:
    return loading.done() and loading.exception() is not None
