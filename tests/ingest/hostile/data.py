"""JSON, XML and notebooks that are none, or too much of it."""

import json
from collections.abc import Iterator

from tests.ingest.hostile.row import ADDED, FAILED, SKIPPED, Build, Outside, Row
from tests.ingest.hostile.samples import SENTENCE, notebook

NOT_XML = "damaged|entit|DTD|nest|deep"


def laughs(root: str) -> str:
    """A document type whose one entity is a thousand million words."""
    entities = ['<!ENTITY a0 "laugh ">']
    entities += [f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)]
    return f"<!DOCTYPE {root} [{''.join(entities)}]>"


def quadratic(root: str) -> str:
    """A document type whose one entity is long, to be used many times."""
    return f'<!DOCTYPE {root} [<!ENTITY a9 "{"laugh " * 20_000}">]>'


def reading(root: str, *, remote: bool = False):
    """A document type whose entity is a file outside, or comes from a server."""

    def doctype(outside: Outside) -> str:
        source = f"{outside.url}/a.dtd" if remote else outside.canary.as_uri()
        return f'<!DOCTYPE {root} [<!ENTITY a9 SYSTEM "{source}">]>'

    return doctype


def fetching(root: str):
    """A document type that is somewhere else."""

    def doctype(outside: Outside) -> str:
        return (
            f'<!DOCTYPE {root} PUBLIC "-//a//b" "{outside.url}/a.dtd" ['
            f'<!ENTITY % b SYSTEM "{outside.url}/b.dtd"> %b;]>'
        )

    return doctype


DOCTYPES = {
    "billion laughs": lambda root: lambda _: laughs(root),
    "a long entity many times": lambda root: lambda _: quadratic(root),
    "an entity from a file": reading,
    "an entity from a server": lambda root: reading(root, remote=True),
    "a document type from a server": fetching,
}


def rows() -> Iterator[Row]:
    yield from _xml()
    yield from _json()
    yield from _notebooks()


def _xml() -> Iterator[Row]:
    for number, (about, doctype) in enumerate(DOCTYPES.items()):
        build = _declared(doctype("fruit"), times=400 if "many" in about else 1)
        verdict = FAILED if number < 2 else ADDED
        yield Row(
            f"{about} in XML",
            f"entity{number}.xml",
            verdict,
            "",
            build,
            "" if number < 2 else "apples",
        )
    for about, name, body in (
        ("nested XML", "deep", "<a>" * 5000 + "apples" + "</a>" * 5000),
        ("XML nested beyond reason", "endless", "<a>" * 300_000 + "apples" + "</a>" * 300_000),
        (
            "attributes without end",
            "attributes",
            "<a " + " ".join(f"b{n}='1'" for n in range(50_000)) + ">apples</a>",
        ),
        ("an attribute of a megabyte", "attribute", f"<a b='{'x' * 1_000_000}'>apples</a>"),
        (
            "namespaces without end",
            "namespaces",
            "<a " + " ".join(f"xmlns:n{n}='u{n}'" for n in range(5000)) + ">apples</a>",
        ),
        ("instructions without end", "instructions", "<a>apples" + "<?b c?>" * 50_000 + "</a>"),
        ("comments without end", "comments", "<a>apples" + "<!-- b -->" * 50_000 + "</a>"),
        ("CDATA", "cdata", "<a><![CDATA[apples <b> ]]></a>"),
        ("a name of a megabyte", "name", f"<{'a' * 1_000_000}>apples</{'a' * 1_000_000}>"),
        ("XML that is never closed", "open", "<a><b>apples " + "red " * 99),
        ("XML with two roots, a part of a document", "roots", "<a>apples</a><b>red</b>"),
    ):
        is_bad = name in {"deep", "endless", "name", "open"}
        yield Row(
            about,
            f"{name}.xml",
            FAILED if is_bad else ADDED,
            "",
            body.encode(),
            "" if is_bad else "apples",
        )
    yield Row("XML that includes a file", "include.xml", ADDED, "", _including, "apples")
    yield Row("a stylesheet that reads a file", "style.xml", ADDED, "", _styled, "apples")
    lies = b"<?xml version='1.0' encoding='klingon'?><a>apples</a>"
    yield Row("XML in an encoding nobody knows", "klingon.xml", ADDED, "", lies, "apples")
    utf16 = "<?xml version='1.0' encoding='UTF-16'?><a>苹果 apples</a>".encode("utf-16")
    yield Row("XML in UTF-16", "utf16.xml", ADDED, "", utf16, "苹果")


def _declared(doctype, *, times: int) -> Build:
    def build(outside: Outside) -> bytes:
        uses = "&a9;" * times
        return (
            f"<?xml version='1.0'?>{doctype(outside)}<fruit><p>apples {uses}</p></fruit>".encode()
        )

    return build


def _including(outside: Outside) -> bytes:
    include = f'<xi:include href="{outside.canary.as_uri()}" parse="text"/>'
    space = "xmlns:xi='http://www.w3.org/2001/XInclude'"
    return (
        f"<a {space}><p>apples</p>{include}<p><xi:include href='{outside.url}'/></p></a>".encode()
    )


def _styled(outside: Outside) -> bytes:
    link = f"<?xml-stylesheet type='text/xsl' href='{outside.url}/a.xsl'?>"
    schema = f"xsi:schemaLocation='a {outside.url}/a.xsd'"
    space = "xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'"
    return f"{link}<a {space} {schema}>apples</a>".encode()


def _json() -> Iterator[Row]:
    for about, name, verdict, text in (
        ("nested lists", "deep.json", FAILED, "[" * 100_000 + '"apples"' + "]" * 100_000),
        ("nested objects", "objects.json", FAILED, '{"a":' * 50_000 + '"apples"' + "}" * 50_000),
        ("lists that are never closed", "open.json", FAILED, "[" * 1_000_000),
        ("a number of 100,000 digits", "number.json", ADDED, '{"apples": ' + "9" * 100_000 + "}"),
        (
            "numbers beyond all numbers",
            "numbers.json",
            ADDED,
            '{"apples": [1e999, -1e999, 1e-999, NaN, Infinity]}',
        ),
        (
            "the same key many times",
            "keys.json",
            ADDED,
            '{"apples": 1, ' + ", ".join(f'"a": {n}' for n in range(5000)) + "}",
        ),
        ("half a surrogate", "surrogate.json", ADDED, '{"apples": "\\ud83d apples"}'),
        ("NULs", "nul.json", ADDED, '{"apples": "a\\u0000b"}'),
        ("a key of half a megabyte", "key.json", ADDED, json.dumps({"apples" * 90_000: 1})),
        (
            "keys without end",
            "many.json",
            ADDED,
            json.dumps({f"apples{n}": n for n in range(30_000)}),
        ),
        ("lists of nothing", "nothing.json", ADDED, "[" + "[]," * 500 + "[]]"),
        ("single quotes", "single.json", FAILED, "{'apples': 1}"),
        ("a comma too many", "comma.json", FAILED, '{"apples": 1,}'),
        ("two documents", "two.json", FAILED, '{"apples": 1} {"apples": 2}'),
        (
            "one line that is broken",
            "line.jsonl",
            ADDED,
            '{"apples": 1}\n{"apples": \n{"apples": 3}\n',
        ),
        ("lines that are no objects", "scalars.jsonl", ADDED, '1\n"apples"\nnull\n[2]\n'),
        (
            "a line that nests without end",
            "deep.jsonl",
            FAILED,
            '{"apples": 1}\n' + "[" * 100_000 + "]" * 100_000,
        ),
        ("lines that are all broken", "broken.jsonl", FAILED, "{apples\n" * 99),
        ("prototypes", "proto.json", ADDED, '{"__proto__": {"apples": 1}, "constructor": 2}'),
    ):
        yield Row(f"JSON: {about}", name, verdict, "", text.encode())


def _notebooks() -> Iterator[Row]:
    code = {"cell_type": "code", "source": f"print('{SENTENCE}')", "metadata": {}, "outputs": []}
    image = {"output_type": "display_data", "data": {"image/png": "A" * 2_000_000}, "metadata": {}}
    error = {"output_type": "error", "ename": 1, "evalue": [], "traceback": {"a": 2}}
    for about, name, verdict, data in (
        ("JSON that is no notebook", "no", FAILED, b'{"apples": [1, 2, 3]}'),
        ("a list", "list", FAILED, b'["apples"]'),
        ("cells that are no list", "cells", FAILED, notebook("apples")),
        ("cells that are no cells", "scalars", FAILED, notebook([1, None, "apples", []])),
        (
            "a source that is no text",
            "source",
            ADDED,
            notebook([{**code, "source": {"a": 1}}, code]),
        ),
        (
            "outputs that are none",
            "outputs",
            ADDED,
            notebook([{**code, "outputs": "apples"}, code]),
        ),
        ("an output of megabytes", "image", ADDED, notebook([{**code, "outputs": [image]}])),
        ("an error that is none", "error", ADDED, notebook([{**code, "outputs": [error]}])),
        ("cells without end", "many", ADDED, notebook([code] * 5000)),
        ("no cells", "empty", SKIPPED, notebook([])),
        (
            "a format of the future",
            "future",
            ADDED,
            notebook([code]).replace(b'"nbformat": 4', b'"nbformat": 99'),
        ),
        (
            "a format of the past",
            "past",
            ADDED,
            b'{"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "markdown", "source": "Apples are red"}]}]}',
        ),
        ("nested cells", "deep", FAILED, b'{"nbformat": 4, "cells": ' + b"[" * 100_000),
    ):
        yield Row(f"notebook: {about}", f"{name}.ipynb", verdict, "", data)
