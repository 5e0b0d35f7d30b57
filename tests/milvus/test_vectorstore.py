"""The vector store over Milvus holds to LangChain's standard."""

from pathlib import Path

import pytest
from langchain_core.vectorstores import VectorStore
from langchain_tests.integration_tests.vectorstores import VectorStoreIntegrationTests

from kb_qa.store.vectorstore import KnowledgeBaseVectorStore
from tests.fakes import WordEmbeddings
from tests.milvus.conftest import open_milvus


class TestStandard(VectorStoreIntegrationTests):
    """LangChain's own suite, synchronous and asynchronous."""

    @pytest.fixture
    def vectorstore(self, tmp_path: Path) -> VectorStore:
        store = open_milvus(tmp_path / "kb", WordEmbeddings())
        with store.write():
            pass
        return KnowledgeBaseVectorStore(store)
