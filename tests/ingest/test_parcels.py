"""Parcels: what crosses to other machines arrives as it was."""

import os
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest.cutting import Cut, Refused
from ingest.document import EmptyDocument
from ingest.find import Found
from ingest.parcels import (
    Ordered,
    Parcel,
    apart,
    decode_item,
    decode_parcel,
    decode_vectors,
    encode_item,
    encode_parcel,
    parcels,
)
from ingest.plan import Content, Wanted
from ingest.report import Verdict
from kb_qa.errors import ParseError
from kb_qa.store.records import Chunk, Document

FILES = (Wanted(Found("/docs/a.md", "1-2-3"), Verdict.ADDED),)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


def member(number: int) -> Wanted:
    found = Found(f"/docs/all.zip/{number}.md", "9-9-9", archive="/docs/all.zip", place=(number,))
    return Wanted(found, Verdict.ADDED)


def test_files_go_apart_and_members_of_an_archive_together() -> None:
    """An archive is sent for many of its files at once, and not for all of 20,000."""
    wanted = {Content(f"{n:064x}", "Markdown"): [member(n)] for n in range(100)}
    wanted[Content("f" * 64, "Markdown")] = list(FILES)
    made = list(parcels(wanted))
    assert [len(each.ordered) for each in made] == [64, 36, 1]
    assert [each.path for each in made] == [Path("/docs/all.zip")] * 2 + [Path("/docs/a.md")]
    assert [order.number for each in made for order in each.ordered] == list(range(101))
    assert [order.place for order in made[0].ordered[:2]] == [(0,), (1,)]


def test_what_was_lost_goes_apart() -> None:
    """Each content alone, and none that has a result."""
    wanted = {Content(f"{n:064x}", "Markdown"): [member(n)] for n in range(4)}
    (parcel,) = parcels(wanted)
    assert [[o.number for o in each.ordered] for each in apart(parcel, {1, 3})] == [[1], [3]]


@given(path=st.binary(min_size=1).filter(lambda name: b"\0" not in name), name=WORDS)
def test_a_parcel_arrives_as_it_was(path: bytes, name: str) -> None:
    """With whatever bytes its path is made of."""
    ordered = (Ordered(7, Content("a" * 64, "PDF"), name, (3, 1)),)
    parcel = Parcel(Path("/", os.fsdecode(path)), "1-2-3", ordered)
    assert decode_parcel(encode_parcel(parcel)) == parcel


@given(st.lists(WORDS, min_size=1), WORDS)
def test_a_document_arrives_as_it_was(words: list[str], title: str) -> None:
    """Its text crosses once, and each chunk is the part of it that it was."""
    text, chunks = "".join(words), []
    for word in words:
        start = chunks[-1].end if chunks else 0
        heading, breaks = (title, "2"), ((start, 2),)
        end = start + len(word)
        chunks.append(Chunk(word, start, end, heading, "| a |", 1, breaks, scanned=True))
    document = Document("b" * 64, title, text, 3, ("lost",), 2, "PDF")
    item = Cut(document, tuple(chunks), FILES)
    assert decode_item(encode_item(item), files=FILES) == item


def test_an_error_arrives_as_the_kind_that_it_was() -> None:
    """And whether it would come out the same again."""
    for error, is_final in ((EmptyDocument("empty"), True), (ParseError("lost"), False)):
        item = decode_item(encode_item(Refused((), error, is_final=is_final)), files=FILES)
        assert isinstance(item, Refused)
        assert type(item.error) is type(error)
        assert (str(item.error), item.is_final, item.files) == (str(error), is_final, FILES)


def test_vectors_arrive_bit_for_bit() -> None:
    """Those of no chunks too."""
    vectors = np.random.default_rng(1).standard_normal((3, 4), np.float32)
    assert np.array_equal(decode_vectors(vectors.tobytes(), dimension=4), vectors)
    assert decode_vectors(b"", dimension=4).shape == (0, 4)
