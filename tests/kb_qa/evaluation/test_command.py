"""`python -m kb_qa evaluate` on the sample documents, as a person runs it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kb_qa.evaluation.report import load_report, reports
from tests.conftest import SAMPLES

QUESTIONS = [
    {"question": "晚班津贴是多少？", "answer": "45 元", "source": "员工手册.docx"},
    {"question": "How long is an account locked?", "answer": "30 minutes"},
    {"question": "What is the boiling point of gold?", "unanswerable": True},
]


def run(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kb_qa", "evaluate", *map(str, arguments)]
    environment = {**os.environ, "KB_QA_LLM": "quote"}
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, env=environment
    )


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    file = tmp_path / "q.jsonl"
    lines = [json.dumps(each, ensure_ascii=False) for each in QUESTIONS]
    file.write_text("\n".join(lines), "utf-8")
    return file


def test_from_questions_to_a_report(sample_kb: Path, golden: Path, tmp_path: Path) -> None:
    """The object has the promised keys; the report is kept with the knowledge base."""
    done = run(golden, "--kb", sample_kb, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)
    assert set(values["retrieval"]) == {"recall@1", "recall@5", "recall@10", "mrr@10", "ndcg@10"}
    assert set(values["answers"]) == {"contains", "exact_match", "f1"}
    assert set(values["citations"]) == {"precision", "recall", "page"}
    assert set(values["refusal"]) == {
        "refused_when_unanswerable",
        "refused_when_answerable",
        "curve",
    }
    assert set(values["latency"]) == {"p50", "p95"}
    assert [each["question"] for each in values["questions"]] == [q["question"] for q in QUESTIONS]
    assert (values["answers"]["contains"], values["refusal"]["refused_when_unanswerable"]) == (1, 1)
    kept = reports(sample_kb)[0]
    assert load_report(kept).to_json() == values
    compared = run(golden, "--kb", sample_kb, "--baseline", kept, cwd=tmp_path)
    assert "no difference shown" in compared.stdout
    assert "3 questions, 3 judged, 0 failed" in compared.stdout


def test_a_run_that_was_killed_goes_on(sample_kb: Path, golden: Path, tmp_path: Path) -> None:
    """What was answered before is not asked again, and the report is whole."""
    command = [sys.executable, "-m", "kb_qa", "evaluate", str(golden), "--kb", str(sample_kb)]
    environment = {**os.environ, "KB_QA_LLM": "quote"}
    with subprocess.Popen(command, cwd=tmp_path, env=environment) as process:
        for _ in range(600):
            parts = list((sample_kb / "evaluations").glob("*.part"))
            if parts and parts[0].read_text("utf-8").strip():
                break
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    (part,) = (sample_kb / "evaluations").glob("*.part")
    first, *rest = part.read_text("utf-8").split("\n")
    values = json.loads(first)
    values["result"]["answer"] = "kept from before"
    part.write_text(
        "\n".join(
            [json.dumps(values), *rest, '{"half'],
        ),
        "utf-8",
    )
    out = tmp_path / "report.json"
    done = run(golden, "--kb", sample_kb, "--out", out, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    results = load_report(out).results
    assert results[0].answer == "kept from before"
    assert len(results) == len(QUESTIONS)
    assert not part.exists()


def test_drafts_are_questions(sample_kb: Path, tmp_path: Path) -> None:
    """Each names its answer and its file, and the same command reads them."""
    out = tmp_path / "drafts.jsonl"
    done = run("--draft", "4", "--kb", sample_kb, "--out", out, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    drafts = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert len({each["question"] for each in drafts}) == 4
    assert len({each["source"] for each in drafts}) > 1
    for each in drafts:
        assert each["draft"] is True
        assert each["answer"] not in each["question"]
        assert Path(each["source"]).is_relative_to(SAMPLES)
    again = run("--draft", "4", "--kb", sample_kb, "--out", out, cwd=tmp_path)
    assert (again.returncode, "another file" in again.stderr) == (2, True)
    report = tmp_path / "report.json"
    assert run(out, "--kb", sample_kb, "--out", report, cwd=tmp_path).returncode == 0
    assert load_report(report).judged == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name a file of questions, or --draft N"),
        (("--draft", "0"), "--draft 0"),
        (("missing.jsonl",), "missing.jsonl: No such file"),
        (("q.jsonl", "--baseline", "q.jsonl"), "no report of an evaluation"),
    ],
)
def test_wrong_usage_is_one_line(
    golden: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    """It names the value and the remedy, before anything is loaded."""
    assert golden.parent == tmp_path
    done = run(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert said in done.stderr
