"""One Milvus, asked with patience; its errors in one line."""

import logging
import random
import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from kb_qa.errors import KnowledgeBaseDamaged, SettingsError, StoreUnreachable
from kb_qa.store.milvus.address import Address

try:
    from grpc import RpcError, StatusCode
    from pymilvus import MilvusClient, MilvusException
except ImportError as error:
    raise SettingsError(
        "KB_QA_STORE=milvus:... needs Milvus's client: pip install 'kb-qa[milvus]'"
    ) from error

T = TypeVar("T")
Row = dict[str, Any]

_TRIES = 3
_FIRST_PAUSE_SECONDS = 0.25
_CALL_SECONDS = 30.0
_CONNECT_SECONDS = 10.0

# Not ready, not reachable, too many requests, out of its rate: these pass.
_PASSING = frozenset({1, 2, 4, 8})
_PASSING_STATUS = frozenset({StatusCode.UNAVAILABLE, StatusCode.DEADLINE_EXCEEDED})
_REFUSED_STATUS = frozenset({StatusCode.UNAUTHENTICATED, StatusCode.PERMISSION_DENIED})
_AUTHENTICATION = 1400  # and the codes after it

# Milvus Lite hangs up on who asks every ten seconds whether it is there.
_LITE_OPTIONS = {"grpc_options": {"grpc.keepalive_time_ms": 3_600_000}}

_ROWS_AT_ONCE = 256  # 4 MB at most, of the 64 that a call may have
_READ_AT_ONCE = 1000

# What goes wrong is told once, by us.
logging.getLogger("pymilvus").setLevel(logging.CRITICAL)


@lru_cache(8)
def connected(address: Address) -> "Connection":
    """The process's connection to a Milvus.

    Raises:
        StoreUnreachable: nobody answers there, or the user is not let in.
    """
    return Connection(address)


class Connection:
    """A Milvus; each call is tried again while what is wrong may pass.

    Args:
        address: where it is.

    Raises:
        StoreUnreachable: nobody answers there, or the user is not let in.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._held = set[str]()
        self._client: MilvusClient = patiently(
            lambda: MilvusClient(
                address.uri,
                user=address.user,
                password=address.password,
                timeout=_CONNECT_SECONDS,
                **(_LITE_OPTIONS if address.is_file else {}),
            ),
            address=str(address),
            tries=2,
        )

    def has(self, collection: str) -> bool:
        """Whether there is such a collection."""
        return bool(self._call("has_collection", collection))

    def create(self, collection: str, *, schema: Any, indexes: Any) -> None:
        """Make a collection, unless it is there."""
        if not self.has(collection):
            self._call(
                "create_collection", collection, schema=schema, index_params=indexes,
                consistency_level="Strong",
            )  # fmt: skip

    def drop(self, collection: str) -> None:
        """Remove a collection."""
        self._held.discard(collection)
        self._call("drop_collection", collection)

    def upsert(self, collection: str, rows: Sequence[Row]) -> None:
        """Store rows, each in the place of one with the same key."""
        for begin in range(0, len(rows), _ROWS_AT_ONCE):
            self._call("upsert", collection, list(rows[begin : begin + _ROWS_AT_ONCE]))

    def delete(self, collection: str, condition: str) -> None:
        """Remove the rows that meet a condition."""
        self._hold(collection)
        self._call("delete", collection, filter=condition)

    def count(self, collection: str, condition: str = "") -> int:
        """How many rows meet a condition."""
        self._hold(collection)
        rows = self._call("query", collection, filter=condition, output_fields=["count(*)"])
        return int(rows[0]["count(*)"])

    def among(
        self, collection: str, field: str, values: Sequence[Any], *, fields: Sequence[str]
    ) -> Iterator[Row]:
        """The rows whose field has one of these values."""
        for begin in range(0, len(values), _READ_AT_ONCE):
            condition = one_of(field, values[begin : begin + _READ_AT_ONCE])
            yield from self.rows(collection, condition, fields=fields)

    def rows(self, collection: str, condition: str = "", *, fields: Sequence[str]) -> list[Row]:
        """All rows that meet a condition, however many."""
        self._hold(collection)

        def read() -> list[Row]:
            found: list[Row] = []
            batches = self._client.query_iterator(
                collection,
                batch_size=_READ_AT_ONCE,
                filter=condition,
                output_fields=list(fields),
                timeout=_CALL_SECONDS,
            )
            while batch := batches.next():
                found.extend(batch)
            batches.close()
            return found

        return patiently(read, address=str(self.address))

    def search(
        self, collection: str, field: str, query: Any, *, limit: int, condition: str
    ) -> list[int]:
        """The keys of the rows nearest to a query by inner product, best first."""
        self._hold(collection)
        found = self._call(
            "search",
            collection,
            data=[query],
            anns_field=field,
            limit=limit,
            filter=condition,
            search_params={"metric_type": "IP"},
        )
        return [int(hit["id"]) for hit in found[0]]

    def _hold(self, collection: str) -> None:
        """Have a collection ready to be asked: whoever made it may be gone, or have let it go."""
        if collection not in self._held:
            self._call("load_collection", collection)
            self._held.add(collection)

    def _call(self, name: str, *arguments: Any, **options: Any) -> Any:
        call = getattr(self._client, name)
        return patiently(
            lambda: call(*arguments, timeout=_CALL_SECONDS, **options), address=str(self.address)
        )


def patiently(
    call: Callable[[], T],
    *,
    address: str,
    tries: int = _TRIES,
    pause: Callable[[float], None] = time.sleep,
) -> T:
    """What a call gives; tried again, with ever longer pauses, while what is wrong may pass.

    Args:
        call: may be made more than once.
        address: of the Milvus, for messages.
        tries: how often, at most.
        pause: waits so many seconds.

    Raises:
        StoreUnreachable: nobody answers there, or the user is not let in.
        KnowledgeBaseDamaged: it says that something else is wrong.
    """
    for each in range(tries):
        try:
            return call()
        except (MilvusException, RpcError, OSError) as error:
            if not _passes(error):
                raise _told(error, address) from error
            if each == tries - 1:
                raise _unreachable(error, address) from error
        pause(_FIRST_PAUSE_SECONDS * 2**each * (0.5 + random.random() / 2))  # noqa: S311 (no secret)
    raise AssertionError("tried at least once")


def one_of(field: str, values: Sequence[Any]) -> str:
    """The condition that a field has one of these values."""
    return f"{field} in [{', '.join(literal(value) for value in values)}]"


def literal(value: int | str) -> str:
    """A value as Milvus's conditions spell it."""
    if isinstance(value, int):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _passes(error: Exception) -> bool:
    if isinstance(error, RpcError):
        return _status(error) in _PASSING_STATUS
    return isinstance(error, OSError) or getattr(error, "code", None) in _PASSING


def _told(error: Exception, address: str) -> Exception:
    code = getattr(error, "code", None)
    refused = isinstance(code, int) and _AUTHENTICATION <= code < _AUTHENTICATION + 100
    if refused or _status(error) in _REFUSED_STATUS:
        return _unreachable(error, address)
    return KnowledgeBaseDamaged(
        f"Milvus at {address}: {_message(error)}; look at its log, or ingest into another `#NAME`"
    )


def _unreachable(error: Exception, address: str) -> StoreUnreachable:
    return StoreUnreachable(
        f"Milvus at {address} cannot be reached ({_message(error)}): start it, or set the address, "
        "user and password in KB_QA_STORE"
    )


def _status(error: Exception) -> Any:
    code = getattr(error, "code", None)
    return code() if callable(code) else None


def _message(error: Exception) -> str:
    said = getattr(error, "message", "") or (
        error.details() if hasattr(error, "details") else str(error)
    )
    return " ".join(str(said).split())
