"""Sentences: where they begin and end."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_qa.sentences import sentence_spans


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    "expected",
    [
        ["年假有几天？", "入职满一年为五天。", "满十年为十天！"],
        ["他说：“你好。”", "她没有回答。"],
        ["“好！”，他说。", "然后走了。"],
        ["「什麼時候？」", "他問。"],
        ["设备停机；", "蜂鸣器鸣响。"],
        ["他（真的吗？）走了。", "《你好吗？》是一本书。"],
        ["他想……还是算了。", "“我不知道……”", "她说。"],
        ["你好吗?", "我很好!", "真的."],
        ["版本3.11发布于2022年。", "见第3.2节。"],
        ["価格はいくらですか。", "千円です。"],
        ["मैं घर जाता हूँ।", "वह आता है।"],
    ],
)
def test_chinese_and_its_neighbours(expected: list[str]) -> None:
    """Full-width marks end sentences, with the quotes they close; brackets do not."""
    assert sentences("".join(expected)) == expected


@pytest.mark.parametrize(
    "expected",
    [
        ["Mr. Smith met Dr. J. R. Brown at 3.5 p.m. in the U.S. Capitol.", "He left."],
        ["It runs on Python 3.11, e.g. from https://x.org/a.b?c=d.", "See main.py for more."],
        ["See Fig. 3, vol. 2 and No. 5.", "No.", "That is wrong."],
        ['"Really?" he asked.', "Yes!", "It works (see above.)", "Then it ends."],
        ["It was found in 1999.[12]", "The next one came later."],
        ["Acme Inc. Boston was chosen.", "The plan is B.", "It holds."],
        ["Wait...", "He said that... and left."],
        ["Yahoo! is a company.", "What?", "Nothing."],
    ],
)
def test_english(expected: list[str]) -> None:
    """Abbreviations, initials, decimals, versions, addresses and file names are no ends."""
    assert sentences(" ".join(expected)) == expected


@pytest.mark.parametrize(
    "expected",
    [
        ["Am 3. Oktober 1990 war es z. B. so weit, d. h. sehr spät.", "Vgl. Abb. 3 und Nr. 5."],
        ["Im 19. Jahrhundert lebte er ca. zehn Jahre bzw. länger in St. Gallen.", "Er starb dort."],
        ["„Er kam.“", "Sie ging.", "»Wohin?«", "Fort."],
        ["¿Qué dice el Sr. García?", "¡Hola!", "La pág. 5 no lo dice."],
        ["Vive en EE. UU. desde 1999.", "Es la Dra. Ruiz."],
        ["M. Dupont arrive.", "Il repart."],
    ],
)
def test_other_latin_languages(expected: list[str]) -> None:
    """German, Spanish and French abbreviations, ordinals and quotes."""
    assert sentences(" ".join(expected)) == expected


def test_a_single_newline_is_no_end() -> None:
    """Text that was wrapped at a column reads on."""
    assert sentences("This sentence\ngoes on.\n\nA new one\n这是\n软换行。") == [
        "This sentence\ngoes on.",
        "A new one\n这是\n软换行。",
    ]


def test_items_and_rows_are_lines() -> None:
    """List items, table rows and indented lines end with their line."""
    text = "As follows\n- one\n- two\nwrapped\n1. three\n| a | b |\n| c | d |\n    code\nafter"
    assert sentences(text) == [
        "As follows",
        "- one",
        "- two\nwrapped",
        "1. three",
        "| a | b |",
        "| c | d |",
        "code",
        "after",
    ]


TEXTS = st.text(
    st.sampled_from("ab。！？；…”」（）.!? \n\t-|1，的“\"'[]第A") | st.characters(), max_size=80
)


@given(TEXTS)
def test_sentences_cover_the_text(text: str) -> None:
    """Spans are in order, do not overlap, begin and end in no space, and leave only space."""
    spans = sentence_spans(text)
    left, end_before = [], 0
    for start, end in spans:
        assert end_before <= start < end
        assert text[start:end] == text[start:end].strip()
        left.append(text[end_before:start])
        end_before = end
    left.append(text[end_before:])
    assert not "".join(left).strip()


@pytest.mark.parametrize(
    "unit", ["\n", ".", ". ", "\n    ", "a.b.", "”", "。”", "1. ", "[1", " \n"]
)
def test_time_is_linear(unit: str) -> None:
    """Four times the text takes about four times as long, whatever it is made of."""

    def seconds(count: int) -> float:
        began = time.process_time()
        sentence_spans(unit * count)
        return time.process_time() - began

    seconds(1000)
    few = min(seconds(4_000) for _ in range(3))
    assert seconds(16_000) < 12 * few + 0.05
