"""Work in the background: started once, followed from anywhere, told truly how it ended."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kb_qa.errors import JobError
from ui.jobs import JOB, LOCK, Job, Jobs, State

PRINTS = ("timeit", "-n", "1", "-r", "1", "print('first', flush=True)")
WAITS = ("timeit", "-n", "1", "-r", "1", "print('began', flush=True); import time; time.sleep(60)")


def until(is_so: Callable[[], bool]) -> None:
    for _ in range(600):
        if is_so():
            return
        time.sleep(0.05)
    pytest.fail("it did not come to be so within half a minute")


def started(folder: Path, command: tuple[str, ...]) -> tuple[Jobs, Job]:
    jobs = Jobs(folder)
    return jobs, jobs.start("ingest", command, about="kb", owner="anna")


def test_a_job_ends_and_is_found_again(tmp_path: Path) -> None:
    """Another page that opens the same folder sees what was printed, and that it is done."""
    jobs, job = started(tmp_path, PRINTS)
    until(lambda: jobs.state(job) is not State.RUNNING)
    again = Jobs(tmp_path)
    assert again.all() == [job] == [again.latest("ingest", about="kb")]
    assert again.latest("ingest", about="other") is None
    assert (again.state(job), again.exit_code(job)) == (State.DONE, 0)
    lines, end = again.printed(job)
    assert lines[0] == "first"
    assert again.printed(job, since=end) == ([], end)


def test_a_job_runs_from_the_moment_it_is_started(tmp_path: Path) -> None:
    """There is no moment at which a job that was just started seems to have failed."""
    jobs, job = started(tmp_path, WAITS)
    assert jobs.state(job) is State.RUNNING
    assert jobs.exit_code(job) is None
    until(lambda: jobs.printed(job)[0] == ["began"])
    jobs.stop(job)
    until(lambda: jobs.state(job) is not State.RUNNING)
    assert jobs.state(job) is State.FAILED
    assert "KeyboardInterrupt" in jobs.last_words(job)


def test_a_failure_is_told_with_its_last_words(tmp_path: Path) -> None:
    """A command that ends with an error has failed, and what it said is kept."""
    jobs, job = started(tmp_path, ("ingest", "no such folder", "--kb", str(tmp_path / "kb")))
    until(lambda: jobs.state(job) is not State.RUNNING)
    assert (jobs.state(job), jobs.exit_code(job)) == (State.FAILED, 2)
    assert jobs.last_words(job) == "ingest: no such file or folder: no such folder"


def test_a_killed_job_has_failed(tmp_path: Path) -> None:
    """Whatever kills it, even without a chance to say so, it does not run for ever."""
    jobs, job = started(tmp_path, WAITS)
    until(lambda: jobs.printed(job)[0] == ["began"])
    group = int((tmp_path / job.id / LOCK).read_text())
    os.killpg(group, signal.SIGKILL)
    until(lambda: jobs.state(job) is not State.RUNNING)
    assert jobs.state(job) is State.FAILED
    jobs.stop(job)  # nothing is left to stop, and nobody else is hurt


def test_only_the_last_jobs_are_kept(tmp_path: Path) -> None:
    """The folder does not grow for ever; what is damaged in it is passed over."""
    jobs, first = started(tmp_path, PRINTS)
    until(lambda: jobs.state(first) is State.DONE)
    told = (tmp_path / first.id / JOB).read_text()
    for n in range(60):
        (tmp_path / f"2{n:03}").mkdir()
        (tmp_path / f"2{n:03}" / JOB).write_text(told.replace(first.id, f"2{n:03}"))
    (tmp_path / "2000" / JOB).write_text("{")
    last = jobs.start("ingest", PRINTS, about="kb", owner="anna")
    assert len(jobs.all()) == 50
    assert "2001" not in {job.id for job in jobs.all()}
    until(lambda: jobs.state(last) is State.DONE)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """The error names the folder and the setting to change."""
    (tmp_path / "file").write_text("")
    with pytest.raises(JobError, match="KB_QA_PAGE"):
        Jobs(tmp_path / "file" / "jobs").start("ingest", PRINTS, about="kb", owner="anna")
