"""A knowledge base as LangChain's VectorStore."""

import hashlib
import json
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from langchain_core.documents import Document as LangChainDocument
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore

from kb_qa.embeddings.base import PassageEmbeddings
from kb_qa.errors import EmbeddingsError
from kb_qa.store.base import Store
from kb_qa.store.knowledge_base import KnowledgeBase
from kb_qa.store.records import Chunk, Document, Passage

_STAMP = "vectorstore"  # marks a path that is an id given here, not a file


class KnowledgeBaseVectorStore(VectorStore):
    """Texts in and out of a knowledge base by id, searched by vector.

    A text added here is a document of one chunk, placed at its id. Chunks of
    ingested files are found too; their ids are `PATH#NUMBER`, and only `ingest`
    removes them.
    """

    def __init__(self, knowledge_base: Store) -> None:
        self.knowledge_base = knowledge_base

    @property
    def embeddings(self) -> PassageEmbeddings:
        """The knowledge base's embedder."""
        return self.knowledge_base.embeddings

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        kb: Path | str = "data/kb",
        **_kwargs: Any,
    ) -> "KnowledgeBaseVectorStore":
        """A knowledge base in the folder `kb`, with these texts added.

        Raises:
            EmbeddingsError: the embedder cannot say who it is.
        """
        if not isinstance(embedding, PassageEmbeddings):
            raise EmbeddingsError(
                f"{type(embedding).__name__} has no identity to record: subclass "
                "kb_qa.PassageEmbeddings, or use kb_qa.load_embeddings(MODEL)"
            )
        store = cls(KnowledgeBase(Path(kb), embeddings=embedding))
        store.add_texts(texts, metadatas, ids=ids)
        return store

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **_kwargs: Any,
    ) -> list[str]:
        """Add texts, or replace those at these ids; returns the ids."""
        texts = list(texts)
        names = [name or str(uuid.uuid4()) for name in ids or [""] * len(texts)]
        documents = [
            _document(text, metadata)
            for text, metadata in zip(texts, metadatas or [{}] * len(texts), strict=True)
        ]
        vectors = self.embeddings.embed_passages(texts)
        with self.knowledge_base.write() as writer, writer.transaction():
            for name, document, vector in zip(names, documents, vectors, strict=True):
                key = writer.document_id(document.sha256)
                if key is None:
                    chunk = Chunk(document.text, 0, len(document.text))
                    key = writer.put(document, chunks=[chunk], vectors=vector[None])
                writer.place(name, document=key, stamp=_STAMP)
        return names

    def delete(self, ids: list[str] | None = None, **_kwargs: Any) -> bool:
        """Remove texts added here, all of them if no id is given; others stay."""
        with self.knowledge_base.write() as writer, writer.transaction():
            ours = [place.path for place in writer.locations().values() if place.stamp == _STAMP]
            for name in set(ours if ids is None else ids) & set(ours):
                writer.unplace(name)
        return True

    def get_by_ids(self, ids: Sequence[str], /) -> list[LangChainDocument]:
        """The texts at these ids; those that are not here are left out."""
        found = []
        with self.knowledge_base.read() as snapshot:
            for name in ids:
                path, _, ordinal = name.rpartition("#")
                whole, part = snapshot.location(name), snapshot.location(path)
                if whole:
                    found.append(_to_langchain(snapshot.passages_of(whole.document)[0], name))
                elif part and ordinal.isdecimal() and int(ordinal) < part.chunks:
                    passages = snapshot.passages_of(part.document)
                    found.append(_to_langchain(passages[int(ordinal)], name))
        return found

    def similarity_search(self, query: str, k: int = 4, **_kwargs: Any) -> list[LangChainDocument]:
        """The texts nearest to a question, best first."""
        return [document for document, _ in self.similarity_search_with_score(query, k)]

    def similarity_search_with_score(
        self, query: str, k: int = 4, **_kwargs: Any
    ) -> list[tuple[LangChainDocument, float]]:
        """The texts nearest to a question with their cosines, best first."""
        found = self.knowledge_base.candidates(query, limit=max(k, 1))
        found.sort(key=lambda candidate: candidate.cosine, reverse=True)
        return [(_to_langchain(each.passage), each.cosine) for each in found[:k]]

    def _select_relevance_score_fn(self) -> Any:
        return _identity


def _identity(cosine: float) -> float:
    return cosine


def _document(text: str, metadata: dict[str, Any]) -> Document:
    """A text's identity is its words and what is said of them."""
    content = json.dumps([text, metadata], ensure_ascii=False, sort_keys=True)
    sha256 = hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
    return Document(sha256, title="", text=text, metadata=metadata)


def _to_langchain(passage: Passage, name: str | None = None) -> LangChainDocument:
    path = passage.paths[0] if passage.paths else ""
    is_text = not passage.title
    metadata = dict(passage.metadata)
    if not is_text:
        chunk = passage.chunk
        metadata |= {"source": path, "title": passage.title}
        metadata |= {"page": chunk.page, "scanned": chunk.scanned}
    return LangChainDocument(
        id=name or (path if is_text else f"{path}#{passage.ordinal}"),
        page_content=passage.chunk.text,
        metadata=metadata,
    )
