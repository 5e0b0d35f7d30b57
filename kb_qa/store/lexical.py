"""The word side: tantivy over the catalog's texts, pre-tokenized by `terms`.

The writer keeps an index on disk. A reader opens it and adds, in memory, what
the catalog holds beyond it; a folder whose index is missing, damaged or not
writable is served from memory alone.
"""

import json
import math
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import tantivy

from kb_qa.store.files import write_whole
from kb_qa.store.snapshot import Changes, Snapshot
from kb_qa.terms import terms

_FOLDER = "lexical"
_MANIFEST = "lexical.json"
_HEAP_BYTES = 64 << 20
_SCHEMA = (
    tantivy.SchemaBuilder()
    .add_text_field("terms", tokenizer_name="whitespace", index_option="freq")
    .add_integer_field("chunk", fast=True, indexed=True)
    .build()
)
_BATCH = 256  # documents read from the catalog at a time
_FEWEST = 100  # chunks IDF assumes at least: a handful cannot tell rare words from common


class Lexical:
    """The word index of one generation; `refreshed` gives a newer one.

    Searchers are immutable: one that is in use does not see what is added.
    """

    def __init__(self, *, lineage: str, generation: int, parts: Sequence["_Part"]) -> None:
        self.lineage = lineage
        self.generation = generation
        self._parts = tuple(parts)
        self._searchers = tuple(part.index.searcher() for part in parts)

    @classmethod
    def load(cls, folder: Path, *, lineage: str) -> "Lexical":
        """The index on disk, or an empty one where there is none that works."""
        saved = _Part.saved(folder, lineage=lineage)
        if saved is None:
            return cls(lineage=lineage, generation=0, parts=())
        return cls(lineage=lineage, generation=saved.generation, parts=(saved,))

    def search(self, words: Iterable[str], *, limit: int) -> list[int]:
        """Ids of the chunks that match a question's terms best (BM25), best first.

        Of each part up to `limit`: scores of two parts cannot be compared, and
        what is found is scored again by the caller.
        """
        clauses = [
            (tantivy.Occur.Should, tantivy.Query.term_query(_SCHEMA, "terms", word))
            for word in dict.fromkeys(words)
        ]
        if not clauses:
            return []
        query = tantivy.Query.boolean_query(clauses)
        found: dict[int, None] = {}
        for searcher in self._searchers:
            hits = [address for _, address in searcher.search(query, limit).hits]
            found.update((int(key or 0), None) for key in searcher.fast_field_values("chunk", hits))
        return list(found)

    def idf(self, words: Iterable[str]) -> dict[str, float]:
        """What each term weighs: the rarer, the more; one never seen weighs most."""
        total = max(_FEWEST, sum(searcher.num_docs for searcher in self._searchers))
        return {word: _idf(self._frequency(word), total) for word in dict.fromkeys(words)}

    def refreshed(self, catalog: Snapshot, folder: Path) -> "Lexical":
        """The index of the catalog's present generation, nothing written."""
        saved = Lexical.load(folder, lineage=self.lineage)
        base = saved if self.generation < saved.generation <= catalog.generation else self
        if base.generation == catalog.generation:
            return base
        fresh = _Part(tantivy.Index(_SCHEMA), generation=catalog.generation)
        fresh.apply(catalog.changes_since(base.generation), catalog)
        return Lexical(
            lineage=self.lineage, generation=fresh.generation, parts=(*base._parts, fresh)
        )

    @staticmethod
    def save(catalog: Snapshot, folder: Path) -> None:
        """Bring the index on disk to the catalog's present generation; for the writer only."""
        part = _Part.saved(folder, lineage=catalog.lineage) or _Part.created(folder)
        if part.generation < catalog.generation:
            part.apply(catalog.changes_since(part.generation), catalog)
            manifest = {"lineage": catalog.lineage, "generation": catalog.generation}
            write_whole(folder / _MANIFEST, json.dumps(manifest).encode())

    def _frequency(self, word: str) -> int:
        return sum(searcher.doc_freq("terms", word) for searcher in self._searchers)


class _Part:
    """One tantivy index and the generation it stands at."""

    def __init__(self, index: tantivy.Index, *, generation: int) -> None:
        self.index = index
        self.generation = generation

    @classmethod
    def saved(cls, folder: Path, *, lineage: str) -> "_Part | None":
        try:
            manifest = json.loads((folder / _MANIFEST).read_text())
            if manifest["lineage"] != lineage:
                return None
            index = tantivy.Index(_SCHEMA, str(folder / _FOLDER), reuse=True)
            return cls(index, generation=int(manifest["generation"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @classmethod
    def created(cls, folder: Path) -> "_Part":
        (folder / _MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(folder / _FOLDER, ignore_errors=True)
        (folder / _FOLDER).mkdir()
        return cls(tantivy.Index(_SCHEMA, str(folder / _FOLDER)), generation=0)

    def apply(self, changes: Changes, catalog: Snapshot) -> None:
        """Remove and add chunks; doing it twice leaves the same."""
        writer = self.index.writer(_HEAP_BYTES, 1)
        for first, last in changes.removed:
            writer.delete_documents_by_query(
                tantivy.Query.range_query(_SCHEMA, "chunk", tantivy.FieldType.Integer, first, last)
            )
        for begin in range(0, len(changes.added), _BATCH):
            for document in changes.added[begin : begin + _BATCH]:
                for passage in catalog.passages_of(document):
                    writer.delete_documents_by_term("chunk", passage.id)
                    words = " ".join(terms(passage.indexed_text))
                    writer.add_document(tantivy.Document(terms=words, chunk=passage.id))
        writer.commit()
        writer.wait_merging_threads()
        self.index.reload()


def _idf(frequency: int, total: int) -> float:
    return math.log(1 + (max(total - frequency, 0) + 0.5) / (frequency + 0.5))
