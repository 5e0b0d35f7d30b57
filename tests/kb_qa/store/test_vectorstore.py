"""The vector store holds to LangChain's standard."""

from pathlib import Path

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.vectorstores import VectorStore
from langchain_tests.integration_tests.vectorstores import VectorStoreIntegrationTests

from kb_qa.errors import EmbeddingsError
from kb_qa.store.knowledge_base import KnowledgeBase
from kb_qa.store.vectorstore import KnowledgeBaseVectorStore
from tests.fakes import WordEmbeddings
from tests.kb_qa.store.test_knowledge_base import BAND, put


class TestStandard(VectorStoreIntegrationTests):
    """LangChain's own suite, synchronous and asynchronous."""

    @pytest.fixture
    def vectorstore(self, tmp_path: Path) -> VectorStore:
        knowledge_base = KnowledgeBase(tmp_path / "kb", embeddings=WordEmbeddings())
        with knowledge_base.write():
            pass
        return KnowledgeBaseVectorStore(knowledge_base)


def test_an_ingested_passage_is_found_and_not_deleted(knowledge_base: KnowledgeBase) -> None:
    """What `ingest` stored can be searched and fetched here; only `ingest` removes it."""
    put(knowledge_base, BAND)
    store = KnowledgeBaseVectorStore(knowledge_base)
    store.add_texts(["Oslo is a city"], ids=["oslo"])
    (document,) = store.similarity_search("band", k=1)
    assert document.id == f"/docs/{BAND}#0"
    assert document.metadata["source"] == f"/docs/{BAND}"
    assert store.get_by_ids([document.id])[0].page_content == BAND
    store.delete()
    assert store.similarity_search("city", k=5) == [document]


def test_texts_make_a_store(tmp_path: Path) -> None:
    """`from_texts` makes the knowledge base in its folder."""
    store = KnowledgeBaseVectorStore.from_texts(
        ["one band", "two cities"], WordEmbeddings(), [{"n": 1}, {"n": 2}], kb=tmp_path / "kb"
    )
    (document,) = store.similarity_search("cities", k=1)
    assert (document.page_content, document.metadata) == ("two cities", {"n": 2})


def test_an_embedder_without_identity_is_refused(tmp_path: Path) -> None:
    """Vectors whose maker is unknown could never be compared safely."""
    with pytest.raises(EmbeddingsError, match="DeterministicFakeEmbedding has no identity"):
        KnowledgeBaseVectorStore.from_texts(
            ["text"], DeterministicFakeEmbedding(size=8), kb=tmp_path / "kb"
        )
