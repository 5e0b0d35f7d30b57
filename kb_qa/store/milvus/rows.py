"""Records as rows of Milvus's collections, and back."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from hashlib import blake2b
from typing import Any

import numpy as np

from kb_qa.embeddings.base import Vectors
from kb_qa.language import detect_language
from kb_qa.store.milvus.means import row_vectors, summed
from kb_qa.store.milvus.words import passage_terms, passage_weights
from kb_qa.store.records import Chunk, Document, Location, Passage, Refusal, indexed_text

Row = dict[str, Any]

NOWHERE = 0
"""The document of a path that has none."""

PASSAGE_FIELDS = ("id", "document", "ordinal", "language", "text", "details")
DOCUMENT_FIELDS = ("id", "sha256", "format", "title", "chunks", "details")
PLACE_FIELDS = (
    "id",
    "path",
    "lowered",
    "document",
    "stamp",
    "verdict",
    "changed",
    "refused",
    "refusal",
)

_UNUSED = [0.0, 0.0]  # every collection of Milvus has a vector
_TEXT_BYTES = 60_000  # of the 65,535 that a field may have
_HEADING_CHARACTERS = 15_000


def document_key(document: Document, chunks: Sequence[Chunk]) -> int:
    """The id of a document, from what is stored: the same on every machine, and every time."""
    said = [asdict(document), [asdict(chunk) for chunk in chunks]]
    return _key(json.dumps(said, ensure_ascii=False, sort_keys=True))


def path_key(path: str) -> int:
    """The key of a path's row; not the path, for the client reads on from keys unescaped."""
    return _key(path)


def chunk_rows(
    key: int, document: Document, *, chunks: Sequence[Chunk], vectors: Vectors
) -> tuple[list[Row], list[Row]]:
    """The rows of a document's chunks, and those of their vectors' sums."""
    languages = [detect_language(chunk.text) for chunk in chunks]
    rows = [
        _chunk_row(key, document, ordinal, chunk, language) | {"vector": vector}
        for ordinal, (chunk, language, vector) in enumerate(
            zip(chunks, languages, row_vectors(vectors, languages), strict=True)
        )
    ]
    sums = [
        {
            "id": _key(f"{key} {language}"),
            "document": key,
            "language": language,
            "count": count,
            "vector": vector,
        }
        for language, (count, vector) in summed(vectors, languages).items()
    ]
    return rows, sums


def document_row(key: int, document: Document, *, chunks: int) -> Row:
    """A document without its text."""
    return {
        "id": key,
        "sha256": document.sha256,
        "format": document.format,
        "title": document.title,
        "chunks": chunks,
        "details": {
            "pages": document.pages,
            "warnings": list(document.warnings),
            "unread": document.unread,
            "metadata": dict(document.metadata),
        },
        "unused": _UNUSED,
    }


def text_rows(key: int, text: str) -> list[Row]:
    """A document's whole text, in parts that a row can hold."""
    parts = (text[at : at + _TEXT_BYTES // 4] for at in range(0, len(text), _TEXT_BYTES // 4))
    return [
        {"id": _key(f"{key} text {part}"), "document": key, "part": part, "text": each}
        | {"unused": _UNUSED}
        for part, each in enumerate(parts)
    ]


def meta_row(key: str, value: Any) -> Row:
    """A row of what is known of the whole."""
    return {"key": key, "value": {"is": value}, "unused": _UNUSED}


def empty_place(path: str) -> Row:
    """A path of which nothing is known."""
    return {
        "id": path_key(path),
        "path": path,
        "lowered": path.lower(),
        "document": NOWHERE,
        "stamp": "",
        "verdict": "",
        "changed": 0,
        "refused": False,
        "refusal": {},
        "unused": _UNUSED,
    }


def placed(row: Row, *, document: int, stamp: str, verdict: str) -> Row:
    """A path's row with a document."""
    known = {"document": document, "stamp": stamp, "verdict": verdict, "changed": _changed(stamp)}
    return row | known | {"refused": False, "refusal": {}, "unused": _UNUSED}


def led_to(row: Row, *, document: int) -> Row:
    """A path's row with another reading of its content."""
    return row | {"document": document, "unused": _UNUSED}


def refused(row: Row, refusal: Refusal) -> Row:
    """A path's row with a refusal; its document stays."""
    return row | {"refused": True, "refusal": asdict(refusal), "unused": _UNUSED}


def to_refusal(row: Row) -> Refusal:
    """The refusal of a path's row."""
    return Refusal(**row["refusal"])


def to_location(place: Row, document: Row) -> Location:
    """A path's row and its document's as a location."""
    details = document["details"]
    return Location(
        path=place["path"],
        stamp=place["stamp"],
        document=document["id"],
        sha256=document["sha256"],
        title=document["title"],
        pages=details["pages"],
        chunks=document["chunks"],
        verdict=place["verdict"],
        warnings=tuple(details["warnings"]),
        unread=details["unread"],
        format=document["format"],
    )


def to_passage(chunk: Row, document: Row, paths: Iterable[str]) -> Passage:
    """A chunk's row, its document's and the document's paths as a passage."""
    details = dict(chunk["details"])
    return Passage(
        id=chunk["id"],
        document=chunk["document"],
        ordinal=chunk["ordinal"],
        chunk=Chunk(
            chunk["text"],
            details["start"],
            details["end"],
            tuple(details["heading"]),
            details["context"],
            details["page"],
            tuple((offset, number) for offset, number in details["breaks"]),
            details["scanned"],
        ),
        language=chunk["language"],
        title=document["title"],
        paths=tuple(sorted(paths)),
        metadata=document["details"]["metadata"],
    )


def to_vector(chunk: Row, *, dimension: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The vector that the embedder made, out of a chunk's row."""
    return np.array(chunk["vector"][:dimension], np.float32)


def _chunk_row(key: int, document: Document, ordinal: int, chunk: Chunk, language: str) -> Row:
    indexed = indexed_text(document.title, chunk.heading, chunk.context, chunk.text)
    details = {name: value for name, value in asdict(chunk).items() if name != "text"}
    return {
        "id": _key(f"{key} {ordinal}"),
        "document": key,
        "ordinal": ordinal,
        "language": language,
        "page": chunk.page or 0,
        "heading": "\n".join(chunk.heading).casefold()[:_HEADING_CHARACTERS],
        "text": chunk.text,
        "details": details,
        "words": passage_weights(indexed),
        "terms": passage_terms(indexed),
    }


def _changed(stamp: str) -> int:
    """When the file of this stamp was changed, in nanoseconds; 0 if it does not say."""
    parts = stamp.split("-")
    return int(parts[1]) if len(parts) > 1 and parts[1].isdecimal() else 0


def _key(text: str) -> int:
    """63 bits of a text's digest, never 0."""
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 1) or 1
