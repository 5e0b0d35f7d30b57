"""The wire: documents cross between processes as plain values."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import wire
from ingest.document import Block, BlockKind, EmptyDocument, Parsed, UnsupportedFormat
from kb_qa.errors import ParseError

TEXT = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)
BLOCKS = st.builds(
    Block,
    st.sampled_from(BlockKind),
    TEXT,
    st.integers(0, 9),
    st.none() | st.integers(1, 99),
)
DOCUMENTS = st.builds(
    Parsed,
    TEXT,
    st.lists(BLOCKS, min_size=1).map(tuple),
    st.none() | st.integers(1, 99),
    st.lists(TEXT).map(tuple),
)


@given(DOCUMENTS)
def test_documents_round_trip(parsed: Parsed) -> None:
    """What is written on one side is read on the other, on one line."""
    line = wire.encode(parsed)
    assert line.count(b"\n") == 1
    assert wire.decode(line) == parsed


@pytest.mark.parametrize("kind", [ParseError, EmptyDocument, UnsupportedFormat])
def test_errors_round_trip(kind: type[ParseError]) -> None:
    """Why a file gave no document is known by kind and reason."""
    error = wire.decode(wire.encode(kind("a reason")))
    assert (type(error), str(error)) == (kind, "a reason")


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"error": "SystemExit", "reason": 5},
        {"title": "t", "blocks": [], "pages": None, "warnings": []},
        {"title": "t", "blocks": [["table", 5, 0, None]], "pages": None, "warnings": []},
        {"title": "t", "blocks": [["script", "x", 0, None]], "pages": None, "warnings": []},
        {"title": "t", "blocks": [["table", "\ud800", 0, None]], "pages": None, "warnings": []},
        {"title": "t", "blocks": [["table", "x", 0, "1"]], "pages": None, "warnings": []},
        {"title": "t", "blocks": [["table", "x", True, None]], "pages": None, "warnings": []},
    ],
)
def test_lines_of_another_shape_are_refused(value: object) -> None:
    """A parser that was taken over gets no values of its own making through."""
    result = wire.decode(json.dumps(value).encode() + b"\n")
    assert type(result) is ParseError
    assert "SystemExit" not in str(result)


@given(st.binary())
def test_any_bytes_are_answered(line: bytes) -> None:
    """Bytes that are no JSON are an error of the parser, not of the program."""
    assert isinstance(wire.decode(line), ParseError)
