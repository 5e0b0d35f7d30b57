"""Milvus keeps no transactions: what is cut short is never found, and goes."""

import json
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pymilvus import MilvusException

from kb_qa.errors import KnowledgeBaseDamaged, SettingsError, StoreUnreachable
from kb_qa.store.milvus.address import Address
from kb_qa.store.milvus.connection import Connection, Row, patiently
from kb_qa.store.milvus.knowledge_base import MilvusKnowledgeBase
from kb_qa.store.milvus.tables import Tables
from kb_qa.store.milvus.writer import MilvusWriter
from tests.milvus.conftest import open_milvus
from tests.milvus.test_contract import BAND, CAPITAL, CITY, found, made, put

ROOT = Path(__file__).parents[2]


class Interrupted(Exception):
    """The process ends here."""


class ShortLived(Connection):
    """A connection that ends the process after so many changes."""

    def __init__(self, address: Address, *, changes: int) -> None:
        super().__init__(address)
        self._left = changes

    def upsert(self, collection: str, rows: Sequence[Row]) -> None:
        self._count()
        super().upsert(collection, rows)

    def delete(self, collection: str, condition: str) -> None:
        self._count()
        super().delete(collection, condition)

    def _count(self) -> None:
        if self._left == 0:
            raise Interrupted
        self._left -= 1


def writer_that_ends(milvus: MilvusKnowledgeBase, *, after: int) -> MilvusWriter:
    tables = Tables(ShortLived(milvus.catalog.address, changes=after))
    return MilvusWriter(tables, tables.vectors_of(milvus.embeddings.identity))


def replace(milvus: MilvusKnowledgeBase, writer: MilvusWriter) -> None:
    """The file of a band is now about a city: a document comes, and one goes."""
    with writer.transaction():
        document, chunks = made(CITY)
        vectors = milvus.embeddings.embed_passages([CITY])
        key = writer.put(document, chunks=chunks, vectors=vectors)
        writer.place(f"/docs/{BAND}", document=key, stamp="2")


def counts(milvus: MilvusKnowledgeBase) -> list[int]:
    """Rows of documents, texts, paths, chunks and sums."""
    tables = milvus.catalog.tables
    of_vectors = tables.vectors_of(milvus.embeddings.identity)
    names = (tables.documents, tables.texts, tables.places, of_vectors.chunks, of_vectors.sums)
    return [tables.connection.count(name) for name in names]


def test_a_batch_cut_short_anywhere_is_found_whole_or_not_at_all(
    milvus: MilvusKnowledgeBase,
) -> None:
    """After each change of a batch the old document or the new one is found, never both and
    never none; what is left over goes with the next writer, and the batch can be stored again."""
    outcomes = []
    for after in range(20):
        put(milvus, BAND)
        try:
            replace(milvus, writer_that_ends(milvus, after=after))
        except Interrupted:
            ended = False
        else:
            ended = True
        (left,) = found(open_milvus(milvus.folder, milvus.embeddings), "Sweden")
        outcomes.append(left)
        with milvus.write() as writer:
            writer.clean_up(abandoned_seconds=0)
        assert counts(milvus) == [1] * 5, after
        replace(milvus, writer_that_ends(milvus, after=99))
        assert counts(milvus) == [1] * 5, after
        if ended:
            break
        with milvus.write() as writer, writer.transaction():
            writer.unplace(f"/docs/{BAND}")
    assert ended
    switched = outcomes.index(CITY)
    assert 0 < switched < len(outcomes) - 1
    assert set(outcomes[:switched]) == {BAND}
    assert set(outcomes[switched:]) == {CITY}


def test_a_killed_writer_loses_nothing_it_told_of(tmp_path: Path) -> None:
    """kill -9 at random instants: what was told is there, every document is whole, and what was
    half written goes with the next writer."""
    folder, told, chance = tmp_path / "kb", 0, random.Random(5)
    for _ in range(4):
        with subprocess.Popen(
            [sys.executable, "-m", "tests.milvus.killed_writer", str(folder), str(told)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            for _ in range(2):
                told = int(process.stdout.readline()) + 1
            threading.Timer(chance.uniform(0, 0.3), process.kill).start()
            rest = process.stdout.read().split()
        told = int(rest[-1]) + 1 if rest else told
    script = (
        "import json, sys; from pathlib import Path; from tests.fakes import WordEmbeddings\n"
        "from tests.milvus.conftest import open_milvus\n"
        "from tests.milvus.test_safety import counts\n"
        "from tests.milvus.test_contract import found\n"
        "milvus = open_milvus(Path(sys.argv[1]), WordEmbeddings())\n"
        "with milvus.write() as writer: titles = [x.title for x in writer.locations().values()]\n"
        "print(json.dumps([titles, counts(milvus), found(milvus, 'Band 1')[0]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    titles, numbers, first = json.loads(done.stdout)
    assert {f"title of Band {number} from Sweden" for number in range(told)} <= set(titles)
    assert len(titles) <= told + 1
    assert set(numbers) == {len(titles)}
    assert first == "Band 1 from Sweden"


def test_a_batch_of_another_machine_is_spared_while_it_may_go_on(
    milvus: MilvusKnowledgeBase,
) -> None:
    """What another machine writes just now is not taken for left over; after a while it is."""
    put(milvus, CAPITAL)
    with pytest.raises(Interrupted):
        put_one(milvus, writer_that_ends(milvus, after=4), BAND)
    tables = milvus.catalog.tables
    (key, note), = tables.known('key like "batch %"').items()  # fmt: skip
    tables.put(key, note | {"host": "another"})
    with milvus.write() as writer:
        assert counts(milvus)[3] == 2
        writer.clean_up(abandoned_seconds=0)
        assert counts(milvus)[3] == 1
    assert found(milvus, "首都") == [CAPITAL]
    assert tables.known('key like "batch %"') == {}


def test_what_another_machine_may_be_about_to_store_is_spared(
    milvus: MilvusKnowledgeBase,
) -> None:
    """A document that lost its last path stays while another batch is about it; it is not found,
    and goes when that batch turns out to be left over."""
    put(milvus, BAND, CAPITAL)
    tables = milvus.catalog.tables
    with milvus.write() as writer:
        known = writer.document_id(f"sha of {BAND}")
        note = {"host": "another", "process": 1, "at": time.time(), "documents": [known]}
        tables.put("batch of another", note)
        with writer.transaction():
            writer.unplace(f"/docs/{BAND}")
        assert counts(milvus) == [2, 2, 1, 2, 2]
        assert found(milvus, "band 首都") == [CAPITAL]
        writer.clean_up(abandoned_seconds=0)
    assert counts(milvus) == [1] * 5


def put_one(milvus: MilvusKnowledgeBase, writer: MilvusWriter, text: str) -> None:
    with writer.transaction():
        document, chunks = made(text)
        key = writer.put(document, chunks=chunks, vectors=milvus.embeddings.embed_passages([text]))
        writer.place(f"/docs/{text}", document=key, stamp="1")


def test_two_writers_at_once_keep_both_their_documents(milvus: MilvusKnowledgeBase) -> None:
    """Nobody waits for another: both store, also the same content, and all of it is there once."""
    with milvus.write() as first, milvus.write() as second:
        put_one(milvus, first, BAND)
        put_one(milvus, second, CITY)
        put_one(milvus, second, BAND)
        put_one(milvus, first, CAPITAL)
    assert sorted(found(milvus, "Sweden 首都")) == sorted([BAND, CITY, CAPITAL])
    assert counts(milvus) == [3] * 5


def test_a_passage_too_long_for_a_row_is_told_in_one_line(milvus: MilvusKnowledgeBase) -> None:
    """What Milvus does not take is its message, with its address and a remedy."""
    with pytest.raises(KnowledgeBaseDamaged, match=r"milvus\.db#kb: .*65535.*; look at") as told:
        put(milvus, "x" * 70_000)
    assert "\n" not in str(told.value)


def test_a_server_that_does_not_answer_is_told_with_its_address() -> None:
    """One line: where, and what to set; the password is in none."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    from kb_qa.store.milvus.catalog import MilvusCatalog

    catalog = MilvusCatalog(f"http://me:secret@127.0.0.1:{port}#docs")
    with pytest.raises(StoreUnreachable) as told:
        catalog.exists()
    assert f"Milvus at http://127.0.0.1:{port}#docs cannot be reached" in str(told.value)
    assert "KB_QA_STORE" in str(told.value)
    assert "secret" not in str(told.value) + repr(catalog.address)


def test_what_passes_is_tried_again_with_longer_pauses() -> None:
    """A server that is not ready is asked again; the pauses grow."""
    answers: list[Any] = [MilvusException(code=1, message="not ready"), ConnectionResetError(), 7]
    pauses: list[float] = []

    def call() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert patiently(call, address="here", pause=pauses.append) == 7
    assert 0 < pauses[0] < pauses[1] * 1.01
    assert len(pauses) == 2


@pytest.mark.parametrize(
    ("code", "error", "tries"),
    [(8, StoreUnreachable, 3), (1100, KnowledgeBaseDamaged, 1), (1400, StoreUnreachable, 1)],
)
def test_what_stays_wrong_is_told(code: int, error: type[Exception], tries: int) -> None:
    """What may pass is given up after some tries, what cannot at once."""
    pauses: list[float] = []

    def call() -> None:
        raise MilvusException(code=code, message="it\nsaid")

    with pytest.raises(error, match=r"Milvus at here.*it said"):
        patiently(call, address="here", tries=3, pause=pauses.append)
    assert len(pauses) == tries - 1


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("kb.db", Address("kb.db")),
        ("./data/kb.db#docs_2", Address("./data/kb.db", "docs_2")),
        ("http://localhost:19530", Address("http://localhost:19530")),
        ("https://me:p%40ss@h.example:443#a", Address("https://h.example:443", "a", "me", "p@ss")),
        ("http://[::1]:19530", Address("http://[::1]:19530")),
    ],
)
def test_an_address_is_a_file_or_a_server(text: str, address: Address) -> None:
    """User, password and the collections' name are parts of it."""
    assert Address.parse(text) == address


@pytest.mark.parametrize("text", ["", "kb", "ftp://h", "http://", "http://h:x", "kb.db#a-b"])
def test_what_is_no_address_is_told(text: str) -> None:
    """The message says what to set, and repeats no password."""
    with pytest.raises(SettingsError, match=r"KB_QA_STORE=milvus:.*FILE\.db.*HOST:PORT"):
        Address.parse(text)


def test_an_unwritten_knowledge_base_has_no_passages(tmp_path: Path) -> None:
    """Two names in one Milvus are two knowledge bases."""
    from tests.fakes import WordEmbeddings

    one, two = (open_milvus(tmp_path / name, WordEmbeddings()) for name in ("one", "two"))
    put(one, BAND)
    assert one.catalog.exists()
    assert not two.catalog.exists()
