"""The catalog: what goes in comes out."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kb_qa.store.catalog import Catalog
from kb_qa.store.records import Chunk, Document

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80)


@settings(max_examples=50, deadline=None)
@given(
    texts=st.lists(TEXTS, min_size=1, max_size=5, unique=True),
    title=TEXTS,
    heading=st.lists(TEXTS, max_size=3),
    page=st.none() | st.integers(1, 9999),
    scanned=st.booleans(),
)
def test_any_document_survives_the_catalog(
    texts: list[str], title: str, heading: list[str], page: int | None, *, scanned: bool
) -> None:
    """Texts, offsets, headings, pages, marks of OCR and vectors come back bit by bit."""
    whole = "\n\n".join(texts)
    starts = [sum(len(text) + 2 for text in texts[:n]) for n in range(len(texts))]
    chunks = [
        Chunk(text, start, start + len(text), tuple(heading), title, page, ((start, 7),), scanned)
        for text, start in zip(texts, starts, strict=True)
    ]
    vectors = np.random.default_rng(0).standard_normal((len(chunks), 8)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        catalog = Catalog(Path(folder) / "catalog.sqlite")
        with catalog.write() as writer, writer.transaction():
            document = Document("sha", title, whole, page, metadata={"title": title})
            key = writer.put(document, chunks=chunks, vectors=vectors)
            writer.place("/a", document=key, stamp="1")
        with catalog.read() as snapshot:
            passages = snapshot.passages_of(key)
            kept = snapshot.vectors([passage.id for passage in passages])
            assert [passage.chunk for passage in passages] == chunks
            assert snapshot.text(key) == whole
            assert passages[0].metadata == {"title": title}
            assert all(
                np.array_equal(kept[passage.id], vector)
                for passage, vector in zip(passages, vectors, strict=True)
            )
