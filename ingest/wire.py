"""Parsed documents between processes: one line of JSON each, and nothing that can be executed.

The side that reads trusts nothing: a parser taken over by a document may write anything.
"""

import json
from typing import Any, TypeVar

from ingest.document import Block, BlockKind, EmptyDocument, Parsed, UnsupportedFormat
from kb_qa.errors import ParseError

T = TypeVar("T")

_ERRORS: dict[str, type[ParseError]] = {
    each.__name__: each for each in (ParseError, EmptyDocument, UnsupportedFormat)
}
_LONGEST_REASON = 500


def encode(result: Parsed | ParseError) -> bytes:
    """A document, or why there is none, as one line that ends in a newline."""
    if isinstance(result, ParseError):
        value: dict[str, Any] = {"error": type(result).__name__, "reason": str(result)}
    else:
        value = {
            "title": result.title,
            "blocks": [
                [block.kind, block.text, block.level, block.page] for block in result.blocks
            ],
            "pages": result.pages,
            "warnings": result.warnings,
        }
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def decode(line: bytes) -> Parsed | ParseError:
    """What `encode` wrote; any other line is a `ParseError` too."""
    try:
        value = json.loads(line.decode())
        return _error(value) if "error" in value else _parsed(value)
    except (ValueError, TypeError, KeyError, RecursionError, AttributeError):
        return ParseError("the parser returned what is no document")


def _error(value: dict[str, Any]) -> ParseError:
    reason = " ".join(_typed(value["reason"], str).split())[:_LONGEST_REASON]
    return _ERRORS.get(value["error"], ParseError)(reason)


def _parsed(value: dict[str, Any]) -> Parsed:
    blocks = tuple(
        Block(BlockKind(kind), _typed(text, str), _typed(level, int), _page(page))
        for kind, text, level, page in value["blocks"]
    )
    warnings = tuple(_typed(each, str) for each in value["warnings"])
    parsed = Parsed(_typed(value["title"], str), blocks, _page(value["pages"]), warnings)
    # Halves of surrogate pairs can be written in JSON, but no database takes them.
    "\n".join((parsed.title, *warnings, parsed.text)).encode()
    if not blocks or not all(block.text.strip() for block in blocks):
        raise ValueError("a document without text")
    return parsed


def _page(value: object) -> int | None:
    return None if value is None else _typed(value, int)


def _typed(value: object, kind: type[T]) -> T:
    if type(value) is not kind:
        raise TypeError(f"{kind.__name__} expected")
    return value
