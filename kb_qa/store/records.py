"""What the store keeps and gives back: plain frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from unicodedata import east_asian_width, normalize


@dataclass(frozen=True)
class Chunk:
    """A passage of a document, as the splitter cut it.

    Attributes:
        text: exactly `document.text[start:end]`.
        start: offset of its first character in the document's extracted text.
        end: offset past its last character.
        heading: titles of the headings above it, outermost first.
        context: text indexed with it but not shown, such as its table's header row.
        page: the page it begins on, from 1; None where the format has none.
        breaks: offset and number of each page that begins inside it.
        scanned: whether OCR read any of it from a picture, and may have misread it.
    """

    text: str
    start: int
    end: int
    heading: tuple[str, ...] = ()
    context: str = ""
    page: int | None = None
    breaks: tuple[tuple[int, int], ...] = ()
    scanned: bool = False


@dataclass(frozen=True)
class Document:
    """A document to be stored.

    Attributes:
        sha256: hex digest of the file's bytes: with the format, its identity.
        title: shown with its citations and indexed with its chunks.
        text: the whole extracted text.
        pages: how many pages, slides or sheets; None where there are none.
        warnings: what was lost or guessed when it was parsed, one line each.
        unread: pages that hold no text, and that OCR might read.
        format: as what the bytes were read.
        metadata: what else is kept with it, plain JSON.
    """

    sha256: str
    title: str
    text: str
    pages: int | None = None
    warnings: tuple[str, ...] = ()
    unread: int = 0
    format: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Passage:
    """A stored chunk, with what a citation says of its document.

    Attributes:
        id: the chunk's id in its knowledge base; never used again for another text.
        document: the id of its document.
        ordinal: its place among the document's chunks, from 0.
        chunk: the text and where it stands.
        language: ISO 639-1 code of its language.
        title: the document's title.
        paths: where the document was found, sorted; the first one is cited.
        metadata: the document's metadata.
    """

    id: int
    document: int
    ordinal: int
    chunk: Chunk
    language: str
    title: str
    paths: tuple[str, ...]
    metadata: Mapping[str, Any]

    @property
    def indexed_text(self) -> str:
        """What is embedded and matched for it."""
        return indexed_text(self.title, self.chunk.heading, self.chunk.context, self.chunk.text)


@dataclass(frozen=True)
class Location:
    """A document at a place.

    Attributes:
        path: where it was found; absolute for a file.
        stamp: what the file system said of the file; equal stamps mean it was not touched.
        document: the document's id.
        sha256: the digest of its content.
        title: its title.
        pages: how many pages it has; None where there are none.
        chunks: how many chunks it has.
        verdict: of the run that placed it there.
        warnings: what was lost or guessed when it was parsed, one line each.
        unread: pages of it that hold no text, and that OCR might read.
        format: as what its bytes were read.
        modified: unix seconds when the file was last changed; None if nobody knows.
    """

    path: str
    stamp: str
    document: int
    sha256: str
    title: str
    pages: int | None
    chunks: int
    verdict: str = ""
    warnings: tuple[str, ...] = ()
    unread: int = 0
    format: str = ""
    modified: float | None = None


@dataclass(frozen=True)
class Run:
    """A run of ingestion, for the report that is asked for later.

    Attributes:
        began: local date and time, ISO 8601.
        seconds: what each stage took, and the whole.
        totals: files by verdict, and chunks.
    """

    began: str
    seconds: Mapping[str, float]
    totals: Mapping[str, int]


@dataclass(frozen=True)
class Refusal:
    """A file that could not be read.

    Attributes:
        path: where it was found, absolute.
        stamp: what the file system said of the file.
        verdict: "failed" or "skipped".
        reason: one line a person understands.
    """

    path: str
    stamp: str
    verdict: str
    reason: str


@dataclass(frozen=True)
class Summary:
    """A knowledge base in numbers; `languages` counts chunks."""

    documents: int
    paths: int
    chunks: int
    refusals: int
    languages: Mapping[str, int]


@dataclass(frozen=True)
class Candidate:
    """A passage that may answer a question, with the evidence for it.

    Attributes:
        passage: the passage.
        cosine: cosine of the question's and the passage's vectors, -1 to 1.
        centred: the same after subtracting the mean vector of the passage's language.
        mass: share of the question's IDF mass that the passage contains, 0 to 1.
        kb: the knowledge base it is from, where several are searched; empty if one is.
    """

    passage: Passage
    cosine: float
    centred: float
    mass: float
    kb: str = ""


_TRAIL = " > "
_WIDEST_TITLE = 80
_WIDEST_TRAIL = 160
"""Columns, of which a Chinese character takes two: about 40 tokens of English, 60 of Chinese."""


def indexed_text(title: str, heading: tuple[str, ...], context: str, text: str) -> str:
    """What is embedded and matched for a chunk: where it stands, then its text.

    The first line holds the title and the headings, outermost first; a long one is
    shortened, the headings between the title and the nearest ones first.
    """
    titles = [_shortened(each, _WIDEST_TITLE) for each in dict.fromkeys((title, *heading)) if each]
    while titles[1:-1] and _width(_TRAIL.join(titles)) > _WIDEST_TRAIL:
        del titles[1]
    return "\n".join(part for part in (_TRAIL.join(titles), context, text) if part)


def _shortened(title: str, columns: int) -> str:
    title = " ".join(title.split())
    # Compatibility characters stand for up to eighteen others when they are tokenized.
    title = title if title.isascii() else normalize("NFKC", title)
    if _width(title) <= columns:
        return title
    while _width(title) >= columns:
        title = title[: max(1, min(len(title) - 1, columns))]
    return title.rstrip() + "…"


def _width(text: str) -> int:
    """Columns on a terminal."""
    return len(text) if text.isascii() else len(text) + sum(map(_is_wide, text))


def _is_wide(character: str) -> bool:
    return east_asian_width(character) in "WF"
