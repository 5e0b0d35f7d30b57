"""A stranger's way from opening the page to a checked answer about a PDF, with each step's time.

    python -m benchmarks.walk FILE.pdf QUESTION

There is no knowledge base yet. A real Chromium does what a person would, and types as one does;
what a person reads and thinks in between is not counted. The page's own process has started.
"""

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Page

from benchmarks.page import chromium, served
from ui.messages import TEXTS
from ui.messages.library import LIBRARY

_TYPING = 120  # milliseconds a character
_PATIENCE = 120_000  # milliseconds
_FIELD = "[data-testid=stChatInputTextArea]"

_EN, _BOOKS = TEXTS["en"], LIBRARY["en"]

Step = tuple[str, Callable[[], object]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("question")
    options = parser.parse_args()
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, ", end="")
    print(f"Python {platform.python_version()}, {options.file.name}\n")
    print("| step | s | after |\n|---|---|---|")
    with (
        tempfile.TemporaryDirectory() as work,
        served(Path(work) / "kb" / "mine") as address,
        chromium() as browser,
    ):
        page = browser.new_context(locale="en-US").new_page()
        page.set_default_timeout(_PATIENCE)
        began = time.perf_counter()
        for name, do in steps(page, address, options.file, options.question):
            start = time.perf_counter()
            do()
            now = time.perf_counter()
            print(f"| {name} | {now - start:.1f} | {now - began:.1f} |", flush=True)


def steps(page: Page, address: str, file: Path, question: str) -> Iterator[Step]:
    """What a person does, in turn; each ends when what it leads to is seen."""

    def opens() -> None:
        page.goto(address)
        page.locator("input[type=file]").first.wait_for(state="attached")

    def drops() -> None:
        page.locator("input[type=file]").first.set_input_files(file)
        page.get_by_role("button", name=_BOOKS.start).wait_for()

    def starts() -> None:
        page.get_by_role("button", name=_BOOKS.start).click()
        page.locator(_FIELD).wait_for()

    def types() -> None:
        page.locator(_FIELD).press_sequentially(question, delay=_TYPING)

    def asks() -> None:
        page.locator(_FIELD).press("Enter")
        page.locator(".kq-turn .kq-sources").first.wait_for()

    def checks() -> None:
        page.locator("a.kq-number").first.click()
        page.locator(".kq-passage mark").first.wait_for()

    def looks() -> None:
        page.get_by_role("button", name=_EN.open_document.format(n=1)).click()
        page.get_by_test_id("stImage").locator("img").wait_for()

    yield "opens the page: there is no knowledge base yet, and a field for files", opens
    yield "drops the PDF there", drops
    yield f"presses “{_BOOKS.start}”; the file is read, and the page opens for questions", starts
    yield "types a question", types
    yield "presses Enter; the answer and its sources stand there", asks
    yield "clicks [1]; the passage opens, the words marked", checks
    yield "clicks “See [1] in its document”; the PDF's page stands beside, the words marked", looks


if __name__ == "__main__":
    main()
