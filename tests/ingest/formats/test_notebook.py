"""Notebooks: prose, code and results in their order."""

import json
import time

import pytest

from ingest.formats.notebook import parse
from kb_qa.errors import ParseError


def notebook(*cells: dict[str, object]) -> bytes:
    return json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}).encode()


def blocks(data: bytes) -> list[tuple[str, str]]:
    return [(block.kind.value, block.text) for block in parse(data, name="x").blocks]


def code(source: object, *outputs: dict[str, object]) -> dict[str, object]:
    return {"cell_type": "code", "source": source, "outputs": list(outputs)}


def test_cells_in_their_order() -> None:
    """Prose keeps its headings and lists, code is a listing; the first heading is the title."""
    data = notebook(
        {"cell_type": "markdown", "source": ["# 销量分析\n", "\n", "- 一\n- 二"]},
        code("x = 1\n\nprint(x)\n", {"output_type": "stream", "text": ["1\n", "2\n"]}),
        {"cell_type": "raw", "source": "as is"},
    )
    assert parse(data, name="x").title == "销量分析"
    assert blocks(data) == [
        ("heading", "销量分析"),
        ("list", "- 一\n- 二"),
        ("code", "x = 1\n\nprint(x)"),
        ("code", "1\n2"),
        ("code", "as is"),
    ]


def test_results() -> None:
    """A data frame is a table, other results their text, an error its traceback without colours."""
    frame = "<div><table><tr><th></th><th>a</th></tr><tr><th>0</th><td>5</td></tr></table></div>"
    data = notebook(
        code("", {"data": {"text/html": frame, "text/plain": "   a\n0  5"}}),
        code("", {"data": {"text/html": "<b>42</b>", "text/plain": "42"}}),
        code("", {"ename": "E", "traceback": ["\x1b[0;31mZeroDivisionError\x1b[0m", "by zero"]}),
        code("", {"output_type": "stream", "text": " 10%|#\r 50%|###\r100%|######\ndone"}),
    )
    assert blocks(data) == [
        ("table", "|  | a |\n| --- | --- |\n| 0 | 5 |"),
        ("code", "42"),
        ("code", "ZeroDivisionError\nby zero"),
        ("code", "100%|######\ndone"),
    ]


def test_what_is_not_kept_is_counted() -> None:
    """Pictures, attached or drawn, and the rest of long outputs."""
    data = notebook(
        {"cell_type": "markdown", "source": "text", "attachments": {"a.png": {}}},
        code("plot()", {"data": {"image/png": "iVBOR", "text/plain": "<Figure>"}}),
        code("log()", {"output_type": "stream", "text": "line\n" * 5000}),
    )
    parsed = parse(data, name="x")
    assert parsed.warnings == (
        "pictures and interactive outputs that were not read: 2",
        "long outputs of which only the beginning was kept: 1",
    )
    assert len(parsed.blocks[-1].text) <= 5000


def test_notebooks_of_version_3() -> None:
    """Their cells stand in worksheets, and headings are cells."""
    cells = [
        {"cell_type": "heading", "level": 2, "source": "Old"},
        {"cell_type": "code", "input": "1 + 1", "outputs": [{"text": "2", "png": "iVBOR"}]},
    ]
    data = json.dumps({"worksheets": [{"cells": cells}], "nbformat": 3}).encode()
    assert blocks(data) == [("heading", "Old"), ("code", "1 + 1"), ("code", "2")]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"{", "not a notebook"),
        (b"[1]", "no list of cells"),
        (b'{"a": 1}', "no list of cells"),
        (b"[" * 100_000, "nested too deep"),
    ],
)
def test_what_is_no_notebook_is_refused(data: bytes, reason: str) -> None:
    """Other JSON, broken or endless, under a notebook's name."""
    with pytest.raises(ParseError, match=reason):
        parse(data, name="x")


@pytest.mark.parametrize("value", [None, 1, "text", [1, None], {"a": 1}, [{"source": 5}], [[[]]]])
def test_fields_of_any_type_are_borne(value: object) -> None:
    """A field that is no text is passed over."""
    for cell in ({"source": value}, code(value, {"data": value}), code("x", {"text": value})):
        assert isinstance(blocks(notebook(cell)), list)


def test_time_grows_with_the_file() -> None:
    """A progress bar's million states take no longer than as much text."""
    began = time.process_time()
    parse(notebook(code("", {"text": "50%\r" * 1_000_000})), name="x")
    parse(notebook(code("", {"text": "\x1b[0" * 300_000})), name="x")
    assert time.process_time() - began < 5


@pytest.mark.parametrize("cells", ["text", {"a": 1}, None, [1, None, "text", []]])
def test_cells_that_are_none_are_damage(cells: object) -> None:
    """A list of cells that is no list, or holds no cell, is not taken for an empty notebook."""
    with pytest.raises(ParseError, match="damaged, or not a notebook"):
        parse(json.dumps({"cells": cells, "nbformat": 4}).encode(), name="x")


def test_a_notebook_without_cells_is_empty() -> None:
    """Nothing was written yet: that is no damage."""
    assert parse(notebook(), name="x").blocks == ()
