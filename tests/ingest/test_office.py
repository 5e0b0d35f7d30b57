"""LibreOffice as a program that may do anything: what is left of it when it does."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

CONVERT = """
import sys
from pathlib import Path
from ingest.office import convert, is_available
from kb_qa.errors import ParseError
try:
    path, seconds = Path(sys.argv[1]), float(sys.argv[2])
    print(is_available(), convert(path, target="docx", seconds=seconds).decode())
except ParseError as error:
    print(is_available(), error)
"""

RESULT = 'for each; do case "$each" in */converted) out="$each";; esac; done; mkdir -p "$out"\n'
"""A shell's beginning that finds and makes the folder that the result is to be put into."""


@pytest.fixture
def converted(tmp_path: Path):
    """What comes of a file when a shell script stands in for LibreOffice."""

    def converted(script: str, *, seconds: float = 20.0) -> str:
        program = tmp_path / "program"
        program.write_text(f"#!/bin/sh\n{RESULT}{script}\n")
        program.chmod(0o700)
        return run(tmp_path, str(program), seconds=seconds)

    return converted


def run(folder: Path, program: str, *, seconds: float = 20.0) -> str:
    path = folder / "a.doc"
    path.write_bytes(b"old")
    done = subprocess.run(
        [sys.executable, "-c", CONVERT, str(path), str(seconds)],
        env={**os.environ, "KB_QA_SOFFICE": program},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def alive(pid: int) -> bool:
    """Whether a process is there that has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_result_is_what_the_program_writes(converted) -> None:
    """It gets a copy of the file under another name, and its last argument is that."""
    assert converted('tr a-z A-Z <"$each" >"$out/document.docx"') == "True OLD"


def test_without_the_program_the_remedy_is_named(tmp_path: Path) -> None:
    """Nothing is started; the reason says what to install."""
    said = run(tmp_path, str(tmp_path / "nowhere"))
    assert said.startswith("False LibreOffice is not installed here (Debian: apt install")


def test_a_file_that_cannot_be_converted_says_why(converted) -> None:
    """No result is a failure, whatever the exit code; the program's last error is passed on."""
    said = converted('echo "Error: source file could not be loaded"')
    assert said == "True LibreOffice cannot read it: source file could not be loaded"
    assert converted("true") == "True LibreOffice cannot read it"


def test_a_crash_is_told(converted) -> None:
    """By its signal."""
    assert converted("kill -SEGV $$") == "True LibreOffice crashed on it (signal 11)"


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_who_is_late_is_killed_with_all_it_started(converted, tmp_path: Path) -> None:
    """Children and theirs too; the folder goes as well."""
    pid, folder = tmp_path / "pid", tmp_path / "folder"
    script = f"sh -c 'sleep 99 & echo $! >{pid}; wait' & pwd >{folder}; wait"
    assert converted(script, seconds=3) == "True LibreOffice took longer than 3 s"
    assert not alive(int(pid.read_text()))
    assert not Path(folder.read_text().strip()).exists()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_nothing_outlives_who_asked_for_it(tmp_path: Path) -> None:
    """Killed itself, the asking process leaves no program running."""
    program, pids = tmp_path / "program", tmp_path / "pids"
    program.write_text(f"#!/bin/sh\necho $$ >{pids}.new; mv {pids}.new {pids}; exec sleep 99\n")
    program.chmod(0o700)
    path = tmp_path / "a.doc"
    path.write_bytes(b"old")
    asking = subprocess.Popen(
        [sys.executable, "-c", CONVERT, str(path), "99"],
        env={**os.environ, "KB_QA_SOFFICE": str(program), "TMPDIR": str(tmp_path)},
    )
    wait_for(pids.exists)
    asking.kill()
    asking.wait()
    wait_for(lambda: not alive(int(pids.read_text())))


def wait_for(condition, *, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's filter is Linux's")
def test_there_is_no_network(converted) -> None:
    """The kernel refuses sockets to the program and to what it starts; local ones work."""
    code = (
        "import socket; socket.socketpair()\n"
        "for family in (socket.AF_INET, socket.AF_INET6):\n"
        "    try: socket.socket(family)\n"
        "    except PermissionError: print('refused')"
    )
    said = converted(f'{sys.executable} -c "{code}" >"$out/document.docx"')
    assert said == "True refused\nrefused"


@pytest.mark.skipif(sys.platform != "linux", reason="address space is limited on Linux only")
def test_memory_has_a_cap(converted) -> None:
    """What asks for more than it may have gets none."""
    code = "bytes(4 << 30)"
    said = converted(f'{sys.executable} -c "{code}" || echo none >"$out/document.docx"')
    assert said == "True none"


def test_little_of_our_environment_is_passed_on(converted, tmp_path: Path) -> None:
    """No home, no proxies, no secrets: the program's folder is all that it knows of."""
    said = converted('echo "$HOME" "$KB_QA_SOFFICE" "$http_proxy" >"$out/document.docx"')
    assert said.split()[1].endswith(said.split()[-1])
    assert "kb-qa-office-" in said
    assert str(tmp_path) not in said
