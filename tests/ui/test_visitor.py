"""Who a signed-in visitor is, and who of them may edit."""

import pytest

from ui.visitor import signed_in

ISSUER = "https://id.example"
EDITORS = ["Ana@office.example"]
ANA = {
    "iss": ISSUER,
    "sub": "17",
    "email": "ana@OFFICE.example",
    "email_verified": True,
    "name": "Ana",
}


def test_an_editor_may_edit() -> None:
    """A mail address of the list may edit, whatever its letters' case."""
    ana = signed_in(ANA, editors=EDITORS)
    assert ana.may_edit
    assert ana.name == "Ana"


@pytest.mark.parametrize(
    "claims",
    [
        {**ANA, "email": "bob@office.example"},
        {**ANA, "email": "ana@office.example.evil.example"},
        {**ANA, "email": ""},
        {**ANA, "email": None},
        {**ANA, "email_verified": False},
        {"iss": ISSUER, "sub": "17", "name": "ana@office.example"},
    ],
    ids=["another", "longer", "empty", "none", "unchecked", "a name is no address"],
)
def test_who_is_no_editor_may_not_edit(claims: dict[str, object]) -> None:
    """Another address, none, or one that the provider has not checked edits nothing."""
    assert not signed_in(claims, editors=EDITORS).may_edit


def test_nobody_edits_where_no_editor_is_named() -> None:
    """An empty list is nobody, and an empty address in it lets nobody in."""
    assert not signed_in(ANA, editors=[]).may_edit
    assert not signed_in({**ANA, "email": ""}, editors=[""]).may_edit


def test_visitors_are_told_apart_by_their_provider_s_number() -> None:
    """Another number or another provider is another visitor; a new name is the same one."""
    ana = signed_in(ANA, editors=EDITORS).id
    assert signed_in({**ANA, "name": "Ana B.", "email": "new@x.example"}, editors=[]).id == ana
    assert signed_in({**ANA, "sub": "18"}, editors=EDITORS).id != ana
    assert signed_in({**ANA, "iss": "https://other.example"}, editors=EDITORS).id != ana
