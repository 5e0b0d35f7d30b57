"""Ingestion on Ray: the same verdicts and the same chunks, whatever is lost on the way."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from kb_qa.store.catalog import Catalog
from kb_qa.store.knowledge_base import CATALOG
from kb_qa.store.opening import IN_FOLDER, open_catalog
from tests.ingest.hostile.row import Outside
from tests.ingest.hostile.table import ROWS

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "data" / "docs"
SECONDS = 280.0
FILES = 40

HOSTILE = {
    *("empty.docx", "noise.pdf", "half.docx", "gbk.txt", "locked.docx", "circle.pdf"),
    *("form.pdf", "locked.pdf", "kinds.zip", "third.zip", "good.tar.gz", "nested.eml", "bad.txt"),
    *("bomb.zip", "pipe.txt"),
}
"""One of each kind of trouble: damaged, locked, crashing, swelling, nested, not text at all."""


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "ingest", *map(str, arguments)]


def ingested(*arguments: object, code: int | None = None, store: str = IN_FOLDER) -> dict[str, Any]:
    """The report of a run, as it prints it."""
    done = subprocess.run(
        command("--json", *arguments),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "KB_QA_STORE": store},
        timeout=SECONDS,
    )
    assert done.returncode in ((0, 1) if code is None else (code,)), done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def failed(*arguments: object) -> str:
    """What a run says that cannot begin."""
    done = subprocess.run(
        command(*arguments), capture_output=True, text=True, check=False, cwd=ROOT, timeout=60
    )
    assert done.returncode == 2, done.stdout + done.stderr
    return done.stderr


def told(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Every file's report; the order in which they end is nobody's business."""
    return sorted(report["files"], key=lambda file: file["path"])


def verdicts(report: dict[str, Any]) -> dict[str, str]:
    return {Path(file["path"]).name: file["verdict"] for file in report["files"]}


def held(kb: Path, *, store: str = IN_FOLDER) -> dict[str, tuple[Any, ...]]:
    """What a knowledge base holds, by path, but for numbers that depend on the order."""
    everything = {}
    with open_catalog(kb, store=store).read() as snapshot:
        for path, location in snapshot.locations().items():
            passages = snapshot.passages_of(location.document)
            stable = (location.title, location.pages, location.warnings, location.unread)
            text = snapshot.text(location.document)
            everything[path] = (*stable, text, *(each.chunk for each in passages))
    return everything


def vectors(kb: Path) -> dict[str, np.ndarray]:
    """The vectors of each document, in reading order."""
    everything = {}
    with Catalog(kb / CATALOG).read() as snapshot:
        for path, location in snapshot.locations().items():
            ids = [passage.id for passage in snapshot.passages_of(location.document)]
            by_id = snapshot.vectors(ids)
            everything[path] = np.stack([by_id[each] for each in ids])
    return everything


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The samples, one of them twice, and a hostile handful."""
    folder = tmp_path_factory.mktemp("ray")
    docs = folder / "docs"
    shutil.copytree(SAMPLES, docs / "samples")
    shutil.copy(SAMPLES / "using" / "faq.en.md", docs / "twice.md")
    outside = Outside(folder / "canary.txt", folder / "trophy", "http://127.0.0.1:9")
    outside.canary.write_text("outside\n")
    for name, row in ROWS.items():
        if row.name in HOSTILE:
            row.make(docs / name, outside)
    return docs


@pytest.fixture(scope="module")
def here(docs: Path) -> tuple[dict[str, Any], Path]:
    """The report of a run without Ray, and what it made."""
    kb = docs.with_name("here")
    return ingested(docs, "--kb", kb), kb


@pytest.mark.parametrize("files", ["auto", "sent"])
def test_verdicts_and_chunks_are_those_of_a_run_without_ray(
    docs: Path, here: tuple[dict[str, Any], Path], tmp_path: Path, files: str
) -> None:
    """Of good and hostile files, whether machines read the files or are sent them; a second run
    does nothing, and needs no cluster."""
    local, kb = here
    report = ingested("--ray", "local", "--ray-files", files, docs, "--kb", tmp_path / "kb")
    assert told(report) == told(local)
    assert report["totals"] == local["totals"]
    assert report["confined"] == local["confined"]
    assert set(report["seconds"]) == set(local["seconds"])
    assert held(tmp_path / "kb") == held(kb)
    mine, theirs = vectors(tmp_path / "kb"), vectors(kb)
    for path, expected in theirs.items():
        assert np.einsum("ij,ij->i", mine[path], expected).min() > 0.999
    again = ingested("--ray", "127.0.0.1:9", docs, "--kb", tmp_path / "kb")
    assert set(verdicts(again).values()) <= {"unchanged", "failed", "skipped"}


def test_documents_go_into_milvus_as_they_go_into_a_folder(
    docs: Path, here: tuple[dict[str, Any], Path], tmp_path: Path
) -> None:
    """With the same verdicts and chunks; a second run does nothing."""
    local, kb = here
    store = f"milvus:{tmp_path / 'ray.db'}"
    own = tmp_path / "own"
    report = ingested("--ray", "local", docs, "--kb", own, store=store)
    assert told(report) == told(local)
    assert report["totals"] == local["totals"]
    again = ingested("--ray", "127.0.0.1:9", docs, "--kb", own, store=store)
    assert set(verdicts(again).values()) <= {"unchanged", "failed", "skipped"}
    assert held(own, store=store) == held(kb)


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Enough files that a run can be met half way."""
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(FILES):
        lines = (
            f"Rule {number}.{line}: valve {line * number} opens at noon." for line in range(60)
        )
        (folder / f"{number}.md").write_text(f"# Rules {number}\n\n" + "\n\n".join(lines))
    return folder


class Run:
    """A run under way, watched line by line."""

    def __init__(self, *arguments: object) -> None:
        self.process = subprocess.Popen(
            command("--ray", "local", *arguments), cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        self.lines: list[str] = []

    def until(self, start: str, *, count: int = 1) -> None:
        """Wait for so many lines that begin so."""
        assert self.process.stderr
        while sum(line.startswith(start) for line in self.lines) < count:
            line = self.process.stderr.readline()
            assert line, self.lines
            self.lines.append(line)

    def end(self) -> int:
        assert self.process.stderr
        with self.process.stderr as rest:
            self.lines += rest.readlines()
        return self.process.wait(SECONDS)

    @property
    def below(self) -> list[psutil.Process]:
        """All processes that it started, and those that they started."""
        return psutil.Process(self.process.pid).children(recursive=True)


def named(processes: list[psutil.Process], name: str) -> Iterator[psutil.Process]:
    for process in processes:
        with suppress(psutil.Error):
            if name in " ".join(process.cmdline()):
                yield process


def is_at_work(process: psutil.Process) -> bool:
    """Whether a process has a parser, or has loaded a model."""
    return bool(process.children()) or process.memory_info().rss > 700 << 20


def test_a_killed_run_goes_on_where_it_was(many: Path, tmp_path: Path) -> None:
    """What it committed is not read again, and nothing that has to do with documents stays."""
    run = Run(many, "--kb", tmp_path / "kb")
    run.until("added", count=8)
    below = [*named(run.below, "ray::MapWorker"), *named(run.below, "ingest.worker")]
    assert below
    os.kill(run.process.pid, signal.SIGKILL)
    run.end()
    _, alive = psutil.wait_procs(below, timeout=60)
    assert not alive
    committed = sum(line.startswith("added") for line in run.lines)
    report = ingested("--ray", "local", many, "--kb", tmp_path / "kb", code=0)
    assert report["totals"]["unchanged"] >= committed
    assert report["totals"]["unchanged"] + report["totals"]["added"] == FILES
    assert len(held(tmp_path / "kb")) == FILES


@pytest.mark.parametrize("stage", ["Cutter", "Embedder"])
def test_a_killed_process_costs_a_retry(many: Path, tmp_path: Path, stage: str) -> None:
    """Every file is read all the same, each once."""
    run = Run(many, "--kb", tmp_path / "kb")
    run.until("ingest: Ray")
    while not (victims := [each for each in named(run.below, stage) if is_at_work(each)]):
        assert run.process.poll() is None
        time.sleep(0.05)
    for victim in victims:
        victim.kill()
    assert run.end() == 0, run.lines
    added = [line for line in run.lines if line.startswith("added")]
    assert len(added) == FILES
    assert len(held(tmp_path / "kb")) == FILES


def test_a_document_that_kills_costs_itself(tmp_path: Path) -> None:
    """It is tried twice, and then it has failed; the files read together with it are there."""
    folder = tmp_path / "docs"
    folder.mkdir()
    names = [*(f"{number}.md" for number in range(40)), "poison.md"]
    for name in names:
        (folder / name).write_text(f"# {name}\n\nThe valve of {name} opens at noon.\n")
    script = Path(__file__).with_name("poisoned.py")
    done = subprocess.run(
        [sys.executable, script, folder, tmp_path / "kb"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    expected = {**dict.fromkeys(names, "added"), "poison.md": "failed"}
    assert verdicts(report) == expected
    (poison,) = (file for file in report["files"] if file["verdict"] == "failed")
    assert "lost, twice" in poison["reason"]
    assert (tmp_path / "log").read_text().splitlines() == ["read", "read"]
    # It is not held against the file: the next run reads it.
    again = ingested(folder, "--kb", tmp_path / "kb")
    assert verdicts(again)["poison.md"] == "added"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:9", "there is no Ray at 127.0.0.1:9"),
        ("somewhere", "somewhere is no address"),
        ("auto", "Ray at auto cannot be used"),
    ],
)
def test_a_cluster_that_is_not_there_is_told_in_a_line(
    tmp_path: Path, address: str, said: str
) -> None:
    """And nothing is stored."""
    (tmp_path / "a.md").write_text("Apples are red.\n")
    error = failed("--ray", address, tmp_path / "a.md", "--kb", tmp_path / "kb")
    assert said in error
    assert len(error.splitlines()) == 1


def test_ray_that_is_not_installed_is_told_in_a_line(tmp_path: Path) -> None:
    """With what to install."""
    (tmp_path / "a.md").write_text("Apples are red.\n")
    without = "import sys; sys.modules['ray'] = None; from ingest.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", without, "--ray", "local", tmp_path, "--kb", tmp_path / "kb"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=60,
    )
    assert done.returncode == 2
    assert "pip install 'kb-qa[ray]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1
