"""Two spellings of a text compare."""

from hypothesis import given
from hypothesis import strategies as st

from kb_qa.simplified import simplified

HAN = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF))


def test_traditional_characters_compare_as_simplified_ones() -> None:
    """Rare ones too, and those of Taiwan and Hong Kong; Latin and kana stay."""
    assert simplified("臺灣的鬱鬯與綫裝書 XVERSE がく") == "台湾的郁鬯与线装书 XVERSE がく"
    assert simplified("看著") == simplified("看着")


@given(st.text() | HAN)
def test_no_character_moves(text: str) -> None:
    """Offsets in the one are offsets in the other, whatever the text: lone surrogates too."""
    assert len(simplified(text)) == len(text)


@given(st.text() | HAN)
def test_what_is_simplified_stays_so(text: str) -> None:
    """A simplified text compares with itself: no pair leads on to another one."""
    assert simplified(simplified(text)) == simplified(text)
