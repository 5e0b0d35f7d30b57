"""The page while a language model writes: a real server, at the speed it is told."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import served
from tests.browser.test_page import CONTRAST, ask, keep_screenshot
from tests.served import ChatServer, Script, chat_server
from ui.messages import TEXTS

Open = Callable[..., Page]
EN, ZH = TEXTS["en"], TEXTS["zh"]
QUESTION = "What may a night in a hotel cost?"
SUPPORTED = "A hotel may cost at most 600 yuan a night [1]. "


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    with chat_server() as running:
        yield running


@pytest.fixture(scope="module")
def address(knowledge_bases: Path, server: ChatServer) -> Iterator[str]:
    """A page whose answers the server writes."""
    with served(knowledge_bases / "office", llm=server.setting) as url:
        yield url


@pytest.fixture(autouse=True)
def fresh(server: ChatServer) -> None:
    server.script = Script(pieces=["At most", " 600 yuan", " [1]."])
    server.left.clear()


def begin(page: Page, question: str = QUESTION) -> Locator:
    """Ask, and do not wait."""
    field = page.get_by_test_id("stChatInputTextArea")
    field.fill(question)
    field.press("Enter")
    return page.locator(".kq-turn").filter(has_text=question)


def words(count: int) -> list[str]:
    """Pieces that can be told apart."""
    return [f"word{n} " for n in range(count)]


def stop(page: Page) -> None:
    page.get_by_test_id("stChatInputStopButton").click()


def test_an_answer_grows_before_the_reader_s_eyes(
    open_page: Open, address: str, server: ChatServer
) -> None:
    """What is written is on the page while the rest is still to come."""
    server.script = Script(pieces=[SUPPORTED, *words(40)], seconds=0.1)
    page = open_page(address)
    turn = begin(page)
    expect(turn.locator(".kq-answer")).to_contain_text("word3", timeout=60_000)
    expect(turn.locator(".kq-status")).to_have_text(EN.writing)
    expect(turn.locator(".kq-answer")).not_to_contain_text("word39")
    expect(turn.locator(".kq-if-stopped")).to_be_hidden()
    keep_screenshot(page, "writing")
    expect(turn.locator(".kq-sources")).to_be_visible()
    expect(turn.locator(".kq-answer")).to_contain_text("word39")
    expect(turn.locator(".kq-status")).to_have_count(0)


@pytest.mark.parametrize(("locale", "texts"), [("en-US", EN), ("zh-CN", ZH)])
def test_stop_keeps_what_was_written(
    open_page: Open, address: str, server: ChatServer, locale: str, texts: object
) -> None:
    """At once, marked as stopped; the server is hung up on, and the next question answered."""
    server.script = Script(pieces=words(1000), seconds=0.1)
    page = open_page(address, locale=locale)
    turn = begin(page)
    expect(turn.locator(".kq-answer")).to_contain_text("word5", timeout=60_000)
    stop(page)
    assert server.left.wait(3)
    expect(turn.get_by_text(texts.stopped)).to_be_visible(timeout=3_000)
    expect(turn.locator(".kq-status")).to_be_hidden()
    written = turn.locator(".kq-answer").inner_text()
    keep_screenshot(page, f"stopped-{locale[:2]}")
    server.script = Script(pieces=["At most", " 600 yuan", " [1]."])
    second = ask(page, "And what may a hotel night cost at most?")
    expect(second.locator(".kq-answer")).to_contain_text("600 yuan")
    expect(turn.locator(".kq-answer")).to_contain_text(written[:20])
    expect(turn.get_by_text(texts.stopped)).to_be_visible()


def test_stop_before_the_first_word(open_page: Open, address: str, server: ChatServer) -> None:
    """A model that has not begun is not waited for."""
    server.script = Script(held=threading.Event())
    server.script.held.clear()
    page = open_page(address)
    asked = len(server.asked)
    turn = begin(page)
    while len(server.asked) == asked:  # the search may be over too soon to be seen
        page.wait_for_timeout(50)
    expect(turn.locator(".kq-status")).to_be_visible()
    stop(page)
    assert server.left.wait(3)
    expect(turn.get_by_text(EN.stopped)).to_be_visible(timeout=3_000)
    expect(turn.locator(".kq-answer")).to_have_count(0)


def test_a_switch_of_language_asks_again(open_page: Open, address: str, server: ChatServer) -> None:
    """The answer under way is given up and begun anew; nothing is written twice."""
    server.script = Script(pieces=[SUPPORTED, *words(30)], seconds=0.1)
    page = open_page(address)
    turn = begin(page)
    expect(turn.locator(".kq-answer")).to_contain_text("word2", timeout=60_000)
    page.get_by_text("中文", exact=True).click()
    expect(turn.locator(".kq-sources")).to_be_visible(timeout=60_000)
    assert turn.locator(".kq-answer").inner_text().count("word7 ") == 1
    expect(turn.locator(".kq-speed summary")).to_have_text(ZH.speed)


def test_speed_is_told_on_demand(open_page: Open, address: str, server: ChatServer) -> None:
    """Who wrote the answer is always there; tokens a second when they are asked for."""
    server.script = Script(pieces=["At", " most", " 600", " yuan", " [1]."], seconds=0.1)
    page = open_page(address)
    turn = ask(page, QUESTION)
    expect(turn.locator(".kq-note").filter(has_text="tiny")).to_contain_text(EN.model_note)
    speed = turn.locator(".kq-speed .kq-note")
    expect(speed).to_be_hidden()
    turn.locator(".kq-speed summary").click()
    expect(speed).to_be_visible()
    expect(speed).to_contain_text("tokens/s")
    expect(speed).to_contain_text("tokens read: 100, of which cached: 60, written: 5")
    expect(page.get_by_test_id("stSidebar").get_by_text("tiny")).to_be_visible()
    assert speed.evaluate(CONTRAST) >= 4.5
    keep_screenshot(page, "speed")


def test_what_fails_in_the_middle_is_one_line(
    open_page: Open, address: str, server: ChatServer
) -> None:
    """What was written stays; the line says what to do."""
    server.script = Script(ends="cut")
    turn = begin(open_page(address))
    expect(turn.get_by_role("alert")).to_contain_text("ended the answer in the middle")
    expect(turn.locator(".kq-answer")).to_contain_text("Fifteen days")
