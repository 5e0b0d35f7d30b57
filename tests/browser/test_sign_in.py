"""Who is let in where the page asks for sign-in."""

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from playwright._impl._api_structures import SetCookieParam
from playwright.sync_api import Page, expect
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from tests.browser.conftest import served
from tests.browser.test_page import keep_screenshot
from ui.messages.frame import FRAME
from ui.messages.library import LIBRARY

Open = Callable[..., Page]
BOOKS = LIBRARY["en"]
COOKIE_SECRET = "a secret of the tests alone, of many letters"
SECRETS = f"""\
[auth]
redirect_uri = "http://127.0.0.1:8700/oauth2callback"
cookie_secret = "{COOKIE_SECRET}"
client_id = "kb-qa"
client_secret = "none"
server_metadata_url = "http://127.0.0.1:1/.well-known/openid-configuration"
"""


def test_sign_in_without_a_provider(
    open_page: Open, knowledge_bases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line tells the remedy; no view, document or field for a question is shown."""
    monkeypatch.setenv("KB_QA_SIGN_IN", "true")
    with served(knowledge_bases / "office") as address:
        for view in ("", "/library", "/quality", "/system"):
            page = open_page(f"{address}{view}")
            expect(page.locator(".kq-problem")).to_have_text(FRAME["en"].sign_in_missing)
            expect(page.get_by_test_id("stChatInputTextArea")).to_have_count(0)
            expect(page.locator(".kq-files, .kq-facts")).to_have_count(0)
        keep_screenshot(page, "sign-in")


def test_sign_in_offers_the_provider_or_says_what_it_takes(
    open_page: Open, knowledge_bases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the extra there is a button; without it one line says what to install."""
    secrets = tmp_path / "secrets.toml"
    secrets.write_text(SECRETS, "utf-8")
    monkeypatch.setenv("KB_QA_SIGN_IN", "true")
    monkeypatch.setenv("STREAMLIT_SECRETS_FILES", str(secrets))
    with served(knowledge_bases / "office") as address:
        page = open_page(address)
        if find_spec("authlib"):
            button = page.get_by_role("button", name=FRAME["en"].sign_in, exact=True)
            expect(button).to_be_visible(timeout=60_000)
        else:
            expect(page.locator(".kq-problem")).to_have_text(FRAME["en"].sign_in_extra)


def test_who_is_no_editor_adds_and_deletes_nothing(
    open_page: Open, knowledge_bases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A visitor whom the provider knows, but the list of editors does not, may look and ask."""
    secrets = tmp_path / "secrets.toml"
    secrets.write_text(SECRETS, "utf-8")
    monkeypatch.setenv("KB_QA_SIGN_IN", "true")
    monkeypatch.setenv("KB_QA_EDITORS", '["ana@office.example"]')
    monkeypatch.setenv("STREAMLIT_SECRETS_FILES", str(secrets))
    with served(knowledge_bases / "office") as address:
        for mail, may_edit in (("bob@office.example", False), ("ana@office.example", True)):
            page = open_page("about:blank")
            page.context.add_cookies([session_of(mail, address)])
            page.goto(f"{address}/library")
            expect(page.locator(".kq-numbers")).to_be_visible(timeout=60_000)
            count = int(may_edit)
            for name in (BOOKS.new, BOOKS.rename, BOOKS.delete):
                expect(page.get_by_role("button", name=name, exact=True)).to_have_count(count)
            expect(page.get_by_text(BOOKS.add, exact=True)).to_have_count(count)
            expect(page.get_by_text(FRAME["en"].read_only)).to_have_count(1 - count)
            keep_screenshot(page, f"library-{'editor' if may_edit else 'reader'}")


def session_of(mail: str, address: str) -> SetCookieParam:
    """The cookie that Streamlit sets once a provider has said who somebody is."""
    claims = {"iss": "https://id.example", "sub": mail, "name": mail, "email": mail}
    told = json.dumps({"origin": address, "is_logged_in": True, **claims})
    signed = create_signed_value(COOKIE_SECRET, USER_COOKIE_NAME, told).decode()
    return {"name": USER_COOKIE_NAME, "value": signed, "url": address}
