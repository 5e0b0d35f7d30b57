"""An answer taken apart: sentences, what claims, and what cites."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_qa.statements import statements

TEXTS = st.text(alphabet="ab1 .。,[]［］【】、\n|-#`9", max_size=80)


def squeezed(text: str) -> str:
    return "".join(text.split())


@given(TEXTS)
def test_they_hold_all_that_is_neither_space_nor_citation(text: str) -> None:
    """In order, none over another; and their offsets are where they stand."""
    found = statements(text, of=3)
    done = 0
    for each in found:
        assert done <= each.start < each.end <= len(text)
        done = each.end
        marks = [mark for mark in each.marks if each.start <= mark.start < each.end]
        bare = text[each.start : each.end]
        for mark in reversed(marks):
            bare = bare[: mark.start - each.start] + bare[mark.end - each.start :]
        assert squeezed(bare) == squeezed(each.text)


@given(TEXTS)
def test_each_mark_belongs_to_one_sentence_at_most(text: str) -> None:
    """Its brackets are in the text where it says."""
    marks = [mark for each in statements(text, of=3) for mark in each.marks]
    assert len({mark.start for mark in marks}) == len(marks)
    assert all(text[mark.start] in "[［【" and text[mark.end - 1] in "]］】" for mark in marks)


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("One is two. [1] Three is four. [2]", [(1,), (2,)]),
        ("One is two[1]. Three is four[2][3].", [(1,), (2, 3)]),
        ("一是二［1］，三是四【2】。五是六。[3]", [(1, 2), (3,)]),
        ("One is two. [1]\n\n- [2] Three is four.", [(1,), (2,)]),
        ("[1] One is two.", [(1,)]),
        ("Use `a[1]` or x[42]. [2]", [(2,)]),
        ("One is two. [99]", [(99,)]),
    ],
)
def test_a_citation_belongs_to_the_sentence_before_it(
    text: str, cited: list[tuple[int, ...]]
) -> None:
    """Unless it opens a line; indexes of code are none."""
    assert [each.cited for each in statements(text, of=3)] == cited


@pytest.mark.parametrize(
    "text",
    [
        *(
            "# Annual leave",
            "**Annual leave**",
            "According to the documents:",
            "根据资料：",
            "Sure!",
        ),
        *(
            "Hello, here it is.",
            "好的。",
            "Is that so?",
            "```\nx = 12 # years\n```",
            "---",
            "| --- | --- |",
        ),
        *("Nothing in this knowledge base answers that.", "这个知识库里没有能回答这个问题的内容。"),
    ],
)
def test_what_claims_nothing(text: str) -> None:
    """Headings, greetings, announcements, questions, code, rules, refusals."""
    assert not any(each.claims for each in statements(text, of=3))


def test_rows_claim_and_their_header_does_not() -> None:
    """Each row is a statement of its own."""
    table = "| what | how long |\n|---|---|\n| leave | 15 days |\n| notice | 2 weeks |"
    assert [each.text for each in statements(table, of=3) if each.claims] == [
        "| leave | 15 days |",
        "| notice | 2 weeks |",
    ]
