"""`python -m kb_qa backup` and `doctor`: a line, an exit code, no traceback."""

import json
import shutil
from pathlib import Path

import pytest

from kb_qa.__main__ import main


@pytest.fixture
def kb(sample_kb: Path, tmp_path: Path) -> Path:
    """A copy of the sample documents' knowledge base, to be harmed."""
    return shutil.copytree(sample_kb, tmp_path / "kb")


def test_a_backup_is_told_in_a_line_and_is_sound(
    kb: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it holds is said; the doctor makes what is derived of it, and is content."""
    copy = tmp_path / "copy"
    assert main(["backup", str(copy), f"--kb={kb}"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    size = (copy / "catalog.sqlite").stat().st_size
    assert line.startswith(f"{copy}: ")
    assert line.endswith(f" chunks, {size:,} bytes")
    assert main(["doctor", f"--kb={copy}"]) == 0
    assert "repaired: dense: dense.json is missing" in capsys.readouterr().out
    assert main(["doctor", f"--kb={copy}"]) == 0
    assert all(line.startswith("ok: ") for line in capsys.readouterr().out.splitlines())


def test_a_backup_that_cannot_be_made_is_an_error(
    kb: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and one line."""
    assert main(["backup", str(tmp_path), f"--kb={kb}"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"kb_qa: {tmp_path} is there already")


def test_what_needs_the_person_is_exit_code_1(kb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And the JSON says what it is, and what to do."""
    catalog = kb / "catalog.sqlite"
    catalog.write_bytes(catalog.read_bytes()[:-100_000])
    assert main(["doctor", f"--kb={kb}", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["kb"] == str(kb)
    assert {tuple(finding) for finding in told["findings"]} == {("what", "state", "text", "remedy")}
    states = {finding["what"]: finding["state"] for finding in told["findings"]}
    assert states["catalog"] == "needs you"
    assert states["disk"] == "ok"


@pytest.mark.parametrize("command", [["backup", "copy"], ["doctor"]])
def test_another_store_is_refused(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is not mistaken for an empty folder; its password is not shown."""
    monkeypatch.setenv("KB_QA_STORE", "milvus:http://me:secret@host:19530")
    assert main(command) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("kb_qa: KB_QA_STORE='milvus' keeps no knowledge base in a folder: ")
    assert "secret" not in line
