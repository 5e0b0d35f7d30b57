"""The lock that makes the writer of a knowledge base the only one."""

import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from kb_qa.errors import KnowledgeBaseBusy
from kb_qa.store.files import told_of_disk

_LOCK = "writer.lock"
_HOLDER = "writer.json"


@contextmanager
def writer_lock(folder: Path, *, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold the folder's lock; the system frees it when the holder dies.

    Raises:
        KnowledgeBaseBusy: another process holds it; the message says which.
        KnowledgeBaseError: the folder cannot be written.
    """
    lock = FileLock(folder / _LOCK, timeout=wait_seconds)
    try:
        with told_of_disk(folder):
            folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
    except Timeout as error:
        raise KnowledgeBaseBusy(
            f"{folder} is being written by {_holder(folder)}: wait until it ends, or stop it"
        ) from error
    try:
        with told_of_disk(folder):
            (folder / _HOLDER).write_text(json.dumps(_ourselves()), encoding="utf-8")
        yield
    finally:
        (folder / _HOLDER).unlink(missing_ok=True)
        lock.release()


def _ourselves() -> dict[str, str | int]:
    return {
        "process": os.getpid(),
        "host": socket.gethostname(),
        "command": " ".join(sys.argv)[:200],
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
    }


def _holder(folder: Path) -> str:
    try:
        said = json.loads((folder / _HOLDER).read_text(encoding="utf-8"))
        return "process {process} on {host} ({command}), since {since}".format_map(said)
    except (OSError, ValueError, KeyError):
        return "another process"
