"""What the knowledge bases hold, read without loading a model."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from kb_qa import knowledge_bases, load_settings
from kb_qa.store.base import Catalog
from kb_qa.store.opening import IN_FOLDER, open_catalog
from kb_qa.store.records import Location, Passage, Refusal, Run, Summary

LISTED = 200  # files drawn at a time: more is a scroll nobody reads
_MOST_PASSAGES = 2000  # of a document that is looked through between two clicks


@dataclass(frozen=True)
class Contents:
    """The files of a knowledge base that pass a filter.

    Attributes:
        read: those that are indexed, at most `LISTED`; those that something was lost of first.
        refused: those that could not be read, at most `LISTED`.
        left_out: how many passed besides these.
        last_run: the run that read documents last; None if there was none.
    """

    read: tuple[Location, ...]
    refused: tuple[Refusal, ...]
    left_out: int
    last_run: Run | None


@dataclass(frozen=True)
class Text:
    """What was read of a document.

    Attributes:
        text: all of it.
        passages: the pieces that a search finds.
    """

    text: str
    passages: tuple[Passage, ...]


def choices(configured: Path) -> list[Path]:
    """The knowledge bases to choose from: the configured one first, then those beside it."""
    if load_settings().store != IN_FOLDER:
        return [configured]
    found = knowledge_bases(configured.parent)
    return [configured, *(each for each in found if each != configured)]


def summary(kb: Path) -> Summary | None:
    """A knowledge base in numbers; None while nothing was ingested.

    Raises:
        KnowledgeBaseDamaged: it cannot be read.
        SchemaTooNew: a newer version of this program made it.
        SchemaTooOld: an older version made it.
    """
    catalog = _catalog(kb)
    if not catalog.exists():
        return None
    with catalog.read() as snapshot:
        numbers = snapshot.summary
    return numbers if numbers.documents else None


def is_made(kb: Path) -> bool:
    """Whether there is a knowledge base, be it empty."""
    return _catalog(kb).exists()


def document(kb: Path, key: int) -> Text:
    """A document's whole text, and its passages in reading order."""
    with _catalog(kb).read() as snapshot:
        return Text(snapshot.text(key), tuple(snapshot.passages_of(key)))


def text_of(kb: Path, path: str) -> str | None:
    """The text of the document at a path; None if it is no longer there."""
    with _catalog(kb).read() as snapshot:
        location = snapshot.location(path)
        return snapshot.text(location.document) if location else None


def pages_of(kb: Path, path: str) -> int | None:
    """How many pages the document at a path has; None where there are none, or no document."""
    with _catalog(kb).read() as snapshot:
        location = snapshot.location(path)
    return location.pages if location else None


def neighbours(kb: Path, path: str, start: int, *, most: int) -> tuple[Passage, ...]:
    """The passages that stand nearest to one of a document, those that follow it first.

    Args:
        kb: the knowledge base.
        path: of the document; none are given if it is no longer there.
        start: offset of the passage's first character.
        most: at most so many on either side.
    """
    with _catalog(kb).read() as snapshot:
        location = snapshot.location(path)
        if location is None or location.chunks > _MOST_PASSAGES:
            return ()
        passages = snapshot.passages_of(location.document)
    after = [each for each in passages if each.chunk.start > start]
    before = [each for each in passages if each.chunk.end <= start]
    return (*after[:most], *before[: -most - 1 : -1])


def titles(kb: Path, *, limit: int) -> tuple[str, ...]:
    """The titles of some documents, in the order of their paths."""
    with _catalog(kb).read() as snapshot:
        generation = snapshot.generation
    return _titles(kb, generation, limit)


@lru_cache(maxsize=16)
def _titles(kb: Path, _generation: int, limit: int) -> tuple[str, ...]:
    """Kept until the next generation: it reads every document's title."""
    with _catalog(kb).read() as snapshot:
        distinct = dict.fromkeys(each.title for each in snapshot.locations().values())
    return tuple(distinct)[:limit]


def contents(kb: Path, *, matching: str = "") -> Contents:
    """The files whose title or path contains a text, whatever its case."""
    with _catalog(kb).read() as snapshot:
        locations, refusals = snapshot.locations(), snapshot.refusals()
        last_run = snapshot.last_run()
    wanted = matching.strip().casefold()
    read = [
        each for each in locations.values() if wanted in f"{each.title}\n{each.path}".casefold()
    ]
    read.sort(key=lambda each: not each.warnings)
    refused = [each for each in refusals.values() if wanted in each.path.casefold()]
    left_out = sum(max(0, len(each) - LISTED) for each in (read, refused))
    return Contents(tuple(read[:LISTED]), tuple(refused[:LISTED]), left_out, last_run)


def _catalog(kb: Path) -> Catalog:
    return open_catalog(kb, store=load_settings().store)
