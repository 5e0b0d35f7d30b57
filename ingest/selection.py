"""Which files a run is about: `.kbignore` files, and what the command line takes in and leaves out.

Patterns are those of git: https://git-scm.com/docs/gitignore#_pattern_format
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

from kb_qa.errors import KbQaError

IGNORE_FILE = ".kbignore"
_LARGEST = 1 << 20


class PatternError(KbQaError):
    """A pattern that says nothing."""


@dataclass(frozen=True)
class Ignored:
    """What the `.kbignore` files of a folder and those above it say; the deepest one decides.

    Attributes:
        rules: folder and patterns of each, the outermost first.
    """

    rules: tuple[tuple[str, GitIgnoreSpec], ...] = ()

    def within(self, folder: str) -> "Ignored":
        """The same in a folder below, which may have a file of its own.

        Raises:
            PatternError: the file holds a pattern that cannot be read.
        """
        file = Path(folder, IGNORE_FILE)
        try:
            lines = file.read_bytes()[:_LARGEST].decode("utf-8", "replace").splitlines()
        except OSError:
            return self
        return Ignored((*self.rules, (folder, _spec(lines, str(file)))))

    def has(self, path: str, *, is_folder: bool) -> bool:
        """Whether a file or folder below is to be left alone."""
        for folder, spec in reversed(self.rules):
            below = os.path.relpath(path, folder) + ("/" if is_folder else "")
            decided = spec.check_file(below).include
            if decided is not None:
                return decided
        return False


class Selection:
    """The files that one run is about; what is known of others stays as it is.

    Args:
        paths: files and folders that the run is about.
        include: patterns of which a file must match one, if there are any.
        exclude: patterns of which a file must match none.
        within: the folders that the user named, if the paths are only what changed in them.

    Attributes:
        roots: the paths, resolved.

    Raises:
        PatternError: a pattern cannot be read.
    """

    def __init__(
        self,
        paths: Iterable[Path],
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        within: Iterable[Path] = (),
    ) -> None:
        self.roots = tuple(path.resolve() for path in paths)
        self._within = tuple(path.resolve() for path in within)
        self._ours = _Below(self.roots)
        self._named = _Below(self._within or self.roots)
        self._include = _spec(include, "--include") if include else None
        self._exclude = _spec(exclude, "--exclude") if exclude else None

    def has(self, path: str) -> bool:
        """Whether the run is about a file: patterns are matched below what the user named."""
        return self._ours.name(path) is not None and self._takes(self._named.name(path) or "")

    def ignored(self, root: Path) -> Ignored | None:
        """What the `.kbignore` files above a root say; None if it is left alone itself."""
        ignored = Ignored()
        for named in self._within:
            if root != named and root.is_relative_to(named):
                ignored = ignored.within(str(named))
                for part in [*reversed(root.relative_to(named).parents), root.relative_to(named)]:
                    here = named / part
                    is_folder = here != root or here.is_dir()
                    if part.name.startswith(".") or ignored.has(str(here), is_folder=is_folder):
                        return None
                    ignored = ignored.within(str(here)) if part.name and here != root else ignored
        return ignored

    def _takes(self, name: str) -> bool:
        if self._exclude and self._exclude.match_file(name):
            return False
        return self._include is None or self._include.match_file(name)


class _Below:
    """What lies at or below some paths."""

    def __init__(self, roots: Iterable[Path]) -> None:
        self._starts = [(str(root), str(root).rstrip(os.sep) + os.sep) for root in roots]

    def name(self, path: str) -> str | None:
        """The path as it stands below the first of them that it is below; None for others."""
        for root, start in self._starts:
            if path == root:
                return os.path.basename(path)
            if path.startswith(start):
                return path[len(start) :]
        return None


def _spec(patterns: Sequence[str], source: str) -> GitIgnoreSpec:
    try:
        return GitIgnoreSpec.from_lines(patterns)
    except ValueError as error:
        raise PatternError(f"{source}: {error}") from error
