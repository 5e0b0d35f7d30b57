"""What tests of every part stand on."""

from pathlib import Path

import hypothesis
import pytest

from ingest.pipeline import ingest
from kb_qa.embeddings import PassageEmbeddings, load_embeddings
from kb_qa.store.knowledge_base import KnowledgeBase
from tests.fakes import WordEmbeddings

# How long a rule takes to hold is the machine's affair: benchmarks tell it.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

SAMPLES = Path(__file__).parents[1] / "data" / "docs"


@pytest.fixture(scope="session")
def bundled() -> PassageEmbeddings:
    """The embedder that comes with the package."""
    return load_embeddings("bundled")


@pytest.fixture(scope="session")
def sample_kb(tmp_path_factory: pytest.TempPathFactory, bundled: PassageEmbeddings) -> Path:
    """The sample documents, ingested with the bundled embedder."""
    folder = tmp_path_factory.mktemp("sample") / "kb"
    report = ingest([SAMPLES], knowledge_base=KnowledgeBase(folder, embeddings=bundled))
    assert not report.failed, report
    return folder


@pytest.fixture
def embeddings() -> WordEmbeddings:
    return WordEmbeddings()


@pytest.fixture
def knowledge_base(tmp_path: Path, embeddings: WordEmbeddings) -> KnowledgeBase:
    return KnowledgeBase(tmp_path / "kb", embeddings=embeddings)
