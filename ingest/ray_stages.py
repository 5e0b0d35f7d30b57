"""Parse, cut and embed as Ray Data operators: the stages between plan and store, on many machines.

What a lost machine or process had in hand is done once more, a content at a time, so that a
document that ends processes costs itself alone. What is lost twice is a failure of that file.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from warnings import catch_warnings

from ingest.abilities import abilities
from ingest.cluster import Cluster, ClusterError, connected
from ingest.cutting import Refused
from ingest.machines import (
    PARCELS,
    STAGES,
    Cutter,
    Embedder,
    Orders,
    Sender,
    introduced,
    introduction,
)
from ingest.parcels import (
    Made,
    Parcel,
    apart,
    decode_item,
    decode_vectors,
    encode_parcel,
    parcels,
)
from ingest.plan import Content, Wanted
from ingest.recognized import RECOGNIZED
from kb_qa.embeddings import PassageEmbeddings
from kb_qa.errors import ParseError
from kb_qa.settings import Settings

_MOST_PARCELS = 8
_SHARES = 4
"""Parcels of one piece of work, and pieces that each processor ought to have."""

_CHUNKS_OF_A_DOCUMENT = 16
"""About as many: embedders take so many documents that their chunks are worth it."""

_MOST_ASKED = 16
"""Files that every machine is asked for, to know whether it has the same disk."""

_LOST = ParseError("the process or machine that read it was lost, twice: run again")


class Files(StrEnum):
    """How machines come by the files."""

    AUTO = "auto"
    SHARED = "shared"
    SENT = "sent"


@dataclass(frozen=True)
class RayStages:
    """What parses, cuts and embeds on the machines of a Ray cluster.

    Attributes:
        address: `local`, `auto`, or HOST:PORT.
        orders: what every machine is told; what OCR has read is kept in `recognized` if the
            machines share the disk.
        embeddings: the embedder, as it is where the run began.
        files: whether the machines read the files themselves, or are sent their bytes.
        jobs: contents parsed at once; None for as many as there are processors.
        say: told what machines there are.
        cutter: what parses and cuts there.
    """

    address: str
    orders: Orders
    embeddings: PassageEmbeddings
    files: Files = Files.AUTO
    jobs: int | None = None
    say: Callable[[str], None] = lambda _line: None
    cutter: type[Cutter] = Cutter

    def made(
        self, wanted: Mapping[Content, Sequence[Wanted]]
    ) -> Generator[Sequence[Made], None, None]:
        """What became of every content, each once and in any order, as they arrive.

        Raises:
            ClusterError: there is no cluster, or a machine of it cannot do the work.
        """
        if not wanted:
            return
        contents = list(wanted.values())
        work = list(parcels(wanted))
        with connected(self.address) as cluster:
            is_shared = self._is_shared(cluster, work)
            self.say(_introduction(cluster, is_shared=is_shared))
            orders = self.orders if is_shared else replace(self.orders, recognized="")
            run = _Run(cluster, replace(self, orders=orders), is_shared=is_shared)
            waiting = set(range(len(contents)))
            share = len(work) // (_SHARES * cluster.processors)
            tables = run.tables(work, at_once=min(_MOST_PARCELS, max(1, share)))
            yield from _arrivals(tables, contents, waiting, self.embeddings)
            again = [one for each in work for one in apart(each, waiting)]
            tables = run.tables(again, at_once=1)
            yield from _arrivals(tables, contents, waiting, self.embeddings)
        none = self.embeddings.embed_passages(())
        for number in sorted(waiting):
            yield [Made(Refused(tuple(contents[number]), _LOST, is_final=False), none, {})]

    def _is_shared(self, cluster: Cluster, work: Sequence[Parcel]) -> bool:
        """Whether all machines see the same files; and whether they can do what this one can."""
        asked = work[:: -(-len(work) // _MOST_ASKED)]
        said = cluster.asked(introduced, [bytes(each.path) for each in asked])
        machines = [introduction(each) for each in said]
        for machine in machines:
            if machine.abilities != self.orders.abilities:
                raise ClusterError(
                    f"{machine.host} reads other files than this machine ({machine.abilities}, "
                    f"here {self.orders.abilities}): install the same version and extras on both"
                )
        if self.files is not Files.AUTO:
            return self.files is Files.SHARED
        stamps = tuple(each.stamp for each in asked)
        return all(machine.stamps == stamps for machine in machines)


def orders(settings: Settings, embeddings: PassageEmbeddings) -> Orders:
    """What machines are told of the settings, and of the embedder that they name."""
    return Orders(
        settings.embeddings,
        settings.device,
        settings.query_prompt,
        settings.passage_prompt,
        embeddings.identity.digest,
        abilities(),
        str((settings.kb / RECOGNIZED).resolve()),
    )


class _Run:
    """The operators, for one piece of work after the other."""

    def __init__(self, cluster: Cluster, stages: RayStages, *, is_shared: bool) -> None:
        self._cluster = cluster
        self._orders = stages.orders.to_json()
        self._cutter = stages.cutter
        self._passages_at_once = stages.embeddings.passages_at_once
        self._jobs = stages.jobs
        self._is_shared = is_shared

    def tables(self, work: Sequence[Parcel], *, at_once: int) -> Iterator[Any]:
        """What was made, as tables of `machines.ITEMS`; what was lost is missing."""
        if not work:
            return
        import pyarrow as pa
        from ray import data

        context = data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        context.max_errored_blocks = -1  # they are missed, and done again here
        rows = [{"parcel": encode_parcel(each), "data": None} for each in work]
        pieces = [
            pa.Table.from_pylist(rows[at : at + at_once], schema=PARCELS)
            for at in range(0, len(rows), at_once)
        ]
        dataset: Any = data.from_arrow(pieces)
        if not self._is_shared:
            dataset = dataset.map_batches(
                Sender(),
                batch_format="pyarrow",
                num_cpus=0,
                label_selector=self._cluster.only_here,
            )
        processors, cards = self._cluster.processors, self._cluster.cards
        most = processors if cards else processors - 1
        dataset = self._actors(
            dataset, self._cutter, most=min(most, self._jobs or most), num_cpus=1
        )
        documents = max(1, self._passages_at_once // _CHUNKS_OF_A_DOCUMENT) if at_once > 1 else 1
        where = {"num_gpus": 1, "num_cpus": 0} if cards else {"num_cpus": 1}
        dataset = self._actors(
            dataset, Embedder, most=cards or processors - 1, batch_size=documents, **where
        )
        yield from dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)

    def _actors(self, dataset: Any, stage: type, *, most: int, **options: Any) -> Any:
        from ray.data import ActorPoolStrategy

        with catch_warnings(action="ignore"):  # the last of the arguments goes in Ray 2.64
            return dataset.map_batches(
                stage,
                fn_constructor_args=(self._orders,),
                batch_format="pyarrow",
                compute=ActorPoolStrategy(
                    min_size=1, max_size=most, max_tasks_in_flight_per_actor=1
                ),
                max_task_retries=0,  # Ray would do what was lost again without end
                **options,
            )


def _arrivals(
    tables: Iterable[Any],
    contents: Sequence[Sequence[Wanted]],
    waiting: set[int],
    embeddings: PassageEmbeddings,
) -> Iterator[Sequence[Made]]:
    """The results that are waited for; the rest were here before they were thought lost."""
    for table in tables:
        rows = table.to_pylist()
        for problem in filter(None, (row["problem"] for row in rows)):
            raise ClusterError(problem)
        new = [row for row in rows if row["number"] in waiting]
        yield [_made(row, contents[row["number"]], embeddings) for row in new]
        waiting -= {row["number"] for row in new}


def _made(row: Mapping[str, Any], files: Sequence[Wanted], embeddings: PassageEmbeddings) -> Made:
    return Made(
        decode_item(row["item"], files=files),
        decode_vectors(row["vectors"], dimension=embeddings.identity.dimension),
        {stage: row[stage] for stage in STAGES},
        row["is_confined"],
    )


def _introduction(cluster: Cluster, *, is_shared: bool) -> str:
    machines = f"{len(cluster.machines)} machine{'s' if len(cluster.machines) > 1 else ''}"
    cards = f", {cluster.cards} GPUs" if cluster.cards else ""
    way = "which read the files where they are" if is_shared else "which are sent the files"
    return f"Ray: {machines} with {cluster.processors} processors{cards}, {way}"
