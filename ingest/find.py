"""The files under the paths a user names."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ingest.archives import Place
from ingest.containers import is_archive
from ingest.loaders import supports
from ingest.selection import Ignored, Selection
from kb_qa.errors import ParseError
from kb_qa.store.knowledge_base import CATALOG


@dataclass(frozen=True)
class Found:
    """A file under a path the user named.

    Attributes:
        path: absolute; within an archive, the archive's path and the file's in it.
        stamp: what the file system says of it; changes when the file is touched.
        reason: why it is passed over; empty if it is to be read.
        archive: the archive it is in, or is; empty if it is a file of its own.
        place: where it stands in there.
        sha256: hex digest of its content, where that is known already.
        error: why it cannot be read, where that is known already.
        is_folder: whether it is a folder that cannot be read: nobody knows what is in it.
    """

    path: str
    stamp: str
    reason: str = ""
    archive: str = ""
    place: Place = ()
    sha256: str = ""
    error: ParseError | None = None
    is_folder: bool = False

    @property
    def file(self) -> Path:
        """The file on disk."""
        return Path(self.archive or self.path)

    @property
    def name(self) -> str:
        """Its name, with the suffix that says what it is."""
        return os.path.basename(self.path)

    @property
    def size(self) -> int:
        """Bytes of the file on disk; 0 if it was not looked at."""
        return int(self.stamp.partition("-")[0] or 0)

    def failed(self, error: ParseError) -> "Found":
        """The same file, now that it is known why it cannot be read."""
        return replace(self, error=error)

    @property
    def is_archive(self) -> bool:
        """Whether it is to be read as a folder."""
        return not (self.reason or self.archive) and is_archive(self.name)


def find(selection: Selection) -> Iterator[Found]:
    """Every file once, in a stable order.

    Names that begin with a dot are left alone, and so are what `.kbignore` files name and
    a knowledge base's own folder. Links are reported, not followed: they may lead in
    circles, or out of the folder that the user meant.

    Raises:
        PatternError: a `.kbignore` holds a pattern that cannot be read.
    """
    seen: set[str] = set()
    for root in selection.roots:
        ignored = selection.ignored(root)
        for found in () if ignored is None else _below(str(root), ignored):
            if found.path not in seen:
                seen.add(found.path)
                if found.is_folder or selection.has(found.path):
                    yield found


def stamp(path: Path) -> str:
    """Size, time of change and inode of a file: equal while it is not touched."""
    return _stamp(path.stat())


def _stamp(status: os.stat_result) -> str:
    return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}"


def _below(root: str, above: Ignored) -> Iterator[Found]:
    if not os.path.isdir(root):
        if os.path.lexists(root):
            yield _found(root, os.lstat(root))
        return
    folders = [(root, above)]
    while folders:
        folder, ignored = folders.pop()
        ignored = ignored.within(folder)
        inner: list[tuple[str, Ignored]] = []
        try:
            entries = _entries(folder)
        except OSError as error:
            unread = ParseError(f"a folder that cannot be read: {error.strerror}")
            yield Found(folder, "", error=unread, is_folder=True)
            continue
        for entry in entries:
            is_folder = entry.is_dir(follow_symlinks=False)
            if entry.name.startswith(".") or ignored.has(entry.path, is_folder=is_folder):
                continue
            if not is_folder:
                with suppress(FileNotFoundError):  # it may go while its folder is read
                    yield _found(entry.path, entry.stat(follow_symlinks=False))
            elif not os.path.lexists(os.path.join(entry.path, CATALOG)):
                inner.append((entry.path, ignored))
        folders += reversed(inner)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """What a folder holds, by name."""
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def _found(path: str, status: os.stat_result) -> Found:
    if stat.S_ISLNK(status.st_mode):
        target = os.readlink(path)
        return Found(path, "", f"a link to {target}: name its target to ingest it")
    if not stat.S_ISREG(status.st_mode):
        return Found(path, "", "not a regular file")
    name = os.path.basename(path)
    if not (supports(name) or is_archive(name)):
        return Found(path, "", unsupported(name))
    return Found(path, _stamp(status))


def unsupported(name: str) -> str:
    """Why a file of this name is not read."""
    return f"no parser for {os.path.splitext(name)[1] or 'a name without suffix'}"
