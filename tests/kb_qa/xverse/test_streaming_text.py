"""From tokens to pieces of text."""

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_qa.xverse.streaming_text import StreamingText
from kb_qa.xverse.tokenizer import Tokenizer
from kb_qa.xverse.tokenizer_files import patched_tokenizer
from tests.kb_qa.xverse.official import SPECIAL_TOKENS, legacy_tokenizer

TINY = Tokenizer(patched_tokenizer(legacy_tokenizer()), SPECIAL_TOKENS)
STEPS = st.lists(st.lists(st.integers(0, 1300), max_size=4))
STOPS = st.lists(st.text("ab", min_size=1, max_size=4), max_size=3)


def pieces_of(steps: list[list[int]], *stops: str) -> list[str]:
    """As a reader of the engine takes them: nothing after a stop string."""
    streaming = StreamingText(TINY, stops)
    pieces = []
    for step in steps:
        pieces.append(streaming.add(step))
        if streaming.stopped:
            return pieces
    return [*pieces, streaming.end()]


def singly(text: str) -> list[list[int]]:
    return [[token] for token in TINY.encode(text)]


@given(STEPS)
def test_the_pieces_are_the_text_of_all_tokens(steps: list[list[int]]) -> None:
    """Also of tokens that make no sense, in steps of any size."""
    assert "".join(pieces_of(steps)) == TINY.decode([*chain(*steps)])


@given(
    st.text() | st.sampled_from(["a  ", "text", "👩‍👩‍👧 ", "e\u0301", "\N{REPLACEMENT CHARACTER}x"])
)
def test_no_piece_ends_within_a_character(text: str) -> None:
    """A character comes when its last token does, and none is lost, a space at the end least."""
    pieces = pieces_of(singly(text))
    whole = text.replace("▁", " ")
    assert "".join(pieces) == whole
    assert "".join(pieces).count("\N{REPLACEMENT CHARACTER}") == whole.count(
        "\N{REPLACEMENT CHARACTER}"
    )


def test_a_character_of_four_tokens_comes_whole() -> None:
    """And at once, not with the next one."""
    assert pieces_of(singly("😀")) == ["", "", "", "😀", ""]


def test_the_rest_of_a_broken_character_comes_at_the_end() -> None:
    """An answer cut off within a character says so."""
    assert pieces_of(singly("😀")[:2]) == ["", "", "\N{REPLACEMENT CHARACTER}"]


def test_letters_of_the_end_of_text_are_text() -> None:
    """The reference's own streaming eats them: `text`, `end` and `<|` are words too."""
    for text in ("the end of text", "a<|", "ends in t ", "endoftext|>"):
        assert "".join(pieces_of(singly(text), "<|endoftext|>")) == text


@given(st.text("abc", max_size=12), STOPS, st.data())
def test_the_cut_is_where_the_first_stop_string_is_complete(
    text: str, stops: list[str], data: st.DataObject
) -> None:
    """In whatever pieces the text comes."""
    steps, rest = [], [token for step in singly(text) for token in step]
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        steps.append(rest[:size])
        rest = rest[size:]
    assert "".join(pieces_of(steps, *stops)) == _cut(text, stops)


def _cut(text: str, stops: list[str]) -> str:
    for end in range(len(text) + 1):
        complete = [stop for stop in stops if text[:end].endswith(stop)]
        if complete:
            return text[: end - max(map(len, complete))]
    return text


@pytest.mark.parametrize("size", [1, 2, 4, 5])
def test_a_stop_string_within_another_is_complete_first(size: int) -> None:
    """A model that writes a token at a time would have ended there."""
    tokens = [token for step in singly("xabab") for token in step]
    steps = [tokens[at : at + size] for at in range(0, len(tokens), size)]
    assert "".join(pieces_of(steps, "abab", "ba")) == "xa"


@given(st.text("abc", max_size=12), STOPS)
def test_no_piece_holds_a_part_of_the_stop_string(text: str, stops: list[str]) -> None:
    """What was shown never has to be taken back."""
    shown = ""
    for piece in pieces_of(singly(text), *stops):
        shown += piece
        assert _cut(text, stops).startswith(shown)


def test_text_is_held_back_only_while_it_could_be_a_stop_string() -> None:
    """The reader waits for nothing else."""
    streaming = StreamingText(TINY, ["\n\nQ"])
    fed = [streaming.add(TINY.encode(part)) for part in ("a", "\n", "b", "\n", "\n", "c")]
    assert fed == ["a", "", "\nb", "", "", "\n\nc"]


@pytest.mark.parametrize("text", ["one STOP two", "one STOP"])
def test_nothing_comes_after_a_stop_string(text: str) -> None:
    """Not even of the same step."""
    streaming = StreamingText(TINY, ["STOP"])
    assert streaming.add(TINY.encode(text)) == "one "
    assert streaming.stopped
    assert streaming.add(TINY.encode("more")) + streaming.end() == ""
