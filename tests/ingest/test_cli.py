"""python -m ingest, as it is typed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ingest", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("# Apples\n\nApples are red.\n")
    return tmp_path / "docs"


def test_a_run_prints_lines_and_ends_with_zero(docs: Path) -> None:
    """Away from a terminal: a line for each file that changed, a total, exit 0."""
    done = run("docs", "--kb", "kb", cwd=docs.parent)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "added     docs/a.md (1 chunks)"
    assert done.stdout.startswith("1 added: 1 chunks in kb (")


def test_json_is_one_object_on_standard_output(docs: Path) -> None:
    """A failed file makes it exit 1, and the object still says all."""
    (docs / "broken.pdf").write_bytes(b"%PDF-1.7 no more")
    done = run("docs", "--kb", "kb", "--json", cwd=docs.parent)
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert {file["path"]: file["verdict"] for file in report["files"]} == {
        "docs/a.md": "added",
        "docs/broken.pdf": "failed",
    }


def test_the_formats_can_be_asked_for(docs: Path) -> None:
    """A person is told them by name, a program as one object."""
    told = run("formats", cwd=docs.parent)
    assert "Markdown: .md" in told.stdout
    suffixes = json.loads(run("formats", "--json", cwd=docs.parent).stdout)
    assert {".md", ".pdf"} <= set(suffixes["files"])
    assert ".zip" in suffixes["archives"]


def test_events_are_one_object_a_line(docs: Path) -> None:
    """A program can follow a run: how much there is, each file as it ends, then the totals."""
    done = run("docs", "--kb", "kb", "--events", cwd=docs.parent)
    began, *files, ended = map(json.loads, done.stdout.splitlines())
    assert (began["event"], began["files"], began["bytes"] > 0) == ("began", len(files), True)
    assert {each["event"] for each in files} == {"file"}
    assert {each["path"] for each in files} >= {"docs/a.md"}
    assert sum(each["bytes"] for each in files) == began["bytes"]
    assert (ended["event"], ended["totals"]["files"]) == ("ended", len(files))
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "ingest: no such file or folder: nowhere"),
        ([], "name at least one file or folder"),
        (["docs", "--no-such-option"], "unrecognized arguments"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_two(docs: Path, arguments: list[str], said: str) -> None:
    """The line names the value; nothing is made."""
    done = run(*arguments, cwd=docs.parent)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (docs.parent / "data").exists()


def test_a_wrong_setting_is_one_line(docs: Path) -> None:
    """The variable's name, its value and what is wrong with it."""
    (docs.parent / ".env").write_text("KB_QA_PASSAGES=many\n")
    done = run("docs", cwd=docs.parent)
    assert done.returncode == 2
    assert "ingest: KB_QA_PASSAGES='many': Input should be a valid integer" in done.stderr


def test_help_is_quick() -> None:
    """`--help` imports nothing that takes time."""
    script = (
        "import sys; from ingest.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: print(sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    loaded = done.stdout.splitlines()[-1]
    assert not any(f"'{name}'" in loaded for name in ("numpy", "torch", "pydantic", "faiss"))
