"""What goes to other machines and what comes back: lines of JSON and bytes.

Nothing that crosses can be executed. A parcel is a file on disk with what of it is to be read:
itself, or some of the files in the archive that it is, so that an archive that is sent is sent
for many of them at once.
"""

import json
import os
from collections.abc import Container, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from ingest import wire
from ingest.archives import Place
from ingest.cutting import Cut, Refused
from ingest.plan import Content, Wanted
from kb_qa.embeddings import Vectors
from kb_qa.errors import ParseError
from kb_qa.store.records import Chunk, Document

_MOST_CONTENTS = 64
"""Of one archive in a parcel."""


class Ordered(NamedTuple):
    """A content that is to be read from a parcel's file.

    Attributes:
        number: by which the result is known.
        content: the digest of its bytes, and as what they are read.
        name: with the suffix that says what it is.
        place: where it stands in the archive that the file is; empty if it is no member.
    """

    number: int
    content: Content
    name: str
    place: Place


@dataclass(frozen=True)
class Parcel:
    """A file on disk, and what is to be read from it.

    Attributes:
        path: of the file, where the run began.
        stamp: what the file system says of it there.
        ordered: what is to be read.
    """

    path: Path
    stamp: str
    ordered: tuple[Ordered, ...]


@dataclass(frozen=True)
class Made:
    """What other machines made of a content.

    Attributes:
        item: the document in chunks, or why there is none; with all files that hold it.
        vectors: of its chunks: float32, shape (chunks, dimension).
        seconds: what each stage took there.
        is_confined: whether the kernel there kept the parser from the network and from writing.
    """

    item: Cut | Refused
    vectors: Vectors
    seconds: Mapping[str, float]
    is_confined: bool = True


class Elsewhere(Protocol):
    """What parses, cuts and embeds in the place of this process."""

    def made(
        self, wanted: Mapping[Content, Sequence[Wanted]]
    ) -> Generator[Sequence[Made], None, None]:
        """What became of every content, each once and in any order, as they arrive."""


def parcels(wanted: Mapping[Content, Sequence[Wanted]]) -> Iterator[Parcel]:
    """The contents by the file that they are read from; their numbers are those of their order."""
    by_file: dict[tuple[Path, str], list[Ordered]] = {}
    for number, (content, files) in enumerate(wanted.items()):
        found = files[0].found
        ordered = Ordered(number, content, found.name, found.place)
        by_file.setdefault((found.file, found.stamp), []).append(ordered)
    for (path, stamp), all_of_it in by_file.items():
        for at in range(0, len(all_of_it), _MOST_CONTENTS):
            yield Parcel(path, stamp, tuple(all_of_it[at : at + _MOST_CONTENTS]))


def apart(parcel: Parcel, numbers: Container[int]) -> Iterator[Parcel]:
    """A parcel for each content of these numbers."""
    for each in parcel.ordered:
        if each.number in numbers:
            yield Parcel(parcel.path, parcel.stamp, (each,))


def encode_parcel(parcel: Parcel) -> bytes:
    """A parcel as a line of JSON."""
    ordered = [[each.number, *each.content, each.name, each.place] for each in parcel.ordered]
    return _line([os.fsencode(parcel.path).hex(), parcel.stamp, ordered])


def decode_parcel(line: bytes) -> Parcel:
    """What `encode_parcel` wrote."""
    path, stamp, ordered = json.loads(line)
    return Parcel(
        Path(os.fsdecode(bytes.fromhex(path))),
        stamp,
        tuple(
            Ordered(number, Content(sha256, kind), name, tuple(place))
            for number, sha256, kind, name, place in ordered
        ),
    )


def encode_item(item: Cut | Refused) -> bytes:
    """A document in chunks, or an error, as a line of JSON; its files stay behind."""
    if isinstance(item, Refused):
        return _line({"error": wire.encode(item.error).decode(), "is_final": item.is_final})
    document = item.document
    chunks = [
        [each.start, each.end, each.heading, each.context, each.page, each.breaks, each.scanned]
        for each in item.chunks
    ]
    return _line(
        {
            "sha256": document.sha256,
            "title": document.title,
            "text": document.text,
            "pages": document.pages,
            "warnings": document.warnings,
            "unread": document.unread,
            "format": document.format,
            "chunks": chunks,
        }
    )


def decode_item(line: bytes, *, files: Sequence[Wanted]) -> Cut | Refused:
    """What `encode_item` wrote, with the files that hold it."""
    value: dict[str, Any] = json.loads(line)
    if "error" in value:
        error = wire.decode(value["error"].encode())
        if not isinstance(error, ParseError):
            raise TypeError("an error expected")
        return Refused(tuple(files), error, is_final=value["is_final"])
    text = value["text"]
    chunks = tuple(
        Chunk(
            text[start:end],
            start,
            end,
            tuple(heading),
            context,
            page,
            tuple((offset, number) for offset, number in breaks),
            scanned,
        )
        for start, end, heading, context, page, breaks, scanned in value["chunks"]
    )
    document = Document(
        value["sha256"],
        value["title"],
        text,
        value["pages"],
        tuple(value["warnings"]),
        value["unread"],
        value["format"],
    )
    return Cut(document, chunks, tuple(files))


def decode_vectors(data: bytes, *, dimension: int) -> Vectors:
    """Vectors from the bytes of their numbers."""
    return np.frombuffer(data, np.float32).reshape(-1, dimension)


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
