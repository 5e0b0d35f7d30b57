"""Both stores, for tests that each of them passes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kb_qa.embeddings import PassageEmbeddings
from kb_qa.store.base import Store
from kb_qa.store.knowledge_base import KnowledgeBase
from kb_qa.store.milvus.knowledge_base import MilvusKnowledgeBase
from tests.fakes import WordEmbeddings

Opener = Callable[[PassageEmbeddings], Store]


def open_milvus(folder: Path, embeddings: PassageEmbeddings) -> MilvusKnowledgeBase:
    """A knowledge base in a file of Milvus Lite beside its folder."""
    address = f"{folder.parent / 'milvus.db'}#{folder.name}"
    return MilvusKnowledgeBase(address, folder=folder, embeddings=embeddings)


def open_folder(folder: Path, embeddings: PassageEmbeddings) -> KnowledgeBase:
    return KnowledgeBase(folder, embeddings=embeddings)


@pytest.fixture(params=[open_folder, open_milvus], ids=["folder", "milvus"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """The same knowledge base, opened with whatever embedder."""
    return lambda embeddings: request.param(tmp_path / "kb", embeddings)


@pytest.fixture
def store(opener: Opener, embeddings: WordEmbeddings) -> Store:
    return opener(embeddings)


@pytest.fixture
def milvus(tmp_path: Path, embeddings: WordEmbeddings) -> MilvusKnowledgeBase:
    return open_milvus(tmp_path / "kb", embeddings)
