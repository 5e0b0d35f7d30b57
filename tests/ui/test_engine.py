"""What answers is loaded once a process, in the background."""

from pathlib import Path

import pytest

from kb_qa import KnowledgeBaseMissing, load_settings
from kb_qa.errors import SettingsError
from kb_qa.prompted import PromptedChain
from kb_qa.quote import QuoteChain
from kb_qa.store.knowledge_base import KnowledgeBase
from tests.fakes import WordEmbeddings
from ui.engine import Engine


def test_sessions_share_what_is_loaded(knowledge_base: KnowledgeBase) -> None:
    """One chain a knowledge base, one embedder for all."""
    with knowledge_base.write():
        pass
    engine = Engine(
        load_settings(llm="quote", kb=knowledge_base.folder), embeddings=knowledge_base.embeddings
    )
    assert engine.chain(knowledge_base.folder) is engine.chain(knowledge_base.folder)
    chain = engine.chain(knowledge_base.folder).result(10)
    assert chain.retriever.knowledge_base.embeddings is knowledge_base.embeddings


def test_a_load_that_failed_is_tried_again(tmp_path: Path, embeddings: WordEmbeddings) -> None:
    """A knowledge base that was missing is found once it is there."""
    engine = Engine(load_settings(llm="quote", kb=tmp_path / "kb"), embeddings=embeddings)
    with pytest.raises(KnowledgeBaseMissing):
        engine.chain(tmp_path / "kb").result(10)
    with KnowledgeBase(tmp_path / "kb", embeddings=embeddings).write():
        pass
    chain = engine.chain(tmp_path / "kb").result(10)
    assert chain.retriever.knowledge_base.folder == tmp_path / "kb"


def test_knowledge_bases_share_the_language_model(
    knowledge_base: KnowledgeBase, tmp_path: Path
) -> None:
    """A model of 15 GB is loaded once a process, not once a knowledge base."""
    other = KnowledgeBase(tmp_path / "other", embeddings=knowledge_base.embeddings)
    for each in (knowledge_base, other):
        with each.write():
            pass
    settings = load_settings(llm="openai:http://127.0.0.1:1/v1#tiny", kb=knowledge_base.folder)
    engine = Engine(settings, embeddings=knowledge_base.embeddings)
    generators = [
        engine.chain(each.folder).result(10).combine_documents_chain
        for each in (knowledge_base, other)
    ]
    assert all(isinstance(each, PromptedChain) for each in generators)
    assert generators[0].llm is generators[1].llm
    assert engine.choice.name == "tiny"


def test_what_was_chosen_holds(knowledge_base: KnowledgeBase) -> None:
    """The page says who answers; that one answers."""
    with knowledge_base.write():
        pass
    settings = load_settings(llm="quote", kb=knowledge_base.folder)
    engine = Engine(settings, embeddings=knowledge_base.embeddings)
    chain = engine.chain(knowledge_base.folder).result(10)
    assert isinstance(chain.combine_documents_chain, QuoteChain)
    assert not engine.loads_xverse(engine.choice)


def test_a_generator_that_is_nobody_is_told_at_the_start(tmp_path: Path) -> None:
    """Not at the first question."""
    with pytest.raises(SettingsError, match="KB_QA_LLM='gpt'"):
        Engine(load_settings(llm="gpt", kb=tmp_path))


def test_several_are_one_chain_that_goes_with_any_of_them(
    knowledge_base: KnowledgeBase, tmp_path: Path
) -> None:
    """Those asked as one have a chain of their own; one that is gone is in none."""
    other = KnowledgeBase(tmp_path / "other", embeddings=knowledge_base.embeddings)
    for each in (knowledge_base, other):
        with each.write():
            pass
    engine = Engine(
        load_settings(llm="quote", kb=knowledge_base.folder), embeddings=knowledge_base.embeddings
    )
    alone, first = knowledge_base.folder, (other.folder,)
    both = engine.chain(alone, beside=first)
    assert both is engine.chain(alone, beside=first) is not engine.chain(alone)
    both.result(10)
    engine.forget(other.folder)
    assert engine.chain(alone, beside=first) is not both
