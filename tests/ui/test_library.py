"""What the knowledge bases hold, read without a model."""

from pathlib import Path

import pytest

from kb_qa.errors import KnowledgeBaseDamaged
from kb_qa.store.knowledge_base import CATALOG, KnowledgeBase
from kb_qa.store.records import Chunk, Document, Refusal, Run
from ui import library


def put(kb: KnowledgeBase, *titles: str) -> None:
    """Store a small document for each title."""
    with kb.write() as writer, writer.transaction():
        for title in titles:
            text = f"What {title} says."
            key = writer.put(
                Document(title, title, text),
                chunks=[Chunk(text, 0, len(text))],
                vectors=kb.embeddings.embed_passages([text]),
            )
            writer.place(f"/docs/{title.lower()}.md", document=key, stamp="")


def test_the_configured_one_comes_first(tmp_path: Path, knowledge_base: KnowledgeBase) -> None:
    """The chooser offers the configured knowledge base, then those beside it."""
    put(knowledge_base, "A")
    other = tmp_path / "another"
    put(KnowledgeBase(other, embeddings=knowledge_base.embeddings), "B")
    (tmp_path / "no knowledge base").mkdir()
    assert library.choices(knowledge_base.folder) == [knowledge_base.folder, other]
    assert library.choices(tmp_path / "new") == [tmp_path / "new", other, knowledge_base.folder]


def test_nothing_ingested_is_no_knowledge_base(knowledge_base: KnowledgeBase) -> None:
    """A missing catalog and one without documents are the same to a reader."""
    assert library.summary(knowledge_base.folder) is None
    put(knowledge_base)
    assert library.summary(knowledge_base.folder) is None
    put(knowledge_base, "A")
    numbers = library.summary(knowledge_base.folder)
    assert numbers is not None
    assert numbers.documents == 1


def test_a_damaged_one_is_told(tmp_path: Path) -> None:
    """A catalog that cannot be read is an error that names it."""
    (tmp_path / CATALOG).write_bytes(b"no database at all, but long enough to look like one" * 20)
    with pytest.raises(KnowledgeBaseDamaged, match=CATALOG):
        library.summary(tmp_path)


def test_contents_are_filtered_by_title_and_path(knowledge_base: KnowledgeBase) -> None:
    """The filter looks into titles and paths, whatever their case."""
    put(knowledge_base, "Handbook", "Manual")
    with knowledge_base.write() as writer, writer.transaction():
        writer.refuse(Refusal("/docs/locked.pdf", "", "failed", "encrypted"))
    everything = library.contents(knowledge_base.folder)
    assert [each.title for each in everything.read] == ["Handbook", "Manual"]
    assert [each.reason for each in everything.refused] == ["encrypted"]
    found = library.contents(knowledge_base.folder, matching=" HAND ")
    assert [each.title for each in found.read] == ["Handbook"]
    assert found.refused == ()
    assert len(library.contents(knowledge_base.folder, matching="/docs/").read) == 2


def test_what_was_lost_comes_first(knowledge_base: KnowledgeBase) -> None:
    """Files with warnings stand before the others, and the last run is told."""
    put(knowledge_base, "A", "B")
    with knowledge_base.write() as writer, writer.transaction():
        document = Document("C", "C", "Text.", warnings=("2 of 3 pages hold no text (scanned?)",))
        vectors = knowledge_base.embeddings.embed_passages(["Text."])
        key = writer.put(document, chunks=[Chunk("Text.", 0, 5)], vectors=vectors)
        writer.place("/docs/c.pdf", document=key, stamp="")
        writer.record(Run("2026-11-22T20:30:00+00:00", {"total": 1.5}, {"added": 3}))
    found = library.contents(knowledge_base.folder)
    assert [each.title for each in found.read] == ["C", "A", "B"]
    assert found.last_run is not None
    assert found.last_run.seconds["total"] == 1.5


def test_a_long_list_is_cut_and_counted(knowledge_base: KnowledgeBase) -> None:
    """What a list leaves out is counted."""
    put(knowledge_base, *(f"T{n:04}" for n in range(library.LISTED + 3)))
    found = library.contents(knowledge_base.folder)
    assert len(found.read) == library.LISTED
    assert found.left_out == 3


def test_titles_follow_the_knowledge_base(knowledge_base: KnowledgeBase) -> None:
    """The titles shown are those of its present state, each once."""
    put(knowledge_base, "B")
    assert library.titles(knowledge_base.folder, limit=2) == ("B",)
    put(knowledge_base, "A", "C")
    assert library.titles(knowledge_base.folder, limit=2) == ("A", "B")
