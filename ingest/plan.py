"""What each file needs, before anything is parsed."""

import hashlib
import os
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ingest.abilities import Abilities
from ingest.find import Found
from ingest.loaders import format_of
from ingest.report import FileReport, Verdict
from kb_qa.paths import shown
from kb_qa.store.records import Location, Refusal


class Content(NamedTuple):
    """What a document is known by: the digest of its bytes, and as what they are read."""

    sha256: str
    format: str


@dataclass(frozen=True)
class Placed:
    """A file whose content the catalog holds already.

    Attributes:
        found: the file.
        document: id of the document with its content.
        report: its verdict.
        former: the path it was moved from; None if it was not.
    """

    found: Found
    document: int
    report: FileReport
    former: str | None = None


@dataclass(frozen=True)
class Wanted:
    """A file whose content is to be parsed, and its verdict if that succeeds."""

    found: Found
    verdict: Verdict


@dataclass(frozen=True)
class Plan:
    """The work of one run.

    Attributes:
        settled: files that need nothing, with their verdicts.
        refused: files that cannot be read, which is known without parsing them.
        placed: known content at a new or touched path.
        wanted: content to be parsed: the files that hold it.
        removed: known paths whose files are gone.
    """

    settled: list[FileReport] = field(default_factory=list)
    refused: list[Found] = field(default_factory=list)
    placed: list[Placed] = field(default_factory=list)
    wanted: dict[Content, list[Wanted]] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)


def plan(
    found: Iterable[Found],
    *,
    is_about: Callable[[str], bool],
    locations: Mapping[str, Location],
    refusals: Mapping[str, Refusal],
    abilities: Abilities,
) -> Plan:
    """Compare the files with what the catalog knows of them.

    Args:
        found: the files there are.
        is_about: whether the run is about a path; what is known of such paths and is no
            longer there is removed.
        locations: the catalog's documents by path.
        refusals: the catalog's unreadable files by path.
        abilities: of the run: what others refused, or left unread, is tried again.
    """
    files = list(found)
    here = {file.path for file in files}
    planner = _Planner(here, locations, refusals, abilities)
    for file in files:
        planner.settle(file)
    known = {*locations, *refusals}
    planner.remove(path for path in known if path not in here and is_about(path))
    return planner.plan


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Planner:
    def __init__(
        self,
        here: Container[str],
        locations: Mapping[str, Location],
        refusals: Mapping[str, Refusal],
        abilities: Abilities,
    ) -> None:
        self.plan = Plan()
        self._here = here
        self._locations = locations
        self._refusals = refusals
        self._abilities = abilities
        self._closed: list[str] = []
        self._formers: set[str] = set()
        self._by_content: dict[Content, list[Location]] = {}
        for location in locations.values():
            content = Content(location.sha256, location.format)
            self._by_content.setdefault(content, []).append(location)

    def settle(self, file: Found) -> None:
        """Decide what a file needs."""
        path = file.path
        known, refused = self._locations.get(path), self._refusals.get(path)
        if file.reason:
            self._end(path, Verdict.SKIPPED, file.reason)
        elif file.is_folder:
            self._closed.append(path + os.sep)
            self._end(path, Verdict.FAILED, str(file.error))
        elif not _is_utf8(path):
            self._end(path, Verdict.FAILED, "its name is not UTF-8: rename it")
        elif refused and refused.stamp == self._abilities.refusal(file.stamp):
            self._end(path, Verdict(refused.verdict), refused.reason)
        elif file.error:
            self.plan.refused.append(file)
        elif known and known.stamp == file.stamp and not self._can_read_more(known):
            self._end(path, Verdict.UNCHANGED, of=known)
        else:
            self._read(file, known)

    def remove(self, gone: Iterable[str]) -> None:
        """What is gone and was not found elsewhere is removed."""
        closed = tuple(self._closed)
        self.plan.removed.extend(
            sorted(path for path in set(gone) - self._formers if not path.startswith(closed))
        )

    def _can_read_more(self, known: Location) -> bool:
        """Whether pages of it are unread, and somebody reads now who may read them."""
        return known.unread > 0 and self._abilities.ocr != ""

    def _read(self, file: Found, known: Location | None) -> None:
        try:
            content = Content(file.sha256 or digest(file.file), format_of(file.name))
        except OSError as error:
            self._end(file.path, Verdict.FAILED, f"cannot be read: {error.strerror}")
            return
        same = self._by_content.get(content)
        if same and not self._can_read_more(same[0]):
            self.plan.placed.append(self._placed(file, known, same))
        else:
            verdict = Verdict.UPDATED if known else Verdict.ADDED
            self.plan.wanted.setdefault(content, []).append(Wanted(file, verdict))

    def _placed(self, file: Found, known: Location | None, same: list[Location]) -> Placed:
        path, document = file.path, same[0]
        if known in same:
            return Placed(file, document.document, _report(path, Verdict.UNCHANGED, of=document))
        if known:
            reason = f"same content as {shown(document.path)}"
            report = _report(path, Verdict.UPDATED, reason, of=document)
            return Placed(file, document.document, report)
        former = next((each.path for each in same if self._is_former(each.path)), None)
        if former:
            self._formers.add(former)
            report = _report(path, Verdict.MOVED, f"from {shown(former)}", of=document)
            return Placed(file, document.document, report, former)
        reason = f"same content as {shown(document.path)}"
        report = _report(path, Verdict.ADDED, reason, of=document)
        return Placed(file, document.document, report)

    def _is_former(self, path: str) -> bool:
        """Whether what was at a path is gone: from a folder, or from an archive."""
        if path in self._formers or path in self._here or os.path.lexists(path):
            return False
        return not any(each.is_file() for each in Path(path).parents)

    def _end(
        self, path: str, verdict: Verdict, reason: str = "", *, of: Location | None = None
    ) -> None:
        self.plan.settled.append(_report(path, verdict, reason, of=of))


def _report(
    path: str, verdict: Verdict, reason: str = "", *, of: Location | None = None
) -> FileReport:
    if of is None:
        return FileReport(shown(path), verdict, reason)
    return FileReport(shown(path), verdict, reason, of.pages, of.chunks, of.warnings)


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
