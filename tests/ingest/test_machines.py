"""The stages on other machines, without what moves rows between them."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ingest.abilities import Abilities, abilities
from ingest.cutting import Cut, Refused
from ingest.find import stamp
from ingest.machines import (
    PARCELS,
    Cutter,
    Embedder,
    Orders,
    Sender,
    introduced,
    introduction,
)
from ingest.parcels import Ordered, Parcel, decode_item, decode_vectors, encode_parcel
from ingest.plan import Content
from kb_qa.embeddings import PassageEmbeddings


@pytest.fixture(scope="module")
def orders(bundled: PassageEmbeddings) -> Orders:
    return Orders("bundled", None, None, None, bundled.identity.digest, Abilities())


@pytest.fixture(scope="module")
def cutter(orders: Orders) -> Iterator[Cutter]:
    cutter = Cutter(orders.to_json())
    yield cutter
    cutter.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "apples.md"
    file.write_text("# Apples\n\nApples are red.\n")
    return file


def parcel(file: Path, *, stamped: str | None = None) -> pa.Table:
    ordered = Ordered(5, Content("a" * 64, "Markdown"), file.name, ())
    one = Parcel(file, stamped or stamp(file), (ordered,))
    return pa.Table.from_pylist([{"parcel": encode_parcel(one), "data": None}], schema=PARCELS)


def rows(tables: Iterable[pa.Table]) -> list[dict[str, Any]]:
    return [row for table in tables for row in table.to_pylist()]


def test_a_file_comes_back_in_chunks_with_their_vectors(
    orders: Orders, cutter: Cutter, file: Path, bundled: PassageEmbeddings
) -> None:
    """The same as are made without other machines."""
    (cut,) = cutter(parcel(file))
    (row,) = rows(Embedder(orders.to_json())(cut))
    item = decode_item(row["item"], files=())
    assert isinstance(item, Cut)
    assert (row["number"], row["problem"]) == (5, "")
    assert [chunk.text for chunk in item.chunks] == ["Apples are red."]
    vectors = decode_vectors(row["vectors"], dimension=bundled.identity.dimension)
    expected = bundled.embed_passages(["Apples\nApples are red."])
    assert np.allclose(vectors, expected, atol=0.01)
    assert row["parse"] > 0
    assert row["embed"] > 0


def test_a_file_that_is_sent_needs_no_disk_in_common(cutter: Cutter, file: Path) -> None:
    """It goes as bytes under its own name, and is gone once it is read."""
    (sent,) = Sender()(parcel(file))
    file.unlink()
    (row,) = rows(cutter(sent))
    assert isinstance(decode_item(row["item"], files=()), Cut)
    assert not list(cutter.folder.rglob("apples.md"))


def test_another_file_at_the_same_path_is_not_read(cutter: Cutter, file: Path) -> None:
    """A machine with another disk says so, and the file is not held to be bad."""
    (row,) = rows(cutter(parcel(file, stamped="1-1-1")))
    item = decode_item(row["item"], files=())
    assert isinstance(item, Refused)
    assert "another file" in str(item.error)
    assert not item.is_final


def test_another_embedder_ends_the_run(orders: Orders, cutter: Cutter, file: Path) -> None:
    """Its vectors could not be compared with the others."""
    (cut,) = cutter(parcel(file))
    (row,) = rows(Embedder(replace(orders, identity="another").to_json())(cut))
    assert "another one" in row["problem"]


def test_an_embedder_that_cannot_be_loaded_ends_the_run(
    orders: Orders, file: Path, tmp_path: Path
) -> None:
    """With its own reason."""
    cutter = Cutter(replace(orders, embeddings=str(tmp_path / "nowhere")).to_json())
    (row,) = rows(cutter(parcel(file)))
    cutter.close()
    assert "nowhere" in row["problem"]


def test_a_machine_says_what_it_can_do_and_sees(file: Path) -> None:
    """So that a run knows whether it has the same disk, and reads the same files."""
    said = introduction(introduced([bytes(file), bytes(file.with_name("gone.md"))]))
    assert said.stamps == (stamp(file), "")
    assert said.abilities == abilities()
