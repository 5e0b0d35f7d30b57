"""The stages between a parsed file and the store: cut, gathered, embedded."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ingest.document import Parsed
from ingest.plan import Content, Wanted
from ingest.splitting import split
from kb_qa.embeddings import PassageEmbeddings, Vectors
from kb_qa.errors import ParseError
from kb_qa.store.records import Chunk, Document, indexed_text

_MOST_TEXTS = 1024
"""Texts an embedder is given at once: one document may hold a hundred thousand."""


@dataclass(frozen=True)
class Cut:
    """A document that was parsed and cut, and the files that hold it."""

    document: Document
    chunks: tuple[Chunk, ...]
    files: tuple[Wanted, ...]


@dataclass(frozen=True)
class Refused:
    """Files of one content that gave no document, and why.

    Attributes:
        files: the files.
        error: why.
        is_final: whether it would come out the same again.
    """

    files: tuple[Wanted, ...]
    error: ParseError
    is_final: bool = True


@dataclass(frozen=True)
class Batch:
    """What is stored together; the vectors are those of all cut documents' chunks in order."""

    items: tuple[Cut | Refused, ...]
    vectors: Vectors

    @property
    def documents(self) -> Iterator[tuple[Cut, Vectors]]:
        """Each document with its own vectors."""
        begin = 0
        for each in self.items:
            if isinstance(each, Cut):
                yield each, self.vectors[begin : begin + len(each.chunks)]
                begin += len(each.chunks)


def cut(
    parsed: Parsed, *, content: Content, files: Sequence[Wanted], embeddings: PassageEmbeddings
) -> Cut | Refused:
    """A document in chunks that the embedder can read whole."""
    try:
        chunks = split(
            parsed,
            count_tokens=embeddings.count_tokens,
            max_tokens=embeddings.max_tokens,
        )
    except ParseError as error:
        return Refused(tuple(files), error)
    document = Document(
        content.sha256,
        parsed.title,
        parsed.text,
        parsed.pages,
        parsed.warnings,
        parsed.unread,
        content.format,
    )
    return Cut(document, tuple(chunks), tuple(files))


def gathered(items: Iterable[Cut | Refused], *, most: int) -> Iterator[tuple[Cut | Refused, ...]]:
    """Items in their order, so many together that their chunks are worth embedding together."""
    batch: list[Cut | Refused] = []
    chunks = 0
    for item in items:
        batch.append(item)
        chunks += len(item.chunks) if isinstance(item, Cut) else 1
        if chunks >= most:
            yield tuple(batch)
            batch, chunks = [], 0
    if batch:
        yield tuple(batch)


def embedded(items: Sequence[Cut | Refused], *, embed: Callable[[Sequence[str]], Vectors]) -> Batch:
    """The items with their chunks' vectors: float32, shape (chunks, dimension)."""
    texts = [
        indexed_text(each.document.title, chunk.heading, chunk.context, chunk.text)
        for each in items
        if isinstance(each, Cut)
        for chunk in each.chunks
    ]
    parts = [embed(texts[at : at + _MOST_TEXTS]) for at in range(0, len(texts), _MOST_TEXTS)]
    return Batch(tuple(items), np.concatenate(parts) if parts else embed(()))
