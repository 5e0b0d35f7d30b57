"""The library, the documents beside their answers, quality and system, as a person meets them."""

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from tests.browser.conftest import ingest, served
from tests.browser.test_page import ask, keep_screenshot
from ui.messages import TEXTS
from ui.messages.library import LIBRARY
from ui.messages.quality import QUALITY
from ui.messages.system import SYSTEM

Open = Callable[..., Page]
EN = TEXTS["en"]
BOOKS, GOOD, RUNS = LIBRARY["en"], QUALITY["en"], SYSTEM["en"]

RATES = """\
# Rates

| Town | Yuan a night |
|---|---|
| Beijing | 600 |
| Wuhan | 400 |

A taxi from the airport costs 120 yuan.
"""
MANUAL = "The pump must be oiled every four hundred hours of work."
LAMPS = "# Lamps\n\n" + "\n\n".join(f"Lamp {n} hangs in room {7 * n}." for n in range(100, 300))


def manual() -> bytes:
    """A PDF of two pages; the second says how often to oil the pump."""
    file = io.BytesIO()
    canvas = Canvas(file, A4)
    canvas.setFont("Helvetica-Bold", 20)
    canvas.drawString(72, 760, "Pump manual")
    canvas.setFont("Helvetica", 11)
    canvas.drawString(72, 700, "This manual tells how to care for the pump.")
    canvas.showPage()
    canvas.setFont("Helvetica", 11)
    canvas.drawString(72, 700, MANUAL)
    canvas.drawString(72, 680, "Use oil of grade twelve and wipe off what drips.")
    canvas.showPage()
    canvas.save()
    return file.getvalue()


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("views") / "documents"
    folder.mkdir()
    (folder / "manual.pdf").write_bytes(manual())
    (folder / "rates.md").write_text(RATES, "utf-8")
    (folder / "lamps.md").write_text(LAMPS, "utf-8")
    return folder


@pytest.fixture(scope="module")
def address(documents: Path) -> Iterator[str]:
    """A page over a knowledge base of a PDF and a Markdown file."""
    kb = documents.parent / "kb" / "works"
    ingest(documents, kb=kb)
    with served(kb) as url:
        yield url


def test_the_page_of_a_pdf_beside_its_answer(open_page: Open, address: str) -> None:
    """One click shows the cited page as a picture; pages turn; another click closes it."""
    page = open_page(address)
    turn = ask(page, "How often must the pump be oiled?")
    expect(turn.locator(".kq-answer")).to_contain_text("four hundred hours")
    page.get_by_role("button", name=EN.open_document.format(n=1)).click()
    picture = page.get_by_test_id("stImage").locator("img")
    expect(picture).to_be_visible()
    expect(page.get_by_text(EN.document_page.format(page=2, pages=2), exact=True)).to_be_visible()
    keep_screenshot(page, "document-pdf")
    expect(page.get_by_role("button", name=EN.page_after)).to_be_disabled()
    page.get_by_role("button", name=EN.page_before).click()
    expect(page.get_by_text(EN.document_page.format(page=1, pages=2), exact=True)).to_be_visible()
    page.get_by_role("button", name=EN.close_document).click()
    expect(picture).to_have_count(0)


def test_a_table_beside_its_answer(open_page: Open, address: str) -> None:
    """A Markdown table is drawn as a table, the cited row marked."""
    page = open_page(address)
    ask(page, "What does a night in Beijing cost in yuan?")
    page.get_by_role("button", name=EN.open_document.format(n=1)).click()
    rows = page.locator(".kq-document tr")
    expect(rows).to_have_count(3)
    expect(page.locator(".kq-document mark").filter(has_text="Beijing")).to_be_visible()
    keep_screenshot(page, "document-table")


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_cited_words_are_in_sight(open_page: Open, address: str, *, phone: bool) -> None:
    """However far down its document a cited sentence stands, it is seen when that is opened."""
    page = open_page(address, phone=phone)
    for number, (lamp, room) in enumerate([(167, 1169), (284, 1988)], start=1):
        ask(page, f"Which lamp hangs in room {room}?")
        see = page.get_by_role("button", name=EN.open_document.format(n=1))
        expect(see).to_have_count(number)
        see.last.click()
        mark = page.locator(".kq-document mark").filter(has_text=f"Lamp {lamp}")
        expect(mark).to_be_in_viewport()


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("question", "shown"),
    [
        ("How often must the pump be oiled?", "[data-testid=stImage] img"),
        ("Which lamp hangs in room 1169?", ".kq-document"),
    ],
    ids=["picture", "text"],
)
def test_a_tall_document_keeps_its_head(
    open_page: Open, address: str, question: str, shown: str, *, phone: bool, dark: bool
) -> None:
    """At its end, its name, the way to its other pages and Close are still in sight."""
    page = open_page(address, phone=phone, dark=dark, locale="zh-CN" if dark else "en-US")
    texts = TEXTS["zh" if dark else "en"]
    ask(page, question)
    page.get_by_role("button", name=texts.open_document.format(n=1)).click()
    document = page.locator(shown)
    document.hover()
    page.mouse.wheel(0, 100_000)
    page.wait_for_function(
        "shown => document.querySelector(shown).getBoundingClientRect().bottom < innerHeight",
        arg=shown,
    )
    head = page.locator(".st-key-document-head")
    close = head.get_by_role("button", name=texts.close_document)
    expect(head).to_be_in_viewport(ratio=1)
    expect(head.get_by_role("button")).to_have_count(3 if "Image" in shown else 1)
    name = f"document-{'text' if 'kq' in shown else 'picture'}"
    keep_screenshot(page, f"{name}-{'dark' if dark else 'light'}-{'phone' if phone else 'desktop'}")
    close.click()
    expect(document).to_have_count(0)


def test_a_quoted_row_is_a_table(open_page: Open, address: str) -> None:
    """In the answer itself, under its header; no bars are left."""
    turn = ask(open_page(address), "What does a night in Beijing cost in yuan?")
    table = turn.locator(".kq-answer table").first
    expect(table.locator("th").first).to_have_text("Town")
    expect(table.locator("td").filter(has_text="Beijing")).to_be_visible()
    expect(table).not_to_contain_text("|")


def unfold_conversations(page: Page) -> None:
    """Once what was drawn before is gone: for a moment both stand in the sidebar."""
    heads = page.get_by_text(EN.conversations)
    expect(heads).to_have_count(1, timeout=30_000)
    heads.click()


def test_conversations_are_kept(open_page: Open, address: str) -> None:
    """A reload goes on with the conversation; it is found by a word, left, and forgotten."""
    page = open_page(address)
    question = "What does a taxi from the airport cost?"
    ask(page, question)
    page.reload()
    turn = page.locator(".kq-turn").filter(has_text=question)
    expect(turn.locator(".kq-answer")).to_contain_text("120 yuan")
    page.get_by_role("button", name=EN.new_conversation).click()
    expect(page.locator(".kq-greeting")).to_be_visible()
    unfold_conversations(page)
    search = page.get_by_label(EN.find_conversation)
    search.fill("airport")
    search.press("Enter")
    page.wait_for_timeout(1500)  # milliseconds: the list is drawn again
    page.get_by_role("button", name=question).click()
    expect(turn).to_be_visible(timeout=30_000)
    forget = page.get_by_role("button", name=EN.forget).first
    if not forget.is_visible():
        unfold_conversations(page)
    forget.click()
    page.get_by_role("button", name=EN.forget_sure).click()
    expect(turn).to_have_count(0)


def test_conversations_survive_a_restart(open_page: Open, documents: Path) -> None:
    """The same browser goes on after the page was started again; another one sees nothing."""
    kb = documents.parent / "kb" / "works"
    question = "What does a taxi from the airport cost, again?"
    with served(kb) as url:
        page = open_page(url)
        ask(page, question)
        place = page.url.partition("?")[2]
    with served(kb) as url:
        page.goto(f"{url}/?{place}")
        turn = page.locator(".kq-turn").filter(has_text=question)
        expect(turn.locator(".kq-answer")).to_contain_text("120 yuan", timeout=30_000)
        other = open_page(f"{url}/?{place}")
        expect(other.locator(".kq-greeting")).to_be_visible(timeout=30_000)
        expect(other.locator(".kq-turn")).to_have_count(0)


def test_a_conversation_is_taken_along(open_page: Open, address: str) -> None:
    """As Markdown, with the question, the answer and what it cites."""
    page = open_page(address)
    ask(page, "What does a taxi from the airport cost?")
    page.get_by_role("button", name=EN.export).click()
    with page.expect_download() as download:
        page.get_by_role("button", name=EN.export_markdown).click()
    text = Path(download.value.path()).read_text("utf-8")
    assert text.startswith("# works\n\n## What does a taxi")
    assert "> A taxi from the airport costs 120 yuan." in text


def test_a_thumb_becomes_a_golden_question(open_page: Open, address: str) -> None:
    """An answer is rated, listed among the feedback, and made a question of the evaluation."""
    page = open_page(address)
    question = "How often must the pump be oiled, please?"
    ask(page, question)
    page.get_by_test_id("stFeedbackButton").last.click()
    page.get_by_role("link", name="Quality").click()
    page.get_by_role("tab", name=GOOD.feedback).click()
    entry = page.locator(".kq-files li").filter(has_text=question)
    expect(entry).to_contain_text(re.compile(f"{GOOD.helpful}|{GOOD.unhelpful}"))
    page.get_by_role("button", name=GOOD.make_golden).first.click()
    page.get_by_role("button", name=GOOD.make_golden).last.click()
    expect(entry).to_contain_text(GOOD.is_golden)
    keep_screenshot(page, "feedback")


def test_an_evaluation_from_a_text_file(open_page: Open, address: str, tmp_path: Path) -> None:
    """From a file of questions to a table of what failed, and why, in the browser alone."""
    questions = tmp_path / "mine.txt"
    questions.write_text(
        "What does a taxi cost?\t120 yuan\nHow often is the pump oiled?\tevery nine hours\n",
        "utf-8",
    )
    page = open_page(f"{address}/quality")
    page.locator("input[type=file]").set_input_files(questions)
    page.get_by_role("button", name=GOOD.run, exact=True).click()
    failed = page.locator(".kq-files li").filter(has_text="How often is the pump oiled?")
    expect(failed).to_be_visible(timeout=120_000)
    expect(page.locator(".kq-numbers")).to_contain_text("50 %")
    keep_screenshot(page, "evaluation")


def test_the_system_tells_what_runs(open_page: Open, address: str) -> None:
    """Who answers, the settings with their origins, and what the doctor finds."""
    page = open_page(f"{address}/system")
    expect(page.locator(".kq-facts").last).to_contain_text(RUNS.quote)
    page.get_by_role("button", name=RUNS.doctor_start, exact=True).click()
    expect(page.locator(".kq-files li").first).to_be_visible()
    expect(page.locator(".kq-files")).not_to_contain_text(RUNS.states["needs you"])
    keep_screenshot(page, "system")


def test_a_knowledge_base_from_nothing(open_page: Open, address: str) -> None:
    """Made, filled by dropping files, looked into, asked, renamed and deleted, in the browser."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("inner/travel.md", "# Travel\n\nFirst class needs a director's approval.\n")
    page = open_page(f"{address}/library")
    page.get_by_role("button", name=BOOKS.new).click()
    page.get_by_role("dialog").get_by_label(BOOKS.new_name).fill("新库 7")
    page.get_by_role("button", name=BOOKS.make).click()
    expect(page.get_by_role("heading", name="新库 7")).to_be_visible()
    page.wait_for_timeout(2000)  # milliseconds: the fields are drawn again
    page.locator("input[type=file]").first.set_input_files(
        [
            {"name": "a.zip", "mimeType": "application/zip", "buffer": archive.getvalue()},
            {"name": "broken.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 junk"},
        ]
    )
    page.get_by_role("button", name=BOOKS.start).click()
    verdicts = page.locator(".kq-files li")
    expect(verdicts.filter(has_text="travel.md")).to_contain_text("added", timeout=120_000)
    expect(verdicts.filter(has_text="broken.pdf").first).to_contain_text("failed")
    keep_screenshot(page, "library")
    page.get_by_role("tab", name=BOOKS.search).click()
    search = page.get_by_role("textbox", name=BOOKS.search)
    search.fill("Who approves first class?")
    search.press("Enter")
    expect(page.locator(".kq-files li").filter(has_text="director")).to_be_visible()
    page.get_by_role("tab", name=BOOKS.documents).click()
    page.get_by_role("combobox", name=BOOKS.see).press_sequentially("Travel")
    page.get_by_role("option", name="Travel").click()
    page.get_by_role("button", name=BOOKS.remove, exact=True).click()
    page.get_by_role("button", name=BOOKS.remove_sure, exact=True).click()
    expect(page.locator(".kq-numbers dd").first).to_have_text("0")
    page.get_by_role("button", name=BOOKS.rename).click()
    page.get_by_role("dialog").get_by_label(BOOKS.new_name).fill("renamed")
    page.get_by_role("dialog").get_by_role("button", name=BOOKS.rename).click()
    expect(page.get_by_role("heading", name="renamed")).to_be_visible()
    page.get_by_role("button", name=BOOKS.delete, exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name=BOOKS.delete_sure).click()
    expect(page.get_by_role("heading", name="works")).to_be_visible()


def tab_to(page: Page, wanted: Locator) -> None:
    """Go there by the keyboard alone."""
    expect(wanted).to_be_visible()
    for _ in range(60):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            return
    pytest.fail(f"the keyboard does not reach {wanted}")


def test_the_keyboard_removes_a_document(open_page: Open, tmp_path: Path) -> None:
    """Tab, letters, Space and Enter choose a document, read it again, and remove it when sure."""
    documents, kb = tmp_path / "documents", tmp_path / "kb" / "keys"
    documents.mkdir()
    for name in ("Pumps", "Valves"):
        (documents / f"{name}.md").write_text(f"# {name}\n\nThere are nine of them.\n", "utf-8")
    ingest(documents, kb=kb)
    with served(kb) as url:
        page = open_page(f"{url}/library")
        choice = page.get_by_role("combobox", name=BOOKS.see)
        opened = page.get_by_role("heading", name="Valves", exact=True)
        again, remove, sure, cancel = (
            page.get_by_role("button", name=name, exact=True)
            for name in (BOOKS.read_again, BOOKS.remove, BOOKS.remove_sure, BOOKS.cancel)
        )
        tab_to(page, choice)
        page.keyboard.type("valv")
        page.keyboard.press("Enter")
        expect(opened).to_be_visible()
        (documents / "Valves.md").write_text("# Valves\n\nThere are ten of them.\n", "utf-8")
        tab_to(page, again)
        page.keyboard.press("Enter")
        expect(page.locator(".kq-files li")).to_contain_text("updated", timeout=60_000)
        expect(page.locator(".kq-text")).to_contain_text("ten of them")
        for answer in (cancel, sure):
            tab_to(page, remove)
            page.keyboard.press("Space")
            expect(page.get_by_role("dialog")).to_contain_text(str(documents / "Valves.md"))
            tab_to(page, answer)
            keep_screenshot(page, "remove")
            page.keyboard.press("Enter")
            expect(page.get_by_role("dialog")).to_have_count(0)
            expect(opened).to_have_count(int(answer is cancel))
        expect(page.locator(".kq-numbers dd").first).to_have_text("1")
        assert (documents / "Valves.md").exists()


def test_hostile_names_of_files_stay_names(open_page: Open, address: str, documents: Path) -> None:
    """No upload leaves its folder or becomes markup, and each is told under a harmless name."""
    names = (
        "../../../escaped.md",
        "<script>alert(1)</script>.md",
        "long" * 80 + ".md",
        "\u202edm.md",
    )
    page = open_page(f"{address}/library")
    page.get_by_role("button", name=BOOKS.new).click()
    page.get_by_role("dialog").get_by_label(BOOKS.new_name).fill("hostile")
    page.get_by_role("button", name=BOOKS.make).click()
    expect(page.get_by_role("heading", name="hostile")).to_be_visible()
    page.wait_for_timeout(2000)  # milliseconds: the fields are drawn again
    page.locator("input[type=file]").first.set_input_files(
        [
            {"name": name, "mimeType": "text/markdown", "buffer": f"# File {n}\n\nText.\n".encode()}
            for n, name in enumerate(names)
        ]
    )
    page.get_by_role("button", name=BOOKS.start).click()
    verdicts = page.locator(".kq-files li").filter(has_text="added")
    expect(verdicts).to_have_count(len(names), timeout=120_000)
    home = documents.parent
    assert not [path for path in home.rglob("*escaped.md") if "hostile" not in str(path)]
    assert not list(home.parent.glob("escaped.md"))
    assert not [path for path in home.rglob("*") if {"<", "\u202e"} & set(path.name)]


def test_a_name_that_is_none_is_one_line(open_page: Open, address: str) -> None:
    """What cannot be a folder's name is told, with the remedy, and nothing is made."""
    page = open_page(f"{address}/library")
    page.get_by_role("button", name=BOOKS.new).click()
    page.get_by_role("dialog").get_by_label(BOOKS.new_name).fill("../up")
    page.get_by_role("button", name=BOOKS.make).click()
    expect(page.locator(".kq-problem")).to_contain_text("cannot be the name")


def test_ten_readers_at_once(open_page: Open, address: str) -> None:
    """Ten browsers ask at the same moment: each gets the answer to its own question alone."""
    pages = [open_page(address) for _ in range(10)]
    asked = ["How often must the pump be oiled?", "What does a taxi from the airport cost?"]
    answers = ["four hundred hours", "120 yuan"]
    for number, page in enumerate(pages):
        field = page.get_by_test_id("stChatInputTextArea")
        field.fill(f"{asked[number % 2]} ({number})")
    for page in pages:
        page.get_by_test_id("stChatInputTextArea").press("Enter")
    for number, page in enumerate(pages):
        turns = page.locator(".kq-turn")
        expect(turns).to_have_count(1)
        expect(turns.locator(".kq-answer")).to_contain_text(answers[number % 2], timeout=120_000)
        expect(turns).to_contain_text(f"({number})")


def test_the_keyboard_reaches_every_view(open_page: Open, address: str) -> None:
    """Each is opened by Enter on its name; deleting asks first, and Escape leaves all as it is."""
    page = open_page(address)
    for name in ("System", "Quality", "Library"):
        page.get_by_role("link", name=name).focus()
        page.keyboard.press("Enter")
        page.wait_for_url(f"{address}/{name.lower()}**")
    expect(page.get_by_role("heading", name="works")).to_be_visible()
    page.get_by_role("button", name=BOOKS.delete, exact=True).focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name=BOOKS.delete_sure)).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.reload()
    expect(page.get_by_role("heading", name="works")).to_be_visible()


@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_every_view_fits_every_screen(
    open_page: Open, address: str, *, locale: str, dark: bool, phone: bool
) -> None:
    """Nothing overflows sideways, in either language and theme."""
    look = f"{locale[:2]}-{'dark' if dark else 'light'}-{'phone' if phone else 'desktop'}"
    for view in ("library", "quality", "system"):
        page = open_page(f"{address}/{view}", locale=locale, phone=phone, dark=dark)
        seen = page.locator(".kq-heading:visible, .kq-facts:visible, .kq-note:visible")
        expect(seen.first).to_be_visible(timeout=30_000)
        keep_screenshot(page, f"{look}-{view}")
        page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")
