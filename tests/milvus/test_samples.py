"""The sample documents in Milvus: ingested, asked, changed, and beside the embedded store."""

import json
from pathlib import Path
from typing import Any

import pytest
from langchain_core.retrievers import BaseRetriever
from langchain_tests.integration_tests import RetrieversIntegrationTests

from ingest.pipeline import ingest, preview
from ingest.report import Verdict
from ingest.standing import standing
from kb_qa.chain import build_qa_chain
from kb_qa.embeddings import PassageEmbeddings
from kb_qa.retrieval import HybridRetriever
from kb_qa.settings import Settings
from kb_qa.store.knowledge_base import KnowledgeBase
from kb_qa.store.milvus.knowledge_base import MilvusKnowledgeBase
from kb_qa.store.opening import open_knowledge_base
from tests.conftest import SAMPLES

ROOT = Path(__file__).parents[2]
QUESTIONS = [
    json.loads(line)["question"]
    for line in (ROOT / "data" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
]
TOLERANCE = 1e-3


@pytest.fixture(scope="session")
def setting(tmp_path_factory: pytest.TempPathFactory) -> str:
    """KB_QA_STORE."""
    return f"milvus:{tmp_path_factory.mktemp('milvus') / 'samples.db'}"


@pytest.fixture(scope="session")
def samples(
    setting: str, bundled: PassageEmbeddings, tmp_path_factory: pytest.TempPathFactory
) -> MilvusKnowledgeBase:
    """The sample documents, ingested into Milvus Lite."""
    folder = tmp_path_factory.mktemp("own")
    store = open_knowledge_base(folder, store=setting, embeddings=bundled)
    report = ingest([SAMPLES], knowledge_base=store)
    assert not report.failed, report
    assert isinstance(store, MilvusKnowledgeBase)
    return store


@pytest.fixture(scope="session")
def embedded(sample_kb: Path, bundled: PassageEmbeddings) -> KnowledgeBase:
    return KnowledgeBase(sample_kb, embeddings=bundled)


def test_both_stores_find_the_same(samples: MilvusKnowledgeBase, embedded: KnowledgeBase) -> None:
    """Of the sample questions every one gets the same five passages from both stores, in the same
    order, with scores that differ by less than 0.001."""
    ranked = [
        {
            (each.metadata["source"], each.metadata["start"]): each.metadata["score"]
            for each in HybridRetriever(knowledge_base=store).invoke(question)
        }
        for question in QUESTIONS
        for store in (samples, embedded)
    ]
    pairs = list(zip(ranked[::2], ranked[1::2], strict=True))
    same = [pair for pair in pairs if list(pair[0]) == list(pair[1])]
    assert len(same) == len(QUESTIONS), [pair for pair in pairs if pair not in same]
    worst = max(abs(ours[key] - theirs[key]) for ours, theirs in same for key in ours)
    assert worst < TOLERANCE


class TestStandard(RetrieversIntegrationTests):
    """LangChain's own suite for retrievers, over Milvus."""

    knowledge_base: MilvusKnowledgeBase

    @pytest.fixture(autouse=True)
    def _sample(self, samples: MilvusKnowledgeBase) -> None:
        type(self).knowledge_base = samples

    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return HybridRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"knowledge_base": self.knowledge_base, "passages": 3}

    @property
    def num_results_arg_name(self) -> str:
        return "passages"

    @property
    def retriever_query_example(self) -> str:
        return "annual leave"


def test_a_chinese_question_finds_english_passages(samples: MilvusKnowledgeBase) -> None:
    """The dense side offers what is near in meaning, whatever the language it is written in."""
    found = samples.candidates("客户可以在多少天内退货？", limit=8)
    assert {"zh", "en"} <= {each.passage.language for each in found}


def test_the_chain_answers_from_milvus(
    samples: MilvusKnowledgeBase, setting: str, bundled: PassageEmbeddings
) -> None:
    """`build_qa_chain` knows no store: the setting decides, and answers are cited."""
    settings = Settings(store=setting, llm="quote", kb=samples.folder)
    answer = build_qa_chain(settings=settings, embeddings=bundled).invoke(QUESTIONS[0])["answer"]
    assert not answer.refused
    assert answer.citations[0].text in answer.text


def test_a_second_run_changes_nothing(samples: MilvusKnowledgeBase, setting: str) -> None:
    """What is known is not parsed again, and the report can be asked for later."""
    with samples.read() as snapshot:
        before = snapshot.summary
    first = standing(samples.folder, store=setting)
    report = ingest([SAMPLES], knowledge_base=samples)
    assert {file.verdict for file in report.files} <= {Verdict.UNCHANGED, Verdict.SKIPPED}
    assert report.seconds["parse"] < 0.1
    with samples.read() as snapshot:
        assert snapshot.summary == before
    again = standing(samples.folder, store=setting)
    assert again.files == first.files
    assert {file.verdict for file in preview([SAMPLES], knowledge_base=samples).files} == {
        file.verdict for file in report.files
    }


@pytest.fixture
def folder_of_three(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for name in ("one", "two", "three"):
        (folder / f"{name}.txt").write_text(f"The word of this file is {name}.", encoding="utf-8")
    return folder


def test_files_that_change_move_and_go(folder_of_three: Path, milvus: MilvusKnowledgeBase) -> None:
    """Each run brings Milvus to what the folder holds."""
    ingest([folder_of_three], knowledge_base=milvus)
    (folder_of_three / "one.txt").unlink()
    (folder_of_three / "two.txt").rename(folder_of_three / "second.txt")
    (folder_of_three / "three.txt").write_text("The word is four.", encoding="utf-8")
    report = ingest([folder_of_three], knowledge_base=milvus)
    assert sorted(file.verdict for file in report.files) == ["moved", "removed", "updated"]
    texts = {each.passage.chunk.text for each in milvus.candidates("which word?", limit=9)}
    assert texts == {"The word of this file is two.", "The word is four."}
    with milvus.read() as snapshot:
        assert [Path(path).name for path in snapshot.locations()] == ["second.txt", "three.txt"]
