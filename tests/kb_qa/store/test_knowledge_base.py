"""A knowledge base: what is committed is found, whole, by every reader."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import tantivy

from kb_qa.errors import (
    EmbedderMismatch,
    KnowledgeBaseBusy,
    KnowledgeBaseDamaged,
    KnowledgeBaseMissing,
    SchemaTooNew,
)
from kb_qa.store import lexical
from kb_qa.store.checkup import State, check_up
from kb_qa.store.knowledge_base import CATALOG, KnowledgeBase, knowledge_bases
from kb_qa.store.published import publish, published
from kb_qa.store.records import Chunk, Document
from kb_qa.store.writer import Writer
from kb_qa.terms import VERSION, terms
from tests.fakes import WordEmbeddings

BAND = "Abba is a band from Sweden"
CITY = "Uppsala is a city in Sweden"
CAPITAL = "中国的首都是北京"


HARM: dict[str, Callable[[Path], object]] = {
    "remove": Path.unlink,
    "garble": lambda path: path.write_bytes(b"garbage" * 10),
    "truncate": lambda path: path.write_bytes(path.read_bytes()[:-7]),
    "flip a bit": lambda path: path.write_bytes(_flipped(path.read_bytes())),
}


def _flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def put(knowledge_base: KnowledgeBase, *texts: str) -> None:
    with knowledge_base.write() as writer:
        for text in texts:
            put_one(knowledge_base, writer, text)


def put_one(knowledge_base: KnowledgeBase, writer: Writer, text: str) -> None:
    chunk = Chunk(text, 0, len(text), heading=("Facts",), page=3, breaks=((4, 4),))
    vectors = knowledge_base.embeddings.embed_passages([text])
    with writer.transaction():
        document = Document(f"sha of {text}", f"title of {text}", text, 5, metadata={"by": "us"})
        key = writer.put(document, chunks=[chunk], vectors=vectors)
        writer.place(f"/docs/{text}", document=key, stamp="1")


def put_and_fail(knowledge_base: KnowledgeBase, writer: Writer) -> None:
    with writer.transaction():
        vectors = knowledge_base.embeddings.embed_passages([])
        writer.put(Document("sha", "title", BAND), chunks=[], vectors=vectors)
        raise ZeroDivisionError


def found(knowledge_base: KnowledgeBase, question: str) -> list[str]:
    candidates = knowledge_base.candidates(question, limit=10)
    candidates.sort(key=lambda each: each.centred + each.mass, reverse=True)
    return [candidate.passage.chunk.text for candidate in candidates]


def by_words(knowledge_base: KnowledgeBase, words: str) -> list[int]:
    with knowledge_base.read() as snapshot:
        found = knowledge_base._follower.state(snapshot).lexical
        return found.search(terms(words), limit=10)


def reopened(knowledge_base: KnowledgeBase) -> KnowledgeBase:
    return KnowledgeBase(knowledge_base.folder, embeddings=knowledge_base.embeddings)


def test_a_question_finds_its_passage_first(knowledge_base: KnowledgeBase) -> None:
    """Both sides of the search work, in English and in Chinese."""
    put(knowledge_base, BAND, CITY, CAPITAL)
    assert found(knowledge_base, "which band?")[0] == BAND
    assert found(knowledge_base, "首都是哪里")[0] == CAPITAL


def test_a_passage_comes_back_as_it_was_put(knowledge_base: KnowledgeBase) -> None:
    """Offsets, headings, pages, metadata, language and places survive the catalog."""
    put(knowledge_base, CAPITAL)
    passage = knowledge_base.candidates("首都", limit=1)[0].passage
    assert passage.chunk == Chunk(CAPITAL, 0, 8, ("Facts",), "", 3, ((4, 4),))
    assert (passage.language, passage.metadata) == ("zh", {"by": "us"})
    assert passage.paths == (f"/docs/{CAPITAL}",)


def test_another_process_finds_what_was_put(knowledge_base: KnowledgeBase) -> None:
    """What is derived is read from disk, and equals what was in memory."""
    put(knowledge_base, BAND, CITY)
    assert found(reopened(knowledge_base), "band") == found(knowledge_base, "band")


def test_a_reader_sees_what_is_committed_while_the_writer_goes_on(
    knowledge_base: KnowledgeBase,
) -> None:
    """A reader never waits for the end of a run: what is committed is found soon."""
    put(knowledge_base, CITY)
    reader = reopened(knowledge_base)
    assert found(reader, "band") == [CITY]
    with knowledge_base.write() as writer:
        put_one(knowledge_base, writer, BAND)
        assert soon(lambda: found(reader, "band")[0] == BAND)
        assert found(knowledge_base, "band")[0] == BAND


def soon(holds: Callable[[], bool]) -> bool:
    """Whether it comes true within two seconds, or ten on a busy machine."""
    deadline = time.monotonic() + 10
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return held


def test_a_failed_transaction_leaves_nothing(knowledge_base: KnowledgeBase) -> None:
    """Rolled back means never seen, and the next transaction is a clean one."""
    put(knowledge_base, CITY)
    with knowledge_base.write() as writer:
        with pytest.raises(ZeroDivisionError):
            put_and_fail(knowledge_base, writer)
        put_one(knowledge_base, writer, CAPITAL)
    assert set(found(knowledge_base, "band")) == {CITY, CAPITAL}


def test_a_document_goes_with_its_last_path(knowledge_base: KnowledgeBase) -> None:
    """One content at two paths is stored once, and stays until both are gone."""
    put(knowledge_base, BAND, CITY)
    first, second = f"/docs/{BAND}", "/docs/copy"
    with knowledge_base.write() as writer, writer.transaction():
        location = writer.locations()[first]
        writer.place(second, document=location.document, stamp="1")
    with knowledge_base.write() as writer, writer.transaction():
        writer.unplace(first)
    assert found(knowledge_base, "band")[0] == BAND
    with knowledge_base.write() as writer, writer.transaction():
        writer.unplace(second)
    assert found(knowledge_base, "band") == [CITY]
    assert found(reopened(knowledge_base), "band") == [CITY]


@pytest.mark.parametrize("victim", ["dense.json", "lexical.json", "dense-*/*", "lexical-*/*"])
@pytest.mark.parametrize("harm", HARM)
def test_what_is_derived_is_made_again(
    knowledge_base: KnowledgeBase, victim: str, harm: str
) -> None:
    """Missing or damaged index files cost time, never an answer."""
    put(knowledge_base, BAND, CITY, CAPITAL)
    for path in knowledge_base.folder.glob(victim):
        HARM[harm](path)
    assert found(reopened(knowledge_base), "band")[0] == BAND
    put(reopened(knowledge_base), "Roxette is another band")
    assert set(found(reopened(knowledge_base), "band")[:2]) == {BAND, "Roxette is another band"}


@pytest.mark.parametrize("side", ["dense", "lexical"])
def test_one_side_made_again_does_not_pass_for_both(
    knowledge_base: KnowledgeBase, side: str
) -> None:
    """The side that is whole may be behind the catalog; it is brought up like any other."""
    put(knowledge_base, BAND, CITY, CAPITAL)
    with knowledge_base.write(publish=False) as writer:
        put_one(knowledge_base, writer, "Roxette is another band")
    (knowledge_base.folder / f"{side}.json").unlink()
    reader = reopened(knowledge_base)
    with reader.read() as snapshot:
        state = reader._follower.state(snapshot)
        assert (state.dense.generation, state.lexical.generation) == (snapshot.generation,) * 2
    assert "Roxette is another band" in found(reader, "Roxette")


@pytest.mark.parametrize("by", ["a writer", "the check-up"])
def test_words_of_other_terms_are_made_again(knowledge_base: KnowledgeBase, by: str) -> None:
    """An index of terms as they were in an older version is not used: it lacks words.

    The next writer saves it anew, though it writes nothing else; so does the check-up.
    """
    put(knowledge_base, "臺灣的圖書館", BAND)
    with knowledge_base.read() as snapshot:
        generation, lineage = snapshot.generation, snapshot.lineage

    def fill(aside: Path) -> dict[str, int]:
        index = tantivy.Index(lexical._SCHEMA, str(aside))
        writer = index.writer(15_000_000, 1)
        writer.add_document(tantivy.Document(terms="臺灣 圖書 書館", chunk=1))
        writer.commit()
        writer.wait_merging_threads()
        for lock in aside.glob(".tantivy-*.lock"):
            lock.unlink()
        return {}

    folder = knowledge_base.folder
    publish(folder, lexical.SIDE, generation=generation, lineage=lineage, fill=fill)
    assert len(by_words(reopened(knowledge_base), "图书")) == 1
    assert by_words(reopened(knowledge_base), "图书") == by_words(reopened(knowledge_base), "圖書")
    if by == "a writer":
        with reopened(knowledge_base).write():
            pass
    else:
        embeddings = knowledge_base.embeddings
        told = {each.what: each for each in check_up(folder, embeddings=lambda: embeddings)}
        assert told["lexical"].state is State.REPAIRED
        assert "older version" in told["lexical"].text
    saved = published(folder, lexical.SIDE, lineage=lineage)
    assert saved
    assert saved.details == {"terms": VERSION}


def test_a_new_knowledge_base_in_the_same_folder_is_noticed(
    knowledge_base: KnowledgeBase, embeddings: WordEmbeddings
) -> None:
    """A reader that outlives its knowledge base does not mix it with the next one."""
    put(knowledge_base, BAND, CITY)
    assert found(knowledge_base, "band")[0] == BAND
    for path in sorted(knowledge_base.folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    put(KnowledgeBase(knowledge_base.folder, embeddings=embeddings), CAPITAL)
    assert found(knowledge_base, "band") == [CAPITAL]


def test_the_only_passage_of_a_language_is_found(knowledge_base: KnowledgeBase) -> None:
    """A language's mean does not swallow its only passage."""
    put(knowledge_base, *(f"English text number {n} about band {n}" for n in range(50)), CAPITAL)
    assert found(knowledge_base, "中国首都")[0] == CAPITAL


def test_another_embedder_is_refused_with_both_names(knowledge_base: KnowledgeBase) -> None:
    """Vectors of two embedders are never compared; the message says what to do."""
    put(knowledge_base, BAND)
    other = KnowledgeBase(knowledge_base.folder, embeddings=WordEmbeddings("other", 32))
    with pytest.raises(EmbedderMismatch, match=r"words \(1024 .*other \(32\).*--reembed"):
        other.candidates("band", limit=1)
    with pytest.raises(EmbedderMismatch), other.write():
        pass


def test_reembedding_gives_the_knowledge_base_to_another_embedder(
    knowledge_base: KnowledgeBase,
) -> None:
    """All vectors are made again from the catalog's texts, without the files."""
    put(knowledge_base, BAND, CITY)
    other = KnowledgeBase(knowledge_base.folder, embeddings=WordEmbeddings("other", 32))
    assert other.reembed() == 2
    assert found(other, "band")[0] == BAND
    with pytest.raises(EmbedderMismatch):
        knowledge_base.candidates("band", limit=1)


def test_a_missing_knowledge_base_says_the_command(knowledge_base: KnowledgeBase) -> None:
    """The message of a reader names the folder and how to make one there."""
    with pytest.raises(KnowledgeBaseMissing, match=r"kb: make one with `python -m ingest"):
        knowledge_base.candidates("band", limit=1)


def test_a_newer_catalog_is_refused(knowledge_base: KnowledgeBase) -> None:
    """A catalog of a later version is neither read nor harmed."""
    put(knowledge_base, BAND)
    _execute(knowledge_base.folder / CATALOG, "PRAGMA user_version = 99")
    with pytest.raises(SchemaTooNew, match="format 99"):
        knowledge_base.candidates("band", limit=1)


def test_a_foreign_database_is_refused(knowledge_base: KnowledgeBase) -> None:
    """A database of another program is left alone."""
    knowledge_base.folder.mkdir()
    _execute(knowledge_base.folder / CATALOG, "CREATE TABLE theirs (x)")
    with pytest.raises(KnowledgeBaseDamaged, match="another program"), knowledge_base.write():
        pass


def test_a_garbled_catalog_is_told_in_one_line(knowledge_base: KnowledgeBase) -> None:
    """A catalog that is no database names the file and a remedy."""
    knowledge_base.folder.mkdir()
    (knowledge_base.folder / CATALOG).write_bytes(b"not a database" * 100)
    with pytest.raises(KnowledgeBaseDamaged, match=r"catalog\.sqlite"):
        knowledge_base.candidates("band", limit=1)


def test_a_second_writer_is_told_who_holds_the_lock(knowledge_base: KnowledgeBase) -> None:
    """Two writers never write at once, and the second learns of the first."""
    with knowledge_base.write():
        script = (
            "import sys; from pathlib import Path; from kb_qa.store.lock import writer_lock\n"
            f"with writer_lock(Path({str(knowledge_base.folder)!r})): pass"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=False
        )
    assert done.returncode == 1
    assert f"{KnowledgeBaseBusy.__name__}: " in done.stderr
    assert "is being written by process" in done.stderr


def test_a_second_writer_can_wait(knowledge_base: KnowledgeBase) -> None:
    """With patience the second writer goes on when the first has ended."""
    entered = threading.Event()

    def hold() -> None:
        with knowledge_base.write() as writer:
            entered.set()
            put_one(knowledge_base, writer, BAND)

    first = threading.Thread(target=hold)
    first.start()
    entered.wait(10)
    with reopened(knowledge_base).write(wait_seconds=20) as writer:
        assert len(writer.locations()) == 1
    first.join()


def test_a_read_only_folder_can_be_asked(knowledge_base: KnowledgeBase) -> None:
    """A knowledge base on a disk that cannot be written answers as ever."""
    put(knowledge_base, BAND, CITY)
    script = (
        "import os, sys; sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path; from tests.fakes import WordEmbeddings\n"
        "from kb_qa.store.knowledge_base import KnowledgeBase\n"
        "kb = KnowledgeBase(Path(sys.argv[1]), embeddings=WordEmbeddings())\n"
        "os.setuid(65534)\n"
        "print(len(kb.candidates('band', limit=5)))"
    )
    if Path("/proc/self").owner() != "root":
        pytest.skip("only root can give up its rights to write")
    for path in [knowledge_base.folder, *knowledge_base.folder.parents][:4]:
        path.chmod(0o755)
    here = str(Path(__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-c", script, str(knowledge_base.folder), here],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "2", done.stderr


def test_knowledge_bases_lists_the_folders_that_hold_one(
    tmp_path: Path, embeddings: WordEmbeddings
) -> None:
    """The chooser sees knowledge bases, and no other folder."""
    (tmp_path / "empty").mkdir()
    for name in ("b", "a"):
        put(KnowledgeBase(tmp_path / name, embeddings=embeddings), BAND)
    assert knowledge_bases(tmp_path) == [tmp_path / "a", tmp_path / "b"]


@pytest.mark.parametrize("moment", [0.0, 4_102_444_800.0], ids=["1970", "2100"])
def test_a_clock_that_jumps_changes_nothing(knowledge_base: KnowledgeBase, moment: float) -> None:
    """Files dated long ago or ahead are what their generation says: found, written to, sound."""
    put(knowledge_base, BAND)
    reader = reopened(knowledge_base)
    assert found(reader, "Abba band") == [BAND]
    for path in knowledge_base.folder.rglob("*"):
        os.utime(path, (moment, moment))
    put(knowledge_base, CITY)
    for path in knowledge_base.folder.rglob("*"):
        os.utime(path, (4_102_444_800.0 - moment,) * 2)
    until = time.monotonic() + 20
    while CITY not in found(reader, "Sweden") and time.monotonic() < until:
        time.sleep(0.05)
    assert set(found(reader, "Sweden")) == {BAND, CITY}
    assert set(found(reopened(knowledge_base), "Sweden")) == {BAND, CITY}
    findings = check_up(knowledge_base.folder, embeddings=lambda: knowledge_base.embeddings)
    assert {each.what for each in findings if each.state is not State.OK} <= {"disk"}


def test_many_threads_ask_while_one_writes(knowledge_base: KnowledgeBase) -> None:
    """Searches beside a writer see whole states only: no error, no foreign text."""
    put(knowledge_base, BAND)
    reader, errors, stop = reopened(knowledge_base), list[BaseException](), threading.Event()

    def ask() -> None:
        while not stop.is_set():
            try:
                assert BAND in found(reader, "Abba band")
            except BaseException as error:  # noqa: BLE001 (any error at all is a failure)
                errors.append(error)
                return

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    put(knowledge_base, *(f"Passage {n} about nothing" for n in range(40)))
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []


def _execute(path: Path, statement: str) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()
