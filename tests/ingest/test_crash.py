"""Whatever is killed, what was told is kept."""

import subprocess
import sys
from pathlib import Path

KILLED = Path(__file__).with_name("killed.py")
ROUNDS = 50


def test_kill_at_any_instant_loses_nothing_committed(tmp_path: Path) -> None:
    """After kill -9 at 50 random instants of an ingest every document that got its verdict is
    there, every document that is there is whole, and the knowledge base can be searched."""
    done = subprocess.run(
        [sys.executable, str(KILLED), str(tmp_path), str(ROUNDS), "1"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        env={"PYTHONPATH": ".", "PATH": "/usr/bin:/bin"},
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    killed = [line for line in done.stdout.splitlines() if "killed" in line]
    assert len(killed) > ROUNDS // 3, done.stdout
