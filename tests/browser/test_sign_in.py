"""Who is let in where the page asks for sign-in."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import served
from tests.browser.test_page import keep_screenshot
from ui.messages.frame import FRAME

Open = Callable[..., Page]


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
