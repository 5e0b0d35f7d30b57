"""From files to documents: tasks for parsers, for OCR where pages hold no text, for LibreOffice."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ingest.document import NeedsOffice, Parsed
from ingest.formats.lines import Line
from ingest.office import TARGETS, convert
from ingest.recognized import RecognizedPages
from ingest.sandbox import ParserPool
from ingest.task import Answer, Job, Reading, Task, Unread
from kb_qa.errors import ParseError

_SECONDS_TO_CONVERT = 120.0
_NAMED = 5
"""Pages that a warning names; more are counted."""


class Reader:
    """Reads files in a pool's processes.

    Args:
        pool: where parsers and OCR run.
        recognized: pages that OCR has read before; None if there is no OCR, and pages
            without text stay unread.
        converts: whether LibreOffice is here, to convert what no parser reads.
    """

    def __init__(
        self, pool: ParserPool, *, recognized: RecognizedPages | None, converts: bool
    ) -> None:
        self._pool = pool
        self._recognized = recognized
        self._converts = converts
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
        with closing(_Converted()) as converted:
            for task, answer in self._pool.answers(_Agenda(self._agenda, asking)):
                origin = _origin(task)
                if self._goes_on(origin, task, answer):
                    continue
                last: Answer | None = answer
                if isinstance(answer, NeedsOffice) and self._can_convert(task):
                    last = converted.begin(origin, self._agenda)
                if last is not None:
                    scan = self._scans.pop(origin, None)
                    yield converted.source(origin), _ended(last, scan)

    def _can_convert(self, task: Task) -> bool:
        return self._converts and not task.place and task.path.suffix.lower() in TARGETS

    def _goes_on(self, origin: Task, task: Task, answer: Answer) -> bool:
        """Take in what OCR is to read, or has read; whether it was that."""
        scan = self._scans.get(origin)
        if scan is None:
            if isinstance(answer, Unread):
                self._begin(origin, answer.pages)
            return isinstance(answer, Unread)
        if task.job is Job.RECOGNIZE and isinstance(answer, Reading | ParseError):
            self._go_on(scan, task.page, answer)
            return True
        return False

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

    @property
    def _sureness(self) -> float:
        """Of all characters together."""
        letters = sure = 0.0
        for reading in self.readings.values():
            count = sum(len(line.text) for line in reading.lines)
            letters += count
            sure += count * reading.confidence
        return sure / letters if letters else 1.0


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


def _ended(answer: Answer, scan: _Scan | None) -> Parsed | ParseError:
    """What became of a document, and of its pages that were pictures."""
    warnings = () if scan is None else tuple(scan.warnings)
    match answer:
        case Parsed():
            # What OCR has tried and could not read it would not read the next time either.
            unread = answer.unread if scan is None else 0
            return replace(answer, warnings=(*answer.warnings, *warnings), unread=unread)
        case ParseError() if scan is not None and scan.failed and not scan.readings:
            return ParseError("; ".join(warnings))  # the parser can only say that there is no OCR
        case ParseError():
            return type(answer)("; ".join((str(answer), *warnings)))
        case _:
            return ParseError("the parser answered what it was not asked")


class _Converted:
    """Files that LibreOffice wrote for parsers to read; they go when it is closed."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="kb-qa-")
        self._sources: dict[Task, Task] = {}

    def close(self) -> None:
        """Remove what is left of them."""
        self._folder.cleanup()

    def begin(self, task: Task, agenda: deque[Task]) -> ParseError | None:
        """Convert a file, and put the task to parse it on the agenda; or why that fails."""
        target = TARGETS[task.path.suffix.lower()]
        path = Path(self._folder.name) / f"{len(self._sources)}.{target}"
        try:
            path.write_bytes(convert(task.path, target=target, seconds=_SECONDS_TO_CONVERT))
        except ParseError as error:
            return error
        parse = Task(path, f"{Path(task.name).stem}.{target}")
        self._sources[parse] = task
        agenda.appendleft(parse)
        return None

    def source(self, task: Task) -> Task:
        """The task that was given for a file that may have been converted."""
        if task not in self._sources:
            return task
        task.path.unlink(missing_ok=True)
        return self._sources[task]


def _counted(pages: list[int]) -> str:
    if len(pages) == 1:
        return f"page {pages[0]}"
    if len(pages) <= _NAMED:
        return "pages " + ", ".join(map(str, sorted(pages)))
    return f"{len(pages)} pages"
