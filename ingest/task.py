"""What a parser process is asked, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from ingest.archives import Member, Place
from ingest.document import Parsed
from ingest.formats.lines import Line
from kb_qa.errors import ParseError


class Job(StrEnum):
    """What is to be done with a file."""

    PARSE = "parse"
    RECOGNIZE = "recognize"
    LIST = "list"


@dataclass(frozen=True)
class Task:
    """A file, and what is to be done with it.

    Attributes:
        path: the file on disk.
        name: with the suffix that says what it is; of the member, within an archive.
        place: where it stands in the archive that `path` is; empty if it is no member.
        job: parse it, read one of its pages by OCR, or list it as an archive.
        page: the page to be read by OCR, by index from 0.
        may_ask: whether pages without text are to be asked for, instead of told as lost.
        recognized: the lines that OCR read on its pages, by index from 0.
    """

    path: Path
    name: str
    place: Place = ()
    job: Job = Job.PARSE
    page: int = 0
    may_ask: bool = False
    recognized: Mapping[int, tuple[Line, ...]] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Unread:
    """A document that is to be read by OCR first.

    Attributes:
        pages: digest of each page's picture, by the page's index from 0.
    """

    pages: Mapping[int, str]


@dataclass(frozen=True)
class Reading:
    """What OCR read on a page.

    Attributes:
        lines: in points, as a text layer's would be.
        confidence: how sure it was, from 0 to 1, of all characters together.
    """

    lines: tuple[Line, ...]
    confidence: float


@dataclass(frozen=True)
class Listing:
    """The files in an archive, those in archives within it among them."""

    members: tuple[Member, ...]


Answer = Parsed | Unread | Reading | Listing | ParseError
