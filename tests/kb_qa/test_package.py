"""The package as it is imported."""

import subprocess
import sys

import pytest

import kb_qa


def test_the_public_names_are_these() -> None:
    """A new public name is a promise: it is made here as well."""
    assert kb_qa.__all__ == [
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


@pytest.mark.parametrize("name", kb_qa.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    """Loaded when it is first used."""
    assert getattr(kb_qa, name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As of any module."""
    with pytest.raises(AttributeError, match="nothing_like_it"):
        _ = kb_qa.nothing_like_it


@pytest.mark.parametrize("module", ["kb_qa", "ingest", "ingest.cli", "kb_qa.__main__", "ui"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    """Neither torch, nor LangChain, nor Streamlit, nor numpy."""
    script = f"import sys, {module}; print([name for name in sys.modules])"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.replace("'", "").strip("[]\n").split(", "))
    assert not loaded & {"torch", "langchain_core", "streamlit", "numpy", "transformers", "faiss"}
