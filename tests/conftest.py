"""What tests of every part stand on."""

from pathlib import Path

import pytest

from kb_qa.store.knowledge_base import KnowledgeBase
from tests.fakes import WordEmbeddings


@pytest.fixture
def embeddings() -> WordEmbeddings:
    return WordEmbeddings()


@pytest.fixture
def knowledge_base(tmp_path: Path, embeddings: WordEmbeddings) -> KnowledgeBase:
    return KnowledgeBase(tmp_path / "kb", embeddings=embeddings)
