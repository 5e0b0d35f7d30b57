"""Tasks and answers between processes: one line of JSON each, and nothing that can be executed.

The side that reads answers trusts nothing: a parser taken over by a document may write anything.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from ingest.archives import Member
from ingest.document import (
    Block,
    BlockKind,
    EmptyDocument,
    NeedsOffice,
    Parsed,
    UnsupportedFormat,
)
from ingest.formats.lines import Line
from ingest.task import Answer, Job, Listing, Reading, Task, Unread
from kb_qa.errors import ParseError

T = TypeVar("T")

_ERRORS: dict[str, type[ParseError]] = {
    each.__name__: each for each in (ParseError, EmptyDocument, UnsupportedFormat, NeedsOffice)
}
_LONGEST_REASON = 500
_LONGEST_NAME = 1000


def encode_task(task: Task) -> bytes:
    """A task as one line that ends in a newline."""
    value = {
        "path": os.fsencode(task.path).hex(),
        "name": task.name,
        "place": task.place,
        "job": task.job,
        "page": task.page,
        "may_ask": task.may_ask,
        "recognized": [[page, _lines_out(lines)] for page, lines in task.recognized.items()],
    }
    return _line(value)


def decode_task(line: bytes) -> Task:
    """What `encode_task` wrote."""
    value = json.loads(line)
    return Task(
        Path(os.fsdecode(bytes.fromhex(value["path"]))),
        value["name"],
        tuple(value["place"]),
        Job(value["job"]),
        value["page"],
        value["may_ask"],
        {page: _lines_in(lines) for page, lines in value["recognized"]},
    )


def encode(answer: Answer) -> bytes:
    """An answer as one line that ends in a newline."""
    value: dict[str, Any]
    match answer:
        case ParseError():
            value = {"error": type(answer).__name__, "reason": str(answer)}
        case Parsed():
            blocks = [[b.kind, b.text, b.level, b.page, b.scanned] for b in answer.blocks]
            value = {
                "title": answer.title,
                "blocks": blocks,
                "pages": answer.pages,
                "warnings": answer.warnings,
                "unread_pages": answer.unread,
            }
        case Unread():
            value = {"unread": list(answer.pages.items())}
        case Reading():
            value = {"lines": _lines_out(answer.lines), "confidence": answer.confidence}
        case Listing():
            value = {"members": [[m.place, m.name, m.sha256, m.reason] for m in answer.members]}
    return _line(value)


def decode(line: bytes) -> Answer:
    """What `encode` wrote; any other line is a `ParseError` too."""
    try:
        value = json.loads(line.decode())
        kind = next(kind for kind in _DECODERS if kind in value)
        answer = _DECODERS[kind](value)
    except (ValueError, TypeError, KeyError, RecursionError, AttributeError, StopIteration):
        return ParseError("the parser returned what is no document")
    return answer


def _error(value: Mapping[str, Any]) -> ParseError:
    reason = " ".join(_text(value["reason"]).split())[:_LONGEST_REASON]
    return _ERRORS.get(_text(value["error"]), ParseError)(reason)


def _parsed(value: Mapping[str, Any]) -> Parsed:
    blocks = tuple(
        Block(BlockKind(kind), _text(text), _typed(level, int), _page(page), _typed(scanned, bool))
        for kind, text, level, page, scanned in value["blocks"]
    )
    warnings = tuple(map(_text, value["warnings"]))
    pages, unread = _page(value["pages"]), _typed(value["unread_pages"], int)
    parsed = Parsed(_text(value["title"]), blocks, pages, warnings, unread)
    if not blocks or not all(block.text.strip() for block in blocks):
        raise ValueError("a document without text")
    return parsed


def _unread(value: Mapping[str, Any]) -> Unread:
    pages = {_typed(page, int): _digest(digest) for page, digest in value["unread"]}
    if not pages:
        raise ValueError("no pages are asked for")
    return Unread(pages)


def _reading(value: Mapping[str, Any]) -> Reading:
    return Reading(_lines_in(value["lines"]), float(_typed(value["confidence"], float)))


def _listing(value: Mapping[str, Any]) -> Listing:
    return Listing(tuple(_member(*each) for each in value["members"]))


_DECODERS: Mapping[str, Callable[[Mapping[str, Any]], Answer]] = {
    "error": _error,
    "blocks": _parsed,
    "unread": _unread,
    "lines": _reading,
    "members": _listing,
}
"""By a field that only this kind of answer has."""


def _member(place: Sequence[object], name: object, sha256: object, reason: object) -> Member:
    numbers = tuple(_typed(number, int) for number in place)
    shown = _text(name)
    if not numbers or not 0 < len(shown) <= _LONGEST_NAME or not shown.isprintable():
        raise ValueError("no member of an archive")
    if {"", ".", ".."} & set(shown.split("/")):
        raise ValueError("a name that leads out of its archive")
    digest = _digest(sha256) if sha256 else ""
    return Member(numbers, shown, digest, " ".join(_text(reason).split())[:_LONGEST_REASON])


def _digest(value: object) -> str:
    return bytes.fromhex(_text(value)).hex()


_LINE_KINDS = tuple(get_type_hints(Line).values())


def _lines_out(lines: Sequence[Line]) -> list[list[Any]]:
    return [
        [kind(value) for kind, value in zip(_LINE_KINDS, astuple(line), strict=True)]
        for line in lines
    ]


def _lines_in(lines: Sequence[Sequence[object]]) -> tuple[Line, ...]:
    return tuple(
        Line(*(_typed(value, kind) for kind, value in zip(_LINE_KINDS, line, strict=True)))
        for line in lines
    )


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _text(value: object) -> str:
    """A text that a database takes: JSON can hold halves of surrogate pairs."""
    text = _typed(value, str)
    text.encode()
    return text


def _page(value: object) -> int | None:
    return None if value is None else _typed(value, int)


def _typed(value: object, kind: type[T]) -> T:
    if type(value) is not kind:
        raise TypeError(f"{kind.__name__} expected")
    return value
