"""Archives among the files that were found: the files they hold take their place."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from os import sep

from ingest.abilities import Abilities
from ingest.document import EmptyDocument, UnsupportedFormat
from ingest.find import Found, unsupported
from ingest.sandbox import ParserPool
from ingest.task import Job, Listing, Task
from kb_qa.errors import ParseError

_NO_LISTING = ParseError("the parser answered what it was not asked")


@dataclass(frozen=True)
class Known:
    """What the catalog knows of files, by path.

    Attributes:
        stamps: of each file as it was read, or refused.
        abilities: of the run: what others refused is of no account.
    """

    stamps: Mapping[str, str]
    abilities: Abilities

    def is_settled(self, path: str, stamp: str) -> bool:
        """Whether a file was read, or refused with the same abilities, and not touched since."""
        return self.stamps.get(path) in (stamp, self.abilities.refusal(stamp))


def unpacked(found: Iterable[Found], *, known: Known, pool: ParserPool) -> Iterator[Found]:
    """The files, with those in archives in the place of the archives.

    An archive that was not touched is not opened.

    Raises:
        SandboxError: no process can be started to list archives in.
    """
    paths = sorted(known.stamps)
    touched: dict[Task, Found] = {}
    for file in found:
        if not file.is_archive:
            yield file
            continue
        members = _beginning(paths, file.path + sep) or _beginning(paths, file.path, whole=True)
        if members and all(known.is_settled(path, file.stamp) for path in members):
            yield from (_known(file, path) for path in members)
        else:
            touched[Task(file.file, file.name, job=Job.LIST)] = file
    for task, answer in pool.answers(iter(touched)) if touched else ():
        archive = touched[task]
        if isinstance(answer, Listing):
            yield from _listed(archive, answer)
        else:
            yield _failed(archive, answer if isinstance(answer, ParseError) else _NO_LISTING)


def _beginning(paths: list[str], start: str, *, whole: bool = False) -> list[str]:
    """The paths that begin so, or that are so."""
    first = last = bisect_left(paths, start)
    while last < len(paths) and (paths[last] == start if whole else paths[last].startswith(start)):
        last += 1
    return paths[first:last]


def _known(archive: Found, path: str) -> Found:
    return replace(archive, path=path, archive=archive.path)


def _failed(archive: Found, error: ParseError) -> Found:
    return replace(archive, archive=archive.path, error=error)


def _listed(archive: Found, listing: Listing) -> Iterator[Found]:
    if not listing.members:
        yield _failed(archive, EmptyDocument("empty: the archive holds no files"))
    for member in listing.members:
        inner = replace(_known(archive, f"{archive.path}{sep}{member.name}"), place=member.place)
        if member.sha256:
            yield replace(inner, sha256=member.sha256)
        elif member.reason:
            yield replace(inner, error=ParseError(member.reason))
        else:
            yield replace(inner, error=UnsupportedFormat(unsupported(member.name)))
