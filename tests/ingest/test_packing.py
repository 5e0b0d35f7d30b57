"""Packing: even chunks, cut where it costs least."""

from hypothesis import given
from hypothesis import strategies as st

from ingest.packing import pack

ROWS = st.lists(
    st.tuples(st.integers(0, 120), st.sampled_from([0.0, 0.05, 0.25, 10.0])), max_size=40
)


def test_what_fits_is_one_chunk() -> None:
    """Nothing is cut that is not larger than the target."""
    assert pack([30, 30, 30], [0.0] * 3, target=100, cap=150) == [(0, 3)]


def test_chunks_are_even() -> None:
    """Ten pieces for chunks of seven make two of five, not seven and three."""
    assert pack([10] * 10, [0.0] * 10, target=70, cap=90) == [(0, 5), (5, 10)]


def test_cuts_go_where_they_cost_least() -> None:
    """A dear boundary is spared for uneven chunks."""
    costs = [0.0, 9.0, 9.0, 9.0, 0.0, 9.0, 0.5, 9.0, 9.0, 9.0]
    assert pack([10] * 10, costs, target=50, cap=90) == [(0, 4), (4, 10)]


@given(ROWS)
def test_partitions(row: list[tuple[int, float]]) -> None:
    """The chunks are all the pieces in order; none is above the cap unless it is one piece."""
    sizes = [size for size, _ in row]
    chunks = pack(sizes, [cost for _, cost in row], target=70, cap=100)
    assert [index for first, last in chunks for index in range(first, last)] == list(
        range(len(row))
    )
    for first, last in chunks:
        assert sum(sizes[first:last]) <= 100 or last - first == 1
