"""Scans are read page by page, each page once; old Office files are converted first."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from ingest.document import Block, BlockKind, NeedsOffice, Parsed
from ingest.formats.lines import Line
from ingest.reading import Reader
from ingest.recognized import RecognizedPages
from ingest.sandbox import ParserPool, Result
from ingest.task import Answer, Job, Reading, Task, Unread
from kb_qa.errors import ParseError


class Scans(ParserPool):
    """A pool whose documents have pages that only OCR can read."""

    def __init__(
        self,
        pages: Mapping[str, Mapping[int, str]],
        *,
        fails: Callable[[int], bool] = lambda _page: False,
    ) -> None:
        super().__init__(jobs=1)
        self._pages = pages
        self._fails = fails
        self.done: list[tuple[str, Job, int]] = []

    def answers(self, tasks: Iterable[Task]) -> Iterator[Result]:
        waiting = iter(tasks)
        while (task := next(waiting, None)) is not None:
            self.done.append((task.name, task.job, task.page))
            yield task, self._answer(task)

    def _answer(self, task: Task) -> Answer:
        pages = self._pages.get(task.name, {})
        if task.job is Job.RECOGNIZE:
            if self._fails(task.page):
                return ParseError("it took longer than 120 s")
            return Reading((line(f"page {task.page}"),), confidence=0.9 - task.page / 10)
        if pages and task.may_ask:
            return Unread(pages)
        read = [line.text for lines in task.recognized.values() for line in lines]
        if pages and not read:
            return ParseError("no page holds text")
        return Parsed(task.name, (Block(BlockKind.PARAGRAPH, "; ".join(read) or "text"),))


def line(text: str) -> Line:
    return Line(text, 0.0, 100.0, 700.0, 700.0, 10.0)


def task(name: str) -> Task:
    return Task(Path("/docs") / name, name)


@pytest.fixture
def recognized(tmp_path: Path) -> RecognizedPages:
    return RecognizedPages(tmp_path / "ocr", engine="eyes-1")


def read(
    pool: Scans, recognized: RecognizedPages | None, *names: str
) -> dict[str, Parsed | ParseError]:
    reader = Reader(pool, recognized=recognized, converts=False)
    return {each.name: answer for each, answer in reader.documents(map(task, names))}


def test_a_scan_is_read_and_then_parsed(recognized: RecognizedPages) -> None:
    """Each page is a task of its own; what was read, and how surely, is told."""
    pool = Scans({"scan.pdf": {0: "aa", 2: "bb"}})
    documents = read(pool, recognized, "a.txt", "scan.pdf", "b.txt")
    scan = documents["scan.pdf"]
    assert isinstance(scan, Parsed)
    assert scan.text == "page 0; page 2"
    assert scan.warnings == ("pages 1, 3 read by OCR, 80% sure",)
    assert documents.keys() == {"a.txt", "scan.pdf", "b.txt"}


def test_a_page_is_read_once(recognized: RecognizedPages) -> None:
    """In another document, and in another run, what it looks like is known."""
    read(Scans({"scan.pdf": {0: "aa"}}), recognized, "scan.pdf")
    pool = Scans({"other.pdf": {5: "aa", 6: "cc"}})
    documents = read(pool, recognized, "other.pdf")
    assert isinstance(documents["other.pdf"], Parsed)
    assert documents["other.pdf"].text == "page 0; page 6"
    assert [page for _, job, page in pool.done if job is Job.RECOGNIZE] == [6]


def test_another_engine_reads_again(recognized: RecognizedPages, tmp_path: Path) -> None:
    """What another one read is not used; a damaged page is read again too."""
    read(Scans({"scan.pdf": {0: "aa"}}), recognized, "scan.pdf")
    other = RecognizedPages(tmp_path / "ocr", engine="eyes-2")
    assert other.get("aa") is None
    (file,) = (tmp_path / "ocr").rglob("*.json")
    file.write_bytes(file.read_bytes()[:-9])
    assert recognized.get("aa") is None


def test_a_page_that_cannot_be_read_costs_itself(recognized: RecognizedPages) -> None:
    """The others are kept, and the report names it."""
    pool = Scans({"scan.pdf": {0: "aa", 1: "bb"}}, fails=lambda page: page == 1)
    (scan,) = read(pool, recognized, "scan.pdf").values()
    assert isinstance(scan, Parsed)
    assert scan.text == "page 0"
    assert "page 2 could not be read by OCR: it took longer than 120 s" in scan.warnings


def test_a_scan_of_which_no_page_can_be_read(recognized: RecognizedPages) -> None:
    """The reason is why OCR failed, not that there is none."""
    pool = Scans({"scan.pdf": {0: "aa", 1: "bb"}}, fails=lambda _page: True)
    (scan,) = read(pool, recognized, "scan.pdf").values()
    assert str(scan) == "pages 1, 2 could not be read by OCR: it took longer than 120 s"


def test_without_ocr_nothing_is_asked() -> None:
    """The parser says itself what it could not read."""
    pool = Scans({"scan.pdf": {0: "aa"}})
    (scan,) = read(pool, None, "scan.pdf").values()
    assert str(scan) == "no page holds text"
    assert [job for _, job, _ in pool.done] == [Job.PARSE]


def test_few_documents_are_under_way(recognized: RecognizedPages) -> None:
    """The pages of one are read before the next is begun."""
    names = [f"{number}.pdf" for number in range(4)]
    pool = Scans(
        {name: {page: f"{name.encode().hex()}{page:02x}" for page in range(3)} for name in names}
    )
    read(pool, recognized, *names)
    begun = [name for name, _, _ in pool.done]
    assert begun == sorted(begun)


def test_what_needs_libreoffice_says_so_where_there_is_none() -> None:
    """The parser's own reason is the verdict."""

    class Old(Scans):
        def _answer(self, task: Task) -> Answer:
            return NeedsOffice("a Word file from before 2007: install LibreOffice")

    (answer,) = read(Old({}), None, "old.doc").values()
    assert str(answer) == "a Word file from before 2007: install LibreOffice"
