"""Room on the disk, asked for before it is needed; and the lock of a place on it."""

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from kb_qa.errors import CheckpointError

Tell = Callable[[str], None]
FreeBytes = Callable[[Path], int]

GIGABYTE = 1e9
# Left free: a disk that is full to the last byte stops other programs on the machine.
RESERVE = 200_000_000


def say(line: str) -> None:
    """Tell the user a line, apart from what a program prints as its result."""
    print(line, file=sys.stderr, flush=True)


def free_bytes(folder: Path) -> int:
    """Bytes that are free where a folder is, or will be."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return shutil.disk_usage(there).free


def require_space(folder: Path, needed: int, *, purpose: str, free: FreeBytes = free_bytes) -> None:
    """Do nothing if the disk has room.

    Raises:
        CheckpointError: it has not; the message says how much is free and how much is needed.
    """
    there = free(folder)
    if there < needed + RESERVE:
        raise CheckpointError(
            f"{purpose} needs {gigabytes(needed + RESERVE)} in {folder}, and "
            f"{gigabytes(there)} are free: make room, or choose a larger disk with --to"
        )


def gigabytes(count: int) -> str:
    """A number of bytes as people read it."""
    return f"{count / GIGABYTE:.2f} GB"


@contextmanager
def only_one(target: Path, *, tell: Tell = say) -> Iterator[None]:
    """Be the only process that makes a folder; wait for another that is at it.

    Raises:
        CheckpointError: nothing can be written beside the folder.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(target.with_name(f".{target.name}.lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            tell(f"another process is preparing {target}: waiting for it")
            lock.acquire()
    except OSError as error:
        raise CheckpointError(
            f"{target} cannot be written ({error.strerror or error}): choose another place, "
            "`python -m kb_qa download MODEL --to DIR`"
        ) from error
    try:
        yield
    finally:
        lock.release()
