"""Catalogs of older versions become current ones, whole or not at all; newer ones are refused."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kb_qa.errors import SchemaTooNew, SchemaTooOld
from kb_qa.store import schema
from kb_qa.store.backup import back_up
from kb_qa.store.catalog import Catalog
from kb_qa.store.filter import Filter
from kb_qa.store.knowledge_base import CATALOG, KnowledgeBase
from kb_qa.store.records import Chunk, Document, Refusal, Run
from kb_qa.store.writer import Writer
from tests.fakes import WordEmbeddings

FORMATS = Path(__file__).with_name("formats")
OLDER = sorted(int(path.stem) for path in FORMATS.glob("*.sql"))
ROOT = Path(__file__).parents[3]
DAY = datetime(2026, 3, 1, 12, 0, 0, 123457, tzinfo=UTC)
STAMP = f"77-{int(DAY.timestamp())}123457000-4711"
DOCUMENTS = 40
GONE = 900  # the greatest id that was ever given, to a document and a chunk that went


def text(number: int) -> str:
    return f"第{number}页 Abba number{number} is a band from Sweden"


def older(folder: Path, version: int) -> Path:
    """A catalog as a former version left it: documents, places, a refusal, ids that went."""
    folder.mkdir()
    embeddings = WordEmbeddings()
    with closing(sqlite3.connect(folder / CATALOG)) as connection:
        connection.executescript((FORMATS / f"{version}.sql").read_text(encoding="utf-8"))
        connection.execute("PRAGMA journal_mode = WAL")
        meta = {
            "generation": "7",
            "lineage": "0123456789abcdef",
            "embedder": json.dumps(asdict(embeddings.identity)),
            "background": "{}",
        }
        connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
        for number in [*range(1, DOCUMENTS + 1), GONE]:
            insert(connection, number, embeddings)
        connection.execute("DELETE FROM vectors WHERE chunk = ?", (GONE,))
        for table, column in (("chunks", "id"), ("texts", "document"), ("paths", "document")):
            connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (GONE,))
        connection.execute("DELETE FROM documents WHERE id = ?", (GONE,))
        connection.execute("INSERT INTO removals VALUES (7, ?, ?)", (GONE, GONE))
        add(connection, "refusals", path="/docs/x.pdf", stamp="1", verdict="failed", reason="odd")
        if version >= 2:
            add(connection, "runs", began="2026-03-01", seconds='{"total": 1.5}', totals="{}")
        connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {version}")
        connection.commit()
    return folder


def insert(connection: sqlite3.Connection, number: int, embeddings: WordEmbeddings) -> None:
    """A document of one chunk at two places; columns that a format lacks are left out."""
    said = text(number)
    add(
        connection, "documents", id=number, sha256=f"sha {number}", format="md", title=f"T{number}",
        pages=number, warnings='["cut"]', unread=3, metadata='{"a": 1}', generation=7,
    )  # fmt: skip
    add(connection, "texts", document=number, text=said)
    for place in "ab":
        path = f"/docs/{place}/{number}.md"
        add(connection, "paths", path=path, document=number, stamp=STAMP, verdict="updated")
    add(
        connection, "chunks", id=number, document=number, ordinal=0, start=0, end=len(said),
        page=number, breaks="[[1, 2]]", scanned=1, heading='["H"]', context="c", language="en",
        text=said,
    )  # fmt: skip
    vector = embeddings.embed_passages([said])[0].tobytes()
    add(connection, "vectors", chunk=number, vector=vector)


def add(connection: sqlite3.Connection, table: str, **values: object) -> None:
    there = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
    kept = {name: value for name, value in values.items() if name in there}
    names = ", ".join(f'"{name}"' for name in kept)
    marks = ", ".join("?" * len(kept))
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(kept.values()))


@pytest.fixture(params=OLDER)
def version(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def folder(tmp_path: Path, version: int) -> Path:
    return older(tmp_path / "kb", version)


def check_all_is_there(folder: Path, version: int) -> None:
    """Assert that everything that the older catalog could say is in the current one."""
    with Catalog(folder / CATALOG).read() as snapshot:
        assert snapshot.version == schema.VERSION
        assert snapshot.faults() == []
        assert (snapshot.generation, snapshot.lineage) == (7, "0123456789abcdef")
        assert snapshot.embedder == WordEmbeddings().identity
        locations = snapshot.locations()
        assert len(locations) == 2 * DOCUMENTS
        for number in range(1, DOCUMENTS + 1):
            (passage,) = snapshot.passages_of(number)
            scanned = version >= 2
            assert passage.chunk == Chunk(
                text(number), 0, len(text(number)), ("H",), "c", number, ((1, 2),), scanned
            )
            assert passage.id == number
            assert passage.paths == (f"/docs/a/{number}.md", f"/docs/b/{number}.md")
            assert passage.metadata == {"a": 1}
            assert snapshot.text(number) == text(number)
            location = locations[f"/docs/b/{number}.md"]
            assert (location.sha256, location.title) == (f"sha {number}", f"T{number}")
            assert (location.pages, location.stamp) == (number, STAMP)
            assert location.modified == DAY.timestamp()
            expected = ("updated", ("cut",), 3, "md") if version >= 2 else ("added", (), 0, "")
            said = (location.verdict, location.warnings, location.unread, location.format)
            assert said == expected
            (vector,) = snapshot.vectors([number]).values()
            assert (vector == WordEmbeddings().embed_passages([text(number)])[0]).all()
        assert snapshot.changes_since(6).removed == ((GONE, GONE),)
        assert snapshot.refusals() == {"/docs/x.pdf": Refusal("/docs/x.pdf", "1", "failed", "odd")}
        run = Run("2026-03-01", {"total": 1.5}, {}) if version >= 2 else None
        assert snapshot.last_run() == run


def test_every_older_format_is_kept_here() -> None:
    """A new version adds the former one's tables to these tests."""
    assert list(range(1, schema.VERSION)) == OLDER


def test_a_reader_makes_an_older_catalog_current(folder: Path, version: int) -> None:
    """The first opening does, and all is there."""
    check_all_is_there(folder, version)


def test_a_writer_makes_an_older_catalog_current(folder: Path, version: int) -> None:
    """It can be searched and written as if it had always been of this version."""
    knowledge_base = KnowledgeBase(folder, embeddings=WordEmbeddings())
    with knowledge_base.write() as writer:
        check_all_is_there(folder, version)
        with writer.transaction():
            put(writer, "New band from Uppsala")
    found = knowledge_base.candidates("Abba number7", limit=5)
    assert text(7) in {each.passage.chunk.text for each in found}
    assert "New band from Uppsala" in {
        each.passage.chunk.text for each in knowledge_base.candidates("New band Uppsala", limit=5)
    }


def put(writer: Writer, said: str) -> int:
    vectors = WordEmbeddings().embed_passages([said])
    chunks = [Chunk(said, 0, len(said))]
    key = writer.put(Document(said, said, said, format="md"), chunks=chunks, vectors=vectors)
    writer.place(f"/docs/{said}", document=key, stamp="1")
    return key


def test_ids_that_went_are_not_given_again(folder: Path) -> None:
    """An index that is behind must not find another text under an id it knows."""
    with Catalog(folder / CATALOG).write() as writer, writer.transaction():
        key = put(writer, "New")
        (passage,) = writer.passages_of(key)
    assert key > GONE
    assert passage.id > GONE


def test_what_belongs_together_still_goes_together(folder: Path) -> None:
    """A document that goes takes its chunks and vectors with it, as before."""
    with Catalog(folder / CATALOG).write() as writer:
        with writer.transaction():
            for place in "ab":
                writer.unplace(f"/docs/{place}/5.md")
        assert writer.vectors([5]) == {}
        assert writer.faults() == []
        assert writer.summary.chunks == DOCUMENTS - 1


def test_a_current_catalog_and_a_migrated_one_have_the_same_tables(
    folder: Path, tmp_path: Path
) -> None:
    """Columns, and indexes too."""
    for path in (folder / CATALOG, tmp_path / "new" / CATALOG):
        with Catalog(path).write():
            pass
    one, other = (layout(path) for path in (folder / CATALOG, tmp_path / "new" / CATALOG))
    assert one == other


def layout(path: Path) -> list[tuple[str, ...]]:
    query = (
        "SELECT type, tbl_name, CASE type WHEN 'index' THEN name ELSE (SELECT group_concat(one) "
        "FROM (SELECT name || type || pk AS one FROM pragma_table_info(tbl_name) ORDER BY one)) "
        "END FROM sqlite_master ORDER BY 1, 2, 3"
    )
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def test_dates_are_filtered_alike_before_and_after(folder: Path) -> None:
    """What a stamp says is known to the microsecond of places that were there before, too."""
    later = DAY.replace(microsecond=DAY.microsecond + 1)
    with Catalog(folder / CATALOG).write() as writer:
        with writer.transaction():
            writer.place("/docs/a/new.md", document=1, stamp=STAMP)
            writer.place("/docs/a/given.md", document=2, stamp="x", modified=DAY.timestamp())
            writer.place("/docs/a/unknown.md", document=3, stamp="1")
        assert writer.locations()["/docs/a/new.md"].modified == DAY.timestamp()
        assert writer.locations()["/docs/a/unknown.md"].modified is None
        for path, since, until, expected in (
            ("*/new.md", DAY, DAY, [1]),
            ("*/new.md", later, None, []),
            ("*/given.md", DAY, DAY, [2]),
            ("*/unknown.md", None, later, []),
            ("*/b/*", DAY, DAY, list(range(1, DOCUMENTS + 1))),
        ):
            where = Filter(path=path, since=since, until=until)
            assert writer.chunks_meeting(where).tolist() == expected


def test_a_date_before_1970_is_known(tmp_path: Path) -> None:
    """Files from archives and cameras carry them."""
    with Catalog(tmp_path / CATALOG).write() as writer, writer.transaction():
        key = put(writer, "Old")
        writer.place("/docs/Old", document=key, stamp="12--1500000000-77")
        location = writer.location("/docs/Old")
    assert location
    assert location.modified == -1.5


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up its rights to write")
def test_an_older_catalog_that_cannot_be_written_is_told(folder: Path, version: int) -> None:
    """One line says that it needs to be opened where it may be written; nothing changes."""
    with closing(sqlite3.connect(folder / CATALOG)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    before = (folder / CATALOG).read_bytes()
    for path in [folder, *folder.parents][:4]:
        path.chmod(0o755)
    script = (
        "import os, sys; from pathlib import Path; from kb_qa.store.catalog import Catalog\n"
        "os.setuid(65534)\n"
        "with Catalog(Path(sys.argv[1])).read(): pass"
    )
    said = child(script, folder).stderr.splitlines()[-1]
    assert f"SchemaTooOld: {folder / CATALOG} has format {version}, this program needs" in said
    assert "open it once where there is room and it may be written" in said
    assert (folder / CATALOG).read_bytes() == before


def child(script: str, folder: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", script, str(folder / CATALOG), *more],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip


KILLED = """
import os, signal, sqlite3, sys
from kb_qa.store import schema
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
steps = int(sys.argv[2])
connection.set_progress_handler(lambda: os.kill(os.getpid(), signal.SIGKILL), steps)
schema.prepare(connection, sys.argv[1])
"""


def test_killed_while_it_is_made_current(folder: Path, version: int, tmp_path: Path) -> None:
    """After a kill at any step it is the older catalog or the current one, with all in it."""
    seen = set()
    for steps in instants():
        copy = shutil.copytree(folder, tmp_path / f"kb {steps}")
        code = child(KILLED, copy, str(steps)).returncode
        with closing(sqlite3.connect(copy / CATALOG)) as connection:
            after = schema.version(connection)
        assert code in (0, -signal.SIGKILL)
        assert after == (version if code else schema.VERSION)
        seen.add(code)
        check_all_is_there(copy, version)
        if not code:
            break
    assert seen == {0, -signal.SIGKILL}


def instants() -> Iterator[int]:
    """Steps of SQLite's machine after which it is killed, ever later."""
    steps = 20.0
    while True:
        yield int(steps)
        steps *= 1.6


def test_a_full_disk_leaves_the_older_catalog(folder: Path, version: int) -> None:
    """It is told in one line, and is made current once there is room."""
    script = (
        "import resource, sys; from pathlib import Path; from kb_qa.store.catalog import Catalog\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "with Catalog(Path(sys.argv[1])).read(): pass"
    )
    said = child(script, folder).stderr.splitlines()[-1]
    assert f"SchemaTooOld: {folder / CATALOG} has format {version}, this program needs" in said
    check_all_is_there(folder, version)


def test_many_readers_make_it_current_once(folder: Path, version: int) -> None:
    """Processes that open it at the same time all find all of it."""
    script = (
        "import sys; from pathlib import Path; from kb_qa.store.catalog import Catalog\n"
        "with Catalog(Path(sys.argv[1])).read() as snapshot: print(snapshot.summary.chunks)"
    )
    command = [sys.executable, "-c", script, str(folder / CATALOG)]
    readers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(4)
    ]
    assert [reader.communicate()[0].strip() for reader in readers] == [str(DOCUMENTS)] * 4
    check_all_is_there(folder, version)


def test_a_backup_keeps_the_format(folder: Path, version: int, tmp_path: Path) -> None:
    """It can be made before anything is changed, and becomes current when it is opened."""
    made = back_up(folder, to=tmp_path / "copy")
    for path in (folder / CATALOG, made.folder / CATALOG):
        with Catalog(path).read_as_it_is() as snapshot:
            assert snapshot.version == version
    check_all_is_there(made.folder, version)


def test_a_newer_catalog_is_refused(folder: Path) -> None:
    """Reader and writer say so in a line, and change nothing."""
    with closing(sqlite3.connect(folder / CATALOG)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA user_version = 99")
    before = (folder / CATALOG).read_bytes()
    catalog = Catalog(folder / CATALOG)
    for opening in (catalog.read, catalog.read_as_it_is, catalog.write):
        with pytest.raises(SchemaTooNew, match=r"has format 99, .* upgrade kb-qa"), opening():
            pass
    with closing(sqlite3.connect(folder / CATALOG)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    assert len((folder / CATALOG).read_bytes()) == len(before)


@pytest.mark.parametrize("harm", ["ALTER TABLE documents ADD COLUMN odd TEXT", "DROP TABLE paths"])
def test_a_format_between_two_is_told_and_left_as_it_is(
    folder: Path, version: int, harm: str
) -> None:
    """What no version made is not guessed at."""
    with closing(sqlite3.connect(folder / CATALOG)) as connection:
        connection.execute(harm)
        # The first step of version 1 names the columns that it keeps.
        connection.execute("CREATE TABLE odd (x)")
        connection.commit()
    catalog = Catalog(folder / CATALOG)
    for opening in (catalog.read, catalog.write):
        with pytest.raises(SchemaTooOld, match="between two formats: remove"), opening():
            pass
    with catalog.read_as_it_is() as snapshot:
        assert snapshot.version == version
