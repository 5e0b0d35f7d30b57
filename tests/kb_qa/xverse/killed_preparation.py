"""Prepare, be killed, look at what is left; many times over. Run by test_preparation.py.

    python killed_preparation.py FOLDER ROUNDS SEED

Each round forks from a process that has imported everything. Prints one line
a round, and fails at the first folder that is served and is not whole.
"""

import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file

from kb_qa.xverse.manifest import is_prepared, read_manifest, record_of
from kb_qa.xverse.preparation import prepare
from tests.kb_qa.xverse.official import Shape, make_official, needed_tensors

SHAPE = Shape(hidden=128, intermediate=512, layers=4, vocabulary=4000)
SOURCE = "XVERSE-7B-Chat"


def main(folder: Path, rounds: int, seed: int) -> None:
    torch.set_num_threads(1)  # a forked child waits for ever for the threads of its parent
    rnd, source, target = random.Random(seed), folder / SOURCE, folder / "prepared"
    make_official(source, shape=SHAPE)
    began = time.monotonic()
    assert in_child(lambda: work(source, target)) == 0
    whole = time.monotonic() - began
    shutil.rmtree(target)
    for number in range(rounds):
        seconds = rnd.uniform(0, whole)
        killed = in_child(lambda: work(source, target), kill_after=seconds) != 0
        served = is_prepared(target)
        aside = target.with_name("prepared.partial")
        kept = len(list(aside.glob("*.safetensors"))) if aside.exists() else 0
        print(number, f"{seconds:.3f} s", "killed" if killed else "ended", f"{kept} shards kept")
        if served:
            assert in_child(lambda: check(target)) == 0, f"round {number}"
            shutil.rmtree(target)
    assert in_child(lambda: work(source, target)) == 0
    assert in_child(lambda: check(target)) == 0
    assert sorted(path.name for path in folder.iterdir() if path.name[0] != ".") == [
        SOURCE,
        "prepared",
    ]


def work(source: Path, target: Path) -> None:
    prepare(source, target, tell=quiet)


def quiet(line: str) -> None:
    """Tell nobody."""


def check(target: Path) -> None:
    """A folder that says it is whole has each file as it was written, and all the weights."""
    written = read_manifest(target).files
    assert {path.name for path in target.iterdir()} - {"converted.json"} == {
        *written,
        "prepared.json",
    }
    assert all(record_of(target / name) == record for name, record in written.items())
    read = {
        name: tensor
        for path in target.glob("*.safetensors")
        for name, tensor in load_file(path).items()
    }
    expected = needed_tensors(SHAPE)
    assert read.keys() == expected.keys()
    assert all(read[name].equal(expected[name]) for name in expected)


def in_child(work: Callable[[], None], *, kill_after: float | None = None) -> int:
    """Do the work in a forked process, killed after some seconds; its exit status."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 (a child must never return)
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return status


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
