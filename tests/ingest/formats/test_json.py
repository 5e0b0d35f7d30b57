"""JSON: every key and value is kept, in a form that people read."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.document import Block, BlockKind
from ingest.formats.json import parse, parse_lines
from kb_qa.errors import ParseError


def blocks(value: object) -> list[tuple[str, str]]:
    data = json.dumps(value, ensure_ascii=False).encode()
    return [(block.kind.value, block.text) for block in parse(data, name="x").blocks]


def test_objects_are_sections() -> None:
    """Plain values are lines with their keys, objects sections under theirs."""
    value = {
        "title": "员工手册",
        "rules": {"days": 5, "paid": True},
        "tags": ["a", "b"],
        "by": None,
    }
    parsed = parse(json.dumps(value).encode(), name="x")
    assert parsed.title == "员工手册"
    assert parsed.blocks == (
        Block(BlockKind.LIST, "- title: 员工手册\n- tags: a, b\n- by: null"),
        Block(BlockKind.HEADING, "rules", 1),
        Block(BlockKind.LIST, "- days: 5\n- paid: true"),
    )


def test_flat_records_are_a_table() -> None:
    """A list of objects without depth has a column for each key, those missing left empty."""
    value = {"rows": [{"name": "甲", "price": 3}, {"name": "乙", "price": 4.50, "note": "x|y"}]}
    assert blocks(value) == [
        ("heading", "rows"),
        (
            "table",
            "| name | price | note |\n| --- | --- | --- |\n| 甲 | 3 |  |\n| 乙 | 4.5 | x\\|y |",
        ),
    ]


def test_records_with_depth_are_sections() -> None:
    """Each is called by its own title, or by the list's key and its number."""
    value = {
        "books": [{"title": "A", "pages": [{"n": 1, "t": "x"}, {"n": 2, "t": "y"}]}, {"b": {}}]
    }
    assert blocks(value) == [
        ("heading", "books"),
        ("heading", "A"),
        ("list", "- title: A"),
        ("heading", "pages"),
        ("table", "| n | t |\n| --- | --- |\n| 1 | x |\n| 2 | y |"),
        ("heading", "books 2"),
        ("list", "- b: {}"),
    ]


def test_long_texts_are_paragraphs() -> None:
    """A text of several paragraphs is not squeezed into a line or a cell."""
    text = "第一段。" * 100
    assert blocks({"text": f"{text}\n\nsecond"}) == [
        ("paragraph", f"text: {text}"),
        ("paragraph", "second"),
    ]
    assert [kind for kind, _ in blocks([{"t": text, "n": 1}, {"t": text, "n": 2}])] == [
        *("heading", "paragraph", "list") * 2,
    ]


def test_numbers_and_double_keys_stay_as_written() -> None:
    """No digit is rounded away, and of two values of one key none is lost."""
    data = b'{"n": 12345678901234567890123.10, "e": 1E400, "k": 1, "k": 2}'
    (block,) = parse(data, name="x").blocks
    assert block.text == "- n: 12345678901234567890123.10\n- e: 1E400\n- k: 1\n- k: 2"


def test_lines_of_json() -> None:
    """A value a line makes a table too; a broken line is kept, and counted."""
    data = b'{"a": 1, "b": 2}\n\n{"a": 3, "b": 4}\n{"a": 5, "b"\n'
    parsed = parse_lines(data, name="x")
    assert [block.text for block in parsed.blocks] == [
        "| a | b |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |",
        '{"a": 5, "b"',
    ]
    assert parsed.warnings == ("lines that are not JSON, kept as they are: 1",)
    assert parse(b'{"a": 1, "b": 2}\n{"a": 3, "b": 4}\n', name="x").blocks == parsed.blocks[:1]


@pytest.mark.parametrize("data", [b"{", b"<html></html>", b'{"a": 1,}', b'{"a": 1} x', b"nothing"])
def test_what_is_not_json_is_refused(data: bytes) -> None:
    """The reason names the line and the column."""
    with pytest.raises(ParseError, match=r"not JSON.*line 1 column"):
        parse(data, name="x")
    with pytest.raises(ParseError, match="not JSON in lines"):
        parse_lines(data, name="x")


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("read", [parse, parse_lines])
def test_endless_nesting_is_refused(opening: str, read) -> None:
    """A hundred thousand levels end in a reason, closed or not."""
    for closing in ("", ("]" if opening == "[" else "}") * 100_000):
        with pytest.raises(ParseError, match="nested too deep"):
            read((opening * 100_000 + "1" * bool(closing) + closing).encode(), name="x")


def test_deep_nesting_is_read() -> None:
    """What can be read is written, whatever its depth."""
    deep: object = "the end"
    for level in range(200):
        deep = {"k": deep, "n": level} if level % 2 else [deep, {"x": [level]}]
    assert "the end" in parse(json.dumps(deep).encode(), name="x").text


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab 年\n|", max_size=300),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab年", max_size=3), inner),
    max_leaves=20,
)


@given(VALUES)
def test_no_word_is_lost(value: object) -> None:
    """Whatever the shape, each word of each text is there."""
    parsed = parse(json.dumps(value).encode(), name="x")
    text = parsed.text.replace("\\|", "|")
    for word in words_of(value):
        assert word in text


def words_of(value: object) -> list[str]:
    if isinstance(value, dict):
        return [word for key, inner in value.items() for word in [*key.split(), *words_of(inner)]]
    if isinstance(value, list):
        return [word for inner in value for word in words_of(inner)]
    return str(value).split() if isinstance(value, str | int) and value not in (True, False) else []


def test_time_grows_with_the_file() -> None:
    """A hundred thousand records, flat or with depth, take seconds."""
    began = time.process_time()
    parse(json.dumps([{"a": n, "b": str(n)} for n in range(100_000)]).encode(), name="x")
    parse(json.dumps([{"a": n, "b": {"c": n}} for n in range(50_000)]).encode(), name="x")
    assert time.process_time() - began < 15
