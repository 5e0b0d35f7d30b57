"""The stages as they run on other machines: each is told what it needs, and loads it once.

They know nothing of what moves rows between them: a table in, tables out.
"""

import json
import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa

from ingest import loaders
from ingest.abilities import Abilities, abilities
from ingest.cutting import Cut, Refused, cut, embedded, gathered
from ingest.document import Parsed
from ingest.find import stamp
from ingest.parcels import Ordered, Parcel, decode_item, decode_parcel, encode_item
from ingest.reading import Reader
from ingest.recognized import RecognizedPages
from ingest.sandbox import ParserPool
from ingest.task import Task
from kb_qa.embeddings import PassageEmbeddings, load_embeddings
from kb_qa.errors import EmbedderMismatch, KbQaError, ParseError

PARCELS = pa.schema([("parcel", pa.large_binary()), ("data", pa.large_binary())])
"""A row is a parcel, and its file's bytes where they are sent; null where it is read in place."""

ITEMS = pa.schema(
    [
        ("number", pa.int64()),
        ("item", pa.large_binary()),
        ("vectors", pa.large_binary()),
        ("is_confined", pa.bool_()),
        ("parse", pa.float64()),
        ("split", pa.float64()),
        ("embed", pa.float64()),
        ("problem", pa.string()),
    ]
)
"""A row is what was made of a content, or a problem that is none of a document's own."""

STAGES = ("parse", "split", "embed")

Row = dict[str, Any]


@dataclass(frozen=True)
class Orders:
    """What every machine is told.

    Attributes:
        embeddings: the embedder, as the settings name it.
        device: where it computes, as the settings name it.
        query_prompt: of the settings.
        passage_prompt: of the settings.
        identity: digest of the embedder's identity where the run began.
        abilities: what can be read where the run began.
        recognized: the folder of pages read by OCR before, where machines share it; else empty.
    """

    embeddings: str
    device: str | None
    query_prompt: str | None
    passage_prompt: str | None
    identity: str
    abilities: Abilities
    recognized: str = ""

    def to_json(self) -> str:
        """As text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Orders":
        """What `to_json` wrote."""
        value = json.loads(text)
        return cls(**{**value, "abilities": Abilities(**value["abilities"])})

    def load(self, *, device: str | None) -> PassageEmbeddings:
        """The embedder."""
        return load_embeddings(
            self.embeddings,
            device=device,
            query_prompt=self.query_prompt,
            passage_prompt=self.passage_prompt,
        )


@dataclass(frozen=True)
class Introduction:
    """What a machine says of itself.

    Attributes:
        host: its name.
        abilities: what it can read.
        stamps: what its file system says of the files that it was asked for; empty if one is
            not there.
    """

    host: str
    abilities: Abilities
    stamps: tuple[str, ...]


def introduced(paths: Sequence[bytes]) -> str:
    """What this machine says of itself, as `introduction` reads it."""
    stamps = [_stamp(Path(os.fsdecode(path))) for path in paths]
    return json.dumps([socket.gethostname(), asdict(abilities()), stamps])


def introduction(text: str) -> Introduction:
    """What `introduced` said."""
    host, able, stamps = json.loads(text)
    return Introduction(host, Abilities(**able), tuple(stamps))


class Sender:
    """Puts the bytes of files beside their parcels; runs where the files are."""

    def __call__(self, table: pa.Table) -> Iterator[pa.Table]:
        for row in table.to_pylist():
            path = decode_parcel(row["parcel"]).path
            try:
                data: bytes | None = loaders.read(path)
            except ParseError:
                data = None  # it went since it was found, which the run's beginning sees too
            yield pa.Table.from_pylist([{**row, "data": data}], schema=PARCELS)


class Cutter:
    """Parses and cuts; parsers run in a sandbox of their own.

    Args:
        orders: what every machine is told.

    Attributes:
        folder: for files that are sent, each for as long as it is read.
    """

    def __init__(self, orders: str) -> None:
        self._orders = Orders.from_json(orders)
        self._pool = ParserPool(jobs=1)
        self._folder = TemporaryDirectory(prefix="kb-qa-")
        self.folder = Path(self._folder.name)

    def close(self) -> None:
        """End its parser, and remove what it keeps."""
        self._pool.close()
        self._folder.cleanup()

    @cached_property
    def _embeddings(self) -> PassageEmbeddings:
        return self._orders.load(device="cpu")  # here it only counts tokens

    def __call__(self, table: pa.Table) -> Iterator[pa.Table]:
        for row in table.to_pylist():
            parcel = decode_parcel(row["parcel"])
            try:
                for made in self._made(parcel, row["data"]):
                    yield pa.Table.from_pylist([made], schema=ITEMS)
            except KbQaError as error:
                yield _problem(error)

    def _made(self, parcel: Parcel, data: bytes | None) -> Iterator[Row]:
        path, problem = self._file(parcel, data)
        if problem:
            refused = Refused((), ParseError(problem), is_final=False)
            yield from (self._row(each.number, refused) for each in parcel.ordered)
            return
        tasks = {Task(path, each.name, each.place): each for each in parcel.ordered}
        reader = Reader(
            self._pool, recognized=self._recognized(), converts=self._orders.abilities.office
        )
        began = time.perf_counter()
        try:
            for task, result in reader.documents(tasks):
                parsed = time.perf_counter()
                item = self._cut(result, tasks[task])
                ended = time.perf_counter()
                seconds = {"parse": parsed - began, "split": ended - parsed}
                yield self._row(tasks[task].number, item, seconds)
                began = time.perf_counter()
        finally:
            if data is not None:
                path.unlink(missing_ok=True)

    def _file(self, parcel: Parcel, data: bytes | None) -> tuple[Path, str]:
        """Where the parcel's file is to be read, or why it cannot be."""
        if data is None:
            seen = _stamp(parcel.path) == parcel.stamp
            host = socket.gethostname()
            return parcel.path, "" if seen else f"{host} sees another file there, or none"
        path = self.folder / parcel.path.name
        path.write_bytes(data)
        return path, ""

    def _cut(self, result: Parsed | ParseError, ordered: Ordered) -> Cut | Refused:
        if isinstance(result, ParseError):
            return Refused((), result)
        return cut(result, content=ordered.content, files=(), embeddings=self._embeddings)

    def _recognized(self) -> RecognizedPages | None:
        engine = self._orders.abilities.ocr
        folder = Path(self._orders.recognized or self.folder / "ocr")
        return RecognizedPages(folder, engine=engine) if engine else None

    def _row(
        self, number: int, item: Cut | Refused, seconds: Mapping[str, float] | None = None
    ) -> Row:
        return {
            "number": number,
            "item": encode_item(item),
            "vectors": b"",
            "is_confined": self._pool.is_confined,
            **dict.fromkeys(STAGES, 0.0),
            **(seconds or {}),
            "problem": "",
        }


class Embedder:
    """Puts the chunks' vectors beside them.

    Args:
        orders: what every machine is told.
    """

    def __init__(self, orders: str) -> None:
        self._orders = Orders.from_json(orders)

    def __call__(self, table: pa.Table) -> Iterator[pa.Table]:
        rows: list[Row] = table.to_pylist()
        yield from (_problem_row(row) for row in rows if row["problem"])
        try:
            yield from self._embedded([row for row in rows if not row["problem"]])
        except KbQaError as error:
            yield _problem(error)

    @cached_property
    def _embeddings(self) -> PassageEmbeddings:
        embeddings = self._orders.load(device=self._orders.device)
        if embeddings.identity.digest != self._orders.identity:
            name = embeddings.identity.name
            raise EmbedderMismatch(f"{name} is another one here than where the run began")
        return embeddings

    def _embedded(self, rows: Iterable[Row]) -> Iterator[pa.Table]:
        waiting = list(rows)
        items = (decode_item(row["item"], files=()) for row in waiting)
        at = 0
        for batch in gathered(items, most=self._embeddings.passages_at_once):
            began = time.perf_counter()
            made = embedded(batch, embed=self._embeddings.embed_passages)
            seconds = (time.perf_counter() - began) / len(batch)
            vectors = iter([each for _, each in made.documents])
            done = [
                {
                    **row,
                    "vectors": next(vectors).tobytes() if isinstance(item, Cut) else b"",
                    "embed": seconds,
                }
                for row, item in zip(waiting[at : at + len(batch)], batch, strict=True)
            ]
            at += len(batch)
            yield pa.Table.from_pylist(done, schema=ITEMS)


def _problem(error: KbQaError) -> pa.Table:
    return _problem_row({"problem": f"{socket.gethostname()}: {error}"})


def _problem_row(row: Row) -> pa.Table:
    nothing = {"number": -1, "item": b"", "vectors": b"", "is_confined": True}
    return pa.Table.from_pylist(
        [{**nothing, **dict.fromkeys(STAGES, 0.0), "problem": row["problem"]}], schema=ITEMS
    )


def _stamp(path: Path) -> str:
    try:
        return stamp(path)
    except OSError:
        return ""
