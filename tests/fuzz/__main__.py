"""Fuzzing of every loader in the sandbox that users' files are parsed in.

    python -m tests.fuzz SECONDS [--seed N] [--samples FOLDER] [--formats .pdf .docx ...]

The time is shared out evenly among the formats. A finding is a parser that crashed or ran
on, one that needed more memory than it may have for a small file, and an answer that is no
document. Each is written to test-results/fuzz; a case is made again from its seed, format
and number alone. Exits with 1 if there were findings.
"""

import argparse
import collections
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ingest.document import Parsed
from ingest.loaders import SUFFIXES
from ingest.sandbox import ParserPool, Result
from ingest.task import Task
from kb_qa.errors import ParseError
from tests.fuzz.mutation import spoilt
from tests.ingest.hostile.samples import SAMPLES

PROJECT = Path(__file__).parents[2]
KEPT = PROJECT / "test-results" / "fuzz"

SECONDS_PER_FILE = 20.0
MEMORY = 1 << 30
_LARGEST_SAMPLE = 150_000
_SAMPLES_OF_A_FORMAT = 12

_BAD = re.compile(r"crashed|ended by itself|killed|took longer|needed more|no document|MiB of text")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=Path, help="a folder of more files to spoil")
    parser.add_argument("--formats", nargs="*", default=SUFFIXES)
    options = parser.parse_args()
    samples = {suffix: _samples(suffix, options.samples) for suffix in options.formats}
    samples = {suffix: files for suffix, files in samples.items() if files}
    without = sorted(set(options.formats) - set(samples))
    print(f"seed {options.seed}; no samples of: {' '.join(without) or 'none'}", flush=True)
    fuzzing = Fuzzing(samples, seed=options.seed, seconds=options.seconds)
    with ParserPool(
        seconds_per_page=SECONDS_PER_FILE, seconds_per_file=SECONDS_PER_FILE, memory_bytes=MEMORY
    ) as pool:
        for result in pool.answers(fuzzing.tasks()):
            fuzzing.judge(result)
    fuzzing.tell()
    return 1 if fuzzing.findings else 0


def _samples(suffix: str, folder: Path | None) -> list[bytes]:
    made = [SAMPLES[suffix]()] if suffix in SAMPLES else []
    places = [PROJECT / "data" / "docs", *([folder] if folder else [])]
    found = [path for place in places for path in sorted(place.rglob(f"*{suffix}"))]
    small = [path for path in found if path.is_file() and path.stat().st_size < _LARGEST_SAMPLE]
    random.Random(suffix).shuffle(small)
    return made + [path.read_bytes() for path in small[:_SAMPLES_OF_A_FORMAT]]


class Fuzzing:
    """Cases without end, until the time is up, and what became of them."""

    def __init__(self, samples: dict[str, list[bytes]], *, seed: int, seconds: float) -> None:
        self.findings: list[str] = []
        self._samples = samples
        self._seed = seed
        self._end = time.monotonic() + seconds
        self._spent = dict.fromkeys(samples, 0.0)
        self._cases = dict.fromkeys(samples, 0)
        self._began: dict[Task, float] = {}
        self._reasons: dict[str, collections.Counter[str]] = collections.defaultdict(
            collections.Counter
        )
        self._folder = Path(tempfile.mkdtemp(prefix="fuzz"))

    def tasks(self) -> Iterator[Task]:
        while time.monotonic() < self._end:
            suffix = min(self._spent, key=self._spent.__getitem__)
            number = self._cases[suffix]
            self._cases[suffix] += 1
            path = self._folder / f"{self._seed}-{number}{suffix}"
            path.write_bytes(case(self._samples[suffix], suffix, self._seed, number))
            task = Task(path, path.name)
            self._began[task] = time.monotonic()
            self._spent[suffix] += 0.001  # those that are being read count a little
            yield task

    def judge(self, result: Result) -> None:
        task, answer = result
        suffix = next(each for each in self._samples if task.name.endswith(each))
        took = time.monotonic() - self._began.pop(task)
        self._spent[suffix] += took
        wrong = _wrong(answer)
        if wrong:
            KEPT.mkdir(parents=True, exist_ok=True)
            (KEPT / task.name).write_bytes(task.path.read_bytes())
            self.findings.append(f"{task.name}: {wrong} ({took:.1f} s)")
            print("FOUND", self.findings[-1], flush=True)
        kind = str(answer)[:60] if isinstance(answer, ParseError) else type(answer).__name__
        self._reasons[suffix][kind] += 1
        task.path.unlink()

    def tell(self) -> None:
        """Print what was done."""
        self._folder.rmdir()
        for suffix, count in self._cases.items():
            often = "; ".join(f"{n} {kind}" for kind, n in self._reasons[suffix].most_common(3))
            print(f"{suffix:<9} {count:6} cases, {self._spent[suffix]:5.0f} s: {often}")
        print(f"{sum(self._cases.values())} cases, {len(self.findings)} findings")


def case(samples: Sequence[bytes], suffix: str, seed: int, number: int) -> bytes:
    """The file that is made for a number."""
    chance = random.Random(f"{seed}/{suffix}/{number}")
    return spoilt(
        chance.choice(samples), suffix=suffix, chance=chance, other=chance.choice(samples)
    )


def _wrong(answer: object) -> str:
    """What an answer has that none may have; "" if nothing."""
    if isinstance(answer, ParseError):
        return str(answer) if _BAD.search(str(answer)) else ""
    if isinstance(answer, Parsed):
        if not answer.title or not answer.blocks:
            return "a document without title or blocks"
        if found := _UNPRINTABLE.search(answer.title + answer.text + "".join(answer.warnings)):
            return f"a control character: {found.group()!r}"
        if any("\n" in line for line in answer.warnings):
            return "a warning of several lines"
    return ""


if __name__ == "__main__":
    sys.exit(main())
