"""What a knowledge base in Milvus holds, as a reader sees it."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from kb_qa.embeddings.base import EmbedderIdentity
from kb_qa.store.milvus import rows
from kb_qa.store.milvus.connection import Row, literal
from kb_qa.store.milvus.means import Sums, from_text
from kb_qa.store.milvus.tables import Tables, VectorTables
from kb_qa.store.records import Location, Passage, Refusal, Run, Summary

CHANGE, BACKGROUND, EMBEDDER, RUN = "change", "background", "embedder", "run"
MEAN = "mean "
_IS_PLACED = f"document != {rows.NOWHERE}"


class MilvusSnapshot:
    """What a knowledge base in Milvus holds: a document is there when a path leads to it.

    Args:
        tables: its collections.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._connection = tables.connection

    @property
    def generation(self) -> int:
        """A number that is another one whenever something was changed."""
        return int(self._tables.get(CHANGE) or 0)

    @property
    def embedder(self) -> EmbedderIdentity | None:
        """Who made the vectors; None before the first one."""
        return self._tables.embedder

    @property
    def background(self) -> dict[str, NDArray[np.float32]]:
        """Mean vectors of ordinary passages, by language, as the embedder makes them."""
        known = self._tables.get(BACKGROUND) or {}
        return {language: from_text(text).astype(np.float32) for language, text in known.items()}

    @property
    def sums(self) -> Sums:
        """How many vectors each language has, and their sum, as they were last published."""
        known = self._tables.known(f"key like {literal(MEAN + '%')}")
        return {
            key.removeprefix(MEAN): (said["count"], from_text(said["sum"]))
            for key, said in known.items()
        }

    @property
    def summary(self) -> Summary:
        """What is in it, in numbers."""
        count, tables, chunks = self._connection.count, self._tables, self._vectors.chunks
        languages = {
            name: count(chunks, f"language == {literal(name)}") for name in sorted(self.sums)
        }
        return Summary(
            documents=count(tables.documents),
            paths=count(tables.places, _IS_PLACED),
            chunks=count(chunks),
            refusals=count(tables.places, "refused == true"),
            languages={name: number for name, number in languages.items() if number},
        )

    def locations(self) -> dict[str, Location]:
        """Every place a document was found, by path."""
        places = self._places(_IS_PLACED)
        documents = {row["id"]: row for row in self._documents("id > 0")}
        return _located(places, documents)

    def location(self, path: str) -> Location | None:
        """The document at one place."""
        places = self._places(f"id == {rows.path_key(path)} and {_IS_PLACED}")
        documents = self._documents_of(row["document"] for row in places)
        return _located(places, documents).get(path)

    def refusals(self) -> dict[str, Refusal]:
        """Every file that could not be read, by path."""
        return {row["path"]: rows.to_refusal(row) for row in self._places("refused == true")}

    def last_run(self) -> Run | None:
        """The run of ingestion that ended last; None before the first."""
        said = self._tables.get(RUN)
        return Run(**said) if said else None

    def document_id(self, sha256: str, *, format: str = "") -> int | None:
        """The id of the document with this content, read as this format, if it is here."""
        keys = self._same(sha256, format)
        paths = self._paths(keys)
        return next((key for key in keys if key in paths), None)

    def passages_of(self, document: int) -> list[Passage]:
        """All passages of a document, in reading order."""
        found = self._connection.rows(
            self._vectors.chunks, f"document == {document}", fields=rows.PASSAGE_FIELDS
        )
        return self._passages(sorted(found, key=lambda row: int(row["ordinal"])))

    def text(self, document: int) -> str:
        """A document's whole extracted text."""
        parts = self._connection.rows(
            self._tables.texts, f"document == {document}", fields=("part", "text")
        )
        return "".join(row["text"] for row in sorted(parts, key=lambda row: int(row["part"])))

    def passages_with_vectors(self, chunks: Sequence[int]) -> list[tuple[Passage, Row]]:
        """The passages with these ids and their rows; those that no path leads to are left out."""
        found = list(
            self._connection.among(
                self._vectors.chunks, "id", chunks, fields=(*rows.PASSAGE_FIELDS, "vector")
            )
        )
        of = {row["id"]: row for row in found}
        return [(passage, of[passage.id]) for passage in self._passages(found)]

    def documents_at(self, condition: str) -> list[int]:
        """The documents of the paths whose rows meet a condition."""
        return sorted({row["document"] for row in self._places(condition)})

    @property
    def _vectors(self) -> VectorTables:
        embedder = self.embedder
        if embedder is None:
            raise self._tables.missing
        return self._tables.vectors_of(embedder)

    def _passages(self, chunks: Sequence[Row]) -> list[Passage]:
        documents = self._documents_of(row["document"] for row in chunks)
        paths = self._paths(list(documents))
        return [
            rows.to_passage(row, documents[row["document"]], paths[row["document"]])
            for row in chunks
            if row["document"] in documents and row["document"] in paths
        ]

    def _same(self, sha256: str, format: str) -> list[int]:
        condition = f"sha256 == {literal(sha256)} and format == {literal(format)}"
        found = self._connection.rows(self._tables.documents, condition, fields=("id",))
        return [int(row["id"]) for row in found]

    def _paths(self, documents: Sequence[int]) -> dict[int, list[str]]:
        """The paths that lead to documents; a document without one is left out."""
        found: dict[int, list[str]] = {}
        places = self._connection.among(
            self._tables.places, "document", documents, fields=("path", "document")
        )
        for row in places:
            found.setdefault(row["document"], []).append(row["path"])
        return found

    def _places(self, condition: str) -> list[Row]:
        return self._connection.rows(self._tables.places, condition, fields=rows.PLACE_FIELDS)

    def _documents(self, condition: str) -> list[Row]:
        return self._connection.rows(self._tables.documents, condition, fields=rows.DOCUMENT_FIELDS)

    def _documents_of(self, keys: Iterable[int]) -> dict[int, Row]:
        wanted = sorted(set(keys))
        found = self._connection.among(
            self._tables.documents, "id", wanted, fields=rows.DOCUMENT_FIELDS
        )
        return {row["id"]: row for row in found}


def _located(places: Sequence[Row], documents: dict[int, Row]) -> dict[str, Location]:
    """Places whose document is not there lead nowhere: another machine took it meanwhile."""
    return {
        row["path"]: rows.to_location(row, documents[row["document"]])
        for row in sorted(places, key=lambda row: str(row["path"]))
        if row["document"] in documents
    }
