"""A knowledge base: one folder, one writer at a time, any number of readers."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path

from kb_qa.embeddings.base import PassageEmbeddings
from kb_qa.errors import EmbedderMismatch
from kb_qa.store.background import background
from kb_qa.store.catalog import Catalog
from kb_qa.store.dense import MOST_EXACT, Layout
from kb_qa.store.derived import Derived, Follower
from kb_qa.store.filter import ANYTHING, Filter
from kb_qa.store.lock import writer_lock
from kb_qa.store.query import Query
from kb_qa.store.records import Candidate
from kb_qa.store.snapshot import Snapshot
from kb_qa.store.turns import Turns
from kb_qa.store.writer import Writer
from kb_qa.terms import question_terms

CATALOG = "catalog.sqlite"
_QUESTIONS = 256  # question vectors kept
_REEMBED_BATCH = 1024  # chunks in memory at a time


_Side = Callable[[], list[int]]


class KnowledgeBase:
    """The documents of one folder, and the search over them.

    Reading is safe from many threads and while another process writes: each
    search sees committed documents only, whole, what this process wrote at once,
    and what another one wrote about a second later.

    Args:
        folder: where it lies; made by the first write.
        embeddings: what embeds questions, and must have embedded the passages.
        most_exact: vectors up to which a search compares each; of more it reads the nearest.
    """

    def __init__(
        self, folder: Path, *, embeddings: PassageEmbeddings, most_exact: int = MOST_EXACT
    ) -> None:
        self.folder = folder
        self.embeddings = embeddings
        self.catalog = Catalog(folder / CATALOG)
        self._layout = Layout(embeddings.identity.dimension, most_exact)
        self._follower = Follower(self.catalog, layout=self._layout)
        self._turns = Turns()
        self._beside = ThreadPoolExecutor(thread_name_prefix="dense")
        # A question is embedded once for the search and the weighing of its sentences.
        self._embed_question = lru_cache(_QUESTIONS)(
            lambda question: embeddings.embed_queries([question])[0]
        )

    @contextmanager
    def read(self) -> Iterator[Snapshot]:
        """The present state, for as long as the block lasts.

        Raises:
            KnowledgeBaseMissing: the folder holds none.
            EmbedderMismatch: another embedder made its vectors.
        """
        with self.catalog.read() as snapshot:
            self._check_embedder(snapshot)
            yield snapshot

    def query(self, question: str) -> Query:
        """What the search knows of a question."""
        with self.read() as snapshot:
            return self._query(question, self._follower.state(snapshot))

    def candidates(self, question: str, *, limit: int, where: Filter = ANYTHING) -> list[Candidate]:
        """The passages that either side finds for a question, each with its evidence.

        Args:
            question: in any language.
            limit: passages asked of each side; a few times as many come back, unordered.
            where: which passages may be found.
        """
        with self.read() as snapshot:
            derived = self._follower.state(snapshot)
            query = self._query(question, derived)
            with self._turns.taken() as is_alone:
                among = snapshot.chunks_meeting(where) if where else None
                sides = self._both if is_alone else _one_by_one
                near, matching = sides(
                    partial(derived.dense.search, query.vector, limit=limit, among=among),
                    partial(derived.lexical.search, query.idf, limit=limit, among=among),
                )
                passages = snapshot.passages(list(dict.fromkeys([*near, *matching])))
                vectors = snapshot.vectors(list(passages))
                return query.weighed(list(passages.values()), [vectors[key] for key in passages])

    @contextmanager
    def write(self, *, wait_seconds: float = 0.0, publish: bool = True) -> Iterator[Writer]:
        """Be the only writer until the block ends.

        Args:
            wait_seconds: how long to wait for another writer.
            publish: whether to save what is derived at the end. What is not saved, each
                reader makes up for.

        Raises:
            KnowledgeBaseBusy: another process is writing and did not end in time.
            EmbedderMismatch: another embedder made its vectors.
        """
        with writer_lock(self.folder, wait_seconds=wait_seconds), self.catalog.write() as writer:
            self._check_embedder(writer)
            if writer.embedder is None:
                with writer.transaction():
                    self._set_embedder(writer)
            yield writer
            self._follower.wrote(writer.generation)
            if publish:
                self.publish(writer)

    def publish(self, writer: Writer) -> None:
        """Bring what is derived on disk to the present state, for readers that open later."""
        Derived.save(writer, self.folder, layout=self._layout)

    def reembed(self, *, wait_seconds: float = 0.0) -> int:
        """Make all vectors again with this embedder, or none; returns how many."""
        with writer_lock(self.folder, wait_seconds=wait_seconds), self.catalog.write() as writer:
            chunks = writer.all_chunks()
            with writer.transaction():
                self._set_embedder(writer)
                for begin in range(0, len(chunks), _REEMBED_BATCH):
                    self._reembed_some(writer, chunks[begin : begin + _REEMBED_BATCH])
            self.publish(writer)
        return len(chunks)

    def _set_embedder(self, writer: Writer) -> None:
        ordinary = background(self.embeddings)
        writer.set_embedder(self.embeddings.identity, background=ordinary)

    def _reembed_some(self, writer: Writer, chunks: Sequence[int]) -> None:
        passages = writer.passages(chunks)
        texts = [passage.indexed_text for passage in passages.values()]
        vectors = self.embeddings.embed_passages(texts)
        writer.replace_vectors(dict(zip(passages, vectors, strict=True)))

    def _query(self, question: str, derived: Derived) -> Query:
        vector = self._embed_question(question)
        return Query(
            text=question,
            vector=vector,
            idf=derived.lexical.idf(question_terms(question)),
            centre=derived.dense.centring.centre(vector),
        )

    def _both(self, near: _Side, matching: _Side) -> tuple[list[int], list[int]]:
        """Both sides of a search at once: they leave Python to each other."""
        beside = self._beside.submit(near)
        found = matching()
        return beside.result(), found

    def _check_embedder(self, snapshot: Snapshot) -> None:
        made_by, ours = snapshot.embedder, self.embeddings.identity
        if made_by is not None and made_by != ours:
            raise EmbedderMismatch(
                f"{self.folder} was embedded with {made_by.name} ({made_by.dimension} dimensions), "
                f"not with {ours.name} ({ours.dimension}): set KB_QA_EMBEDDINGS={made_by.name}, "
                f"or embed it again with `python -m ingest --reembed --kb {self.folder}`"
            )


def _one_by_one(near: _Side, matching: _Side) -> tuple[list[int], list[int]]:
    return near(), matching()


def knowledge_bases(parent: Path) -> list[Path]:
    """The folders below `parent` that hold a knowledge base, sorted."""
    found = (catalog.parent for catalog in parent.glob(f"*/{CATALOG}"))
    return sorted(folder for folder in found if not folder.name.startswith("."))
