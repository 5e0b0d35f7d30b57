"""Source code: every line kept, and each listing under what it defines."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.document import BlockKind
from ingest.formats.code import parse, parse_makefile, parse_settings, parse_yaml

PYTHON = '''\
"""A module."""

import re


class Cart:
    """What is bought."""

    def add(self, item: str) -> None:
        self.items.append(item)

    async def pay(
        self,
    ):
        pass


# How much.
@cached
def total(cart):
    x = 1

    return x


if __name__ == "__main__":
    main()
'''


def headings(text: str, read=parse) -> list[tuple[int, str]]:
    blocks = read(text.encode(), name="x").blocks
    return [(block.level, block.text) for block in blocks if block.level]


def listings(text: str) -> list[str]:
    return [block.text for block in parse(text.encode(), name="x").blocks if not block.level]


def test_definitions_are_headings() -> None:
    """Classes, functions and methods say where a line stands; so does what follows them all."""
    assert headings(PYTHON) == [
        (1, "class Cart"),
        (2, "def add(self, item: str) -> None"),
        (2, "async def pay"),
        (1, "def total(cart)"),
        (1, 'if __name__ == "__main__"'),
    ]


def test_what_stands_above_a_definition_goes_with_it() -> None:
    """Comments and decorators open the listing; a blank line inside a function does not end it."""
    assert "# How much.\n@cached\ndef total(cart):\n    x = 1\n\n    return x" in listings(PYTHON)


@pytest.mark.parametrize(
    ("line", "heading"),
    [
        ("export default async function load(url) {", "export default async function load(url)"),
        ("export const useCart = (id: string) => {", "export const useCart = (id: string) =>"),
        ("export interface Cart<T> {", "export interface Cart<T>"),
        ("public final class Cart extends Basket {", "public final class Cart extends Basket"),
        ("data class Cart(val id: Int)", "data class Cart(val id: Int)"),
        ("static int count(const char *s, int n)", "static int count(const char *s, int n)"),
        ("std::string Cart::name() const {", "std::string Cart::name() const"),
        ("struct cart {", "struct cart"),
        ("func (c *Cart) Add(item Item) error {", "func (c *Cart) Add(item Item) error"),
        ("pub fn add<T>(&mut self, item: T) {", "pub fn add<T>(&mut self, item: T)"),
        ("impl<T> Cart<T> {", "impl<T> Cart<T>"),
        ("CREATE TABLE IF NOT EXISTS orders (", "CREATE TABLE IF NOT EXISTS orders"),
        ("install_all() {", "install_all()"),
        ("def 合计(订单):", "def 合计(订单)"),
        ("total <- function(x) {", "total <- function(x)"),
        ("local function add(a, b)", "local function add(a, b)"),
        ("sub add {", "sub add"),
        ("extension String: Cart {", "extension String: Cart"),
        (":build", ":build"),
    ],
)
def test_many_languages(line: str, heading: str) -> None:
    """One rule for each way of defining that the common languages have."""
    assert headings(f"{line}\n    body\n") == [(1, heading)]


@pytest.mark.parametrize(
    "line",
    [
        "return foo(bar)",
        "import os",
        "x = call(1, 2)",
        "print('class of 1984')",
        "if (a == b) {",
        "else if (check(a)) {",
        "await run({",
        "int total = count(a);",
        "// function of the cart",
        "classes = 3",
    ],
)
def test_statements_are_no_definitions(line: str) -> None:
    """A call or a condition at the margin is none."""
    assert headings(f"{line}\n") == []


def test_settings() -> None:
    """Sections, keys that hold others, and targets are the headings of files of settings."""
    assert headings("[a]\nx = 1\n\n[[b.c]]\ny = [1]\n", parse_settings) == [
        (1, "[a]"),
        (1, "[[b.c]]"),
    ]
    yaml = "# c\nname: x\nservices:\n  web:\n    port: 80\non:\n  - push\n"
    assert headings(yaml, parse_yaml) == [(1, "services"), (1, "on")]
    assert headings("A := 1\n\nall: a b\n\tcc -o a\n", parse_makefile) == [(1, "all: a b")]


def test_the_encoding_is_found() -> None:
    """Comments in GBK are read, and the guess told."""
    parsed = parse("// 计算购物车里的总金额并返回结果\nint a;\n".encode("gbk"), name="x")
    assert parsed.blocks[0].text == "// 计算购物车里的总金额并返回结果\nint a;"
    assert parsed.warnings == ("read as GB18030 (guessed, 99 % sure)",)


LINES = st.lists(
    st.sampled_from(
        [
            *(
                "",
                "",
                "def a():",
                "    x",
                "\ty",
                "}",
                "# c",
                "@d",
                "class B {",
                "    def m(self):",
            ),
            *("int f(int a)", "/* o", " * p", "*/", "CREATE TABLE t (", "'''", "text of it"),
        ]
    ),
    max_size=40,
)


@given(LINES, st.sampled_from([parse, parse_settings, parse_yaml, parse_makefile]))
def test_no_line_is_lost(lines: list[str], read) -> None:
    """Whatever the file, its lines stand in the listings in their order, each once."""
    blocks = read("\n".join(lines).encode(), name="x").blocks
    code = "\n".join(block.text for block in blocks if block.kind is BlockKind.CODE)
    assert [line for line in code.split("\n") if line] == [line for line in lines if line]


@pytest.mark.parametrize(
    "line",
    [
        "a*" * 400,
        "a " * 400,
        "a(" * 400,
        "x<" * 400,
        "async " * 200,
        "(" * 900,
        "a:b=" * 300,
        "[" * 999,
    ],
)
def test_no_line_takes_long(line: str) -> None:
    """Lines made to be read in many ways are read in time that grows with the file."""
    began = time.process_time()
    parse(f"{line}\n".encode() * 1000, name="x")
    parse_yaml(f"{line}\n".encode() * 1000, name="x")
    assert time.process_time() - began < 5
