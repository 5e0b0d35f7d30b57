"""A filter in Milvus's terms."""

from datetime import UTC, datetime, timedelta

from kb_qa.store.filter import Filter
from kb_qa.store.milvus.connection import literal
from kb_qa.store.milvus.rows import NOWHERE

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WILD = {"*": "%", "?": "_"}


def place_condition(where: Filter) -> str:
    """What a path's row meets; empty if any does."""
    conditions = []
    if where.path:
        conditions.append(f"path like {literal(_pattern(where.path))}")
    if where.suffixes:
        endings = (f"lowered like {literal('%' + _plain(each))}" for each in where.suffixes)
        conditions.append(f"({' or '.join(endings)})")
    if where.since:
        conditions.append(f"changed >= {_nanoseconds(where.since)}")
    if where.until:
        conditions.append(f"changed <= {_nanoseconds(where.until)}")
    return " and ".join([*conditions, f"document != {NOWHERE}"]) if conditions else ""


def chunk_condition(where: Filter) -> str:
    """What a chunk's row meets; empty if any does."""
    if not where.heading:
        return ""
    return f"heading like {literal('%' + _plain(where.heading.casefold()) + '%')}"


def _pattern(glob: str) -> str:
    return "".join(_WILD.get(character) or _plain(character) for character in glob)


def _plain(text: str) -> str:
    """Text that stands for itself in a pattern."""
    return "".join(f"\\{each}" if each in "\\%_" else each for each in text)


def _nanoseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000
