"""The collections of a knowledge base in Milvus."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pymilvus import DataType, MilvusClient

from kb_qa.embeddings.base import EmbedderIdentity
from kb_qa.errors import KnowledgeBaseMissing, SchemaTooNew
from kb_qa.store.centring import LANGUAGES
from kb_qa.store.milvus.connection import Connection, literal, one_of
from kb_qa.store.milvus.rows import meta_row

FORMAT = 1
_TEXT, _PATH, _SHORT = 65_535, 8192, 1024

_UNUSED = ("unused", DataType.FLOAT_VECTOR, {"dim": 2})
_FIELDS: dict[str, tuple[tuple[str, Any, dict[str, Any]], ...]] = {
    "documents": (
        ("id", DataType.INT64, {"is_primary": True}),
        ("sha256", DataType.VARCHAR, {"max_length": _SHORT}),
        ("format", DataType.VARCHAR, {"max_length": _SHORT}),
        ("title", DataType.VARCHAR, {"max_length": _TEXT}),
        ("chunks", DataType.INT64, {}),
        ("details", DataType.JSON, {}),
        _UNUSED,
    ),
    "texts": (
        ("id", DataType.INT64, {"is_primary": True}),
        ("document", DataType.INT64, {}),
        ("part", DataType.INT64, {}),
        ("text", DataType.VARCHAR, {"max_length": _TEXT}),
        _UNUSED,
    ),
    "places": (
        ("id", DataType.INT64, {"is_primary": True}),
        ("path", DataType.VARCHAR, {"max_length": _PATH}),
        ("lowered", DataType.VARCHAR, {"max_length": _PATH}),
        ("document", DataType.INT64, {}),
        ("stamp", DataType.VARCHAR, {"max_length": _SHORT}),
        ("verdict", DataType.VARCHAR, {"max_length": _SHORT}),
        ("changed", DataType.INT64, {}),
        ("refused", DataType.BOOL, {}),
        ("refusal", DataType.JSON, {}),
        _UNUSED,
    ),
    "meta": (
        ("key", DataType.VARCHAR, {"is_primary": True, "max_length": _SHORT}),
        ("value", DataType.JSON, {}),
        _UNUSED,
    ),
}
_CHUNK_FIELDS: tuple[tuple[str, Any, dict[str, Any]], ...] = (
    ("id", DataType.INT64, {"is_primary": True}),
    ("document", DataType.INT64, {}),
    ("ordinal", DataType.INT64, {}),
    ("language", DataType.VARCHAR, {"max_length": 16}),
    ("page", DataType.INT64, {}),
    ("heading", DataType.VARCHAR, {"max_length": _TEXT}),
    ("text", DataType.VARCHAR, {"max_length": _TEXT}),
    ("details", DataType.JSON, {}),
    ("words", DataType.SPARSE_FLOAT_VECTOR, {}),
    ("terms", DataType.ARRAY, {"element_type": DataType.INT64, "max_capacity": 4096}),
)
_SUM_FIELDS: tuple[tuple[str, Any, dict[str, Any]], ...] = (
    ("id", DataType.INT64, {"is_primary": True}),
    ("document", DataType.INT64, {}),
    ("language", DataType.VARCHAR, {"max_length": 16}),
    ("count", DataType.INT64, {}),
)
_LOOKED_UP = {"document", "language", "terms", "sha256"}


@dataclass(frozen=True)
class Tables:
    """A knowledge base's collections. Those of vectors are named after their embedder."""

    connection: Connection

    def exist(self) -> bool:
        """Whether the knowledge base was made."""
        return self.connection.has(self.meta) and self.embedder is not None

    def check(self) -> None:
        """Look whether it can be read.

        Raises:
            KnowledgeBaseMissing: it was not made.
            SchemaTooNew: a newer version of this program made it.
        """
        if not self.connection.has(self.meta):
            raise self.missing
        format_ = self.get("format")
        if format_ is None:
            raise self.missing
        if format_ > FORMAT:
            raise SchemaTooNew(
                f"{self.connection.address} has format {format_}, and this program knows {FORMAT}: "
                "install a newer version of kb-qa"
            )

    def make(self) -> None:
        """Make what of it is not there, but for what an embedder's vectors need."""
        for name, fields in _FIELDS.items():
            schema, indexes = self._designed(fields)
            self.connection.create(self._named(name), schema=schema, indexes=indexes)
        if self.get("format") is None:
            self.put("format", FORMAT)

    def make_for(self, embedder: EmbedderIdentity) -> "VectorTables":
        """Make what an embedder's vectors need, unless it is there."""
        tables = self.vectors_of(embedder)
        width = embedder.dimension
        designs = (
            (tables.chunks, _CHUNK_FIELDS, width + LANGUAGES),
            (tables.sums, _SUM_FIELDS, width),
        )
        for name, fields, dimension in designs:
            vector = ("vector", DataType.FLOAT_VECTOR, {"dim": dimension})
            schema, indexes = self._designed((*fields, vector))
            self.connection.create(name, schema=schema, indexes=indexes)
        return tables

    def vectors_of(self, embedder: EmbedderIdentity) -> "VectorTables":
        """The collections of an embedder's vectors."""
        return VectorTables(
            self._named(f"chunks_{embedder.digest}"), self._named(f"sums_{embedder.digest}")
        )

    @property
    def embedder(self) -> EmbedderIdentity | None:
        """Who makes the vectors; None before the first one."""
        said = self.get("embedder")
        return EmbedderIdentity(**said) if said else None

    def get(self, key: str) -> Any:
        """What is known under a key; None if nothing."""
        return self.known(f"key == {literal(key)}").get(key)

    def known(self, condition: str) -> dict[str, Any]:
        """What is known under the keys that meet a condition."""
        rows = self.connection.rows(self.meta, condition, fields=("key", "value"))
        return {row["key"]: row["value"]["is"] for row in rows}

    def put(self, key: str, value: Any) -> None:
        """Keep something under a key."""
        self.connection.upsert(self.meta, [meta_row(key, value)])

    def forget(self, keys: Sequence[str]) -> None:
        """Keep nothing under these keys."""
        if keys:
            self.connection.delete(self.meta, one_of("key", keys))

    @cached_property
    def documents(self) -> str:
        """One row a document."""
        return self._named("documents")

    @cached_property
    def texts(self) -> str:
        """Documents' whole texts, in parts."""
        return self._named("texts")

    @cached_property
    def places(self) -> str:
        """One row a path."""
        return self._named("places")

    @cached_property
    def meta(self) -> str:
        """What is known of the whole."""
        return self._named("meta")

    @property
    def missing(self) -> KnowledgeBaseMissing:
        """What to tell who asks it before it was made."""
        return KnowledgeBaseMissing(
            f"no knowledge base in Milvus at {self.connection.address}: "
            "make one with `python -m ingest PATH`, with KB_QA_STORE set as it is now"
        )

    def _named(self, name: str) -> str:
        return f"{self.connection.address.name}_{name}"

    def _designed(self, fields: Sequence[tuple[str, Any, dict[str, Any]]]) -> tuple[Any, Any]:
        schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        indexes = MilvusClient.prepare_index_params()
        # Milvus Lite compares all, and has no index of arrays; a server takes the dense index that
        # it is set to, HNSW as it comes.
        is_lite = self.connection.address.is_file
        dense = "FLAT" if is_lite else "AUTOINDEX"
        for name, kind, options in fields:
            schema.add_field(name, kind, **options)
            if kind is DataType.FLOAT_VECTOR:
                indexes.add_index(name, index_type=dense, metric_type="IP")
            elif kind is DataType.SPARSE_FLOAT_VECTOR:
                indexes.add_index(name, index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
            elif name in _LOOKED_UP and not (is_lite and kind is DataType.ARRAY):
                indexes.add_index(name, index_type="INVERTED")
        return schema, indexes


@dataclass(frozen=True)
class VectorTables:
    """The names of the collections of one embedder's vectors.

    Attributes:
        chunks: one row a chunk.
        sums: one row a document and language: how many chunks, and their vectors' sum.
    """

    chunks: str
    sums: str
