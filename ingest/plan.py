"""What each file needs, before anything is parsed."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ingest.find import Found
from ingest.report import FileReport, Verdict
from kb_qa.paths import shown
from kb_qa.store.records import Location, Refusal


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
        placed: known content at a new or touched path.
        wanted: content to be parsed, by its digest: the files that hold it.
        removed: known paths whose files are gone.
    """

    settled: list[FileReport] = field(default_factory=list)
    placed: list[Placed] = field(default_factory=list)
    wanted: dict[str, list[Wanted]] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)


def plan(
    found: Iterable[Found],
    *,
    named: Iterable[Path],
    locations: Mapping[str, Location],
    refusals: Mapping[str, Refusal],
) -> Plan:
    """Compare the files with what the catalog knows of them.

    Args:
        found: the files there are.
        named: the paths the user named; what is known below them and is no
            longer there is removed.
        locations: the catalog's documents by path.
        refusals: the catalog's unreadable files by path.
    """
    planner = _Planner(locations, refusals)
    here = {str(file.path) for file in found if planner.settle(file)}
    planner.remove(path for path in below(named, {*locations, *refusals}) if path not in here)
    return planner.plan


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Planner:
    def __init__(self, locations: Mapping[str, Location], refusals: Mapping[str, Refusal]) -> None:
        self.plan = Plan()
        self._locations = locations
        self._refusals = refusals
        self._formers: set[str] = set()
        self._by_content: dict[str, list[Location]] = {}
        for location in locations.values():
            self._by_content.setdefault(location.sha256, []).append(location)

    def settle(self, file: Found) -> bool:
        """Decide what a file needs; always true: the file is there."""
        path = str(file.path)
        known, refused = self._locations.get(path), self._refusals.get(path)
        if file.reason:
            self._end(path, Verdict.SKIPPED, file.reason)
        elif not _is_utf8(path):
            self._end(path, Verdict.FAILED, "its name is not UTF-8: rename it")
        elif refused and refused.stamp == file.stamp:
            self._end(path, Verdict(refused.verdict), refused.reason)
        elif known and known.stamp == file.stamp:
            self._end(path, Verdict.UNCHANGED, of=known)
        else:
            self._read(file, known)
        return True

    def remove(self, gone: Iterable[str]) -> None:
        """What is gone and was not found elsewhere is removed."""
        self.plan.removed.extend(sorted(set(gone) - self._formers))

    def _read(self, file: Found, known: Location | None) -> None:
        try:
            sha256 = digest(file.path)
        except OSError as error:
            self._end(str(file.path), Verdict.FAILED, f"cannot be read: {error.strerror}")
            return
        same = self._by_content.get(sha256)
        if same:
            self.plan.placed.append(self._placed(file, known, same))
        else:
            verdict = Verdict.UPDATED if known else Verdict.ADDED
            self.plan.wanted.setdefault(sha256, []).append(Wanted(file, verdict))

    def _placed(self, file: Found, known: Location | None, same: list[Location]) -> Placed:
        path, document = str(file.path), same[0]
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
        return path not in self._formers and not os.path.lexists(path)

    def _end(
        self, path: str, verdict: Verdict, reason: str = "", *, of: Location | None = None
    ) -> None:
        self.plan.settled.append(_report(path, verdict, reason, of=of))


def _report(
    path: str, verdict: Verdict, reason: str = "", *, of: Location | None = None
) -> FileReport:
    pages, chunks = (of.pages, of.chunks) if of else (None, 0)
    return FileReport(shown(path), verdict, reason, pages, chunks)


def below(named: Iterable[Path], known: Iterable[str]) -> list[str]:
    """The known paths that are named, or lie in a folder that is."""
    roots = [str(path.resolve()) for path in named]
    starts = tuple(root.rstrip(os.sep) + os.sep for root in roots)
    return [path for path in known if path in roots or path.startswith(starts)]


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
