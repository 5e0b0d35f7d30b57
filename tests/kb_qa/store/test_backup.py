"""A backup: one whole state of a knowledge base, or nothing at all."""

import os
import resource
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import count, takewhile
from pathlib import Path

import pytest

from kb_qa.errors import BackupError, KnowledgeBaseDamaged, KnowledgeBaseMissing
from kb_qa.store.backup import Backup, back_up
from kb_qa.store.knowledge_base import CATALOG, KnowledgeBase
from kb_qa.store.records import Chunk, Document

BAND = "Abba is a band from Sweden"
CITY = "Uppsala is a city in Sweden"


def put(knowledge_base: KnowledgeBase, texts: Iterable[str]) -> None:
    with knowledge_base.write() as writer:
        for text in texts:
            with writer.transaction():
                vectors = knowledge_base.embeddings.embed_passages([text])
                chunk = Chunk(text, 0, len(text))
                key = writer.put(Document(text, text, text), chunks=[chunk], vectors=vectors)
                writer.place(f"/docs/{text}", document=key, stamp="1")


def found(folder: Path, like: KnowledgeBase, question: str) -> set[str]:
    copy = KnowledgeBase(folder, embeddings=like.embeddings)
    return {each.passage.chunk.text for each in copy.candidates(question, limit=10)}


def test_a_backup_is_a_knowledge_base(knowledge_base: KnowledgeBase, tmp_path: Path) -> None:
    """It is one file, opens at once, finds what the original finds, and can be written to."""
    put(knowledge_base, [BAND, CITY])
    made = back_up(knowledge_base.folder, to=tmp_path / "copy")
    assert [path.name for path in made.folder.iterdir()] == [CATALOG]
    assert (made.documents, made.chunks) == (2, 2)
    assert made.size == (made.folder / CATALOG).stat().st_size
    assert found(made.folder, knowledge_base, "which band?") == {BAND, CITY}
    put(KnowledgeBase(made.folder, embeddings=knowledge_base.embeddings), ["Roxette is a band"])
    assert "Roxette is a band" in found(made.folder, knowledge_base, "band")
    assert "Roxette is a band" not in found(knowledge_base.folder, knowledge_base, "band")


def test_what_is_not_committed_is_not_in_it(knowledge_base: KnowledgeBase, tmp_path: Path) -> None:
    """In the middle of a transaction neither waits for the other."""
    put(knowledge_base, [CITY])
    with knowledge_base.write() as writer, writer.transaction():
        vectors = knowledge_base.embeddings.embed_passages([BAND])
        chunk = Chunk(BAND, 0, len(BAND))
        writer.put(Document(BAND, BAND, BAND), chunks=[chunk], vectors=vectors)
        assert back_up(knowledge_base.folder, to=tmp_path / "copy").documents == 1
    assert found(tmp_path / "copy", knowledge_base, "band") == {CITY}


def test_a_writer_commits_while_backups_are_made(
    knowledge_base: KnowledgeBase, tmp_path: Path
) -> None:
    """Each backup is one whole state, and a later one holds no less; the writer loses nothing."""
    put(knowledge_base, [CITY])
    stop = threading.Event()
    texts = (f"Passage {number} about nothing" for number in count())
    until_stopped = takewhile(lambda _: not stop.is_set(), texts)
    with ThreadPoolExecutor(1) as thread:
        writing = thread.submit(put, knowledge_base, until_stopped)
        made: list[Backup] = []
        deadline = time.monotonic() + 20
        while len({each.documents for each in made}) < 4 and time.monotonic() < deadline:
            made.append(back_up(knowledge_base.folder, to=tmp_path / f"copy {len(made)}"))
        stop.set()
        writing.result()
    counts = [each.documents for each in made]
    assert len(set(counts)) == 4
    assert counts == sorted(counts)
    assert all(each.documents == each.chunks for each in made)
    with knowledge_base.read() as snapshot:
        written = snapshot.summary.documents
    assert back_up(knowledge_base.folder, to=tmp_path / "last").documents == written >= counts[-1]


def refused(folder: Path, to: Path, message: str) -> None:
    """Assert that no backup is made, and that nothing is left of the attempt."""
    before = sorted(folder.parent.rglob("*"))
    with pytest.raises(BackupError, match=message) as told:
        back_up(folder, to=to)
    assert "\n" not in str(told.value)
    assert sorted(folder.parent.rglob("*")) == before


def test_nothing_is_overwritten(knowledge_base: KnowledgeBase, tmp_path: Path) -> None:
    """Not a folder, an empty one neither, not a file, not a link to nowhere."""
    put(knowledge_base, [BAND])
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("folder", "file", "link"):
        refused(knowledge_base.folder, tmp_path / name, f"{name} is there already")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_backup_lies_outside(knowledge_base: KnowledgeBase, tmp_path: Path) -> None:
    """Within the knowledge base it would go with it; through a link, too."""
    put(knowledge_base, [BAND])
    refused(knowledge_base.folder, knowledge_base.folder / "copy", "lies within")
    (tmp_path / "link").symlink_to(knowledge_base.folder)
    refused(knowledge_base.folder, tmp_path / "link" / "copy", "lies within")


def test_the_folder_above_must_be_there(knowledge_base: KnowledgeBase, tmp_path: Path) -> None:
    """A disk that is not mounted is not mistaken for this one."""
    put(knowledge_base, [BAND])
    refused(knowledge_base.folder, tmp_path / "disk" / "copy", "there is no folder")


def test_a_missing_knowledge_base_leaves_nothing(tmp_path: Path) -> None:
    """Nothing is made where there is nothing to copy."""
    with pytest.raises(KnowledgeBaseMissing, match="no knowledge base in"):
        back_up(tmp_path / "kb", to=tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_catalog_is_not_backed_up(knowledge_base: KnowledgeBase, tmp_path: Path) -> None:
    """A backup that would not help is none; the message names the doctor."""
    put(knowledge_base, [f"Passage {number} about nothing" for number in range(200)])
    catalog = knowledge_base.folder / CATALOG
    data = bytearray(catalog.read_bytes())
    middle = len(data) // 2 // 16384 * 16384
    data[middle : middle + 16384] = b"\xa5" * 16384
    catalog.write_bytes(data)
    with pytest.raises(KnowledgeBaseDamaged, match=r"cannot be backed up: .*kb_qa doctor --kb"):
        back_up(knowledge_base.folder, to=tmp_path / "copy")
    assert [path.name for path in tmp_path.iterdir()] == ["kb"]


def limited(knowledge_base: KnowledgeBase, to: Path, before: str) -> str:
    """What a process says that lives under a limit while it makes a backup."""
    script = (
        "import os, resource, sys; from pathlib import Path\n"
        "from kb_qa.store.backup import back_up\n"
        f"{before}\n"
        "back_up(Path(sys.argv[1]), to=Path(sys.argv[2]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(knowledge_base.folder), str(to)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert done.returncode == 1
    return done.stderr.splitlines()[-1]


def test_a_copy_that_cannot_be_finished_is_not_left(
    knowledge_base: KnowledgeBase, tmp_path: Path
) -> None:
    """Writing that fails halfway is told in a line that names the place."""
    put(knowledge_base, [f"Passage {number} about nothing" for number in range(200)])
    assert (knowledge_base.folder / CATALOG).stat().st_size > 300_000
    limit = f"resource.setrlimit({resource.RLIMIT_FSIZE}, (300_000, 300_000))"
    said = limited(knowledge_base, tmp_path / "copy", limit)
    assert said.startswith(f"kb_qa.errors.BackupError: {tmp_path / 'copy'} cannot be written: ")
    assert [path.name for path in tmp_path.iterdir()] == ["kb"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_disk_that_is_too_small_is_told_before_the_first_byte(
    knowledge_base: KnowledgeBase, tmp_path: Path
) -> None:
    """The message says how much is needed and how much is free."""
    put(knowledge_base, [f"Passage {number} about nothing" for number in range(200)])
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        with pytest.raises(BackupError, match=r"needs [\d,]+ bytes and [\d,]+ are free: make room"):
            back_up(knowledge_base.folder, to=disk / "copy")
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up its rights to write")
def test_a_place_that_cannot_be_written_is_named(
    knowledge_base: KnowledgeBase, tmp_path: Path
) -> None:
    """A parent without the right to write is told in one line."""
    put(knowledge_base, [BAND])
    for path in [knowledge_base.folder, *knowledge_base.folder.parents][:4]:
        path.chmod(0o755)
    said = limited(knowledge_base, tmp_path / "copy", "os.setuid(65534)")
    assert f"BackupError: {tmp_path / 'copy'} cannot be written: Permission denied; name" in said
    assert [path.name for path in tmp_path.iterdir()] == ["kb"]


def test_a_copy_needs_no_log_beside_it(knowledge_base: KnowledgeBase, tmp_path: Path) -> None:
    """A backup can be read from a disk that cannot be written, where a log could not be made."""
    put(knowledge_base, [BAND])
    back_up(knowledge_base.folder, to=tmp_path / "copy")
    connection = sqlite3.connect(tmp_path / "copy" / CATALOG)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    connection.close()
