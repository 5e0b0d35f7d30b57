"""A process that parses files for `ingest.sandbox`: a path on a line in, a document on a line out.

    python -m ingest.worker MEMORY_BYTES SECONDS

Its limits are set before a parser is imported. What else it is to be denied, such as
the network, belongs into `_confine`.
"""

import os
import resource
import signal
import sys
from pathlib import Path
from typing import BinaryIO

from ingest import wire
from ingest.document import Parsed
from ingest.loaders import load
from kb_qa.errors import ParseError

READY = b"ready\n"
OUT_OF_MEMORY = b"out of memory\n"

_LARGEST_FILE_WRITTEN = 1 << 20
"""Bytes; the only file written is the one that catches the last words of a crash."""


def main() -> None:
    """Serve until standard input ends."""
    memory_bytes, seconds = int(sys.argv[1]), float(sys.argv[2])
    requests, replies = _channels()
    _confine(memory_bytes)
    replies.write(READY)
    replies.flush()
    for line in requests:
        # Who waits for the reply kills this process in time, unless it was killed itself.
        signal.setitimer(signal.ITIMER_REAL, 2 * seconds)
        reply = _reply(Path(os.fsdecode(bytes.fromhex(line.decode()))))
        signal.setitimer(signal.ITIMER_REAL, 0)
        replies.write(reply)
        replies.flush()


def _channels() -> tuple[BinaryIO, BinaryIO]:
    """Standard input and output, taken out of the way of libraries that print."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    return requests, replies


def _confine(memory_bytes: int) -> None:
    if sys.platform == "linux":  # elsewhere the address space cannot be limited
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LARGEST_FILE_WRITTEN, _LARGEST_FILE_WRITTEN))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _reply(path: Path) -> bytes:
    result: Parsed | ParseError
    try:
        result = load(path)
        return wire.encode(result)
    except ParseError as error:
        return wire.encode(error)
    except MemoryError:
        return OUT_OF_MEMORY


if __name__ == "__main__":
    main()
