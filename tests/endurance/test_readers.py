"""Readers in several processes beside a writer, for a long time. `make endurance-test`."""

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

from kb_qa.store.knowledge_base import KnowledgeBase
from tests.endurance.changing import SUBJECTS
from tests.endurance.truth import LIMIT, check_found, check_nearest
from tests.fakes import WordEmbeddings

SECONDS = float(os.environ.get("KB_QA_ENDURANCE_SECONDS", "600"))
THREADS, PROCESSES = 4, 2
MOST_GROWTH = 60 << 20


def test_readers_beside_a_writer(tmp_path: Path) -> None:
    """Eight threads of two processes find nothing wrong, none fails, and memory stays flat."""
    folder = tmp_path / "kb"
    writer = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("changing.py")), str(folder), "1"],
        stdout=subprocess.DEVNULL,
    )
    try:
        while not (folder / "lexical.json").exists():
            time.sleep(0.1)
        command = [sys.executable, "-m", "tests.endurance.test_readers", str(folder)]
        readers = [
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)
        ]
        said = [reader.communicate()[0] for reader in readers]
        assert [reader.returncode for reader in readers] == [0] * PROCESSES, said
        assert writer.poll() is None
    finally:
        writer.kill()
        writer.wait()


def read(folder: Path) -> None:
    """Ask from several threads until the time is over; fail at the first wrong answer."""
    embeddings = WordEmbeddings(dimension=64)
    knowledge_base = KnowledgeBase(folder, embeddings=embeddings)
    deadline = time.monotonic() + SECONDS
    errors: list[BaseException] = []
    asked = [0] * THREADS

    def ask(number: int) -> None:
        chance = random.Random(number)
        try:
            while time.monotonic() < deadline and not errors:
                check_one(knowledge_base, " ".join(chance.sample(SUBJECTS, 2)))
                asked[number] += 1
                embeddings.embedded.clear()
        except BaseException as error:  # noqa: BLE001 - any error at all is a failure
            errors.append(error)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    time.sleep(min(SECONDS / 4, 60))
    before = resident_bytes()
    for thread in threads:
        thread.join()
    growth = resident_bytes() - before
    print(f"{sum(asked)} questions, {growth / 2**20:.0f} MiB more at the end", flush=True)
    if errors:
        raise errors[0]
    assert growth < MOST_GROWTH, growth
    assert min(asked) > 0


def check_one(knowledge_base: KnowledgeBase, question: str) -> None:
    """One search, held against the snapshot it was made on, if nothing was written meanwhile."""
    with knowledge_base.read() as before:
        generation = before.generation
        state = knowledge_base._follower.state(before)
        found = knowledge_base.candidates(question, limit=LIMIT)
        with knowledge_base.read() as after:
            if after.generation == generation == state.generation:
                check_found(found, after)
                exact = state.dense.base.index.is_exact
                check_nearest(found, after, knowledge_base.embeddings, question, exact)


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    read(Path(sys.argv[1]))
