"""Many readers at once, of a model that takes its time; and one who asks another generator."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import served
from tests.browser.test_page import ask, keep_screenshot
from tests.browser.test_views import unfold_conversations
from tests.browser.test_writing import begin
from tests.served import ChatServer, Script, chat_server
from ui.messages import TEXTS

Open = Callable[..., Page]
EN = TEXTS["en"]
QUESTION = "What may a night in a hotel cost?"
READERS, AT_ONCE = 10, 8


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as running:
        running.script = Script(pieces=["At most", " 600 yuan", " [1]."])
        yield running


@pytest.fixture
def address(knowledge_bases: Path, server: ChatServer) -> Iterator[str]:
    """A page whose answers the server writes."""
    with served(knowledge_bases / "office", llm=server.setting) as url:
        yield url


def test_who_waits_sees_the_place(open_page: Open, address: str, server: ChatServer) -> None:
    """Of ten, eight are answered and two wait, first and second; each sees nobody else's turn."""
    server.script.held.clear()
    pages = []
    for _ in range(READERS):
        pages.append(open_page(address))
        expect(pages[-1].get_by_test_id("stChatInputTextArea")).to_be_visible(timeout=60_000)
    for number, page in enumerate(pages):
        begin(page, f"{QUESTION} ({number})")
    while len(server.asked) < AT_ONCE:
        pages[0].wait_for_timeout(100)  # milliseconds
    places = [EN.queued.format(place=place) for place in (1, 2)]
    waiting = [page for page in pages if is_told(page, EN.queued.partition("{")[0])]
    assert len(waiting) == READERS - AT_ONCE
    assert sorted(page.locator(".kq-status").inner_text() for page in waiting) == places
    keep_screenshot(waiting[0], "queue")
    assert len(server.asked) == AT_ONCE
    server.script.held.set()
    for number, page in enumerate(pages):
        turns = page.locator(".kq-turn")
        expect(turns.locator(".kq-sources")).to_be_visible(timeout=60_000)
        expect(turns).to_have_count(1)
        expect(turns.locator(".kq-question")).to_have_text(f"{QUESTION} ({number})")
    unfold_conversations(page)
    kept = page.get_by_test_id("stSidebar").get_by_role("button", name=QUESTION)
    expect(kept).to_have_count(1)


def is_told(page: Page, status: str) -> bool:
    expect(page.locator(".kq-status")).to_have_count(1)
    page.wait_for_timeout(700)  # milliseconds: what changes slowly is drawn again
    return page.locator(".kq-status").inner_text().startswith(status)


def test_another_generator_is_asked_again(open_page: Open, address: str) -> None:
    """The same question is answered below by the one that was chosen; the first answer stays."""
    page = open_page(address)
    first = ask(page, QUESTION)
    expect(first.locator(".kq-note").filter(has_text="tiny")).to_be_visible()
    page.get_by_role("button", name=EN.retry).click()
    keep_screenshot(page, "retry")
    page.get_by_role("button", name=EN.retry_by.format(name=EN.quote)).click()
    turns = page.locator(".kq-turn")
    expect(turns).to_have_count(2)
    expect(turns.last.locator(".kq-note").last).to_contain_text(EN.quote, timeout=60_000)
    expect(turns.last.locator(".kq-question")).to_have_text(QUESTION)
    expect(turns.first.locator(".kq-note").filter(has_text="tiny")).to_be_visible()
