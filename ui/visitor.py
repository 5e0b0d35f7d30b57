"""Who is at the page, and what they may do.

Without sign-in the page serves this machine, and a visitor is a browser: a cookie with a
number that nobody can guess. With sign-in it is whom the provider says it is.
"""

import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import streamlit as st

from kb_qa.settings import Settings

_COOKIE = "kb_qa_browser"
_KEY = "browser"
_SHAPE = re.compile(r"[\w-]{22,64}")
_YEAR = 365 * 24 * 3600

_REMEMBER = """<script>
  document.cookie = "{cookie}={number}; path=/; max-age={age}; SameSite=Strict";
</script>"""


@dataclass(frozen=True)
class Visitor:
    """One who asks.

    Attributes:
        id: what is theirs is kept under it.
        name: as the page greets them; empty without sign-in.
        may_edit: whether they may add and delete documents.
    """

    id: str
    name: str
    may_edit: bool


def visitor(settings: Settings) -> Visitor | None:
    """Who is here; None if one must sign in first."""
    if not settings.sign_in:
        return Visitor(f"browser {_browser()}", "", may_edit=True)
    if not st.user.get("is_logged_in"):  # absent where no provider is set up
        return None
    return signed_in(st.user, editors=settings.editors)


def signed_in(claims: Mapping[str, object], *, editors: Collection[str]) -> Visitor:
    """Whom the provider's claims name; they may edit if their mail address is an editor's."""
    mail = str(claims.get("email") or "")
    # A mail address that the provider has not checked is only what somebody says.
    is_theirs = bool(mail) and claims.get("email_verified", True) is not False
    return Visitor(
        f"user {claims.get('iss', '')} {claims.get('sub') or mail}",
        str(claims.get("name") or mail),
        may_edit=is_theirs and mail.casefold() in {each.casefold() for each in editors},
    )


def _browser() -> str:
    """The number of this browser; one that has none is given one, and keeps it for a year."""
    known = str(st.context.cookies.get(_COOKIE, ""))
    if _SHAPE.fullmatch(known):
        return known
    number: str = st.session_state.setdefault(_KEY, secrets.token_urlsafe(24))
    # A number of our own, of letters that mean nothing to a browser: nothing else is put in.
    st.html(
        _REMEMBER.format(cookie=_COOKIE, number=number, age=_YEAR), unsafe_allow_javascript=True
    )
    return number
