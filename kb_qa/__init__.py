"""Questions answered from a person's own documents, with citations that can be checked.

The names below are loaded when they are first used: importing `kb_qa` loads
neither torch nor LangChain.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kb_qa.answer import Answer, Citation, Source
    from kb_qa.chain import KnowledgeBaseQA, build_qa_chain
    from kb_qa.embeddings import PassageEmbeddings, configured_embeddings, load_embeddings
    from kb_qa.errors import (
        EmbedderMismatch,
        KbQaError,
        KnowledgeBaseBusy,
        KnowledgeBaseMissing,
    )
    from kb_qa.retrieval import HybridRetriever
    from kb_qa.settings import Settings, load_settings
    from kb_qa.store.filter import Filter
    from kb_qa.store.knowledge_base import KnowledgeBase, knowledge_bases
    from kb_qa.store.vectorstore import KnowledgeBaseVectorStore
    from kb_qa.xverse.chat_model import ChatXverse
    from kb_qa.xverse.llm import XVERSE_LLM

__version__ = "0.1.0"

_HOMES = {
    "XVERSE_LLM": "xverse.llm",
    "Answer": "answer",
    "ChatXverse": "xverse.chat_model",
    "Citation": "answer",
    "EmbedderMismatch": "errors",
    "Filter": "store.filter",
    "HybridRetriever": "retrieval",
    "KbQaError": "errors",
    "KnowledgeBase": "store.knowledge_base",
    "KnowledgeBaseBusy": "errors",
    "KnowledgeBaseMissing": "errors",
    "KnowledgeBaseQA": "chain",
    "KnowledgeBaseVectorStore": "store.vectorstore",
    "PassageEmbeddings": "embeddings",
    "Settings": "settings",
    "Source": "answer",
    "build_qa_chain": "chain",
    "configured_embeddings": "embeddings",
    "knowledge_bases": "store.knowledge_base",
    "load_embeddings": "embeddings",
    "load_settings": "settings",
}

__all__ = [
    "XVERSE_LLM",
    "Answer",
    "ChatXverse",
    "Citation",
    "EmbedderMismatch",
    "Filter",
    "HybridRetriever",
    "KbQaError",
    "KnowledgeBase",
    "KnowledgeBaseBusy",
    "KnowledgeBaseMissing",
    "KnowledgeBaseQA",
    "KnowledgeBaseVectorStore",
    "PassageEmbeddings",
    "Settings",
    "Source",
    "__version__",
    "build_qa_chain",
    "configured_embeddings",
    "knowledge_bases",
    "load_embeddings",
    "load_settings",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
