"""The sandbox: a bad file costs itself, and nothing runs on."""

import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import xlsxwriter

from ingest.document import EmptyDocument, Parsed, UnsupportedFormat
from ingest.sandbox import ParserPool
from ingest.task import Answer, Task
from kb_qa.errors import ParseError

LINUX = sys.platform == "linux"
pytestmark = pytest.mark.skipif(not LINUX, reason="finds processes in /proc")

SLOW = "<div>" * 14_000 + "deep"
"""Takes about a second: the parser's time grows with the square of the depth."""

ENDLESS = "<div>" * 400_000 + "deep"


@pytest.fixture
def good(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{number}.txt" for number in range(6)]
    for number, path in enumerate(paths):
        path.write_text(f"文件 {number}")
    return paths


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    path = tmp_path / "slow.html"
    path.write_text(SLOW)
    return path


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    path = tmp_path / "endless.html"
    path.write_text(ENDLESS)
    return path


@pytest.fixture
def far_cell(tmp_path: Path) -> Path:
    """A workbook with two cells, as far from each other as is read at all."""
    path = tmp_path / "far.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "near")
        sheet.write(1_048_575, 14, "far")
    return path


def children(parent: int) -> set[int]:
    """The processes that a process has started and that have not ended."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent_of = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if int(parent_of) == parent and state != "Z":
                found.add(int(entry.name))
    return found


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def parse(pool: ParserPool, paths: Iterable[Path]) -> Generator[tuple[Path, Answer]]:
    with closing(pool.answers(Task(path, path.name) for path in paths)) as results:
        for task, answer in results:
            yield task.path, answer


def reason(result: tuple[Path, Answer]) -> str:
    assert isinstance(result[1], ParseError)
    return str(result[1])


def test_each_file_comes_back_once(good: list[Path]) -> None:
    """Documents and reasons come back with their paths, errors of each kind as such."""
    empty, other = good[0].with_name("empty.md"), good[0].with_name("other.exe")
    empty.touch()
    other.touch()
    with ParserPool(jobs=2) as pool:
        results = dict(parse(pool, [*good, empty, other]))
    assert results.keys() == {*good, empty, other}
    assert isinstance(results[empty], EmptyDocument)
    assert isinstance(results[other], UnsupportedFormat)
    parsed = results[good[3]]
    assert isinstance(parsed, Parsed)
    assert parsed.text == "文件 3"


def test_a_file_that_takes_too_long(good: list[Path], endless: Path) -> None:
    """Its parser is killed; the other files do not notice."""
    with ParserPool(jobs=2, seconds_per_file=0.7) as pool:
        results = dict(parse(pool, [endless, *good]))
    assert str(results[endless]) == "it took longer than 0.7 s"
    assert sum(isinstance(each, Parsed) for each in results.values()) == len(good)


def test_a_page_that_takes_too_long(tmp_path: Path) -> None:
    """A long document may go on as long as its pages do not; the page that does is named."""
    book = tmp_path / "book.epub"
    items = "".join(f'<item id="p{n}" href="{n}.xhtml" media-type="text/html"/>' for n in (1, 2))
    with zipfile.ZipFile(book, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", '<c><rootfile full-path="a.opf"/></c>')
        archive.writestr(
            "a.opf",
            f'<package><manifest>{items}</manifest><spine><itemref idref="p1"/>'
            '<itemref idref="p2"/></spine></package>',
        )
        archive.writestr("1.xhtml", "<p>first</p>")
        archive.writestr("2.xhtml", ENDLESS)
    with ParserPool(jobs=1, seconds_per_page=0.7, seconds_per_file=60) as pool:
        (result,) = parse(pool, [book])
    assert reason(result) == "page 2 took longer than 0.7 s"


def test_a_file_that_takes_too_much_memory(good: list[Path], far_cell: Path) -> None:
    """Its parser is aborted by the allocator; the reason says what it lacked."""
    with ParserPool(jobs=1, memory_bytes=400 << 20) as pool:
        results = dict(parse(pool, [good[0], far_cell, good[1]]))
    assert str(results[far_cell]) == "it needed more than 400 MiB of memory"
    assert isinstance(results[good[1]], Parsed)


def test_a_text_that_takes_too_much_memory(tmp_path: Path) -> None:
    """The same where Python itself runs out."""
    path = tmp_path / "large.txt"
    path.write_bytes(b"word " * 20_000_000)
    with ParserPool(jobs=1, memory_bytes=200 << 20) as pool:
        (result,) = parse(pool, [path])
    assert reason(result) == "it needed more than 200 MiB of memory"


def test_a_parser_that_crashes(endless: Path) -> None:
    """A signal ends the worker, not the run; the file's reason names the signal."""
    with ParserPool(jobs=1) as pool:
        killing(signal.SIGSEGV)
        (result,) = parse(pool, [endless])
    assert reason(result) == "the parser crashed (signal 11)"


def test_a_used_parser_that_crashes(good: list[Path], slow: Path) -> None:
    """What an earlier file may have broken is not blamed on this one: it is tried afresh."""
    with ParserPool(jobs=1) as pool:
        results = parse(pool, [good[0], slow, good[1]])
        assert next(results)[0] == good[0]
        killing(signal.SIGSEGV)
        assert dict(results).keys() == {slow, good[1]}
        assert isinstance(dict(parse(pool, [slow]))[slow], Parsed)


def killing(number: signal.Signals) -> None:
    """Send a signal to the worker, once it is in the middle of a file."""

    def kill() -> None:
        assert wait_until(lambda: any(map(is_deep_in_work, children(os.getpid()))))
        for process in filter(is_deep_in_work, children(os.getpid())):
            os.kill(process, number)

    threading.Thread(target=kill).start()


def is_deep_in_work(process: int) -> bool:
    """Whether a worker has used more time than it takes to start."""
    if b"ingest.worker" not in Path(f"/proc/{process}/cmdline").read_bytes():
        return False
    ticks = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11])
    return ticks > 0.4 * os.sysconf("SC_CLK_TCK")


def test_paths_are_taken_as_they_are_needed(good: list[Path]) -> None:
    """A list of paths without end is no trouble: few are taken ahead."""
    taken: list[Path] = []

    def paths() -> Iterator[Path]:
        while True:
            taken.append(good[0])
            yield good[0]

    with ParserPool(jobs=2) as pool:
        results = parse(pool, paths())
        for number in range(1, 20):
            next(results)
            assert len(taken) <= number + 4


def test_a_slow_reader_loses_nothing(good: list[Path], tmp_path: Path) -> None:
    """Time that the caller takes for a result is not counted against other files."""
    large = tmp_path / "large.log"
    large.write_text("line of text\n" * 20_000)
    with ParserPool(jobs=2, seconds_per_page=1.0) as pool:
        results = []
        for result in parse(pool, [good[0], large]):
            results.append(result[1])
            time.sleep(1.3)
    assert all(isinstance(each, Parsed) for each in results)


def test_a_pool_can_be_used_again(good: list[Path], slow: Path) -> None:
    """Results that nobody waits for any more do not turn up later."""
    with ParserPool(jobs=1) as pool:
        results = parse(pool, [good[0], slow])
        next(results)
        results.close()
        assert [path for path, _ in parse(pool, good[1:3])] == good[1:3]


def test_nothing_runs_on(good: list[Path], endless: Path) -> None:
    """After the pool is closed none of its processes is left, busy or not."""
    before = children(os.getpid())
    with ParserPool(jobs=3) as pool:
        results = parse(pool, [endless, *good])
        next(results)
        assert children(os.getpid()) - before
    assert children(os.getpid()) <= before


PROGRAM = """
import sys
from pathlib import Path
from ingest.sandbox import ParserPool
from ingest.task import Task
with ParserPool(jobs=2, seconds_per_page=float(sys.argv[1])) as pool:
    for result in pool.answers(Task(Path(path), path) for path in sys.argv[2:]):
        print("result", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupting_leaves_no_process(
    good: list[Path], endless: Path, number: signal.Signals
) -> None:
    """Ctrl-C ends the workers at once; even kill -9 leaves none for long."""
    arguments = [sys.executable, "-c", PROGRAM, "1", str(endless), str(good[0])]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"result\n"
        workers = children(program.pid)
        assert workers
        program.send_signal(number)
        program.wait(timeout=10)
        assert wait_until(lambda: not any(map(is_running, workers)))


def test_file_names_are_bytes(tmp_path: Path) -> None:
    """Names that are no UTF-8, or hold newlines, are files like others."""
    paths = [Path(os.fsdecode(bytes(tmp_path) + b"/\xff\xfe.txt")), tmp_path / "a\nb.txt"]
    for path in paths:
        path.write_text("text")
    with ParserPool(jobs=1) as pool:
        results = dict(parse(pool, paths))
    assert [getattr(results[path], "text", None) for path in paths] == ["text", "text"]
