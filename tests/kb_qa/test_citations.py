"""Citation numbers as models write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_qa.citations import cited_numbers, replace_citations


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Two. [1]", [1]),
        ("Two. [2][1] Three. [2]", [2, 1]),
        ("Two. [1, 2]", [1, 2]),
        ("两年［1］，三年【2】。", [1, 2]),
        ("两年［1、３］。", [1, 3]),
        ("两年[资料 1][资料2，3]", [1, 2, 3]),
        ("Two [passage 1].", [1]),
        ("a[0] = b[x], [2024], [1-3], (1), 1", [0]),
        ("[1】 ［2]", []),
    ],
)
def test_every_way_to_write_them_is_understood(text: str, numbers: list[int]) -> None:
    """ASCII and wide brackets, one number or several; anything else is text."""
    assert cited_numbers(text) == numbers


def test_a_lone_number_is_replaced_with_its_brackets() -> None:
    """Of several in one pair of brackets, each by itself."""
    found = replace_citations("a [1] b ［2、3］", lambda text, n: f"<{n}:{text}>")
    assert found == "a <1:[1]> b ［<2:2>、<3:3>］"


@given(st.text())
def test_replacing_by_itself_changes_nothing(text: str) -> None:
    """Whatever the text is."""
    assert replace_citations(text, lambda found, _: found) == text
