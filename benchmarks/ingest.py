"""Files into text, and into a knowledge base: ours beside LangChain's and LlamaIndex's ways.

    python -m benchmarks.ingest FOLDER --peers PYTHON [--formats pdf html ...]

FOLDER is any folder of documents; of each format some files are drawn, always the same.
PYTHON is an environment of its own, in which this project is installed, and beside it

    langchain-community langchain-text-splitters faiss-cpu
    pdfminer.six pi-heif pdf2image onnx matplotlib opencv-python-headless
    --no-deps unstructured-inference
    'unstructured[docx,pptx,xlsx,md,csv,epub,odt,rtf,rst]==0.27.*'
    llama-index-core llama-index-readers-file docx2txt ebooklib html2text

Each measurement is a process of its own, one after the other, nothing else running. It first
reads one file of the format, so that imports do not count. `DirectoryLoader` reads with
`unstructured`, PDF by its fast strategy; `unstructured[pdf]` would bring its own torch. A
file that a reader cannot read counts as none of its megabytes. `SimpleDirectoryReader`
takes what it has no reader for as text, markup and all: "no parser".
"""

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

FORMATS = "html md txt pdf docx pptx xlsx csv epub odt rtf rst eml xml".split()
READERS = ("ours", "ours, one core", "DirectoryLoader", "SimpleDirectoryReader")
ENDS = ("ours, end to end", "LangChain, end to end")
PEERS = frozenset({"DirectoryLoader", "SimpleDirectoryReader", "LangChain, end to end"})

_MOST_BYTES = {"pdf": 3_000_000, "eml": 200_000, "txt": 600_000, "rst": 300_000, "epub": 600_000}
_MOST_BYTES_ELSE = 1_000_000
_LARGEST_FILE = 1_500_000
_MOST_FILES = 60
_END_TO_END_FILES = 80
_LARGEST_END_TO_END = 100_000
_SECONDS = 240
"""That one measurement may take; one that takes longer is told as such."""


@dataclass(frozen=True)
class Measured:
    """What one process reported.

    Attributes:
        values: as `benchmarks.ingest_runs` printed them; None if it did not end in time.
        peak: bytes that it and its children held at once.
    """

    values: dict[str, Any] | None
    peak: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--peers", default=sys.executable, help="another environment's Python")
    parser.add_argument("--formats", nargs="*", default=FORMATS)
    options = parser.parse_args()
    drawn = {each: draw(options.folder, each) for each in options.formats}
    drawn = {each: files for each, files in drawn.items() if files}
    for line in described():
        print(line)
    for line in parsing(drawn, options.peers):
        print(line, flush=True)
    for line in end_to_end(options.folder, options.peers):
        print(line, flush=True)


def described() -> Iterator[str]:
    names = {
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    }
    cpu = " ".join(next(iter(names), platform.processor()).partition(":")[2].split())
    cores, python = len(os.sched_getaffinity(0)), platform.python_version()
    yield f"{datetime.now(UTC):%Y-%m-%d}, {cpu}, {cores} cores, Python {python}.\n"


def draw(folder: Path, kind: str) -> list[Path]:
    """Files of a format, drawn by chance that is always the same, up to some megabytes."""
    found = sorted(path for path in folder.rglob(f"*.{kind}") if path.is_file())
    random.Random(kind).shuffle(found)
    drawn, left = [], _MOST_BYTES.get(kind, _MOST_BYTES_ELSE)
    for path in found:
        size = path.stat().st_size
        if 0 < size <= min(left, _LARGEST_FILE) and len(drawn) < _MOST_FILES:
            drawn.append(path)
            left -= size
    return drawn


def parsing(drawn: dict[str, list[Path]], peers: str) -> Iterator[str]:
    """The table of formats by readers."""
    yield "| format | files | MB | pages | " + " | ".join(READERS) + " | times the peers' |"
    yield "|---|---|---|---|" + "---|" * (len(READERS) + 1)
    sums = {reader: [0.0, 0.0] for reader in READERS}
    peaks = dict.fromkeys(READERS, 0)
    for kind, files in drawn.items():
        megabytes = sum(path.stat().st_size for path in files) / 1e6
        rates: dict[str, float] = {}
        cells = []
        pages = 0
        for reader in READERS:
            measured = measure(reader, files, peers)
            peaks[reader] = max(peaks[reader], measured.peak)
            if measured.values is None:
                cells.append(f"more than {_SECONDS} s")
                continue
            if not measured.values.get("has_parser", True):
                cells.append("no parser")
                continue
            seconds, read = measured.values["seconds"], measured.values["bytes"] / 1e6
            pages = pages or measured.values["pages"]
            rates[reader] = read / seconds
            sums[reader][0] += read
            sums[reader][1] += seconds
            cells.append(rate_of(rates[reader], pages / seconds, measured.values["failed"]))
        times = [f"{rates['ours'] / rates[peer]:.0f}" for peer in READERS[2:] if rates.get(peer)]
        row = (
            kind,
            str(len(files)),
            f"{megabytes:.2f}",
            str(pages or ""),
            *cells,
            ", ".join(times),
        )
        yield "| " + " | ".join(row) + " |"
    rates = {reader: read / seconds for reader, (read, seconds) in sums.items() if seconds}
    cells = [f"{rates[reader]:.2f} MB/s" for reader in READERS]
    times = [f"{rates['ours'] / rates[peer]:.0f}" for peer in READERS[2:]]
    yield "| all of it | | | | " + " | ".join(cells) + " | " + ", ".join(times) + " |"
    cells = [f"{peaks[reader] / 2**20:.0f} MiB" for reader in READERS]
    yield "| most memory | | | | " + " | ".join(cells) + " | |"
    yield ""


def rate_of(megabytes: float, pages: float, failed: int) -> str:
    """A cell: 1.23 MB/s, 45 pages/s; 2 failed."""
    rates = [f"{megabytes:.2f} MB/s", *([f"{pages:.0f} pages/s"] if pages else [])]
    return ", ".join(rates) + (f"; {failed} failed" if failed else "")


def end_to_end(folder: Path, peers: str) -> Iterator[str]:
    """The table of whole ways: parsed, cut, embedded, stored."""
    files = mixed(folder)
    size = sum(path.stat().st_size for path in files) / 1e6
    yield f"{len(files)} files of {size:.2f} MB, the bundled embedder for both:\n"
    yield "| | chunks | seconds | chunks/s | kB of text/s | embedder busy | most memory |"
    yield "|---|---|---|---|---|---|---|"
    for way in ENDS:
        measured = measure(way, files, peers)
        if measured.values is None:
            yield f"| {way} | more than {_SECONDS} s |"
            continue
        values = measured.values
        seconds = values["seconds"]
        cells = (
            str(values["chunks"]),
            f"{seconds:.1f}",
            f"{values['chunks'] / seconds:.1f}",
            f"{values['characters'] / seconds / 1000:.1f}",
            f"{100 * values['embedding'] / seconds:.0f} %",
            f"{measured.peak / 2**20:.0f} MiB",
        )
        yield f"| {way} | " + " | ".join(cells) + " |"


def mixed(folder: Path) -> list[Path]:
    """Some small files of every format both ways read."""
    files = []
    for kind in ("html", "md", "txt", "docx", "pdf", "epub", "odt", "pptx"):
        drawn = [path for path in draw(folder, kind) if path.stat().st_size < _LARGEST_END_TO_END]
        files += drawn[: _END_TO_END_FILES // 8]
    return files


def measure(way: str, files: Sequence[Path], peers: str) -> Measured:
    """Run one measurement in a process of its own, and watch what it holds."""
    python = peers if way in PEERS else sys.executable
    with tempfile.NamedTemporaryFile("w", suffix=".json") as listing:
        json.dump([str(path) for path in files], listing)
        listing.flush()
        arguments = [python, "-m", "benchmarks.ingest_runs", way, listing.name]
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with process, watched(process.pid) as held:
            try:
                output, errors = process.communicate(timeout=_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                return Measured(None, max(held))
    if process.returncode:
        raise SystemExit(f"{way}: {errors.decode()[-2000:]}")
    return Measured(json.loads(output.splitlines()[-1]), max(held))


class watched:  # noqa: N801 -- used as a statement
    """Notes what a process and its children hold together."""

    def __init__(self, process: int) -> None:
        self._process = process
        self._ended = threading.Event()
        self._held = [0]
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> list[int]:
        self._thread.start()
        return self._held

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            try:
                process = psutil.Process(self._process)
                family = [process, *process.children(recursive=True)]
                self._held.append(sum(each.memory_info().rss for each in family))
            except psutil.Error:
                time.sleep(0.1)


if __name__ == "__main__":
    main()
