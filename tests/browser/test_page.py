"""The page as a person meets it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import SCREENSHOTS, TRAVEL, ingest, served
from ui.messages import TEXTS

Open = Callable[..., Page]
EN, ZH = TEXTS["en"], TEXTS["zh"]
QUESTIONS = {"zh-CN": "未用完的年假可以顺延吗？", "en-US": "What may a night in a hotel cost?"}
ANSWERS = {"zh-CN": "顺延到次年三月底", "en-US": "at most 600 yuan"}


def ask(page: Page, question: str) -> Locator:
    """Ask; gives the turn that answers, once its sources are there."""
    field = page.get_by_test_id("stChatInputTextArea")
    field.fill(question)
    field.press("Enter")
    turn = page.locator(".kq-turn").filter(has_text=question)
    expect(turn.locator(".kq-sources")).to_be_visible(timeout=60_000)
    return turn


def keep_screenshot(page: Page, name: str) -> None:
    """For a person to look at."""
    SCREENSHOTS.mkdir(exist_ok=True)
    page.wait_for_timeout(400)  # milliseconds: what moves has come to rest
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def test_the_first_question_after_the_start(open_page: Open, address: str) -> None:
    """Models may still be loading: the question waits and is answered, without an error."""
    turn = ask(open_page(address), QUESTIONS["en-US"])
    expect(turn.locator(".kq-answer")).to_contain_text(ANSWERS["en-US"])
    expect(turn.locator(".kq-problem")).to_have_count(0)
    expect(turn.locator(".kq-note")).to_contain_text(EN.quote_note)


def test_a_number_opens_its_passage(open_page: Open, address: str) -> None:
    """A click on [1] shows the passage, its file and headings, the answering words marked."""
    turn = ask(open_page(address), QUESTIONS["en-US"])
    passage = turn.locator(".kq-passage").first
    expect(passage).to_be_hidden()
    turn.locator("a.kq-number").first.click()
    expect(passage).to_be_visible()
    expect(passage.locator("mark")).to_contain_text(ANSWERS["en-US"])
    expect(passage).to_contain_text("Breakfast is included.")
    expect(passage.locator(".kq-file")).to_contain_text("travel.md")
    expect(turn.locator(".kq-card summary").first).to_contain_text("Hotels")


@pytest.mark.parametrize("way", ["hover", "focus"])
def test_a_number_shows_its_passage_at_a_glance(open_page: Open, address: str, way: str) -> None:
    """Under the pointer or the keyboard's focus the passage stands beside its number, unopened."""
    page = open_page(address)
    turn = ask(page, QUESTIONS["en-US"])
    number = turn.locator("a.kq-number").first
    glance = "each => getComputedStyle(each, '::after').content"
    assert "Breakfast" not in number.evaluate(glance)
    number.hover() if way == "hover" else page.keyboard.press("Tab")
    if way == "focus":
        number.focus()
    assert "Breakfast is included." in number.evaluate(glance)
    expect(turn.locator(".kq-passage").first).to_be_hidden()
    keep_screenshot(page, f"glance-{way}")


@pytest.mark.parametrize("locale", sorted(QUESTIONS))
def test_a_click_asks_what_is_suggested(open_page: Open, address: str, locale: str) -> None:
    """Below the last answer stand questions in its language that these documents answer."""
    page = open_page(address, locale=locale)
    ask(page, QUESTIONS[locale])
    suggested = page.locator(".st-key-follow-ups button").first
    expect(suggested).to_be_visible()
    keep_screenshot(page, f"follow-ups-{locale}")
    suggested.click()
    turns = page.locator(".kq-turn")
    expect(turns).to_have_count(2)
    expect(turns.last.locator(".kq-sources")).to_be_visible(timeout=60_000)
    expect(turns.last.locator("a.kq-number").first).to_be_visible()


def test_the_keyboard_is_enough(open_page: Open, address: str) -> None:
    """Tab reaches the number, Enter opens its passage."""
    page = open_page(address)
    turn = ask(page, QUESTIONS["en-US"])
    turn.locator("a.kq-number").first.focus()
    page.keyboard.press("Enter")
    expect(turn.locator(".kq-passage").first).to_be_visible()
    turn.locator("summary").first.focus()
    page.keyboard.press("Space")
    expect(turn.locator(".kq-passage").first).to_be_hidden()


def test_an_opened_passage_stays_open(open_page: Open, address: str) -> None:
    """A further question leaves the earlier answer as it was."""
    page = open_page(address)
    first = ask(page, QUESTIONS["en-US"])
    first.locator("a.kq-number").first.click()
    ask(page, QUESTIONS["zh-CN"])
    expect(first.locator(".kq-passage").first).to_be_visible()


def test_a_question_comes_into_sight(open_page: Open, address: str) -> None:
    """Wherever the reader had scrolled to, the new answer can be seen when it comes."""
    page = open_page(address, phone=True)
    for n in range(1, 5):
        last = ask(page, f"{QUESTIONS['en-US']} ({n})")
        last.locator("summary").first.click()
    page.mouse.move(200, 300)
    page.mouse.wheel(0, -9000)
    expect(last).not_to_be_in_viewport()
    expect(ask(page, QUESTIONS["zh-CN"]).locator(".kq-note")).to_be_in_viewport()


def test_the_browser_s_language_and_the_switch(open_page: Open, address: str) -> None:
    """A Chinese browser gets a Chinese page; the switch holds over a reload."""
    page = open_page(address, locale="zh-CN")
    expect(page.get_by_role("heading", name=ZH.greeting)).to_be_visible()
    page.get_by_text("English", exact=True).click()
    expect(page.get_by_role("heading", name=EN.greeting)).to_be_visible()
    assert page.url.endswith("?lang=en")
    page.reload()
    expect(page.get_by_role("heading", name=EN.greeting)).to_be_visible()


def test_sessions_are_apart(open_page: Open, address: str) -> None:
    """What one reader asks, another does not see."""
    ask(open_page(address), QUESTIONS["en-US"])
    other = open_page(address)
    expect(other.get_by_role("heading", name=EN.greeting)).to_be_visible()
    expect(other.locator(".kq-turn")).to_have_count(0)


def test_what_is_indexed(open_page: Open, address: str) -> None:
    """The list can be opened, filtered and closed."""
    page = open_page(address)
    page.get_by_role("button", name=EN.indexed).click()
    files = page.locator(".kq-files li")
    expect(files).to_have_count(2)
    keep_screenshot(page, "indexed")
    filter_field = page.get_by_label(EN.indexed_filter)
    filter_field.fill("手册")
    filter_field.press("Enter")
    expect(files).to_have_count(1)
    page.keyboard.press("Escape")
    expect(files).to_have_count(0)


def test_hostile_documents_stay_text(open_page: Open, address: str) -> None:
    """Markup in a document, its title or its file name is shown, not obeyed."""
    page = open_page(address)
    page.get_by_test_id("stSelectbox").get_by_role("combobox").click()
    page.get_by_role("option", name="untrusted").click()
    expect(page.get_by_role("heading", name=EN.greeting)).to_be_visible()
    turn = ask(page, "What is the password of the coffee machine <b>?")
    turn.locator("summary").first.click()
    for text in (
        "![x](http://evil.example/x.png)",
        "</mark></blockquote></details><h1>forged</h1>",
    ):
        expect(turn.locator(".kq-passage").first).to_contain_text(text)
    expect(turn.locator(".kq-file").first).to_contain_text("a [b](javascript:alert(4)) **c**.txt")
    expect(turn.locator("img, script, b, h1, [onerror]")).to_have_count(0)
    assert turn.locator("a").evaluate_all("links => links.every(a => a.hash.startsWith('#source'))")
    keep_screenshot(page, "hostile")


def test_several_are_asked_as_one(open_page: Open, address: str) -> None:
    """What is chosen beside the knowledge base answers too, and opens in its own document."""
    page = open_page(address)
    page.get_by_test_id("stMultiSelect").get_by_role("combobox").click()
    page.get_by_role("option", name="untrusted").click()
    page.keyboard.press("Escape")
    turn = ask(page, "What is the password of the coffee machine?")
    expect(turn.locator(".kq-card summary").first).to_contain_text("untrusted")
    page.get_by_role("button", name=EN.open_document.format(n=1)).click()
    expect(page.locator(".kq-document mark").first).to_contain_text("password")
    keep_screenshot(page, "several")


def test_an_answer_can_be_copied(open_page: Open, address: str) -> None:
    """The text stands in a block of its own, with where its citations stand."""
    page = open_page(address)
    ask(page, QUESTIONS["en-US"])
    page.get_by_role("button", name=EN.copy).click()
    block = page.get_by_test_id("stPopoverBody").get_by_test_id("stCode")
    expect(block).to_contain_text(ANSWERS["en-US"])
    expect(block).to_contain_text("travel.md")
    keep_screenshot(page, "copy")


def test_no_knowledge_base_yet(open_page: Open, tmp_path: Path) -> None:
    """The page says the one command to run, and opens by itself when it was run."""
    kb, documents = tmp_path / "kb", tmp_path / "documents"
    with served(kb) as address:
        page = open_page(address, locale="zh-CN")
        expect(page.get_by_role("heading", name=ZH.missing)).to_be_visible()
        expect(page.get_by_test_id("stCode")).to_contain_text(f"-m ingest data/docs --kb {kb}")
        keep_screenshot(page, "missing")
        documents.mkdir()
        (documents / "travel.md").write_text(TRAVEL, "utf-8")
        ingest(documents, kb=kb)
        expect(page.get_by_role("heading", name=ZH.greeting)).to_be_visible()
        turn = ask(page, QUESTIONS["en-US"])
        expect(turn.locator(".kq-answer")).to_contain_text(ANSWERS["en-US"])


@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_it_fits_every_screen(
    open_page: Open, address: str, *, locale: str, dark: bool, phone: bool
) -> None:
    """Nothing overflows sideways, and the text stands out from its ground."""
    page = open_page(address, locale=locale, dark=dark, phone=phone)
    name = f"{locale[:2]}-{'dark' if dark else 'light'}-{'phone' if phone else 'desktop'}"
    expect(page.locator(".kq-greeting")).to_be_visible()
    keep_screenshot(page, f"{name}-start")
    turn = ask(page, QUESTIONS[locale])
    turn.locator("a.kq-number").first.click()
    expect(turn.locator("mark").first).to_be_visible()
    keep_screenshot(page, f"{name}-answer")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for part in (".kq-answer", ".kq-note", "mark", ".kq-place"):
        assert turn.locator(part).first.evaluate(CONTRAST) >= 4.5, part


CONTRAST = """element => {
  const context = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const grounds = [];
  for (let each = element; each; each = each.parentElement)
    grounds.unshift(getComputedStyle(each).backgroundColor);
  const painted = colours => {
    for (const colour of colours) { context.fillStyle = colour; context.fillRect(0, 0, 1, 1); }
    const linear = [...context.getImageData(0, 0, 1, 1).data].slice(0, 3).map(
      value => value / 255 <= 0.04045 ? value / 255 / 12.92
                                      : ((value / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const ground = painted(grounds);
  const text = painted([getComputedStyle(element).color]);
  return (Math.max(ground, text) + 0.05) / (Math.min(ground, text) + 0.05);
}"""
"""The contrast of an element's text as WCAG 2 counts it; 4.5 is its level AA."""
