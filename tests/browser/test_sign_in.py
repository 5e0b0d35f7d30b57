"""Who is let in where the page asks for sign-in."""

import os
from collections.abc import Callable, Iterator
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from jinja2 import ChoiceLoader, DictLoader
from playwright.sync_api import Page, expect
from werkzeug.serving import make_server

from tests.browser.conftest import served
from tests.browser.test_page import ANSWERS, QUESTIONS, ask, keep_screenshot
from tests.browser.test_views import unfold_conversations
from ui.messages.frame import FRAME
from ui.messages.library import LIBRARY

Open = Callable[..., Page]
TITLES, BOOKS = FRAME["en"], LIBRARY["en"]
QUESTION = QUESTIONS["en-US"]

ANA, BOB, MALLORY = "ana@office.example", "bob@office.example", "mallory@elsewhere.example"
CLAIMS: dict[str, dict[str, object]] = {
    ANA: {"name": "Ana Alba", "email": ANA, "email_verified": True},
    BOB: {"name": "Bob Bauer", "email": BOB, "email_verified": True},
    MALLORY: {"name": "Mallory", "email": ANA, "email_verified": False},
}

# The provider's own frame fetches a stylesheet from another host.
BARE = "<!doctype html><main>{% block content %}{% endblock %}</main>"

# The page takes the next free port; Streamlit puts it for {port}.
SECRETS = """\
[auth]
redirect_uri = "http://127.0.0.1:{port}/oauth2callback"
cookie_secret = "a secret of the tests alone, of many letters"
client_id = "kb-qa"
client_secret = "none"
server_metadata_url = "PROVIDER/.well-known/openid-configuration"
"""


def provide(told: Connection) -> None:
    """Serve as a provider of OpenID Connect; tells its port."""
    import oidc_provider_mock

    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # a provider elsewhere has https
    users = [oidc_provider_mock.User(sub=each, claims=CLAIMS[each]) for each in CLAIMS]
    application = oidc_provider_mock.app(user_claims=users)
    application.jinja_loader = ChoiceLoader(
        [DictLoader({"_base.html": BARE}), application.jinja_loader]
    )
    server = make_server("127.0.0.1", 0, application, threaded=True)
    told.send(server.server_port)
    server.serve_forever()


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """The address of a provider, as its own process: it warns of its own library's old names."""
    here, there = Pipe()
    process = get_context("spawn").Process(target=provide, args=[there], daemon=True)
    process.start()
    there.close()
    yield f"http://127.0.0.1:{here.recv()}"
    process.terminate()
    process.join()


@pytest.fixture(scope="module")
def address(
    knowledge_bases: Path, provider: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a page that lets in whom the provider knows; Ana is its editor."""
    secrets = tmp_path_factory.mktemp("secrets") / "secrets.toml"
    secrets.write_text(SECRETS.replace("PROVIDER", provider), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KB_QA_SIGN_IN", "true")
        patch.setenv("KB_QA_EDITORS", f'["{ANA}"]')
        patch.setenv("STREAMLIT_SECRETS_FILES", str(secrets))
        with served(knowledge_bases / "office") as url:
            yield url


def go_to_the_provider(page: Page) -> None:
    page.get_by_role("button", name=TITLES.sign_in, exact=True).click()
    expect(page.get_by_role("heading", name="Authorize Client")).to_be_visible()


def sign_in(page: Page, who: str) -> None:
    """At the provider, and back."""
    go_to_the_provider(page)
    page.get_by_placeholder("sub").fill(who)
    page.get_by_role("button", name="Authorize", exact=True).click()
    expect(page.get_by_text(str(CLAIMS[who]["name"]), exact=True)).to_be_visible(timeout=60_000)


def expect_only_the_sign_in(page: Page) -> None:
    """Nothing of the documents, no field to ask about them, no traceback."""
    expect(page.get_by_text(TITLES.sign_in_note)).to_be_visible(timeout=60_000)
    expect(page.get_by_test_id("stChatInputTextArea")).to_have_count(0)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.locator(".kq-files, .kq-facts, .kq-numbers, .kq-turn")).to_have_count(0)


def test_sign_in_without_a_provider(
    open_page: Open, knowledge_bases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line tells the remedy; no view, document or field for a question is shown."""
    monkeypatch.setenv("KB_QA_SIGN_IN", "true")
    with served(knowledge_bases / "office") as address:
        for view in ("", "/library", "/quality", "/system"):
            page = open_page(f"{address}{view}")
            expect(page.locator(".kq-problem")).to_have_text(TITLES.sign_in_missing)
            expect_only_the_sign_in(page)
        keep_screenshot(page, "sign-in-missing")


def test_a_visit_from_sign_in_to_sign_out(open_page: Open, address: str) -> None:
    """The provider's word lets one in to ask; signed out, one sees nothing of the documents."""
    page = open_page(address)
    expect_only_the_sign_in(page)
    keep_screenshot(page, "sign-in")
    sign_in(page, ANA)
    assert page.url.startswith(address)
    expect(ask(page, QUESTION).locator(".kq-answer")).to_contain_text(ANSWERS["en-US"])
    keep_screenshot(page, "signed-in")
    asked = page.url
    page.get_by_role("button", name=TITLES.sign_out, exact=True).click()
    page.get_by_role("button", name="End session", exact=True).click()
    expect_only_the_sign_in(page)
    for place in (asked, f"{address}/library", f"{address}/quality", f"{address}/system"):
        page.goto(place)
        expect_only_the_sign_in(page)
    expect(page.get_by_role("button", name=TITLES.sign_in, exact=True)).to_be_visible()


@pytest.mark.parametrize(
    ("who", "may_edit"),
    [(ANA, True), (BOB, False), (MALLORY, False)],
    ids=["ana", "bob", "mallory"],
)
def test_who_is_no_editor_adds_and_deletes_nothing(
    open_page: Open, address: str, who: str, *, may_edit: bool
) -> None:
    """Whom the list of editors lacks, or who only claims an editor's address, may look and ask."""
    page = open_page(address)
    sign_in(page, who)
    page.goto(f"{address}/library")
    expect(page.locator(".kq-numbers")).to_be_visible(timeout=60_000)
    count = int(may_edit)
    for name in (BOOKS.new, BOOKS.rename, BOOKS.delete):
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(count)
    expect(page.get_by_text(BOOKS.add, exact=True)).to_have_count(count)
    expect(page.get_by_text(TITLES.read_only)).to_have_count(1 - count)
    keep_screenshot(page, f"library-{'editor' if may_edit else 'reader'}")


def test_conversations_are_whose_who_asked(open_page: Open, address: str) -> None:
    """In any browser one finds one's own conversations, and in none another's."""
    asked, places = {BOB: f"{QUESTION} (Bob)", ANA: f"{QUESTION} (Ana)"}, {}
    for who, question in asked.items():
        page = open_page(address)
        sign_in(page, who)
        ask(page, question)
        places[who] = page.url
    for who, other in ((ANA, BOB), (BOB, ANA)):
        page = open_page(address)
        sign_in(page, who)
        unfold_conversations(page)
        expect(page.get_by_role("button", name=asked[who])).to_be_visible()
        expect(page.get_by_role("button", name=asked[other])).to_have_count(0)
        page.goto(places[who])
        expect(page.locator(".kq-turn").filter(has_text=asked[who])).to_be_visible()
        page.goto(places[other])
        expect(page.locator(".kq-greeting")).to_be_visible()
        expect(page.locator(".kq-turn")).to_have_count(0)


def test_who_is_refused_stays_at_the_sign_in(open_page: Open, address: str) -> None:
    """Whether the provider refuses or its word is forged; the next try lets in."""
    page = open_page(address)
    go_to_the_provider(page)
    page.get_by_role("button", name="Deny", exact=True).click()
    expect_only_the_sign_in(page)
    page.goto(f"{address}/oauth2callback?code=forged&state=forged")
    expect_only_the_sign_in(page)
    sign_in(page, BOB)
