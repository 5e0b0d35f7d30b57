"""The text at a cited place: marked where it is cited, tables as tables, nothing obeyed."""

import re

from hypothesis import given
from hypothesis import strategies as st

from ui.text_markup import one_line, place_markup, rows_of, text_markup

TABLE = "Rates\n\n| Town | Yuan |\n|---|---|\n| Beijing | 600 |\n| Wuhan \\| old | 400 |\n\nEnd."


def test_the_cited_words_are_marked() -> None:
    """Over a line's end too, and nothing else."""
    text = "One line.\nThe cited\nwords stand here."
    drawn = place_markup(text, 14, 25)
    assert re.findall("<mark>(.*?)</mark>", drawn, re.DOTALL) == ["cited\nwords"]


def test_a_table_is_a_table() -> None:
    """Its first row is a header, a bar within a cell stays one, and the cited row is marked."""
    begin = TABLE.index("| Beijing")
    drawn = place_markup(TABLE, begin, begin + len("| Beijing | 600 |"))
    assert drawn.count("<tr>") == 3
    assert "<th>Town</th><th>Yuan</th>" in drawn
    assert re.findall("<mark>(.*?)</mark>", drawn) == ["Beijing", "600"]
    assert "<td>Wuhan | old</td>" in drawn
    assert "---" not in drawn


def test_a_passage_amid_a_table_has_its_header() -> None:
    """The header that was left behind stands above the rows; its rule is drawn nowhere."""
    drawn = text_markup("| Beijing | 600 |\n| Wuhan | 400 |", header="| Town | Yuan |")
    assert drawn.index("<th>Town</th>") < drawn.index("<td>Beijing</td>")
    assert drawn.count("<tr>") == 3


def test_a_table_on_one_line_has_dots_between_its_cells() -> None:
    """What is shown at a glance is no thicket of bars."""
    assert one_line(TABLE) == "Rates Town · Yuan Beijing · 600 Wuhan | old · 400 End."


def test_rows_come_with_their_header() -> None:
    """Pairs of cells, from a table's own header or the one that it was given."""
    assert list(rows_of(TABLE)) == [
        (["Town", "Yuan"], ["Beijing", "600"]),
        (["Town", "Yuan"], ["Wuhan | old", "400"]),
    ]
    assert list(rows_of("| Rome | 3 |", header="| A | B |")) == [(["A", "B"], ["Rome", "3"])]
    assert list(rows_of("no table | at all")) == []


def test_a_long_document_is_cut_at_lines() -> None:
    """What is drawn is what stands around the place, whole lines of it."""
    text = "\n".join(f"line {n} of a long document" for n in range(2000))
    begin = text.index("line 1000 ")
    drawn = place_markup(text, begin, begin + 9)
    assert "<mark>line 1000</mark>" in drawn
    assert len(drawn) < 12_000
    assert drawn.split(">", 1)[1].startswith("line ")


@given(st.text(alphabet="ab|-\n<>&\"' :\\", max_size=200), st.integers(0, 200), st.integers(0, 50))
def test_a_document_s_markup_is_text(text: str, begin: int, length: int) -> None:
    """Whatever it holds, the only tags on the page are ours."""
    drawn = place_markup(text, begin, begin + length)
    tags = set(re.findall("<[^>]*>", drawn))
    ours = {"<mark>", "</mark>", "<table>", "</table>", "<tr>", "</tr>", "<td>", "</td>", "</div>"}
    ours |= {"<th>", "</th>", '<div class="kq-document" dir="auto">', '<div class="kq-table">'}
    assert tags <= ours
    assert "<a>" not in tags
