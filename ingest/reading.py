"""From files to documents: tasks for parsers, and for OCR where pages hold no text."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ingest.document import Parsed
from ingest.formats.lines import Line
from ingest.recognized import RecognizedPages
from ingest.sandbox import ParserPool
from ingest.task import Job, Reading, Task, Unread
from kb_qa.errors import ParseError

_NAMED = 5
"""Pages that a warning names; more are counted."""


class Reader:
    """Reads files in a pool's processes.

    Args:
        pool: where parsers and OCR run.
        recognized: pages that OCR has read before; None if there is no OCR, and pages
            without text stay unread.
    """

    def __init__(self, pool: ParserPool, *, recognized: RecognizedPages | None) -> None:
        self._pool = pool
        self._recognized = recognized
        self._agenda: deque[Task] = deque()
        self._scans: dict[Task, _Scan] = {}

    def documents(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Parsed | ParseError]]:
        """Parse files, and yield each with its document, or why there is none, as they end.

        A document with pages that only OCR can read is begun again when they are read: each
        page is a task of its own, so that all workers read them.

        Args:
            tasks: to parse; taken one for each worker that is free.

        Raises:
            SandboxError: no parser process can be started.
        """
        asking = (replace(task, may_ask=self._recognized is not None) for task in tasks)
        for task, answer in self._pool.answers(_Agenda(self._agenda, asking)):
            origin = _origin(task)
            scan = self._scans.get(origin)
            match answer:
                case Unread() if scan is None:
                    self._begin(origin, answer.pages)
                case Reading() if scan is not None:
                    self._go_on(scan, task.page, answer)
                case ParseError() if scan is not None and task.job is Job.RECOGNIZE:
                    self._go_on(scan, task.page, answer)
                case Parsed() | ParseError():
                    self._scans.pop(origin, None)
                    yield origin, _with_warnings(answer, scan)
                case _:
                    self._scans.pop(origin, None)
                    yield origin, ParseError("the parser answered what it was not asked")

    def _begin(self, task: Task, pages: Mapping[int, str]) -> None:
        scan = _Scan(task, dict(pages))
        self._scans[task] = scan
        for page, digest in pages.items():
            if reading := self._recognized and self._recognized.get(digest):
                scan.readings[page] = reading
            else:
                scan.waiting.add(page)
                self._agenda.append(replace(task, job=Job.RECOGNIZE, page=page))
        self._end_if_read(scan)

    def _go_on(self, scan: "_Scan", page: int, answer: Reading | ParseError) -> None:
        scan.waiting.discard(page)
        if isinstance(answer, Reading):
            scan.readings[page] = answer
            if self._recognized:
                self._recognized.put(scan.pages[page], answer)
        else:
            scan.failed[page] = str(answer)
        self._end_if_read(scan)

    def _end_if_read(self, scan: "_Scan") -> None:
        if not scan.waiting:
            self._agenda.appendleft(replace(scan.task, recognized=scan.lines))


@dataclass
class _Scan:
    """A document whose pages are being read.

    Attributes:
        task: to parse it.
        pages: digest of each page, by its index from 0.
        waiting: pages that are not read yet.
        readings: what was read.
        failed: why others could not be.
    """

    task: Task
    pages: Mapping[int, str]
    waiting: set[int] = field(default_factory=set)
    readings: dict[int, Reading] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)

    @property
    def lines(self) -> dict[int, tuple[Line, ...]]:
        return {page: self.readings[page].lines for page in sorted(self.readings)}

    @property
    def warnings(self) -> Iterator[str]:
        if self.readings:
            letters = [
                sum(len(line.text) for line in each.lines) for each in self.readings.values()
            ]
            sure = [each.confidence for each in self.readings.values()]
            share = sum(map(float.__mul__, map(float, letters), sure)) / max(1, sum(letters))
            pages = _counted([page + 1 for page in self.readings])
            yield f"{pages} read by OCR, {share:.0%} sure"
        if self.failed:
            page = min(self.failed)
            pages = _counted([page + 1 for page in self.failed])
            yield f"{pages} could not be read by OCR: {self.failed[page]}"


class _Agenda(Iterator[Task]):
    """What follows from answers first, so that few documents are under way at a time."""

    def __init__(self, first: deque[Task], then: Iterator[Task]) -> None:
        self._first = first
        self._then = then

    def __next__(self) -> Task:
        return self._first.popleft() if self._first else next(self._then)


def _origin(task: Task) -> Task:
    """The task to parse the file that a task is about."""
    return replace(task, job=Job.PARSE, page=0, may_ask=False, recognized={})


def _with_warnings(answer: Parsed | ParseError, scan: _Scan | None) -> Parsed | ParseError:
    if scan is None:
        return answer
    if isinstance(answer, ParseError):
        return type(answer)("; ".join((str(answer), *scan.warnings)))
    return replace(answer, warnings=(*answer.warnings, *scan.warnings))


def _counted(pages: list[int]) -> str:
    if len(pages) == 1:
        return f"page {pages[0]}"
    if len(pages) <= _NAMED:
        return "pages " + ", ".join(map(str, sorted(pages)))
    return f"{len(pages)} pages"
