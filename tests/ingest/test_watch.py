"""What changes on disk is in the knowledge base a moment later."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ingest.options import Options
from ingest.report import Report
from ingest.watch import watch
from kb_qa.store.knowledge_base import KnowledgeBase

SOON = 2.0
"""Seconds between a file's saving and its being found, on an idle machine."""


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("# Apples\n\nApples are red.\n")
    return folder


class Watched:
    """A watch in a thread of its own, and the reports that it gives."""

    def __init__(self, knowledge_base: KnowledgeBase, docs: Path) -> None:
        self.knowledge_base = knowledge_base
        self.reports: list[Report] = []
        self.error: BaseException | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(docs,))
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        if self.error:
            raise self.error

    def text(self) -> str:
        with self.knowledge_base.read() as snapshot:
            return "\n".join(snapshot.text(each.document) for each in snapshot.locations().values())

    def until(self, condition: Callable[[], bool]) -> float:
        """Seconds until a condition holds."""
        began = time.monotonic()
        while not condition():
            assert time.monotonic() - began < 20, "nothing happened"
            time.sleep(0.02)
        return time.monotonic() - began

    def _watch(self, docs: Path) -> None:
        try:
            for report in watch(
                [docs],
                knowledge_base=self.knowledge_base,
                options=Options(),
                stopping=self._stopping,
            ):
                self.reports.append(report)
        except BaseException as error:  # noqa: BLE001 -- raised where it is stopped
            self.error = error


@pytest.fixture
def watched(knowledge_base: KnowledgeBase, docs: Path) -> Iterator[Watched]:
    with watching(knowledge_base, docs) as watched:
        yield watched


@contextmanager
def watching(knowledge_base: KnowledgeBase, docs: Path) -> Iterator[Watched]:
    watched = Watched(knowledge_base, docs)
    try:
        watched.until(lambda: bool(watched.reports))
        yield watched
    finally:
        watched.stop()


def test_a_change_is_searchable_soon(watched: Watched, docs: Path) -> None:
    """New, changed, renamed and deleted files alike."""
    watched.until(lambda: "red" in watched.text())
    (docs / "b.md").write_text("# Pears\n\nPears are green.\n")
    assert watched.until(lambda: "green" in watched.text()) < 2 * SOON
    (docs / "a.md").write_text("# Apples\n\nApples are yellow.\n")
    assert watched.until(lambda: "yellow" in watched.text()) < 2 * SOON
    assert "red" not in watched.text()
    (docs / "b.md").rename(docs / "c.md")
    watched.until(lambda: any(f.verdict == "moved" for r in watched.reports for f in r.files))
    (docs / "a.md").unlink()
    assert watched.until(lambda: "yellow" not in watched.text()) < 2 * SOON


def test_folders_come_and_go_whole(watched: Watched, docs: Path, tmp_path: Path) -> None:
    """A folder that is moved in, or out, brings and takes all its files."""
    folder = tmp_path / "fruit"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "d.txt").write_text("Plums are blue.")
    folder.rename(docs / "fruit")
    watched.until(lambda: "blue" in watched.text())
    (docs / "fruit").rename(tmp_path / "away")
    watched.until(lambda: "blue" not in watched.text())


def test_what_is_ignored_stays_ignored(watched: Watched, docs: Path) -> None:
    """A pattern that is written takes effect at once, for known files and for new ones."""
    (docs / ".kbignore").write_text("*.log\na.md\n")
    watched.until(lambda: "red" not in watched.text())
    (docs / "b.log").write_text("green")
    (docs / ".hidden.md").write_text("violet")
    (docs / "c.md").write_text("blue")
    watched.until(lambda: "blue" in watched.text())
    assert "green" not in watched.text()
    assert "violet" not in watched.text()


def test_its_own_writing_is_no_change(docs: Path, embeddings) -> None:
    """A knowledge base within the folder does not keep the watch running in circles."""
    with watching(KnowledgeBase(docs / "kb", embeddings=embeddings), docs) as watched:
        (docs / "b.md").write_text("# Pears\n\nPears are green.\n")
        watched.until(lambda: len(watched.reports) > 1)
        time.sleep(1.5)
        assert len(watched.reports) == 2
