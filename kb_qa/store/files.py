"""Files that are written whole or not at all, and what is said where they cannot be written."""

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kb_qa.errors import BackupError, KnowledgeBaseError

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
def new_folder(to: Path, *, outside: Path) -> Iterator[Path]:
    """A folder beside a new one: flushed and renamed after the block, gone if that fails.

    Raises:
        BackupError: the new folder is there already, lies within `outside`, or cannot be written.
    """
    _check_place(to, outside)
    aside = to.with_name(f".{to.name}.{secrets.token_hex(4)}.tmp")
    try:
        aside.mkdir()
        yield aside
        for path in (*aside.iterdir(), aside):
            _flush(path)
        aside.rename(to)
        _flush(to.absolute().parent)
    except OSError as error:
        raise BackupError(
            f"{to} cannot be written: {error.strerror}; name another place"
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _check_place(to: Path, outside: Path) -> None:
    if os.path.lexists(to):
        raise BackupError(f"{to} is there already: nothing is overwritten, name a new folder")
    if to.resolve().is_relative_to(outside.resolve()):
        raise BackupError(f"{to} lies within {outside}: name a folder outside it")
    if not to.absolute().parent.is_dir():
        # Made by us, it would lie on the wrong disk where one is not mounted.
        raise BackupError(f"{to}: there is no folder {to.parent}: make it, or name another")


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
