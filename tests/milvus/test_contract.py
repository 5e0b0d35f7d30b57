"""What a store promises, whichever it is: each test runs on both."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from kb_qa.errors import EmbedderMismatch, KnowledgeBaseMissing
from kb_qa.retrieval import HybridRetriever
from kb_qa.store.base import Store, Writer
from kb_qa.store.filter import Filter
from kb_qa.store.records import Chunk, Document, Refusal, Run, Summary
from tests.fakes import WordEmbeddings
from tests.milvus.conftest import Opener

BAND = "Abba is a band from Sweden"
CITY = "Uppsala is a city in Sweden"
CAPITAL = "中国的首都是北京"


def put(store: Store, *texts: str, folder: str = "/docs", stamp: str = "1") -> None:
    with store.write() as writer, writer.transaction():
        for text in texts:
            document, chunks = made(text)
            vectors = store.embeddings.embed_passages([text])
            key = writer.put(document, chunks=chunks, vectors=vectors)
            writer.place(f"{folder}/{text}", document=key, stamp=stamp)


def made(text: str) -> tuple[Document, Sequence[Chunk]]:
    chunk = Chunk(text, 0, len(text), heading=("Facts",), page=3, breaks=((4, 4),))
    document = Document(f"sha of {text}", f"title of {text}", text, 5, metadata={"by": "us"})
    return document, [chunk]


def found(store: Store, question: str, *, where: Filter = Filter()) -> list[str]:  # noqa: B008
    candidates = store.candidates(question, limit=10, where=where)
    candidates.sort(key=lambda each: each.centred + each.mass, reverse=True)
    return [candidate.passage.chunk.text for candidate in candidates]


def unplace_and_fail(writer: Writer) -> None:
    with writer.transaction():
        writer.unplace(f"/docs/{CITY}")
        raise ZeroDivisionError


def test_it_is_a_store(store: Store) -> None:
    """What retrieval checks at run time holds."""
    assert isinstance(store, Store)


def test_a_question_finds_its_passage_first(store: Store) -> None:
    """Both sides of the search work, in English and in Chinese."""
    put(store, BAND, CITY, CAPITAL)
    assert found(store, "which band?")[0] == BAND
    assert found(store, "首都是哪里")[0] == CAPITAL


def test_a_passage_comes_back_as_it_was_put(store: Store) -> None:
    """Offsets, headings, pages, metadata, language and places survive the store."""
    put(store, CAPITAL)
    passage = store.candidates("首都", limit=1)[0].passage
    assert passage.chunk == Chunk(CAPITAL, 0, 8, ("Facts",), "", 3, ((4, 4),))
    assert (passage.language, passage.metadata) == ("zh", {"by": "us"})
    assert passage.paths == (f"/docs/{CAPITAL}",)


def test_the_evidence_is_what_a_calculation_by_hand_gives(store: Store) -> None:
    """Cosine, centred cosine and mass are those of the formulas, on every candidate."""
    put(store, BAND, CITY, CAPITAL)
    query = store.query("which band?")
    assert query.idf == {"band": pytest.approx(np.log(1 + 99.5 / 1.5))}
    for each in store.candidates("which band?", limit=10):
        vector = store.embeddings.embed_passages([each.passage.chunk.text])[0]
        assert each.cosine == pytest.approx(float(vector @ query.vector), abs=1e-6)
        centre = query.centre(each.passage.language)
        assert each.centred == pytest.approx(each.cosine - centre, abs=1e-6)
        assert each.mass == ("band" in each.passage.chunk.text)


def test_a_failed_batch_leaves_nothing(store: Store) -> None:
    """What fails half way is never found, and the next batch is a clean one."""
    put(store, CITY)
    with store.write() as writer:
        with pytest.raises(ZeroDivisionError):
            unplace_and_fail(writer)
        assert list(writer.locations()) == [f"/docs/{CITY}"]
    put(store, CAPITAL)
    assert set(found(store, "band")) == {CITY, CAPITAL}


def test_the_same_document_twice_is_there_once(store: Store) -> None:
    """A batch that is stored again changes nothing."""
    put(store, BAND, CITY)
    put(store, BAND)
    assert sorted(found(store, "band")) == [BAND, CITY]
    with store.read() as snapshot:
        assert snapshot.summary == Summary(2, 2, 2, 0, {"en": 2})


def test_a_document_read_anew_takes_the_place_of_the_former(store: Store) -> None:
    """The same content read otherwise: all its paths have the new reading, the old one goes."""
    put(store, BAND)
    put(store, BAND, folder="/copies")
    document, _ = made(BAND)
    chunk = Chunk(BAND, 0, len(BAND), page=4)
    with store.write() as writer, writer.transaction():
        vectors = store.embeddings.embed_passages([chunk.text])
        writer.put(document, chunks=[chunk], vectors=vectors)
    (candidate,) = store.candidates("band", limit=10)
    assert candidate.passage.chunk == chunk
    assert len(candidate.passage.paths) == 2
    with store.read() as snapshot:
        assert snapshot.summary == Summary(1, 2, 1, 0, {"en": 1})
        known = snapshot.document_id(document.sha256)
        assert {each.document for each in snapshot.locations().values()} == {known}


def test_a_document_goes_with_its_last_path(store: Store) -> None:
    """One content at two paths is stored once, and stays until both are gone."""
    put(store, BAND, CITY)
    put(store, BAND, folder="/copies")
    for folder, left in (("/docs", [BAND, CITY]), ("/copies", [CITY])):
        with store.write() as writer, writer.transaction():
            writer.unplace(f"{folder}/{BAND}")
        assert sorted(found(store, "band")) == left
    with store.read() as snapshot:
        assert snapshot.summary == Summary(1, 1, 1, 0, {"en": 1})
        assert snapshot.document_id(f"sha of {BAND}") is None


def test_a_file_that_changed_is_found_with_its_new_content_only(store: Store) -> None:
    """A path leads to one document; the former one goes with its last path."""
    put(store, CITY)
    with store.write() as writer, writer.transaction():
        document, chunks = made(BAND)
        vectors = store.embeddings.embed_passages([BAND])
        key = writer.put(document, chunks=chunks, vectors=vectors)
        writer.place(f"/docs/{CITY}", document=key, stamp="2", verdict="updated")
    assert found(store, "city") == [BAND]
    with store.read() as snapshot:
        (location,) = snapshot.locations().values()
    assert (location.title, location.stamp, location.verdict) == (
        f"title of {BAND}",
        "2",
        "updated",
    )


def test_a_refused_file_keeps_what_was_read_of_it(store: Store) -> None:
    """A refusal is told beside the former content, until the path is read or forgotten."""
    put(store, BAND)
    path = f"/docs/{BAND}"
    refusal = Refusal(path, "2", "failed", "is damaged")
    with store.write() as writer, writer.transaction():
        writer.refuse(refusal)
        writer.refuse(Refusal("/docs/other", "1", "skipped", "no text"))
    with store.read() as snapshot:
        assert snapshot.refusals()[path] == refusal
        assert list(snapshot.locations()) == [path]
        assert snapshot.summary.refusals == 2
    put(store, BAND, stamp="3")
    with store.write() as writer, writer.transaction():
        writer.unplace("/docs/other")
    with store.read() as snapshot:
        assert snapshot.refusals() == {}
        assert snapshot.locations()[path].stamp == "3"


def test_the_last_run_is_kept(store: Store) -> None:
    """What became of a run can be asked later."""
    run = Run("2026-11-01T12:00:00+01:00", {"total": 1.5}, {"added": 3})
    put(store, BAND)
    with store.write() as writer:
        writer.record(run)
    with store.catalog.read() as snapshot:
        assert snapshot.last_run() == run


def test_the_generation_changes_with_what_is_stored(store: Store) -> None:
    """Who keeps what was read once can tell when it is old."""
    put(store, BAND)
    with store.catalog.read() as snapshot:
        before = snapshot.generation
    with store.catalog.read() as snapshot:
        assert snapshot.generation == before
    put(store, CITY)
    with store.catalog.read() as snapshot:
        assert snapshot.generation != before


def test_the_only_passage_of_a_language_is_found(store: Store) -> None:
    """A language's mean does not swallow its only passage."""
    put(store, *(f"English text number {n} about band {n}" for n in range(50)), CAPITAL)
    assert found(store, "中国首都")[0] == CAPITAL


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (Filter(path="/docs/*"), [BAND, CITY]),
        (Filter(path="/docs/Abba*"), [BAND]),
        (Filter(path="/docs/*_*"), []),
        (Filter(path="?opies/*"), []),
        (Filter(path="/?opies/*"), ["100% cotton_x.PDF"]),
        (Filter(suffixes=(".pdf", ".txt")), ["100% cotton_x.PDF"]),
        (Filter(heading="fact"), [BAND, CITY, "100% cotton_x.PDF"]),
        (Filter(heading="figures"), []),
        (Filter(since=datetime(2026, 1, 1, tzinfo=UTC)), ["100% cotton_x.PDF"]),
        (Filter(until=datetime(2026, 1, 1, tzinfo=UTC)), [BAND, CITY]),
        (Filter(path="*%*_x*", since=datetime(2026, 1, 1, tzinfo=UTC)), ["100% cotton_x.PDF"]),
        (Filter(path="/docs/*", since=datetime(2026, 1, 1, tzinfo=UTC)), []),
    ],
)
def test_a_filter_says_which_passages_may_be_found(
    store: Store, where: Filter, expected: list[str]
) -> None:
    """Conditions of a path are met by one place together; `*` and `?` are the only wild ones."""
    old, new = (int(datetime(year, 6, 1, tzinfo=UTC).timestamp()) * 10**9 for year in (2025, 2026))
    put(store, BAND, CITY, stamp=f"10-{old}-77")
    put(store, "100% cotton_x.PDF", folder="/copies", stamp=f"10-{new}-78")
    assert sorted(found(store, "Sweden", where=where)) == sorted(expected)


def test_another_embedder_is_refused_with_both_names(opener: Opener) -> None:
    """Vectors of two embedders are never compared; the message says what to do."""
    put(opener(WordEmbeddings()), BAND)
    other = opener(WordEmbeddings("other", 32))
    with pytest.raises(EmbedderMismatch, match=r"words \(1024 .*other \(32\).*--reembed"):
        other.candidates("band", limit=1)
    with pytest.raises(EmbedderMismatch), other.write():
        pass


def test_reembedding_gives_it_to_another_embedder(opener: Opener) -> None:
    """All vectors are made again from the texts that are stored, without the files."""
    store, other = opener(WordEmbeddings()), opener(WordEmbeddings("other", 32))
    put(store, BAND, CITY)
    assert other.reembed() == 2
    assert found(other, "band")[0] == BAND
    put(other, CAPITAL)
    assert found(other, "首都")[0] == CAPITAL
    with pytest.raises(EmbedderMismatch):
        opener(WordEmbeddings()).candidates("band", limit=1)


def test_a_missing_knowledge_base_says_the_command(store: Store) -> None:
    """A reader's message says how to make one."""
    assert not store.catalog.exists()
    with pytest.raises(KnowledgeBaseMissing, match=r"make one with `python -m ingest"):
        store.candidates("band", limit=1)
    with pytest.raises(KnowledgeBaseMissing), store.catalog.read():
        pass


def test_retrieval_fuses_what_any_store_offers(store: Store) -> None:
    """The retriever ranks passages of either store by the same sum."""
    put(store, BAND, CITY, CAPITAL)
    retriever = HybridRetriever(knowledge_base=store, passages=2)
    documents = retriever.invoke("which band?")
    assert documents[0].page_content == BAND
    scores = [document.metadata["score"] for document in documents]
    assert scores == sorted(scores, reverse=True)


def test_a_whole_text_is_kept(store: Store) -> None:
    """A long text comes back as it was, whatever the store can hold in a row."""
    text = "长文字 and words " * 20_000
    chunk = Chunk(text[:40], 0, 40)
    with store.write() as writer, writer.transaction():
        vectors = store.embeddings.embed_passages([chunk.text])
        document = Document("long", "Long", text)
        key = writer.put(document, chunks=[chunk], vectors=vectors)
        writer.place("/docs/long", document=key, stamp="1")
    with store.read() as snapshot:
        assert snapshot.text(key) == text


def test_paths_of_any_characters_are_found_again(store: Store) -> None:
    """Quotes, backslashes and line ends in a path are its own."""
    strange = 'it\'s "quoted" \\ and % _\nbroken'
    put(store, strange)
    path = f"/docs/{strange}"
    with store.read() as snapshot:
        location = snapshot.location(path)
        assert location is not None
        assert location.path == path
    with store.write() as writer, writer.transaction():
        writer.unplace(path)
    with store.read() as snapshot:
        assert snapshot.locations() == {}


def test_a_folder_of_its_own(store: Store, tmp_path: Path) -> None:
    """What belongs to it on this machine has a place."""
    assert store.folder == tmp_path / "kb"
