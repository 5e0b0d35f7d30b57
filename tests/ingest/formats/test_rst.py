"""reStructuredText: its structure kept, and no file read but itself."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.document import Block, BlockKind
from ingest.formats.rst import parse


def blocks(text: str) -> list[tuple[str, str]]:
    return [(block.kind.value, block.text) for block in parse(text.encode(), name="x").blocks]


def test_headings_have_levels() -> None:
    """Underlined and framed titles by the order in which their marks appear."""
    parsed = parse("=====\n手册\n=====\n\n安装\n----\n\ntext\n\nEnd\n---\n".encode(), name="x")
    assert parsed.title == "手册"
    assert parsed.blocks == (
        Block(BlockKind.HEADING, "手册", 1),
        Block(BlockKind.HEADING, "安装", 2),
        Block(BlockKind.PARAGRAPH, "text"),
        Block(BlockKind.HEADING, "End", 2),
    )


def test_inline_markup_is_reduced() -> None:
    """Marks, links and Sphinx's roles keep their words; wrapped Chinese joins without a space."""
    text = "A *b* **c** ``d`` `e <http://x.org>`_ :ref:`the part <label>` :class:`~a.B`."
    text += "\n\n第一行\n第二行"
    assert blocks(text) == [("paragraph", "A b c d e the part a.B."), ("paragraph", "第一行第二行")]


def test_lists_code_and_tables() -> None:
    """Lists nest and count, definitions hang, code and tables are blocks of their own."""
    text = (
        "3. a\n\n   - b\n\n4. c\n\nTerm\n   Meaning\n\n:Author: me\n\nCode::\n\n   x = 1\n\n"
        "   y\n\n"
        "=== ===\n甲  乙\n=== ===\n1   2\n=== ===\n\n.. code-block:: python\n\n   z()\n"
    )
    assert blocks(text) == [
        ("list", "3. a\n  - b\n4. c"),
        ("list", "- Term\n  Meaning"),
        ("list", "- Author: me"),
        ("paragraph", "Code:"),
        ("code", "x = 1\n\ny"),
        ("table", "| 甲 | 乙 |\n| --- | --- |\n| 1 | 2 |"),
        ("code", "z()"),
    ]


def test_notes_and_substitutions() -> None:
    """Notes keep their numbers, also those that are counted; short names are replaced."""
    text = (
        "One [#]_ two [#b]_ three [9]_ |it|.\n\n.. |it| replace:: here\n"
        ".. [#] first\n.. [#b] second\n.. [9] ninth\n"
    )
    assert blocks(text) == [
        ("paragraph", "One [1] two [2] three [9] here."),
        *(
            ("paragraph", f"[{n}] {note}")
            for n, note in ((1, "first"), (2, "second"), (9, "ninth"))
        ),
    ]


def test_directives_of_sphinx() -> None:
    """A directive that is not known keeps its argument and content; a table of contents goes."""
    text = (
        ".. toctree::\n   :maxdepth: 2\n\n   a\n   b\n\n.. py:function:: add(a, b)\n"
        "   :module: m\n\n"
        "   Adds *both*.\n\n.. note:: Mind.\n\n.. versionadded:: 3.8\n"
    )
    assert [text for _, text in blocks(text)] == ["add(a, b)", "Adds both.", "Mind.", "3.8"]


def test_no_other_file_is_read(tmp_path: Path) -> None:
    """Directives that read files or take raw markup are refused, and counted."""
    secret = tmp_path / "secret.txt"
    secret.write_text("password")
    text = (
        f"text\n\n.. include:: {secret}\n\n.. csv-table::\n   :file: {secret}\n\n"
        f".. raw:: html\n   :file: {secret}\n\n.. literalinclude:: {secret}\n"
    )
    parsed = parse(text.encode(), name="x")
    assert "password" not in parsed.text
    assert parsed.warnings == ("files named in it that were not read: 4",)


def test_broken_markup_is_kept() -> None:
    """Marks that are not closed, tables that are not whole: the words stay."""
    text = "A *b and `c.\n\n== ==\na b\n== =\n\nTitle\n==\n\n.. image::\n\n- x\nnot indented\n"
    found = parse(text.encode(), name="x").text
    assert all(word in found for word in ("A *b and `c.", "a b", "Title", "not indented"))


def test_endless_nesting_is_read_as_plain_text() -> None:
    """Quotations in quotations beyond what docutils bears are still read."""
    text = "\n\n".join(" " * level + f"word{level}" for level in range(400))
    parsed = parse(text.encode(), name="x")
    assert "word399" in parsed.text
    assert parsed.warnings == ("its markup is nested too deep, and was read as plain text",)


@pytest.mark.parametrize("row", ["term " + " " * 400_000 + ": x", "a " + "'" * 20_000 + " b"])
def test_endless_rows_of_a_sign_are_read_as_plain_text(row: str) -> None:
    """docutils would look through the rest of the row from each of its signs, for minutes."""
    began = time.perf_counter()
    parsed = parse(f"Title\n=====\n\n{row}\n\nThe end.\n".encode(), name="x")
    assert time.perf_counter() - began < 5
    assert "The end." in parsed.text
    assert "thousands of equal signs" in parsed.warnings[0]


def test_bombs_of_substitutions_do_not_go_off() -> None:
    """Names that stand for names that stand for names."""
    names = "".join(f".. |a{n}| replace:: {f'|a{n - 1}| ' * 10}\n" for n in range(1, 12))
    assert len(parse(f"|a11|\n\n.. |a0| replace:: x\n{names}".encode(), name="x").text) < 500


@pytest.mark.parametrize("piece", ["*a ", "`a ", "|a ", "**a ", "a_ ", "[a]_ ", "\\ ", "``a "])
def test_no_paragraph_takes_long(piece: str) -> None:
    """Marks that are opened a hundred thousand times."""
    began = time.process_time()
    parse((piece * 100_000).encode(), name="x")
    parse((f"{piece * 20}\n" * 2000).encode(), name="x")
    assert time.process_time() - began < 10


PIECES = st.sampled_from(
    [
        *(
            "word",
            "年假",
            "\n",
            "\n\n",
            "   ",
            "- ",
            "1. ",
            "* ",
            "====",
            "----",
            ".. ",
            "::",
            "note",
        ),
        *("include", "|a|", "`b`_", "[#]_", ":ref:", "+--+", "|  |", "== ==", "replace", ".. [#] "),
    ]
)


@given(st.lists(PIECES, max_size=40))
def test_any_markup_is_read(pieces: list[str]) -> None:
    """Markup in any order ends in blocks with text in them."""
    assert all(block.text.strip() for block in parse("".join(pieces).encode(), name="x").blocks)
