"""A real page in a real browser: Chromium, driven by Playwright."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

PROJECT = Path(__file__).parents[2]
SCREENSHOTS = PROJECT / "test-results"
_FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]

LEAVE = """\
# 员工手册

## 年假

入职满一年的员工每年有十二天年假。年假可以分次使用，最多分三次。未用完的年假可以顺延到次年三月底。

## 远程办公

试用期员工不可以远程办公。转正后每周最多两天。
"""
TRAVEL = """\
# Travel policy

## Hotels

A night in a hotel may cost at most 600 yuan. Breakfast is included. Book through the travel desk.

## Trains

Second class is the rule. First class needs the approval of a director.
"""
HOSTILE = """\
The password of the coffee machine is <img src="http://evil.example/i.png" onerror="alert(2)"> \
and ![x](http://evil.example/x.png) or [a](javascript:alert(3)) with $x^2$ :material/delete: \
</mark></blockquote></details><h1>forged</h1><script>alert(1)</script>. Nobody knows it.
"""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, of KB_QA_CHROMIUM or on the path."""
    chromium = os.environ.get("KB_QA_CHROMIUM") or shutil.which("chromium")
    if not chromium:
        pytest.fail("no Chromium: install one, or set KB_QA_CHROMIUM to its path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens pages, each in a session of its own; none may load from another host, or alert."""
    contexts = []
    strangers: list[str] = []

    def opened(url: str, *, locale: str = "en-US", phone: bool = False, dark: bool = False) -> Page:
        context = browser.new_context(
            locale=locale,
            color_scheme="dark" if dark else "light",
            viewport={"width": 390, "height": 844} if phone else {"width": 1280, "height": 800},
        )
        contexts.append(context)
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.on("request", lambda request: strangers.append(request.url))
        page.on("dialog", lambda dialog: strangers.append(f"dialog: {dialog.message}"))
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()
    local = ("127.0.0.1", None)  # None: data: and blob: have no host
    assert [each for each in strangers if urlsplit(each).hostname not in local] == []
    assert not [each for each in strangers if each.startswith("dialog")]


@pytest.fixture(scope="module")
def knowledge_bases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two knowledge bases: `office`, and `untrusted` beside it."""
    folder = tmp_path_factory.mktemp("page")
    for name, files in (
        ("office", {"员工手册.md": LEAVE, "travel.md": TRAVEL}),
        ("untrusted", {"a [b](javascript:alert(4)) **c**.txt": HOSTILE}),
    ):
        documents = folder / "documents" / name
        documents.mkdir(parents=True)
        for file, text in files.items():
            (documents / file).write_text(text, "utf-8")
        ingest(documents, kb=folder / "kb" / name)
    return folder / "kb"


@pytest.fixture(scope="module")
def address(knowledge_bases: Path) -> Iterator[str]:
    """The address of a page that was only just started."""
    with served(knowledge_bases / "office") as url:
        yield url


def ingest(documents: Path, *, kb: Path) -> None:
    """What a user runs."""
    command = [sys.executable, "-m", "ingest", str(documents), "--kb", str(kb)]
    subprocess.run(command, cwd=PROJECT, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def served(kb: Path, *, llm: str = "quote") -> Iterator[str]:
    """The page over a knowledge base, as its own process; gives its address."""
    environment = {
        **os.environ,
        "KB_QA_KB": str(kb),
        "KB_QA_PAGE": str(kb.parent.parent / "page"),
        "KB_QA_PORT": "8700",
        "KB_QA_LLM": llm,
    }
    with subprocess.Popen(
        [sys.executable, "-m", "ui"],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        try:
            address = process.stdout.readline().removeprefix("kb-qa: ").strip()
            assert address.startswith("http://127.0.0.1:")
            yield address
        finally:
            process.terminate()
            process.communicate(timeout=30)  # it says goodbye: nobody listening would stop it
