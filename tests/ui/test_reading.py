"""Ingestion from the page: what it printed is what the page shows."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_qa import KnowledgeBase, configured_embeddings, load_settings
from ui.jobs import Jobs, State
from ui.reading import Reading, follow, seconds_left, start, suffixes


def test_a_folder_is_read_and_followed(tmp_path: Path) -> None:
    """Verdicts and totals come from the run itself; a file that fails does not fail the run."""
    docs, kb = tmp_path / "docs", tmp_path / "kb"
    docs.mkdir()
    (docs / "手册.md").write_text("# 年假\n\n每年十五天。\n", "utf-8")
    (docs / "broken.pdf").write_bytes(b"%PDF-1.7 junk")
    jobs, reading = Jobs(tmp_path / "jobs"), Reading()
    job = start(jobs, [docs], kb=kb, owner="anna")
    shares = [reading.share]
    while follow(jobs, job, reading) is State.RUNNING:
        shares.append(reading.share)
        time.sleep(0.1)
    assert follow(jobs, job, reading) is State.DONE
    assert shares == sorted(shares)
    assert (reading.files, reading.ended, reading.failed, reading.share) == (2, 2, 1, 1.0)
    assert reading.totals["added"] == 1
    assert {Path(path).name: verdict for path, verdict, _ in reading.verdicts} == {
        "手册.md": "added",
        "broken.pdf": "failed",
    }
    embeddings = configured_embeddings(load_settings())
    with KnowledgeBase(kb, embeddings=embeddings).read() as snapshot:
        assert snapshot.summary.documents == 1


def test_a_run_that_cannot_be_done_has_failed(tmp_path: Path) -> None:
    """A folder that is not there: the job fails, and its last words say why."""
    jobs, reading = Jobs(tmp_path / "jobs"), Reading()
    job = start(jobs, [tmp_path / "nowhere"], kb=tmp_path / "kb", owner="anna")
    while follow(jobs, job, reading) is State.RUNNING:
        time.sleep(0.1)
    assert follow(jobs, job, reading) is State.FAILED
    assert "no such file or folder" in jobs.last_words(job)


@given(st.lists(st.text(max_size=40) | st.just('{"event": "file"}') | st.just("[]")))
def test_noise_is_passed_over(lines: list[str]) -> None:
    """What is no event, whole or in part, changes nothing and raises nothing."""
    reading = Reading()
    reading.take(lines)
    assert reading == Reading()


def test_the_time_that_is_left() -> None:
    """It is known only between the beginning and the end."""
    began = time.time() - 10
    assert seconds_left(began, 0.0) is None
    assert seconds_left(began, 1.0) is None
    assert seconds_left(began, 0.5) == pytest.approx(10, abs=0.5)


def test_the_suffixes_are_those_that_ingestion_reads() -> None:
    """Files and archives alike."""
    assert {".pdf", ".md", ".docx", ".zip"} <= suffixes()
