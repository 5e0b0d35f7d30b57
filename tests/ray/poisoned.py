"""Ingest on Ray a folder with one document that ends the process that reads it. Run by test_ray.py.

    python poisoned.py FOLDER KB

Prints the report as JSON; a file `log` beside the folder gets a line for each time it was read.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from ingest.machines import Cutter
from ingest.parcels import decode_parcel
from ingest.pipeline import ingest
from ingest.ray_stages import RayStages, orders
from kb_qa.embeddings import load_embeddings
from kb_qa.settings import load_settings
from kb_qa.store.knowledge_base import KnowledgeBase

POISON = "poison.md"


class PoisonedCutter(Cutter):
    """Dies of one document, as a process does that the system takes for its memory."""

    def __call__(self, table: pa.Table) -> Iterator[pa.Table]:
        for row in table.to_pylist():
            path = decode_parcel(row["parcel"]).path
            if path.name == POISON:
                with (path.parents[1] / "log").open("a") as log:
                    log.write("read\n")
                os.kill(os.getpid(), signal.SIGKILL)
        yield from super().__call__(table)


def main(folder: Path, kb: Path) -> None:
    embeddings = load_embeddings("bundled")
    stages = RayStages(
        "local", orders(load_settings(kb=kb), embeddings), embeddings, cutter=PoisonedCutter
    )
    knowledge_base = KnowledgeBase(kb, embeddings=embeddings)
    report = ingest([folder], knowledge_base=knowledge_base, elsewhere=stages)
    print(json.dumps(report.to_json(), ensure_ascii=False))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
