"""A knowledge base in Milvus: many machines fill it and ask it at once."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import lru_cache, partial
from pathlib import Path

from kb_qa.embeddings.base import EmbedderIdentity, PassageEmbeddings
from kb_qa.errors import EmbedderMismatch
from kb_qa.store.background import background
from kb_qa.store.filter import ANYTHING, Filter
from kb_qa.store.milvus.catalog import MilvusCatalog
from kb_qa.store.milvus.conditions import chunk_condition, place_condition
from kb_qa.store.milvus.connection import one_of
from kb_qa.store.milvus.means import Means, to_text
from kb_qa.store.milvus.rows import chunk_rows, to_vector
from kb_qa.store.milvus.snapshot import BACKGROUND, EMBEDDER, MilvusSnapshot
from kb_qa.store.milvus.tables import Tables
from kb_qa.store.milvus.words import idf, question_weights, term_key
from kb_qa.store.milvus.writer import MilvusWriter
from kb_qa.store.query import Query
from kb_qa.store.records import Candidate, Document
from kb_qa.terms import question_terms

_QUESTIONS = 256  # question vectors kept
_STALE_SECONDS = 1.0  # a state that was the newest so lately is good enough
_REEMBED_DOCUMENTS = 32  # in memory at a time
_COUNTED_AT_ONCE = 8


@dataclass
class _State:
    """What is known of the whole, of one change; how common terms are is asked as needed."""

    change: int
    means: Means
    total: int
    frequencies: dict[str, int] = field(default_factory=dict)


class MilvusKnowledgeBase:
    """The documents of a knowledge base in Milvus, and the search over them.

    Searches and writers may be many, on many machines. A search sees whole documents
    only; what this process wrote at once, and what another one wrote within seconds.

    Args:
        address: FILE.db or http(s)://USER:PASSWORD@HOST:PORT, with #NAME if wanted.
        folder: what belongs to it on this machine.
        embeddings: what embeds questions, and must have embedded the passages.

    Raises:
        SettingsError: the address is none.
    """

    def __init__(self, address: str, *, folder: Path, embeddings: PassageEmbeddings) -> None:
        self.folder = folder
        self.embeddings = embeddings
        self.catalog = MilvusCatalog(address)
        self._state: _State | None = None
        self._looked_at = 0.0
        self._looking = threading.Lock()
        self._counting = ThreadPoolExecutor(_COUNTED_AT_ONCE, thread_name_prefix="count")
        self._embed_question = lru_cache(_QUESTIONS)(
            lambda question: embeddings.embed_queries([question])[0]
        )

    @contextmanager
    def read(self) -> Iterator[MilvusSnapshot]:
        """What it holds.

        Raises:
            StoreUnreachable: nobody answers there, or the user is not let in.
            KnowledgeBaseMissing: there is none.
            EmbedderMismatch: another embedder made its vectors.
        """
        with self.catalog.read() as snapshot:
            self._check(snapshot.embedder)
            yield snapshot

    def query(self, question: str) -> Query:
        """What the search knows of a question."""
        return self._query(question, self._present())

    def candidates(self, question: str, *, limit: int, where: Filter = ANYTHING) -> list[Candidate]:
        """The passages that either side finds for a question, each with its evidence.

        Args:
            question: in any language.
            limit: passages asked of each side; up to twice as many come back, unordered.
            where: which passages may be found.
        """
        state = self._present()
        query = self._query(question, state)
        snapshot = MilvusSnapshot(self._tables)
        condition = self._condition(where, snapshot)
        if condition is None:
            return []
        search = partial(
            self._tables.connection.search, self._chunks, limit=limit, condition=condition
        )
        found = search("vector", state.means.question_row(query.vector))
        if weights := question_weights(query.idf):
            found += search("words", weights)
        dimension = self.embeddings.identity.dimension
        pairs = snapshot.passages_with_vectors(list(dict.fromkeys(found)))
        vectors = [to_vector(row, dimension=dimension) for _, row in pairs]
        return query.weighed([passage for passage, _ in pairs], vectors)

    @contextmanager
    def write(
        self,
        *,
        wait_seconds: float = 0.0,  # noqa: ARG002 (nobody has to wait)
        publish: bool = True,
    ) -> Iterator[MilvusWriter]:
        """Be one of its writers until the block ends.

        Args:
            wait_seconds: of no use here: others may write too.
            publish: whether to make the languages' means anew at the end.

        Raises:
            StoreUnreachable: nobody answers there, or the user is not let in.
            EmbedderMismatch: another embedder made its vectors.
        """
        tables = self._tables
        tables.make()
        ours = self.embeddings.identity
        self._check(tables.embedder)
        vectors = tables.make_for(ours)
        if tables.embedder is None:
            self._set_embedder(tables)
        writer = MilvusWriter(tables, vectors)
        writer.clean_up()
        try:
            yield writer
            if publish:
                self.publish(writer)
        finally:
            self._state = None

    def publish(self, writer: MilvusWriter) -> None:
        """Make the languages' means anew."""
        writer.publish_means()
        self._state = None

    def reembed(self, *, wait_seconds: float = 0.0) -> int:  # noqa: ARG002 (nobody has to wait)
        """Make all vectors again with this embedder, or none; returns how many.

        They go into collections of their own. Nobody may write meanwhile.
        """
        with self.catalog.read() as snapshot:
            tables = self._tables
            former, ours = snapshot.embedder, self.embeddings.identity
            vectors = tables.make_for(ours)
            documents = sorted({each.document for each in snapshot.locations().values()})
            count = 0
            for begin in range(0, len(documents), _REEMBED_DOCUMENTS):
                for key in documents[begin : begin + _REEMBED_DOCUMENTS]:
                    count += self._reembed_one(snapshot, key, vectors.chunks, vectors.sums)
            self._set_embedder(tables)
            self.publish(MilvusWriter(tables, vectors))
            if former and former != ours:
                old = tables.vectors_of(former)
                tables.connection.drop(old.chunks)
                tables.connection.drop(old.sums)
        return count

    def _reembed_one(self, snapshot: MilvusSnapshot, key: int, chunks: str, sums: str) -> int:
        passages = snapshot.passages_of(key)
        if not passages:
            return 0
        vectors = self.embeddings.embed_passages([each.indexed_text for each in passages])
        document = Document("", title=passages[0].title, text="")
        of_chunks, of_sums = chunk_rows(
            key, document, chunks=[each.chunk for each in passages], vectors=vectors
        )
        self._tables.connection.upsert(chunks, of_chunks)
        self._tables.connection.upsert(sums, of_sums)
        return len(passages)

    @property
    def _tables(self) -> Tables:
        return self.catalog.tables

    @property
    def _chunks(self) -> str:
        return self._tables.vectors_of(self.embeddings.identity).chunks

    def _present(self) -> _State:
        """What is known of the whole, no older than a moment."""
        with self._looking:
            state = self._state
            if state and time.monotonic() - self._looked_at < _STALE_SECONDS:
                return state
            with self.read() as snapshot:
                change = snapshot.generation
                if state is None or state.change != change:
                    means = Means(snapshot.sums, snapshot.background)
                    state = _State(change, means, self._tables.connection.count(self._chunks))
                self._state, self._looked_at = state, time.monotonic()
            return state

    def _query(self, question: str, state: _State) -> Query:
        vector = self._embed_question(question)
        words = list(dict.fromkeys(question_terms(question)))
        unknown = [word for word in words if word not in state.frequencies]
        counts = self._counting.map(self._frequency, unknown)
        state.frequencies.update(zip(unknown, counts, strict=True))
        return Query(
            text=question,
            vector=vector,
            idf={word: idf(state.frequencies[word], state.total) for word in words},
            centre=partial(state.means.centre, question=vector),
        )

    def _frequency(self, word: str) -> int:
        condition = f"array_contains(terms, {term_key(word)})"
        return self._tables.connection.count(self._chunks, condition)

    def _condition(self, where: Filter, snapshot: MilvusSnapshot) -> str | None:
        """What the chunks that may be found meet; None if there can be none."""
        conditions = [chunk_condition(where)]
        if of_places := place_condition(where):
            documents = snapshot.documents_at(of_places)
            if not documents:
                return None
            conditions.append(one_of("document", documents))
        return " and ".join(each for each in conditions if each)

    def _set_embedder(self, tables: Tables) -> None:
        ordinary = background(self.embeddings)
        tables.put(BACKGROUND, {language: to_text(mean) for language, mean in ordinary.items()})
        tables.put(EMBEDDER, asdict(self.embeddings.identity))

    def _check(self, made_by: EmbedderIdentity | None) -> None:
        ours = self.embeddings.identity
        if made_by is not None and made_by != ours:
            raise EmbedderMismatch(
                f"{self.catalog.address} was embedded with {made_by.name} "
                f"({made_by.dimension} dimensions), not with {ours.name} ({ours.dimension}): "
                f"set KB_QA_EMBEDDINGS={made_by.name}, or embed it again with "
                "`python -m ingest --reembed`"
            )
