"""Passages that touch are one, with true offsets and pages."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from kb_qa.answer import Source
from kb_qa.neighbours import joined

TEXT = "".join(chr(ord("一") + number) for number in range(60))
PAGES = ((0, 1), (13, 2), (20, 3), (41, 4))


def page_at(offset: int) -> int:
    return max(number for begin, number in PAGES if begin <= offset)


def passage(start: int, end: int, *, key: int = 0, **told: object) -> Source:
    breaks = tuple(each for each in PAGES if start < each[0] < end)
    source = Source(
        key, "/a.pdf", "A", TEXT[start:end], start, end, page=page_at(start), breaks=breaks
    )
    return replace(source, **told)  # type: ignore[arg-type]


SPANS = st.lists(
    st.tuples(st.integers(0, 59), st.integers(1, 15)).map(lambda two: (two[0], sum(two))),
    max_size=7,
    unique=True,
)


@given(SPANS)
def test_what_is_joined_is_the_documents_text(spans: list[tuple[int, int]]) -> None:
    """Every joined text is its document's between its offsets, and every page of it is true.

    Nothing found goes, nothing comes to it, and the first still begins with the best.
    """
    sources = [
        passage(start, min(end, 60), key=key, score=-key) for key, (start, end) in enumerate(spans)
    ]
    found = joined(sources)
    for each in found:
        assert each.text == TEXT[each.start : each.end]
        for offset in range(each.start, each.end):
            assert each.page_at(offset) == page_at(offset)
    before, after = (
        {place for each in some for place in range(each.start, each.end)}
        for some in (sources, found)
    )
    assert after == before
    assert [each.id for each in found] == sorted(each.id for each in found)
    assert [each.score for each in found] == [-each.id for each in found]


def test_neighbours_stand_where_the_better_stood() -> None:
    """The one between two brings all three together; a passage elsewhere stays by itself."""
    sources = [
        passage(20, 30, key=1, score=0.9),
        passage(50, 55, key=2, score=0.8),
        passage(0, 10, key=3, score=0.7),
        passage(10, 20, key=4, score=0.6),
    ]
    found = joined(sources)
    assert [(each.id, each.start, each.end, each.score) for each in found] == [
        (1, 0, 30, 0.9),
        (2, 50, 55, 0.8),
    ]


def test_a_long_run_stays_in_pieces() -> None:
    """No more than three become one: a prompt takes a passage whole or not at all."""
    found = joined([passage(10 * n, 10 * n + 10, key=n) for n in range(5)])
    assert [(each.start, each.end) for each in found] == [(0, 30), (30, 50)]


def test_only_what_is_one_text_is_joined() -> None:
    """Offsets that meet by chance do not: of other documents, bases, sections, or tables."""
    first = passage(0, 10)
    for other in ({"source": "/b.pdf"}, {"kb": "b"}, {"heading": ("H",)}, {"context": "| other |"}):
        assert len(joined([first, passage(10, 20, key=1, **other)])) == 2, other
    assert len(joined([first, passage(11, 20, key=1)])) == 2, "what is between is not known"


def test_rows_join_the_table_that_has_their_header() -> None:
    """Rows that stand under a header elsewhere belong to the passage that holds this header."""
    first = passage(0, 10)
    (found,) = joined([passage(10, 20, key=1, context=TEXT[2:6]), first])
    assert (found.text, found.context) == (TEXT[:20], "")


def test_what_is_said_of_one_holds_for_both() -> None:
    """Scanned if any of it is; the other places are those where all of it stands."""
    first = passage(0, 10, also=("/b.pdf", "/c.pdf"))
    second = passage(10, 20, key=1, also=("/c.pdf", "/d.pdf"), scanned=True)
    (found,) = joined([first, second])
    assert found.scanned
    assert found.also == ("/c.pdf",)
