"""A process that does tasks for `ingest.sandbox`: one on a line in, its answer on a line out.

    python -m ingest.worker MEMORY_BYTES SECONDS

Its limits are set, and what it may not do is given up, before a parser is imported.
Between a task and its answer it tells the pages that it begins.
"""

import hashlib
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping
from typing import BinaryIO

from ingest import loaders, pulse, wire
from ingest.archives import MemberReader, members
from ingest.confinement import confine
from ingest.task import Answer, Job, Listing, Task, Unread
from kb_qa.errors import ParseError

READY, READY_UNCONFINED = b"ready", b"ready, unconfined"
OUT_OF_MEMORY = b"out of memory"
PAGE = b"page "

_MEMBERS = MemberReader()

_LARGEST_FILE_WRITTEN = 1 << 20
"""Bytes; the only file written is the one that catches the last words of a crash."""


def main() -> None:
    """Serve until standard input ends."""
    memory_bytes, seconds = int(sys.argv[1]), float(sys.argv[2])
    requests, replies = _channels()
    _limit(memory_bytes)

    def say(line: bytes) -> None:
        replies.write(line)
        replies.flush()

    def beat(number: int) -> None:
        _wake_after(seconds)
        say(PAGE + b"%d\n" % number)

    pulse.listen(beat)
    say((READY if confine() else READY_UNCONFINED) + b"\n")
    for line in requests:
        _wake_after(seconds)
        reply = _reply(wire.decode_task(line))
        signal.setitimer(signal.ITIMER_REAL, 0)
        say(reply)


def _wake_after(seconds: float) -> None:
    """Who waits for the reply kills this process in time, unless it was killed itself."""
    signal.setitimer(signal.ITIMER_REAL, 2 * seconds)


def _channels() -> tuple[BinaryIO, BinaryIO]:
    """Standard input and output, taken out of the way of libraries that print."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    return requests, replies


def _limit(memory_bytes: int) -> None:
    if sys.platform == "linux":  # elsewhere the address space cannot be limited
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LARGEST_FILE_WRITTEN, _LARGEST_FILE_WRITTEN))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _reply(task: Task) -> bytes:
    try:
        return wire.encode(_JOBS[task.job](task))
    except ParseError as error:
        return wire.encode(error)
    except MemoryError:
        return OUT_OF_MEMORY + b"\n"


def _parse(task: Task) -> Answer:
    data = _data(task)
    if not task.may_ask or task.recognized:
        return loaders.parse(data, name=task.name, recognized=task.recognized or None)
    try:
        parsed = loaders.parse(data, name=task.name)
    except ParseError:
        pages = loaders.unread(data, name=task.name)
        if not pages:
            raise
    else:
        if not parsed.unread:
            return parsed
        pages = loaders.unread(data, name=task.name)
    return Unread({page: _digest(data, task.name, page) for page in pages})


def _recognize(task: Task) -> Answer:
    from ingest.ocr import recognize  # an extra, which most files do not need

    return recognize(loaders.render(_data(task), name=task.name, page=task.page))


def _list(task: Task) -> Answer:
    return Listing(tuple(members(task.path, wanted=loaders.supports)))


_JOBS: Mapping[Job, Callable[[Task], Answer]] = {
    Job.PARSE: _parse,
    Job.RECOGNIZE: _recognize,
    Job.LIST: _list,
}


def _data(task: Task) -> bytes:
    return _MEMBERS.read(task.path, task.place) if task.place else loaders.read(task.path)


def _digest(data: bytes, name: str, page: int) -> str:
    """What a page looks like: known again wherever it stands."""
    pulse.page(page + 1)
    picture = loaders.render(data, name=name, page=page)
    size = f"{picture.width}x{picture.height}@{picture.dpi:g}\n".encode()
    return hashlib.sha256(size + picture.pixels).hexdigest()


if __name__ == "__main__":
    main()
