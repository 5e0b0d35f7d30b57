"""Table rows know their header."""

from kb_qa.tables import header_of, is_header, is_row

TEXT = (
    "Intro.\n\n| Room | Seats |\n|---|---|\n| A1 | 8 |\n| A2 | 12 |\n\n"
    "| Other | x |\n|---|---|\n| o | 1 |"
)


def test_a_row_has_the_first_row_of_its_own_table_as_header() -> None:
    """Tables of one passage are not mixed up."""
    assert header_of(TEXT, TEXT.index("| A1")) == "| Room | Seats |"
    assert header_of(TEXT, TEXT.index("| A2")) == "| Room | Seats |"
    assert header_of(TEXT, TEXT.index("| o ")) == "| Other | x |"


def test_what_is_no_later_row_has_none() -> None:
    """Neither a table's first row nor a sentence."""
    assert header_of(TEXT, TEXT.index("| Room")) == ""
    assert header_of(TEXT, 0) == ""
    assert not is_row("Intro.")


def test_a_header_stands_on_its_rule() -> None:
    """The row above `|---|` is the header, no other."""
    assert is_header(TEXT, TEXT.index("| Room"))
    assert not is_header(TEXT, TEXT.index("| A1"))
    assert not is_header(TEXT, 0)
