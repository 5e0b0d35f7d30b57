"""How long the page takes: to load, and from Enter to the first words of a quoted answer.

    python -m benchmarks.page FOLDER [--set drcd_dev] [--chunks 20000] [--questions 60]

FOLDER holds question sets in SQuAD's format. The articles of one are ingested as they are; made-up
text with made-up vectors fills the knowledge base up to so many chunks. A real Chromium (of
KB_QA_CHROMIUM, or on the path) asks the set's questions, one after the other, a few in a
conversation. A load is a new visitor's, until the field for a question is there; the start of
the page's own process is not counted, nor the first question, for which models are loaded.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.question_sets import QuestionSet, load, made_of
from benchmarks.store import put
from benchmarks.store_data import CHUNKS_A_DOCUMENT, documents
from kb_qa import KnowledgeBase, load_embeddings

_A_CONVERSATION = 5
_LOADS = 20
_PATIENCE = 60_000  # milliseconds
_FIELD = "[data-testid=stChatInputTextArea]"
_FLAGS = ["--headless", "--no-sandbox", "--disable-gpu"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--set", default="drcd_dev")
    parser.add_argument("--chunks", type=int, default=20_000)
    parser.add_argument("--questions", type=int, default=60)
    parser.add_argument("--bases", type=Path, help="holds a knowledge base of the set")
    options = parser.parse_args()
    questions = load(options.folder / f"{options.set}.json", questions=options.questions)
    with tempfile.TemporaryDirectory() as work:
        kb = Path(work) / "kb" / options.set
        if options.bases:
            shutil.copytree(options.bases / options.set, kb)
        chunks = filled(kb, questions, options.chunks)
        with served(kb) as address, chromium() as browser:
            answers, loads = answered(browser, address, questions), loaded(browser, address)
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, ", end="")
    print(f"Python {platform.python_version()}, {chunks:,} chunks\n")
    print("| | number | p50 | p95 | longest |\n|---|---|---|---|---|")
    for name, times in (("Enter to the first words, s", answers), ("page load, s", loads)):
        cells = (np.quantile(times, 0.5), np.quantile(times, 0.95), max(times))
        print(f"| {name} | {len(times)} | " + " | ".join(f"{each:.2f}" for each in cells) + " |")


def filled(kb: Path, questions: QuestionSet, chunks: int) -> int:
    """The set's articles, and as much beside them as is wanted; how many chunks there are."""
    embeddings = load_embeddings("bundled")
    knowledge_base = made_of(questions, kb, embeddings)
    with knowledge_base.read() as snapshot:
        there = snapshot.chunk_count()
    missing = max(0, chunks - there) // CHUNKS_A_DOCUMENT
    with knowledge_base.write() as writer:
        put(writer, list(islice(documents(missing), missing)), first=0)
    with KnowledgeBase(kb, embeddings=embeddings).read() as snapshot:
        return snapshot.chunk_count()


@contextmanager
def served(kb: Path) -> Iterator[str]:
    """The page as its own process; gives its address."""
    settings = {"KB_QA_KB": str(kb), "KB_QA_PAGE": str(kb.parent.parent / "page")}
    with subprocess.Popen(
        [sys.executable, "-m", "ui"],
        env={**os.environ, **settings, "KB_QA_LLM": "quote"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        if process.stdout is None:
            raise RuntimeError("it was asked for")
        try:
            yield process.stdout.readline().removeprefix("kb-qa: ").strip()
        finally:
            process.terminate()
            process.communicate(timeout=30)


@contextmanager
def chromium() -> Iterator[Browser]:
    path = os.environ.get("KB_QA_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield browser
        browser.close()


def answered(browser: Browser, address: str, questions: QuestionSet) -> list[float]:
    """What each question but the first takes until words of its answer stand on the page."""
    times = []
    for number, question in enumerate(questions.questions):
        if number % _A_CONVERSATION == 0:
            page, _ = opened(browser, address)
        times.append(time_of(page, question.text, turn=number % _A_CONVERSATION))
    return times[1:]


def time_of(page: Page, question: str, *, turn: int) -> float:
    """Seconds from Enter to the first words, or to the refusal."""
    field = page.locator(_FIELD)
    field.fill(question)
    start = time.perf_counter()
    field.press("Enter")
    answer = page.locator(".kq-turn").nth(turn).locator(".kq-answer, .kq-refusal")
    answer.first.wait_for(timeout=_PATIENCE)
    took = time.perf_counter() - start
    page.wait_for_timeout(700)  # milliseconds: the rest of the answer is drawn
    return took


def loaded(browser: Browser, address: str) -> list[float]:
    """What the page takes for a visitor who was never there."""
    return [opened(browser, address)[1] for _ in range(_LOADS)]


def opened(browser: Browser, address: str) -> tuple[Page, float]:
    page = browser.new_context(locale="en-US").new_page()
    start = time.perf_counter()
    page.goto(address)
    page.locator(_FIELD).wait_for(timeout=_PATIENCE)
    return page, time.perf_counter() - start


if __name__ == "__main__":
    main()
