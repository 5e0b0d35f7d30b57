"""Filters: only passages that meet them are found, however many others are nearer."""

from datetime import UTC, datetime

import pytest

from kb_qa.store.filter import Filter
from kb_qa.store.knowledge_base import KnowledgeBase
from kb_qa.store.records import Chunk, Document

PLACES = {
    "/docs/manuals/Pump.PDF": ("Pump", "Wartung"),
    "/docs/manuals/valve_1.md": ("Valve", "Größe"),
    "/docs/policies/leave.pdf": ("年假", "总则"),
    "/docs/policies/100%.txt": ("Overtime", 'The "50%" rule'),
}


def changed(day: int) -> datetime:
    return datetime(2026, 3, day, tzinfo=UTC)


@pytest.fixture
def filled(knowledge_base: KnowledgeBase) -> KnowledgeBase:
    """Four documents of one chunk, changed on the first four days of a March."""
    with knowledge_base.write() as writer, writer.transaction():
        for day, (path, (title, heading)) in enumerate(PLACES.items(), 1):
            text = f"The oil of {title} is green"
            vectors = knowledge_base.embeddings.embed_passages([text])
            chunk = Chunk(text, 0, len(text), heading=(heading,))
            key = writer.put(Document(path, title, text), chunks=[chunk], vectors=vectors)
            stamp = f"{len(text)}-{int(changed(day).timestamp()) * 10**9}-77"
            writer.place(path, document=key, stamp=stamp)
    return knowledge_base


@pytest.mark.parametrize(
    ("where", "paths"),
    [
        (Filter(), list(PLACES)),
        (Filter(path="*/manuals/*"), ["/docs/manuals/Pump.PDF", "/docs/manuals/valve_1.md"]),
        (Filter(path="*/valve?1.*"), ["/docs/manuals/valve_1.md"]),
        (Filter(suffixes=(".pdf",)), ["/docs/manuals/Pump.PDF", "/docs/policies/leave.pdf"]),
        (
            Filter(suffixes=("%.txt", ".md")),
            ["/docs/manuals/valve_1.md", "/docs/policies/100%.txt"],
        ),
        (Filter(suffixes=("_.md",)), []),
        (Filter(heading="GRÖSSE"), ["/docs/manuals/valve_1.md"]),
        (Filter(heading="总"), ["/docs/policies/leave.pdf"]),
        (Filter(heading='"50%"'), ["/docs/policies/100%.txt"]),
        (Filter(since=changed(3)), ["/docs/policies/leave.pdf", "/docs/policies/100%.txt"]),
        (Filter(since=changed(2), until=changed(2)), ["/docs/manuals/valve_1.md"]),
        (Filter(path="*/manuals/*", suffixes=(".pdf",)), ["/docs/manuals/Pump.PDF"]),
        (Filter(path="nowhere"), []),
    ],
)
def test_only_what_meets_the_filter_is_found(
    filled: KnowledgeBase, where: Filter, paths: list[str]
) -> None:
    """Each condition holds by itself and together with others, on both sides of the search."""
    found = filled.candidates("green oil", limit=10, where=where)
    assert sorted(each.passage.paths[0] for each in found) == sorted(paths)


def test_the_nearest_of_those_that_meet_it_are_found(filled: KnowledgeBase) -> None:
    """A filter is no sieve over what was found without it."""
    found = filled.candidates("oil of Pump", limit=1, where=Filter(path="*/policies/*"))
    assert found
    assert all("/policies/" in each.passage.paths[0] for each in found)
