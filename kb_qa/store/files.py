"""Files that are written whole or not at all, and what is said where they cannot be written."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kb_qa.errors import KnowledgeBaseError

FULL = "make room on the disk and run this again: what was stored before is there"
_ALLOW = "let this user write there, or use another --kb folder"
_REMEDIES = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
    errno.EFBIG: FULL,
    errno.EROFS: _ALLOW,
    errno.EACCES: _ALLOW,
    errno.EPERM: _ALLOW,
}


def write_whole(path: Path, data: bytes) -> None:
    """Write aside, flush to disk, rename: a crash leaves the old file or the new one."""
    aside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with aside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


@contextmanager
def told_of_disk(folder: Path) -> Iterator[None]:
    """Say in one line that the folder's disk is full, or cannot be written.

    Raises:
        KnowledgeBaseError: so it is.
    """
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        if (code := _trouble(error)) and _may_be_below(folder, error):
            raise KnowledgeBaseError(
                f"{folder} cannot be written: {os.strerror(code)}; {_REMEDIES[code]}"
            ) from error
        raise


def _trouble(error: Exception) -> int | None:
    """Which trouble with a disk it is; the indexes' libraries tell it as text."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno if error.errno in _REMEDIES else None
    return next((code for code in _REMEDIES if os.strerror(code) in str(error)), None)


def _may_be_below(folder: Path, error: Exception) -> bool:
    """A file that is read may lie elsewhere, and have the same trouble."""
    named = getattr(error, "filename", None)
    if named is None:
        return True
    path = Path(os.fsdecode(named)).absolute()
    return path.is_relative_to(folder.absolute()) or folder.absolute().is_relative_to(path)
