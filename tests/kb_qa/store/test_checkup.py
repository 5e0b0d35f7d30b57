"""The check-up: all that is wrong is told, what is derived is repaired, the catalog stays."""

import math
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from kb_qa.embeddings.base import PassageEmbeddings
from kb_qa.errors import EmbeddingsError, KnowledgeBaseMissing, SchemaTooOld
from kb_qa.store.calibration import CALIBRATION
from kb_qa.store.checkup import Finding, State, check_up
from kb_qa.store.knowledge_base import CATALOG, KnowledgeBase
from kb_qa.store.lock import writer_lock
from kb_qa.store.records import Chunk, Document, Refusal
from tests.fakes import WordEmbeddings

PAGE = 16384
BAND = "Abba is a band from Sweden"


@pytest.fixture
def filled(knowledge_base: KnowledgeBase) -> KnowledgeBase:
    """One with a few hundred pages of catalog."""
    with knowledge_base.write() as writer, writer.transaction():
        for text in (BAND, *(f"Passage {number} about nothing" for number in range(300))):
            vectors = knowledge_base.embeddings.embed_passages([text])
            chunk = Chunk(text, 0, len(text))
            key = writer.put(Document(text, text, text), chunks=[chunk], vectors=vectors)
            writer.place(f"/docs/{text}", document=key, stamp="1")
    return knowledge_base


def checked(
    knowledge_base: KnowledgeBase,
    embeddings: Callable[[], PassageEmbeddings] = WordEmbeddings,
    *,
    free: int = 10**12,
) -> dict[str, Finding]:
    """What is found of each thing; the catalog's bytes are the same afterwards."""
    before = (knowledge_base.folder / CATALOG).read_bytes()
    found = list(check_up(knowledge_base.folder, embeddings=embeddings, free=lambda _: free))
    assert (knowledge_base.folder / CATALOG).read_bytes() == before
    assert not any("\n" in str(finding) for finding in found)
    return {finding.what: finding for finding in found}


def wrong(found: dict[str, Finding]) -> dict[str, State]:
    return {what: each.state for what, each in found.items() if each.state is not State.OK}


def execute(knowledge_base: KnowledgeBase, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(knowledge_base.folder / CATALOG)) as connection:
        connection.execute(statement, values)
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def garble(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def test_a_sound_knowledge_base_is_ok(filled: KnowledgeBase) -> None:
    """Everything is looked at, and nothing is written."""
    before = {path: path.stat().st_mtime_ns for path in filled.folder.rglob("*")}
    found = checked(filled)
    assert wrong(found) == {}
    assert list(found) == [
        *("catalog", "vectors", "embedder", "floor", "leftovers"),
        *("dense", "lexical", "disk", "files"),
    ]
    assert str(found["catalog"]) == "ok: catalog: 301 documents, 301 chunks"
    after = {
        path: path.stat().st_mtime_ns
        for path in filled.folder.rglob("*")
        if not path.name.startswith(f"{CATALOG}-")  # SQLite's own, of any reader
    }
    assert after == before


@pytest.mark.parametrize("side", ["dense", "lexical"])
@pytest.mark.parametrize(
    ("harm", "text"),
    [
        (garble, "is not what was written"),
        (Path.unlink, "No such file"),
    ],
)
def test_a_damaged_file_of_what_is_derived_is_repaired(
    filled: KnowledgeBase, side: str, harm: Callable[[Path], None], text: str
) -> None:
    """It is told, made again, and all is well the next time; searches find what they found."""
    harm(max(filled.folder.glob(f"{side}-*/*"), key=lambda path: path.stat().st_size))
    found = checked(filled)
    assert wrong(found) == {side: State.REPAIRED}
    assert text in found[side].text
    assert wrong(checked(filled)) == {}
    reopened = KnowledgeBase(filled.folder, embeddings=filled.embeddings)
    texts = [each.passage.chunk.text for each in reopened.candidates("band", limit=3)]
    assert BAND in texts


@pytest.mark.parametrize("side", ["dense", "lexical"])
def test_a_missing_manifest_is_repaired(filled: KnowledgeBase, side: str) -> None:
    """Its files, which nobody can trust any more, go; new ones are made."""
    (filled.folder / f"{side}.json").unlink()
    (former,) = filled.folder.glob(f"{side}-*")
    found = checked(filled)
    assert wrong(found) == {side: State.REPAIRED, "leftovers": State.REPAIRED}
    assert found[side].text == f"{side}.json is missing; made again from the catalog"
    assert not former.exists()
    assert wrong(checked(filled)) == {}


@pytest.mark.parametrize("side", ["dense", "lexical"])
def test_what_is_ahead_of_the_catalog_is_made_again(filled: KnowledgeBase, side: str) -> None:
    """An older catalog that was put back does not keep the indexes of the newer one."""
    execute(filled, "UPDATE meta SET value = '0' WHERE key = 'generation'")
    found = checked(filled)
    assert found[side].state is State.REPAIRED
    assert "of a later state of the catalog" in found[side].text


def test_what_killed_writers_left_is_removed(filled: KnowledgeBase) -> None:
    """Folders that no manifest names, and files that were not finished; nothing else."""
    for name in ("dense-7-0123abcd.tmp", "lexical-7-0123abcd"):
        (filled.folder / name).mkdir()
        (filled.folder / name / "file").write_text("half")
    (filled.folder / "dense.json.77.tmp").write_text("half")
    (filled.folder / "ocr").mkdir()
    kept = {"ocr", CATALOG, "dense.json", "lexical.json"}
    found = checked(filled)
    assert wrong(found) == {"leftovers": State.REPAIRED}
    assert found["leftovers"].text == "3 of killed writers, removed"
    names = {path.name for path in filled.folder.iterdir()}
    assert kept <= names
    assert not any(name.endswith(("0123abcd", ".tmp")) for name in names)


def test_a_writer_at_work_is_told_and_left_alone(filled: KnowledgeBase) -> None:
    """Nobody waits for it; its unfinished work is not mistaken for a leftover."""
    unfinished = filled.folder / "dense-7-0123abcd.tmp"
    unfinished.mkdir()
    (filled.folder / "lexical.json").unlink()
    with writer_lock(filled.folder):
        found = checked(filled)
    assert wrong(found) == {"lexical": State.NEEDS_YOU}
    assert "is being written by process" in found["lexical"].text
    assert "is being written by process" in found["leftovers"].text
    assert unfinished.exists()
    assert not (filled.folder / "lexical.json").exists()


@pytest.mark.parametrize(
    ("vector", "text"),
    [
        (b"\0" * 12, "of 301, 1 have the wrong length"),
        (struct.pack("<1024f", *[math.nan] * 1024), "of 301, 1 are not finite"),
        (struct.pack("<1024f", *[math.inf] * 1024), "of 301, 1 are not finite"),
        (struct.pack("<1024f", 1.01, *[0.0] * 1023), "of 301, 1 are not of unit length"),
    ],
)
def test_a_vector_that_is_none_needs_you(filled: KnowledgeBase, vector: bytes, text: str) -> None:
    """It is counted, and the command that makes it again is named; that command cures it."""
    execute(filled, "UPDATE vectors SET vector = ? WHERE chunk = 150", vector)
    found = checked(filled)
    assert found["vectors"].state is State.NEEDS_YOU
    assert found["vectors"].text == text
    assert f"python -m ingest --reembed --kb {filled.folder}" in found["vectors"].remedy
    filled.reembed()
    assert wrong(checked(filled)) == {}


def test_a_vector_that_is_a_little_off_is_ok(filled: KnowledgeBase) -> None:
    """What rounding does to a unit vector is no fault."""
    vector = struct.pack("<1024f", 1.0005, *[0.0] * 1023)
    execute(filled, "UPDATE vectors SET vector = ? WHERE chunk = 150", vector)
    assert checked(filled)["vectors"].state is State.OK


def test_a_chunk_without_a_vector_needs_you(filled: KnowledgeBase) -> None:
    """Nobody would find it by meaning."""
    execute(filled, "DELETE FROM vectors WHERE chunk IN (7, 8)")
    found = checked(filled)
    assert found["vectors"].state is State.NEEDS_YOU
    assert found["vectors"].text == "2 chunks have none"


def test_a_reference_to_nothing_needs_you(filled: KnowledgeBase) -> None:
    """A chunk whose document is gone is a fault of the catalog."""
    execute(filled, "DELETE FROM documents WHERE id = 5")
    found = checked(filled)
    assert found["catalog"].state is State.NEEDS_YOU
    assert "belongs to no documents" in found["catalog"].text


def test_a_garbled_page_of_the_catalog_needs_you(filled: KnowledgeBase) -> None:
    """Wherever the page lies: it is told in a line, and nothing derived is made from it."""
    catalog = filled.folder / CATALOG
    sound = catalog.read_bytes()
    (filled.folder / "dense.json").unlink()
    for number in range(1, len(sound) // PAGE):
        begin = number * PAGE
        catalog.write_bytes(sound[:begin] + b"\xa5" * PAGE + sound[begin + PAGE :])
        found = checked(filled)
        truth = {found["catalog"].state, found["vectors"].state}
        assert State.NEEDS_YOU in truth, number
        assert found["dense"].state is State.NEEDS_YOU
        assert not (filled.folder / "dense.json").exists()


def test_a_catalog_that_is_no_database_needs_you(filled: KnowledgeBase) -> None:
    """Each finding about it says so; the others are made all the same."""
    (filled.folder / CATALOG).write_bytes(b"not a database" * 100)
    found = checked(filled)
    assert found["catalog"].state is State.NEEDS_YOU
    assert "file is not a database" in found["catalog"].text
    assert "backup" in found["catalog"].remedy
    assert found["disk"].state is State.OK


def test_another_embedder_needs_you(filled: KnowledgeBase) -> None:
    """The message names both and the remedy."""
    found = checked(filled, lambda: WordEmbeddings("other", 32))
    assert wrong(found) == {"embedder": State.NEEDS_YOU}
    assert "set KB_QA_EMBEDDINGS=words" in found["embedder"].text


def test_an_embedder_that_cannot_be_loaded_needs_you(filled: KnowledgeBase) -> None:
    """All else is looked at without it."""

    def absent() -> PassageEmbeddings:
        raise EmbeddingsError("no such model")

    found = checked(filled, absent)
    assert wrong(found) == {"embedder": State.NEEDS_YOU}
    assert found["embedder"].text == "no such model"


def test_a_disk_that_is_nearly_full_needs_you(filled: KnowledgeBase) -> None:
    """What is derived is written anew beside the former, and needs its room."""
    assert wrong(checked(filled, free=10_000_000)) == {"disk": State.NEEDS_YOU}


def test_files_that_were_refused_are_counted(filled: KnowledgeBase) -> None:
    """They are no fault of the knowledge base; the report that names them is named."""
    with filled.write() as writer, writer.transaction():
        writer.refuse(Refusal("/docs/locked.pdf", "1", "failed", "wants a password"))
    found = checked(filled)
    assert wrong(found) == {}
    assert found["files"].text == "1 could not be read"
    assert "python -m ingest report" in found["files"].remedy


def test_what_cannot_be_checked_is_an_error(filled: KnowledgeBase, tmp_path: Path) -> None:
    """A folder without a knowledge base, or with one of another version, as everywhere."""
    with pytest.raises(KnowledgeBaseMissing):
        list(check_up(tmp_path / "none", embeddings=WordEmbeddings))
    execute(filled, "PRAGMA user_version = 1")
    with pytest.raises(SchemaTooOld):
        list(check_up(filled.folder, embeddings=WordEmbeddings))


def test_a_damaged_calibration_is_removed(filled: KnowledgeBase) -> None:
    """What it rests on is there: it can be made again, and the default holds until then."""
    path = filled.folder / CALIBRATION
    path.write_text("{")
    finding = checked(filled)["floor"]
    assert finding.state is State.REPAIRED
    assert "kb_qa calibrate" in finding.remedy
    assert not path.exists()
    assert checked(filled)["floor"].state is State.OK
