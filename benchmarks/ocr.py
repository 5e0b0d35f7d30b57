"""Are scans read rightly, and how fast? By kind of page and by resolution.

    python -m benchmarks.ocr [--dpi 150 200 300]

Prints the share of characters that are wrong (white space aside) and the seconds of one core
for a page, models loaded. Where the program `tesseract` is installed with `chi_sim` and
`eng`, it reads the same pages in the same run. Needs the extra `ocr`.
"""

import argparse
import os
import platform
import resource
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ingest.formats.picture import Picture
from ingest.ocr import engine, recognize
from tests.ocr.scans import clean_scans, error_rate, picture, poor_scans, turned_scans

Reads = Callable[[Picture], str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dpi", type=int, nargs="*", default=[150, 200, 300])
    options = parser.parse_args()
    readers: dict[str, Reads] = {engine(): _ours}
    if shutil.which("tesseract"):
        readers["tesseract"] = _tesseract
    print(f"{_machine()}\n")
    columns = [f"{name}, {dpi} dpi" for name in readers for dpi in options.dpi]
    print(f"| page | characters | {' | '.join(columns)} |")
    print("|---" * (len(columns) + 2) + "|")
    scans = {**clean_scans(), **turned_scans(), **poor_scans()}
    _ours(picture(scans["Chinese"]))  # loads the models
    for name, scan in scans.items():
        cells = [
            _measured(reads, picture(scan, dpi=dpi), scan.truth)
            for reads in readers.values()
            for dpi in options.dpi
        ]
        print(f"| {name} | {len(scan.truth)} | {' | '.join(cells)} |", flush=True)
    print(f"\nPeak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB.")


def _machine() -> str:
    info = Path("/proc/cpuinfo").read_text().splitlines()
    name = next(line.split(":")[1].strip() for line in info if line.startswith("model name"))
    return f"{datetime.now(UTC):%Y-%m-%d}, one core of {name}, Python {platform.python_version()}."


def _measured(reads: Reads, page: Picture, truth: str) -> str:
    began = _seconds()
    text = reads(page)
    took = _seconds() - began
    return f"{error_rate(text, truth):.1%}, {took:.1f} s"


def _seconds() -> float:
    """Processor time of this process and of those it waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def _ours(page: Picture) -> str:
    return "\n".join(line.text for line in recognize(page).lines)


def _tesseract(page: Picture) -> str:
    languages, dpi = ("-l", "chi_sim+eng"), ("--dpi", f"{page.dpi:.0f}")
    find_orientation = ("--psm", "1")
    done = subprocess.run(
        ["tesseract", "stdin", "stdout", *languages, *dpi, *find_orientation],
        input=b"P5 %d %d 255\n" % (page.width, page.height) + page.pixels,
        capture_output=True,
        check=True,
        env={**os.environ, "OMP_THREAD_LIMIT": "1"},
    )
    return done.stdout.decode()


if __name__ == "__main__":
    main()
