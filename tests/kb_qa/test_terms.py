"""Terms: what the word side of retrieval can match."""

from hypothesis import given
from hypothesis import strategies as st

from kb_qa.terms import contained, mass, question_terms, terms


def test_spaced_scripts_give_lower_cased_words() -> None:
    """Words of scripts with spaces are matched whole, whatever their case."""
    assert terms("Ingest Größe Привет, E-04!") == ["ingest", "größe", "привет", "e", "04"]


def test_unspaced_scripts_give_overlapping_pairs() -> None:
    """Chinese is matched by pairs of characters, a lone one by itself."""
    assert terms("年假有几天") == ["年假", "假有", "有几", "几天"]
    assert terms("为") == ["为"]


def test_scripts_are_parted_first() -> None:
    """A Latin name inside Chinese text is a word of its own."""
    assert terms("在GPU上运行") == ["在", "gpu", "上运", "运行"]


def test_full_width_and_half_width_match() -> None:
    """The same letter in another width is the same letter."""
    assert terms("ＸＶＥＲＳＥ－７Ｂ") == terms("XVERSE-7B")


def test_both_spellings_of_chinese_match() -> None:
    """Traditional characters are the terms that simplified ones are, also where some are sought."""
    assert terms("臺灣的圖書館") == terms("台湾的图书馆")
    assert question_terms("請問圖書館有幾層？") == question_terms("请问图书馆有几层？")
    assert contained("臺灣的圖書館", ["图书", "书馆", "图馆"]) == {"图书", "书馆"}


def test_what_only_asks_is_no_term_of_a_question() -> None:
    """An answer does not repeat "how many" or "多少"; a question of nothing else keeps it."""
    assert question_terms("How many days of leave do I have?") == ["days", "leave"]
    assert question_terms("年假有多少天？") == ["年假", "假有", "天"]
    assert question_terms("为什么？") == terms("为什么？")


@given(st.text())
def test_any_text_has_terms_without_spaces(text: str) -> None:
    """No term is empty or holds white space: the index parts terms by it."""
    assert all(term and not any(letter.isspace() for letter in term) for term in terms(text))


@given(st.text(), st.text())
def test_mass_is_bounded(question: str, text: str) -> None:
    """The mass lies between 0 and 1, and is 1 for a text that holds the whole question."""
    idf = dict.fromkeys(terms(question), 1.5)
    assert 0 <= mass(set(terms(text)), idf) <= 1
    assert not idf or mass(set(terms(question)), idf) == 1


MIXED = st.text(alphabet="ab1年假國国有々ー Éß_-ＧＰ.\n한국")


@given(MIXED | st.text(), MIXED | st.text(), st.lists(MIXED, max_size=3))
def test_contained_terms_are_those_of_the_text(text: str, other: str, odd: list[str]) -> None:
    """Looking for some terms in a text finds what making all its terms would find."""
    wanted = {*terms(other), *terms(text)[::2], *odd}
    assert contained(text, wanted) == wanted & set(terms(text))
