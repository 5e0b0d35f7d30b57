"""The word side: tantivy over the catalog's texts, pre-tokenized by `terms`.

A saved index is the base; what the catalog holds beyond it is a small index in
memory. Searchers are immutable: one that is in use does not see what is added.
"""

import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tantivy

from kb_qa.store.published import Published, publish, published
from kb_qa.store.snapshot import Changes, Snapshot
from kb_qa.store.vector_index import Keys
from kb_qa.terms import VERSION, terms

SIDE = "lexical"
_HEAP_BYTES = 64 << 20
_SCHEMA = (
    tantivy.SchemaBuilder()
    .add_text_field("terms", tokenizer_name="whitespace", index_option="freq")
    .add_integer_field("chunk", fast=True, indexed=True)
    .build()
)
_FEWEST = 100  # chunks IDF assumes at least: a handful cannot tell rare words from common
_FEW_ALLOWED = 5_000  # chunks that a query can name one by one
_LOCKS = ".tantivy-*.lock"
_TERMS = "terms"  # what a manifest calls the version of its terms


@dataclass(frozen=True)
class Lexical:
    """The words of one generation; `refreshed` gives a newer one.

    Attributes:
        generation: the catalog's generation it is of.
        lineage: the lineage of that catalog.
        base_generation: of the saved part.
    """

    generation: int
    lineage: str
    base_generation: int
    _base: tantivy.Searcher | None
    _index: tantivy.Index
    _fresh: tantivy.Searcher

    @classmethod
    def load(cls, folder: Path, catalog: Snapshot) -> "Lexical":
        """What is saved; nothing where there is none, or it is damaged."""
        saved = _saved(folder, catalog.lineage)
        return (saved and cls._of(saved, catalog)) or cls._on(None, 0, catalog.lineage)

    def search(self, words: Iterable[str], *, limit: int, among: Keys | None = None) -> list[int]:
        """Ids of the chunks that match a question's terms best (BM25), best first.

        Of each part up to `limit`: scores of two parts cannot be compared, and
        what is found is scored again by the caller.

        Args:
            words: the question's terms.
            limit: how many of each part, at most.
            among: the chunks that may be found, ascending; all if not given.
        """
        clauses = [
            (tantivy.Occur.Should, tantivy.Query.term_query(_SCHEMA, "terms", word))
            for word in dict.fromkeys(words)
        ]
        if not clauses or (among is not None and not len(among)):
            return []
        query = tantivy.Query.boolean_query(clauses)
        find = _found if among is None else _finder_among(among)
        return list(
            dict.fromkeys(key for each in self._searchers for key in find(each, query, limit))
        )

    def idf(self, words: Iterable[str]) -> dict[str, float]:
        """What each term weighs: the rarer, the more; one never seen weighs most."""
        total = max(_FEWEST, sum(searcher.num_docs for searcher in self._searchers))
        return {word: _idf(self._frequency(word), total) for word in dict.fromkeys(words)}

    def refreshed(self, catalog: Snapshot, folder: Path) -> "Lexical":
        """The state of the catalog's present generation, nothing written."""
        start = self._rebased(catalog, folder)
        _apply(start._index, catalog.changes_since(start.generation), catalog)
        return replace(start, generation=catalog.generation, _fresh=start._index.searcher())

    @staticmethod
    def save(catalog: Snapshot, folder: Path) -> None:
        """Save the catalog's present generation; for the writer only."""
        saved = _saved(folder, catalog.lineage)
        if saved and saved.generation == catalog.generation and saved.is_sound():
            return

        def fill(aside: Path) -> Mapping[str, Any]:
            generation = _linked(saved, aside) if saved and saved.is_sound() else 0
            index = tantivy.Index(_SCHEMA, str(aside), reuse=bool(generation))
            _apply(index, catalog.changes_since(generation), catalog)
            for lock in aside.glob(_LOCKS):
                lock.unlink()
            return {_TERMS: VERSION}

        publish(folder, SIDE, generation=catalog.generation, lineage=catalog.lineage, fill=fill)

    @classmethod
    def _on(cls, base: tantivy.Searcher | None, generation: int, lineage: str) -> "Lexical":
        index = tantivy.Index(_SCHEMA)
        return cls(generation, lineage, generation, base, index, index.searcher())

    @classmethod
    def _of(cls, saved: Published, catalog: Snapshot) -> "Lexical | None":
        if saved.generation > catalog.generation or not saved.is_sound():
            return None
        try:
            searcher = _opened(saved.folder)
        except (OSError, ValueError):
            return None
        # tantivy takes a file that goes while it opens the others for an empty one.
        return cls._on(searcher, saved.generation, saved.lineage) if saved.is_there() else None

    def _rebased(self, catalog: Snapshot, folder: Path) -> "Lexical":
        """On the saved base, where that is newer than ours."""
        saved = _saved(folder, self.lineage)
        if saved and self.base_generation < saved.generation:
            return Lexical._of(saved, catalog) or self
        return self

    @property
    def _searchers(self) -> tuple[tantivy.Searcher, ...]:
        return tuple(each for each in (self._base, self._fresh) if each is not None)

    def _frequency(self, word: str) -> int:
        return sum(searcher.doc_freq("terms", word) for searcher in self._searchers)


def has_present_terms(saved: Published) -> bool:
    """Whether its terms are those that questions have now."""
    return saved.details.get(_TERMS) == VERSION


def _saved(folder: Path, lineage: str) -> Published | None:
    saved = published(folder, SIDE, lineage=lineage)
    return saved if saved and has_present_terms(saved) else None


def _apply(index: tantivy.Index, changes: Changes, catalog: Snapshot) -> None:
    """Remove and add chunks."""
    if not changes.added and not changes.removed:
        return
    writer = index.writer(_HEAP_BYTES, 1)
    for first, last in changes.removed:
        writer.delete_documents_by_query(
            tantivy.Query.range_query(_SCHEMA, "chunk", tantivy.FieldType.Integer, first, last)
        )
    for document in changes.added:
        for passage in catalog.passages_of(document):
            words = " ".join(terms(passage.indexed_text))
            writer.add_document(tantivy.Document(terms=words, chunk=passage.id))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()


def _found(searcher: tantivy.Searcher, query: tantivy.Query, limit: int) -> list[int]:
    hits = [address for _, address in searcher.search(query, limit).hits]
    return [int(key or 0) for key in searcher.fast_field_values("chunk", hits)]


def _finder_among(among: Keys) -> Callable[[tantivy.Searcher, tantivy.Query, int], list[int]]:
    """How to find some of these chunks only."""
    if len(among) > _FEW_ALLOWED:
        return lambda searcher, query, limit: _found_of_more(searcher, query, limit, among)
    named = tantivy.Query.term_set_query(_SCHEMA, "chunk", among.tolist())
    allowed = (tantivy.Occur.Must, tantivy.Query.const_score_query(named, 0.0))
    return lambda searcher, query, limit: _found(
        searcher, tantivy.Query.boolean_query([(tantivy.Occur.Must, query), allowed]), limit
    )


def _found_of_more(
    searcher: tantivy.Searcher, query: tantivy.Query, limit: int, among: Keys
) -> list[int]:
    """Ask for ever more, until enough of them are allowed."""
    asked = 2 * limit
    while True:
        keys = np.array(_found(searcher, query, asked), np.int64)
        kept = keys[np.isin(keys, among)][:limit]
        if len(kept) == limit or len(keys) < asked:
            return [int(key) for key in kept]
        asked *= 4


def _opened(folder: Path) -> tantivy.Searcher:
    """A searcher of a saved index; its files may go meanwhile.

    tantivy locks a folder while it opens it. Where nothing can be written, one
    of links to the files does.
    """
    if os.access(folder, os.W_OK):
        return tantivy.Index(_SCHEMA, str(folder), reuse=True).searcher()
    with tempfile.TemporaryDirectory() as aside:
        for path in folder.iterdir():
            (Path(aside) / path.name).symlink_to(path.absolute())
        return tantivy.Index(_SCHEMA, aside, reuse=True).searcher()


def _linked(saved: Published, folder: Path) -> int:
    """The same files in another folder, links where the disk can; returns their generation.

    tantivy never writes to a file again, but for its lists of files, which it replaces.
    """
    for name in saved.checksums:
        try:
            (folder / name).hardlink_to(saved.folder / name)
        except OSError:
            shutil.copyfile(saved.folder / name, folder / name)
    return saved.generation


def _idf(frequency: int, total: int) -> float:
    return math.log(1 + (max(total - frequency, 0) + 0.5) / (frequency + 0.5))
