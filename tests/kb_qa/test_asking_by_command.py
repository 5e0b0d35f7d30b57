"""`python -m kb_qa ask` and `search`, as processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

QUESTION = "入职满一年的员工有几天年假？"


Done = subprocess.CompletedProcess[str]


def run(arguments: str, *, shell: str = "", **environment: str) -> Done:
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{sys.executable} -m kb_qa {arguments} {shell}"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize("reader", ["| head -1", "| true"])
def test_who_reads_no_further_sees_no_traceback(sample_kb: Path, reader: str) -> None:
    """`ask ... | head -1` gives its line, and exit code 0."""
    done = run(f"search {QUESTION} --kb {sample_kb} --json", shell=reader)
    assert done.stderr == ""
    assert done.returncode == 0


def test_a_search_asks_no_language_model(sample_kb: Path) -> None:
    """Though one is set that is not there; asking does."""
    llm = "openai:http://127.0.0.1:9/v1#tiny"
    assert run(f"search {QUESTION} --kb {sample_kb}", KB_QA_LLM=llm).returncode == 0
    asked = run(f"ask {QUESTION} --kb {sample_kb}", KB_QA_LLM=llm)
    assert asked.returncode == 2
    assert asked.stderr == (
        "kb_qa: http://127.0.0.1:9/v1: cannot be reached: see whether the server runs there\n"
    )
