"""A parser process has given up what a document could misuse it for."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the filter is Linux's own")

PROGRAM = """
import os, socket, subprocess, sys, threading
from pathlib import Path
from ingest.confinement import confine
target = Path(sys.argv[1])
assert confine()
try:
    exec(sys.argv[2])
except PermissionError:
    print("refused")
else:
    print("done")
"""


@pytest.mark.parametrize(
    "attempt",
    [
        "socket.socket()",
        "socket.socketpair()",
        "target.write_text('x')",
        "target.open('a')",
        "(target.parent / 'new').touch()",
        "target.unlink()",
        "target.rename(target.parent / 'other')",
        "(target.parent / 'folder').mkdir()",
        "(target.parent / 'link').symlink_to('/')",
        "os.link(target, target.parent / 'hard')",
        "target.chmod(0o777)",
        "os.truncate(target, 0)",
        "os.utime(target)",
        "os.fork()",
        "os.execv(sys.executable, ['python', '--version'])",
        "subprocess.run(['true'])",
        "os.kill(os.getppid(), 15)",
    ],
)
def test_what_a_parser_may_not_do(tmp_path: Path, attempt: str) -> None:
    """Network, writing, programs and other processes: the kernel refuses each."""
    assert outcome(tmp_path, attempt) == "refused"
    assert [each.name for each in tmp_path.iterdir()] == ["target.txt"]
    assert (tmp_path / "target.txt").read_text() == "text"


@pytest.mark.parametrize(
    "attempt",
    [
        "assert target.read_text() == 'text'",
        "import lxml.etree, numpy",
        "thread = threading.Thread(target=print); thread.start(); thread.join()",
        "list(target.parent.iterdir())",
    ],
)
def test_what_a_parser_needs(tmp_path: Path, attempt: str) -> None:
    """It reads files, imports libraries and has threads."""
    assert outcome(tmp_path, attempt) == "done"


def outcome(folder: Path, attempt: str) -> str:
    target = folder / "target.txt"
    target.write_text("text")
    arguments = [sys.executable, "-c", PROGRAM, str(target), attempt]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    return done.stdout.strip().rpartition("\n")[2]
