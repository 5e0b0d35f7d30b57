"""The wire: documents cross between processes as plain values."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import wire
from ingest.archives import Member
from ingest.document import Block, BlockKind, EmptyDocument, Parsed, UnsupportedFormat
from ingest.formats.lines import Line
from ingest.task import Answer, Job, Listing, Reading, Task, Unread
from kb_qa.errors import ParseError

TEXT = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)
BLOCKS = st.builds(
    Block,
    st.sampled_from(BlockKind),
    TEXT,
    st.integers(0, 9),
    st.none() | st.integers(1, 99),
    st.booleans(),
)
DOCUMENTS = st.builds(
    Parsed,
    TEXT,
    st.lists(BLOCKS, min_size=1).map(tuple),
    st.none() | st.integers(1, 99),
    st.lists(TEXT).map(tuple),
    st.integers(0, 9),
)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
LINES = st.lists(
    st.builds(Line, TEXT, *[NUMBERS] * 5, st.booleans(), st.booleans()), max_size=3
).map(tuple)
DIGESTS = st.binary(min_size=32, max_size=32).map(bytes.hex)
PLACES = st.lists(st.integers(0, 99), min_size=1).map(tuple)
NAMES = st.lists(st.from_regex(r"\A[\w一-龥][\w .-]*\Z"), min_size=1, max_size=3).map("/".join)
ANSWERS = st.one_of(
    DOCUMENTS,
    st.builds(Unread, st.dictionaries(st.integers(0, 999), DIGESTS, min_size=1)),
    st.builds(Reading, LINES, st.floats(0, 1)),
    st.builds(Listing, st.lists(st.builds(Member, PLACES, NAMES, DIGESTS)).map(tuple)),
)
TASKS = st.builds(
    Task,
    st.binary(min_size=1).filter(lambda name: 0 not in name).map(os.fsdecode).map(Path),
    TEXT,
    PLACES | st.just(()),
    st.sampled_from(Job),
    st.integers(0, 99),
    st.booleans(),
    st.dictionaries(st.integers(0, 99), LINES),
)


@given(ANSWERS)
def test_answers_round_trip(answer: Answer) -> None:
    """What is written on one side is read on the other, on one line."""
    line = wire.encode(answer)
    assert line.count(b"\n") == 1
    assert wire.decode(line) == answer


@given(TASKS)
def test_tasks_round_trip(task: Task) -> None:
    """File names are bytes, and come through as they are."""
    line = wire.encode_task(task)
    assert line.count(b"\n") == 1
    assert wire.decode_task(line) == task


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
        {"title": "t", "blocks": [], "pages": None, "warnings": [], "unread_pages": 0},
        {
            "title": "t",
            "blocks": [["table", 5, 0, None, False]],
            "pages": None,
            "warnings": [],
            "unread_pages": 0,
        },
        {
            "title": "t",
            "blocks": [["script", "x", 0, None, False]],
            "pages": None,
            "warnings": [],
            "unread_pages": 0,
        },
        {
            "title": "t",
            "blocks": [["table", "\ud800", 0, None, False]],
            "pages": None,
            "warnings": [],
            "unread_pages": 0,
        },
        {
            "title": "t",
            "blocks": [["table", "x", 0, "1", False]],
            "pages": None,
            "warnings": [],
            "unread_pages": 0,
        },
        {
            "title": "t",
            "blocks": [["table", "x", True, None, False]],
            "pages": None,
            "warnings": [],
            "unread_pages": 0,
        },
        {"unread": []},
        {"unread": [["1", "ab"]]},
        {"unread": [[1, "no digest"]]},
        {"members": [[[0], "../a.txt", "", ""]]},
        {"members": [[[0], "/a.txt", "", ""]]},
        {"members": [[[0], "a\x1b.txt", "", ""]]},
        {"members": [[[], "a.txt", "", ""]]},
        {"lines": [["text", 1, 2, 3, 4, 5, False, False]], "confidence": 1.0},
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
