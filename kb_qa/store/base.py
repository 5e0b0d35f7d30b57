"""What the rest of the program needs of a store, whichever it is."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from kb_qa.embeddings.base import PassageEmbeddings, Vectors
from kb_qa.store.filter import ANYTHING, Filter
from kb_qa.store.query import Query
from kb_qa.store.records import (
    Candidate,
    Chunk,
    Document,
    Location,
    Passage,
    Refusal,
    Run,
    Summary,
)


class Snapshot(Protocol):
    """What a store holds."""

    @property
    def generation(self) -> int:
        """A number that is another one whenever something was changed."""

    @property
    def summary(self) -> Summary:
        """What is in it, in numbers."""

    def locations(self) -> dict[str, Location]:
        """Every place a document was found, by path."""

    def location(self, path: str) -> Location | None:
        """The document at one place."""

    def refusals(self) -> dict[str, Refusal]:
        """Every file that could not be read, by path."""

    def last_run(self) -> Run | None:
        """The run of ingestion that ended last; None before the first."""

    def document_id(self, sha256: str, *, format: str = "") -> int | None:
        """The id of the document with this content, read as this format, if it is here."""

    def text(self, document: int) -> str:
        """A document's whole extracted text."""

    def passages_of(self, document: int) -> list[Passage]:
        """All passages of a document, in reading order."""


class Writer(Snapshot, Protocol):
    """A store as one who changes it holds it."""

    def transaction(self) -> AbstractContextManager[None]:
        """A batch: after the block all of it is stored, and before that no part of it is found.

        A batch that failed, or was cut short, can be stored again: what came of it is the
        same then.
        """

    def put(self, document: Document, *, chunks: Sequence[Chunk], vectors: Vectors) -> int:
        """Store a document, in the place of one with the same content; returns its id.

        It is found once a path of the same batch says where it is.
        """

    def place(self, path: str, *, document: int, stamp: str, verdict: str = "added") -> None:
        """Say where a document was found; the path's former document may go."""

    def unplace(self, path: str) -> None:
        """Forget a path, and its document if it was the only one."""

    def refuse(self, refusal: Refusal) -> None:
        """Record that a file cannot be read; what was read of it before stays."""

    def record(self, run: Run) -> None:
        """Keep what became of a run of ingestion."""


class Catalog(Protocol):
    """What a store holds, read without an embedder."""

    def exists(self) -> bool:
        """Whether there is a knowledge base."""

    def read(self) -> AbstractContextManager[Snapshot]:
        """What it holds, for as long as the block lasts.

        Raises:
            KnowledgeBaseMissing: there is none.
        """


@runtime_checkable
class Searchable(Protocol):
    """What can be asked: a knowledge base, or several."""

    @property
    def embeddings(self) -> PassageEmbeddings:
        """What embeds questions, and must have embedded the passages."""

    def query(self, question: str) -> Query:
        """What the search knows of a question."""

    def candidates(self, question: str, *, limit: int, where: Filter = ANYTHING) -> list[Candidate]:
        """The passages that either side finds for a question, each with its evidence."""


@runtime_checkable
class Store(Searchable, Protocol):
    """A knowledge base, wherever it is kept."""

    @property
    def folder(self) -> Path:
        """The folder on this machine that is its own."""

    @property
    def catalog(self) -> Catalog:
        """What it holds, read without an embedder."""

    def read(self) -> AbstractContextManager[Snapshot]:
        """What it holds, for as long as the block lasts.

        Raises:
            KnowledgeBaseMissing: there is no knowledge base.
            EmbedderMismatch: another embedder made its vectors.
        """

    def write(
        self, *, wait_seconds: float = 0.0, publish: bool = True
    ) -> AbstractContextManager[Writer]:
        """Change it, until the block ends.

        Raises:
            KnowledgeBaseBusy: another process is writing, and the store takes one at a time.
            EmbedderMismatch: another embedder made its vectors.
        """

    def publish(self, writer: Any) -> None:
        """Save what is derived of its documents; `writer` is one that it gave."""

    def reembed(self, *, wait_seconds: float = 0.0) -> int:
        """Make all vectors again with this embedder, or none; returns how many."""
