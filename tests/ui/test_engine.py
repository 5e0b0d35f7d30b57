"""What answers is loaded once a process, in the background."""

from pathlib import Path

import pytest

from kb_qa import KnowledgeBaseMissing, load_settings
from kb_qa.store.knowledge_base import KnowledgeBase
from tests.fakes import WordEmbeddings
from ui.engine import Engine


def test_sessions_share_what_is_loaded(knowledge_base: KnowledgeBase) -> None:
    """One chain a knowledge base, one embedder for all."""
    with knowledge_base.write():
        pass
    engine = Engine(load_settings(kb=knowledge_base.folder), embeddings=knowledge_base.embeddings)
    assert engine.chain(knowledge_base.folder) is engine.chain(knowledge_base.folder)
    chain = engine.chain(knowledge_base.folder).result(10)
    assert chain.retriever.knowledge_base.embeddings is knowledge_base.embeddings


def test_a_load_that_failed_is_tried_again(tmp_path: Path, embeddings: WordEmbeddings) -> None:
    """A knowledge base that was missing is found once it is there."""
    engine = Engine(load_settings(kb=tmp_path / "kb"), embeddings=embeddings)
    with pytest.raises(KnowledgeBaseMissing):
        engine.chain(tmp_path / "kb").result(10)
    with KnowledgeBase(tmp_path / "kb", embeddings=embeddings).write():
        pass
    chain = engine.chain(tmp_path / "kb").result(10)
    assert chain.retriever.knowledge_base.folder == tmp_path / "kb"
