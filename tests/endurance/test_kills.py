"""A writer is killed at any instant, and what is derived is spoilt. `make endurance-test`."""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from kb_qa.store.knowledge_base import KnowledgeBase
from tests.endurance.changing import SUBJECTS, texts_of
from tests.endurance.truth import check_search
from tests.fakes import WordEmbeddings

KILLS = int(os.environ.get("KB_QA_KILLS", "200"))
DISK_BYTES = 64 << 20
Contents = dict[str, int]


@pytest.mark.parametrize("harm", ["nothing", "truncate", "flip a bit", "remove"])
def test_killed_at_any_instant(tmp_path: Path, harm: str) -> None:
    """What was committed is there, what was not is not, and searches find what brute force does."""
    folder, chance = tmp_path / "kb", random.Random(harm)
    contents: Contents = {}
    for kill in range(KILLS if harm == "nothing" else KILLS // 4):
        done, begun = changed_until_killed(folder, kill, after=chance.uniform(0.0, 0.6))
        spoil(folder, harm, chance)
        for each in done:
            contents = applied(contents, each)
        knowledge_base = KnowledgeBase(folder, embeddings=WordEmbeddings(dimension=64))
        stored = stored_in(knowledge_base)
        assert stored in (contents, applied(contents, begun)), kill
        contents = stored
        for question in questions(contents, chance):
            check_search(knowledge_base, question)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, small enough to be filled."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    if subprocess.run(mounted, check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_the_disk_is_full(disk: Path) -> None:
    """A writer says so in one line; nothing committed is lost, and with room it goes on."""
    folder, chance = disk / "kb", random.Random("full")
    contents: Contents = {}
    told = []
    for fill in range(KILLS // 4):
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        ballast = max(0, free - chance.randrange(1 << 20)) if fill else 0
        (disk / "ballast").write_bytes(bytes(ballast))
        done, begun = changed_until_killed(folder, fill, after=5.0 if fill else 1.0, said=told)
        (disk / "ballast").unlink()
        for each in done:
            contents = applied(contents, each)
        knowledge_base = KnowledgeBase(folder, embeddings=WordEmbeddings(dimension=64))
        stored = stored_in(knowledge_base)
        assert stored in (contents, applied(contents, begun)), fill
        contents = stored
        for question in questions(contents, chance):
            check_search(knowledge_base, question)
    last_lines = [each.splitlines()[-1] for each in told if each]
    assert len(last_lines) >= KILLS // 16
    assert {each for each in last_lines if "make room on the disk" not in each} == set()


def changed_until_killed(
    folder: Path, seed: int, *, after: float, said: list[str] | None = None
) -> tuple[list[Contents], Contents]:
    """What was done, and what was begun last and not done; `said` takes what it dies of."""
    program = Path(__file__).with_name("changing.py")
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [sys.executable, str(program), str(folder), str(seed)],
            stdout=subprocess.PIPE,
            stderr=None if said is None else errors,
            text=True,
        )
        assert process.stdout
        first = process.stdout.readline()
        with suppress(subprocess.TimeoutExpired):
            process.wait(after)
        process.send_signal(signal.SIGKILL)
        lines = [first, *process.stdout.read().splitlines()]
        process.wait()
        process.stdout.close()
        if said is not None:
            errors.seek(0)
            said.append(errors.read())
    whole = [line.split(" ", 1) for line in lines if line.rstrip().endswith("}")]
    done = [json.loads(said) for kind, said in whole if kind == "done"]
    begun = [json.loads(said) for kind, said in whole if kind == "begin"]
    return done, begun[-1] if len(begun) > len(done) else {}


def applied(contents: Contents, changes: Mapping[str, int]) -> Contents:
    """The contents after a change."""
    return {name: version for name, version in {**contents, **changes}.items() if version}


def stored_in(knowledge_base: KnowledgeBase) -> Contents:
    """What the catalog holds, each document whole."""
    contents = {}
    with knowledge_base.read() as snapshot:
        for name, location in snapshot.locations().items():
            version = int(location.stamp)
            texts = [each.chunk.text for each in snapshot.passages_of(location.document)]
            assert texts == texts_of(name, version)
            assert len(snapshot.vectors_of([location.document])[0]) == len(texts)
            contents[name] = version
    return contents


def questions(contents: Contents, chance: random.Random) -> list[str]:
    """One about any subject, and one for a version that is there."""
    asked = [" ".join(chance.sample(SUBJECTS, 2))]
    if contents:
        name = chance.choice(sorted(contents))
        asked.append(f"{name} version{contents[name]}")
    return asked


def spoil(folder: Path, harm: str, chance: random.Random) -> None:
    """Do harm to some file of what is derived."""
    files = [
        path
        for side in ("dense", "lexical")
        for path in (*folder.glob(f"{side}.json"), *folder.glob(f"{side}-*/*"))
        if path.is_file() and path.stat().st_size
    ]
    if harm == "nothing" or not files:
        return
    path = chance.choice(sorted(files))
    data = bytearray(path.read_bytes())
    if harm == "remove":
        path.unlink()
        return
    if harm == "flip a bit":
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.unlink()  # its other name, in a reader's hands, stays what it was
    path.write_bytes(data[: chance.randrange(len(data))] if harm == "truncate" else data)
