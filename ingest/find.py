"""The files under the paths a user names."""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ingest.loaders import supports
from kb_qa.store.knowledge_base import CATALOG


@dataclass(frozen=True)
class Found:
    """A file under a path the user named.

    Attributes:
        path: absolute.
        stamp: what the file system says of it; changes when the file is touched.
        reason: why it is passed over; empty if it is to be read.
    """

    path: Path
    stamp: str
    reason: str = ""


def find(paths: Iterable[Path]) -> Iterator[Found]:
    """Every file once, in a stable order.

    Names that begin with a dot are left alone, and so is a knowledge base's
    own folder. Links are reported, not followed: they may lead in circles, or
    out of the folder that the user meant.
    """
    seen: set[Path] = set()
    for path in paths:
        for found in _below(path.resolve()):
            if found.path not in seen:
                seen.add(found.path)
                yield found


def stamp(path: Path) -> str:
    """Size, time of change and inode of a file: equal while it is not touched."""
    status = path.stat()
    return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}"


def _below(path: Path) -> Iterator[Found]:
    if path.is_dir():
        for folder, folders, files in os.walk(path):
            folders[:] = sorted(name for name in folders if _is_ours(Path(folder, name)))
            links = [name for name in folders if Path(folder, name).is_symlink()]
            for name in sorted((*files, *links)):
                if not name.startswith("."):
                    yield _found(Path(folder, name))
    elif path.exists():
        yield _found(path)


def _is_ours(folder: Path) -> bool:
    return not folder.name.startswith(".") and not (folder / CATALOG).exists()


def _found(path: Path) -> Found:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return Found(path, "", f"a link to {path.readlink()}: name its target to ingest it")
    if not stat.S_ISREG(status.st_mode):
        return Found(path, "", "not a regular file")
    if not supports(path):
        return Found(path, "", f"no parser for {path.suffix or 'a name without suffix'}")
    return Found(path, stamp(path))
