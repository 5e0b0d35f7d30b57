"""What of an answer may be a link: addresses that somebody named."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_qa.links import defused

KNOWN = "The form is at https://example.org/form?id=7, the desk at www.example.org."


@pytest.mark.parametrize(
    "text",
    [
        "See https://example.org/form?id=7.",
        "See [the form](https://example.org/form?id=7) [1].",
        "It takes 30 days [1], or 40 [1, 2] (as written).",
        "a[i](x) is no link, nor is a:b, 12:30 or a //comment",
        "www.example.org",
    ],
)
def test_what_a_passage_names_stays(text: str) -> None:
    """Letter for letter; citations and code are no links."""
    assert defused(text, [KNOWN, "a[i](x)"]) == text


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("![a](https://evil.example/?q=b)", "! [a] (https[:]//evil.example/?q=b)"),
        ("![a [b](c)](https://evil.example)", "! [a [b](c)] (https[:]//evil.example)"),
        ("![](https://example.org/form?id=7)", "! [](https://example.org/form?id=7)"),
        ("![a][1]\n\n[1]: //evil.example/p", "! [a][1]\n\n[1] : //evil.example/p"),
        ("[here](https://evil.example/b).", "[here] (https[:]//evil.example/b)."),
        ("See https://evil.example/b.", "See https[:]//evil.example/b."),
        ("See https://example.org/form?id=7&q=a", "See https[:]//example.org/form?id=7&q=a"),
        ("[x](javascript:alert)", "[x] (javascript:alert)"),
        ("[x]( <//evil.example/a b>)", "[x] ( <//evil.example/a b>)"),
        ("www.evil.example", "www[.]evil.example"),
        (
            "https://a.example/?u=https://b.example:80",
            "https[:]//a.example/?u=https[:]//b.example:80",
        ),
        ('<img src="//evil.example/p">', '< img src="//evil.example/p">'),
        ('<a href="https://evil.example">', '<a href="https[:]//evil.example">'),
        ("见https://evil.example/机密。", "见https[:]//evil.example/机密。"),
        ("[a](https://ev\u200bil.example/)", "[a] (https[:]//evil.example/)"),
    ],
)
def test_what_nobody_named_is_no_link(text: str, result: str) -> None:
    """Nor is any picture: who shows an answer would fetch it unasked."""
    assert defused(text, [KNOWN]) == result


pieces = st.lists(
    st.sampled_from(
        [
            "![",
            "[",
            "]",
            "(",
            ")",
            "<img ",
            ">",
            "https://a.b/c",
            "//x",
            "`",
            " ",
            "\n",
            "1",
            "data:x",
        ]
    )
).map("".join)


@given(pieces)
def test_no_picture_and_no_strange_address_is_left(text: str) -> None:
    """Whatever an answer is made of; and what was defused once is harmless."""
    once = defused(text, [])
    assert not re.search(r"!\[|<img", once)
    assert re.sub(r"[\s\[\]]", "", once) == re.sub(r"[\s\[\]]", "", text)
    assert "https://a" not in once
    assert defused(once, []) == once


@pytest.mark.parametrize("piece", ["![", "[a](", "<img ", "https://", "`", "[a]:", "//"])
def test_no_answer_takes_long(piece: str) -> None:
    """Time grows with the text alone."""
    began = time.process_time()
    defused(piece * (100_000 // len(piece)), [KNOWN])
    assert time.process_time() - began < 5
