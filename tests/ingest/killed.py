"""Ingest, be killed, look at what is left; many times over. Run by test_crash.py.

    python killed.py FOLDER ROUNDS SEED

Each round forks from a process that has imported everything, so that fifty
rounds take a minute. Prints one line a round, and fails at the first loss.
"""

import os
import random
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from ingest.pipeline import ingest
from ingest.progress import Progress
from ingest.report import FileReport
from kb_qa.store.knowledge_base import CATALOG, KnowledgeBase
from tests.fakes import WordEmbeddings

FILES = 12
SENTENCES = 400


def main(folder: Path, rounds: int, seed: int) -> None:
    rnd = random.Random(seed)
    docs, kb, log = folder / "docs", folder / "kb", folder / "ended.log"
    docs.mkdir()
    for number in range(FILES):
        change(docs, number, rnd)
    began = time.monotonic()
    assert in_child(lambda: run(docs, kb, log)) == 0
    whole = time.monotonic() - began
    for number in range(rounds):
        for victim in rnd.sample(range(FILES), FILES // 2):
            change(docs, victim, rnd)
        log.write_text("")
        seconds = rnd.uniform(0, whole)
        killed = in_child(lambda: run(docs, kb, log), kill_after=seconds) != 0
        assert in_child(lambda: check(kb, log)) == 0, f"round {number}"
        print(number, f"{seconds:.2f} s", "killed" if killed else "ended", len(told(log)))
    assert in_child(lambda: run(docs, kb, log)) == 0
    assert in_child(lambda: check(kb, log, whole=docs)) == 0


def run(docs: Path, kb: Path, log: Path) -> None:
    """Ingest, writing down each file whose verdict was given, and its content then."""
    with log.open("a") as file:

        def ended(report: FileReport, _size: int) -> None:
            file.write(f"{report.path}\n")
            file.flush()

        knowledge_base = KnowledgeBase(kb, embeddings=WordEmbeddings())
        report = ingest([docs], knowledge_base=knowledge_base, progress=Progress(ended=ended))
        assert not report.failed, report


def check(kb: Path, log: Path, whole: Path | None = None) -> None:
    """What was told is there, every document is whole, and it can be searched."""
    with closing(sqlite3.connect(kb / CATALOG)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    knowledge_base = KnowledgeBase(kb, embeddings=WordEmbeddings())
    with knowledge_base.read() as snapshot:
        locations = snapshot.locations()
        for path in told(log):
            text = snapshot.text(locations[str(Path(path).absolute())].document)
            assert text.split() == Path(path).read_text().split(), path
        for location in locations.values():
            text = snapshot.text(location.document)
            passages = snapshot.passages_of(location.document)
            assert passages, location.path
            assert len(snapshot.vectors([each.id for each in passages])) == len(passages)
            assert all(text[p.chunk.start : p.chunk.end] == p.chunk.text for p in passages)
    found = knowledge_base.candidates("word1 word2", limit=5)
    known = {location.document for location in locations.values()}
    assert {each.passage.document for each in found} <= known
    assert found
    if whole:
        assert set(locations) == {str(path) for path in whole.iterdir()}


def told(log: Path) -> list[str]:
    return log.read_text().splitlines()


def change(docs: Path, number: int, rnd: random.Random) -> None:
    """Give a file other content, the way an editor saves: whole or not at all."""
    words = (f"word{rnd.randrange(1000)}" for _ in range(8 * SENTENCES))
    sentences = [" ".join(next(words) for _ in range(8)) + "." for _ in range(SENTENCES)]
    aside = docs.with_name("aside")
    aside.write_text("\n\n".join(sentences))
    aside.replace(docs / f"{number}.txt")


def in_child(work: Callable[[], None], *, kill_after: float | None = None) -> int:
    """Do the work in a forked process, killed after some seconds; its exit status."""
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        try:
            work()
        except BaseException as error:  # noqa: BLE001 (a child must never return)
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return status


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
