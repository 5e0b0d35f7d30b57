"""Several knowledge bases, asked as one."""

from pathlib import Path

import pytest

from kb_qa.errors import EmbedderMismatch, KnowledgeBaseMissing, SettingsError
from kb_qa.store.filter import Filter
from kb_qa.store.knowledge_base import KnowledgeBase
from kb_qa.store.records import Chunk, Document
from kb_qa.store.several import SeveralKnowledgeBases
from tests.fakes import WordEmbeddings

BANDS = ("Abba is a band from Sweden", "Roxette is a band too", "Kent is no longer a band")
CITIES = ("Uppsala is a city in Sweden", "Kiruna is a city in the north", "中国的首都是北京")


def filled(folder: Path, texts: tuple[str, ...], name: str = "words") -> KnowledgeBase:
    knowledge_base = KnowledgeBase(folder, embeddings=WordEmbeddings(name))
    with knowledge_base.write() as writer, writer.transaction():
        for text in texts:
            vectors = knowledge_base.embeddings.embed_passages([text])
            chunks = [Chunk(text, 0, len(text))]
            key = writer.put(Document(text, "", text), chunks=chunks, vectors=vectors)
            writer.place(f"/{folder.name}/{text}.md", document=key, stamp="1")
    return knowledge_base


@pytest.fixture
def bands(tmp_path: Path) -> KnowledgeBase:
    return filled(tmp_path / "bands", BANDS)


@pytest.fixture
def cities(tmp_path: Path) -> KnowledgeBase:
    return filled(tmp_path / "cities", CITIES)


@pytest.fixture
def both(bands: KnowledgeBase, cities: KnowledgeBase) -> SeveralKnowledgeBases:
    return SeveralKnowledgeBases({"bands": bands, "cities": cities})


def test_each_passage_says_where_it_is_from(both: SeveralKnowledgeBases) -> None:
    """Every knowledge base offers its own; ids may be the same in both."""
    found = both.candidates("band or city in Sweden?", limit=10)
    assert {(each.kb, each.passage.chunk.text) for each in found} == {
        *(("bands", text) for text in BANDS),
        *(("cities", text) for text in CITIES),
    }


@pytest.mark.parametrize(("question", "expected"), [("Abba", BANDS[0]), ("北京", CITIES[2])])
def test_the_best_of_all_is_best(both: SeveralKnowledgeBases, question: str, expected: str) -> None:
    """A passage wins over those of other knowledge bases on the same scores."""
    found = both.candidates(question, limit=10)
    best = max(found, key=lambda each: each.centred + each.mass)
    assert best.passage.chunk.text == expected


def test_all_are_held_against_one_question(
    bands: KnowledgeBase, cities: KnowledgeBase, both: SeveralKnowledgeBases
) -> None:
    """A word weighs the mean of what it weighs in each, and so does a language's centre."""
    question = "Sweden"
    one, other, joint = (each.query(question) for each in (bands, cities, both))
    assert joint.idf["sweden"] == pytest.approx((one.idf["sweden"] + other.idf["sweden"]) / 2)
    assert joint.centre("en") == pytest.approx((one.centre("en") + other.centre("en")) / 2)
    for each in both.candidates(question, limit=10):
        assert each.centred == pytest.approx(
            each.cosine - joint.centre(each.passage.language), abs=1e-6
        )


def test_a_filter_holds_for_all(both: SeveralKnowledgeBases) -> None:
    """What is outside it is found in none."""
    found = both.candidates("band or city in Sweden?", limit=10, where=Filter(path="/cities/*"))
    assert {each.kb for each in found} == {"cities"}


def test_one_that_cannot_be_asked_is_told(bands: KnowledgeBase, tmp_path: Path) -> None:
    """Before the first question, and by its folder."""
    missing = KnowledgeBase(tmp_path / "nowhere", embeddings=WordEmbeddings())
    with pytest.raises(KnowledgeBaseMissing, match="nowhere"):
        SeveralKnowledgeBases({"a": bands, "b": missing}).check()
    filled(tmp_path / "foreign", CITIES, "others")
    foreign = KnowledgeBase(tmp_path / "foreign", embeddings=WordEmbeddings())
    with pytest.raises(EmbedderMismatch, match="foreign"):
        SeveralKnowledgeBases({"a": bands, "b": foreign}).check()
    with pytest.raises(SettingsError, match="name one"):
        SeveralKnowledgeBases({})
