"""Hostile files: each ends with a true verdict, within caps, and touches nothing outside."""

import contextlib
import gc
import os
import random
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from ingest.abilities import Abilities
from ingest.options import Options
from ingest.pipeline import ingest
from ingest.report import FileReport, Report, Verdict
from ingest.sandbox import ParserPool
from kb_qa.paths import shown
from kb_qa.store.knowledge_base import KnowledgeBase
from tests.fakes import WordEmbeddings
from tests.ingest.hostile.row import CANARY, Outside, Row
from tests.ingest.hostile.table import ROWS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

PLAIN = Options(abilities=Abilities())
"""Without OCR and LibreOffice: verdicts are the same wherever the test runs."""

SECONDS_PER_FILE = 12.0
MEMORY = 768 << 20
"""What a parser may have here; users' files have more of both."""

MOST_SECONDS = 240.0
MOST_OWN_MEMORY = 1 << 30
SECONDS_BETWEEN_KILLS = 0.3
SECONDS_TO_START = 1.0
STARTING_KILLED = 5
"""Of so many kills one may hit a worker that starts; a machine where all do cannot work at all."""

KILLED = "signal 9"


@dataclass
class Run:
    """What an ingestion of all hostile files came to.

    Attributes:
        reports: by the name of the folder that the files lie in.
        texts: what the knowledge base holds of them.
        seconds: it took.
        workers: bytes that the largest worker held at once.
        own: bytes that this process came to hold beyond what it held before.
        killed: workers that were killed.
        calls: connections that hostile files made.
    """

    reports: dict[str, list[FileReport]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    report: Report | None = None
    seconds: float = 0.0
    workers: int = 0
    own: int = 0
    killed: int = 0
    calls: int = 0


@dataclass(frozen=True)
class Site:
    """All hostile files, and what lies around them."""

    docs: Path
    outside: Outside
    server: socket.socket

    def listing(self) -> dict[str, tuple[int, int, int]]:
        """Everything there is, with its kind, size and time of change."""
        return {
            str(path): (status.st_mode, status.st_size, status.st_mtime_ns)
            for root in (self.docs, self.outside.canary.parent)
            for folder, folders, files in os.walk(root)
            for path in (Path(folder, name) for name in (*folders, *files))
            for status in (path.lstat(),)
        }


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "outside").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.0)
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        outside = Outside(folder / "outside" / "canary.txt", folder / "outside" / "trophy", url)
        outside.canary.write_text(f"{CANARY}\n")
        for name, row in ROWS.items():
            row.make(folder / "docs" / name, outside)
        yield Site(folder / "docs", outside, server)


@pytest.fixture(scope="module")
def run(site: Site) -> Run:
    return ingested(site, site.docs.with_name("kb"), names=list(ROWS))


@pytest.fixture(scope="module")
def killed(site: Site) -> Run:
    with killing() as kills:
        run = ingested(site, site.docs.with_name("killed-kb"), names=list(ROWS)[::2])
    run.killed = len(kills)
    return run


def ingested(site: Site, folder: Path, *, names: Sequence[str]) -> Run:
    """Ingest the rows of these names, watched."""
    run = Run()
    knowledge_base = KnowledgeBase(folder, embeddings=WordEmbeddings())
    gc.collect()
    before = own_memory(reset=True)
    with (
        watching(run),
        ParserPool(
            jobs=2,
            seconds_per_page=SECONDS_PER_FILE,
            seconds_per_file=SECONDS_PER_FILE,
            memory_bytes=MEMORY,
        ) as pool,
    ):
        began = time.monotonic()
        run.report = ingest(
            [site.docs / name for name in names],
            knowledge_base=knowledge_base,
            options=PLAIN,
            pool=pool,
        )
        run.seconds = time.monotonic() - began
    run.own = own_memory() - before
    for file in run.report.files:
        run.reports.setdefault(folder_of(file.path, site), []).append(file)
    with knowledge_base.read() as snapshot:
        for path, location in snapshot.locations().items():
            text = snapshot.text(location.document)
            name = folder_of(path, site)
            run.texts[name] = run.texts.get(name, "") + text
    while True:
        try:
            site.server.accept()[0].close()
        except BlockingIOError:
            return run
        run.calls += 1


def folder_of(path: str, site: Site) -> str:
    return path.removeprefix(shown(str(site.docs))).lstrip("/").partition("/")[0]


def own_memory(*, reset: bool = False) -> int:
    """The most this process has held at once since it was reset, in bytes."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) << 10


def workers() -> list[psutil.Process]:
    found = []
    for process in psutil.Process().children():
        try:
            if "ingest.worker" in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


@contextmanager
def meanwhile(work: Callable[[], None], *, every: float) -> Iterator[None]:
    """Do something again and again on a thread of its own."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(every):
            work()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def watching(run: Run) -> Iterator[None]:
    """Note what the workers hold."""

    def look() -> None:
        for worker in workers():
            try:
                run.workers = max(run.workers, worker.memory_info().rss)
            except psutil.Error:
                continue

    with meanwhile(look, every=0.1):
        yield


@contextmanager
def killing() -> Iterator[list[int]]:
    """Kill a random worker again and again."""
    chance, kills = random.Random(7), []

    def kill() -> None:
        spares_starting = len(kills) % STARTING_KILLED
        alive = [each for each in workers() if age(each) > SECONDS_TO_START or not spares_starting]
        if alive:
            victim = chance.choice(alive)
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.send_signal(signal.SIGKILL)
                kills.append(victim.pid)

    with meanwhile(kill, every=SECONDS_BETWEEN_KILLS):
        yield kills


def age(process: psutil.Process) -> float:
    return time.time() - process.create_time()


def judged(row: Row, reports: list[FileReport], text: str) -> list[str]:
    """What is wrong with the verdicts on a row."""
    said = "\n".join("; ".join((file.reason, *file.warnings)) for file in reports)
    wrong = []
    if row.verdict is not None and row.verdict not in {file.verdict for file in reports}:
        wrong.append(f"not {row.verdict}")
    if not re.search(row.said, said):
        wrong.append(f"does not say {row.said!r}")
    if not re.search(row.holds, text):
        wrong.append(f"does not hold {row.holds!r}")
    return [*wrong, *map(str, reports), text[:200]] if wrong else []


@pytest.mark.parametrize("name", ROWS)
def test_every_hostile_file_ends_with_a_true_verdict(run: Run, name: str) -> None:
    """Added, skipped or failed as it deserves, and the reason says what is wrong with it."""
    assert run.reports.get(name), ROWS[name].about
    assert judged(ROWS[name], run.reports[name], run.texts.get(name, "")) == [], ROWS[name].about


def test_verdicts_are_lines(run: Run) -> None:
    """Each reason and warning is one line without traceback, and stays readable everywhere."""
    for file in run.report.files:
        for line in (file.reason, *file.warnings):
            assert "\n" not in line
            assert "Traceback" not in line
            assert len(line) < 700
            line.encode()
        assert file.verdict is Verdict.ADDED or file.reason


def test_nothing_outside_is_read(run: Run) -> None:
    """Neither a text nor a reason shows what stands in a file outside; no server was called."""
    assert not [name for name, text in run.texts.items() if CANARY in text]
    assert CANARY not in str(run.report)
    assert run.calls == 0


def test_nothing_outside_is_written(site: Site, run: Run, killed: Run) -> None:
    """No file was made, changed or removed but the knowledge base's own."""
    assert run.report
    assert killed.report
    assert not site.outside.trophy.exists()
    folder = site.docs.parent
    assert {path.name for path in folder.iterdir()} == {"docs", "outside", "kb", "killed-kb"}
    made = {path.relative_to(site.docs).parts[0] for path in site.docs.iterdir()}
    assert made == set(ROWS)
    assert [path.name for path in site.outside.canary.parent.iterdir()] == ["canary.txt"]


def test_time_and_memory_stay_within_caps(run: Run) -> None:
    """No worker holds more than it is given, this process little beside, and all of it ends."""
    assert run.seconds < MOST_SECONDS
    assert run.workers <= MEMORY
    assert run.own < MOST_OWN_MEMORY


def test_killed_workers_cost_their_own_files(killed: Run) -> None:
    """With a random worker killed every 0.3 s, each verdict is as before, or names the kill."""
    assert killed.killed > 5
    assert killed.seconds < MOST_SECONDS
    differing = 0
    for name, row in list(ROWS.items())[::2]:
        reports = killed.reports.get(name)
        assert reports, row.about
        if KILLED in "".join(file.reason for file in reports):
            differing += 1
            continue
        assert judged(row, reports, killed.texts.get(name, "")) == [], row.about
    assert differing < len(ROWS) / 6
