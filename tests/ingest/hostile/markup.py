"""Markup nested without end, cut off, and that asks for what it must not get."""

from collections.abc import Iterator

from tests.ingest.hostile.row import ADDED, FAILED, SKIPPED, Outside, Row


def rows() -> Iterator[Row]:
    yield from _html()
    yield from _markdown()
    yield from _rst()
    yield from _tex()


def _html() -> Iterator[Row]:
    for tag, depth in (("div", 8000), ("b", 8000), ("ul><li", 4000), ("blockquote", 8000)):
        name = tag.partition(">")[0]
        deep = f"<{tag}>".encode() * depth + b"apples"
        yield Row(f"{depth} nested <{name}>", f"deep-{name}.html", ADDED, "", deep, "apples")
    tables = b"<table><tr><td>" * 2500 + b"apples"
    yield Row("nested tables", "tables.html", ADDED, "", tables, "apples")
    endless = b"<div>" * 400_000 + b"apples"
    yield Row("nested beyond all reason", "endless.html", FAILED, "longer than|nest", endless)
    wide = b"<table>" + b"<tr><td colspan=65534 rowspan=65534>apples<td>red" * 30
    yield Row("cells that span everything", "span.html", ADDED, "", wide, "apples")
    attributes = b"<p " + b" ".join(b"a%d=b" % each for each in range(10_000)) + b">apples"
    yield Row("attributes without end", "attributes.html", ADDED, "", attributes, "apples")
    image = b"<img src='data:image/png;base64," + b"A" * 2_000_000 + b"'>apples"
    yield Row("a picture of two megabytes in a page", "data.html", ADDED, "", image, "apples")
    script = b"<script>document.write('apples')</script><style>p{}</style>"
    yield Row("nothing but a script", "script.html", SKIPPED, "no text", script)
    yield Row(
        "a comment that is never closed",
        "comment.html",
        ADDED,
        "",
        b"apples<!-- " + b"x" * 99_999,
        "apples",
    )
    yield Row(
        "a script that is never closed",
        "open.html",
        ADDED,
        "",
        b"apples<script>" + b"<p>x" * 9999,
        "apples",
    )
    yield Row(
        "entities without end",
        "entities.html",
        ADDED,
        "",
        b"apples &#x1F600;&bogus;&#0;&#xD800;&#99999999;" * 5000,
        "apples",
    )
    yield Row(
        "line breaks without end", "breaks.html", ADDED, "", b"apples" + b"<br>" * 100_000, "apples"
    )
    yield Row(
        "list numbers beyond all numbers",
        "start.html",
        ADDED,
        "",
        b"<ol start=99999999999999999999><li>apples</ol>",
        "apples",
    )
    yield Row("a page of links to elsewhere", "links.html", ADDED, "", _elsewhere, "apples")
    yield Row(
        "end tags only",
        "ends.html",
        ADDED,
        "",
        b"</div></p></table>" * 20_000 + b"apples",
        "apples",
    )
    formats = b"<b><i><u>" * 500 + b"<p>apples" * 60
    yield Row(
        "formatting that is opened again in each paragraph",
        "adoption.html",
        ADDED,
        "",
        formats,
        "apples",
    )


def _elsewhere(outside: Outside) -> bytes:
    url, canary = outside.url, outside.canary.as_uri()
    return (
        f"<base href='{url}'><link rel=stylesheet href='{url}/a.css'><meta http-equiv=refresh "
        f"content='0;url={url}'><p>apples</p><img src='{url}/b.png'><iframe src='{canary}'></iframe>"
        f"<object data='{canary}'></object><embed src='{canary}'><script src='{url}/c.js'></script>"
        f"<!--#include file='{outside.canary}' --><xi:include href='{canary}' parse='text'/>"
    ).encode()


def _markdown() -> Iterator[Row]:
    for about, name, text in (
        ("nested quotes", "quotes", "> " * 3000 + "apples"),
        ("nested lists", "lists", "\n".join("  " * n + "- apples" for n in range(600))),
        ("brackets that are never closed", "brackets", "[" * 4000 + "apples"),
        ("links in links", "links", "[a](" * 3000 + "apples"),
        ("emphasis that is never closed", "emphasis", "*a **b " * 3000 + "apples"),
        ("backticks of every length", "ticks", " ".join("`" * n for n in range(400)) + " apples"),
        ("a fence that is never closed", "fence", "```\napples\n" + "x\n" * 9999),
        (
            "a table of thousands of columns",
            "table",
            "|a" * 4000 + "|\n" + "|-" * 4000 + "|\n|apples|",
        ),
        ("tags that are never closed", "tags", "<a " * 10_000 + "\n\napples"),
        (
            "definitions without end",
            "definitions",
            "".join(f"[{n}]: /u\n" for n in range(9000)) + "\napples",
        ),
        ("rules without end", "rules", "apples\n\n" + "***\n" * 20_000),
        ("headings without end", "headings", "# apples\n" * 1000),
        ("a heading of 280,000 letters", "heading", "# " + "apples " * 40_000),
        (
            "front matter that makes objects",
            "matter",
            "---\na: !!python/object/apply:os.system ['true']\n---\napples",
        ),
    ):
        if name in {"quotes", "lists"}:
            yield Row(about, f"{name}.md", FAILED, "nested", text.encode())
        else:
            yield Row(about, f"{name}.md", ADDED, "", text.encode(), "apples")
    yield Row(
        "a picture from elsewhere",
        "picture.md",
        ADDED,
        "",
        _included("![a]({0}) apples\n<img src='{1}'>"),
        "apples",
    )


def _rst() -> Iterator[Row]:
    for directive in (
        ".. include:: {2}",
        ".. include:: {2}\n   :literal:",
        ".. raw:: html\n   :file: {2}",
        ".. raw:: html\n   :url: {1}",
        ".. csv-table::\n   :file: {2}",
        ".. csv-table::\n   :url: {1}",
        ".. literalinclude:: {2}",
        ".. image:: {1}/a.png",
    ):
        name = directive.split()[1].strip(":") + str(len(directive)) + ".rst"
        yield Row(
            f"rst: {directive.split()[1:]}",
            name,
            ADDED,
            "",
            _included("Apples\n\n" + directive + "\n\npears\n"),
            "pears",
        )
    deep = "\n".join(" " * n + "* apples\n" for n in range(200))
    yield Row("nested rst lists", "lists.rst", ADDED, "", deep.encode(), "apples")
    yield Row(
        "nested rst quotes",
        "quotes.rst",
        ADDED,
        "",
        "\n\n".join(" " * n + "apples" for n in range(400)).encode(),
        "apples",
    )
    yield Row(
        "substitutions in circles",
        "circle.rst",
        ADDED,
        "",
        b".. |a| replace:: |b|\n.. |b| replace:: |a|\n\napples |a|\n",
        "apples",
    )
    yield Row("substitutions that multiply", "laughs.rst", ADDED, "", _laughs_in_rst(), "apples")
    yield Row(
        "a role that runs code",
        "role.rst",
        ADDED,
        "",
        b".. role:: raw-html(raw)\n   :format: html\n\napples :raw-html:`<script>`\n",
        "apples",
    )
    yield Row(
        "titles of every line", "titles.rst", ADDED, "", b"apples\n======\n\n" * 3000, "apples"
    )


def _laughs_in_rst() -> bytes:
    lines = [".. |a0| replace:: apples apples apples"]
    lines += [f".. |a{n}| replace:: " + f"|a{n - 1}| " * 10 for n in range(1, 8)]
    return "\n".join([*lines, "", "apples |a7|", ""]).encode()


def _tex() -> Iterator[Row]:
    document = "\\documentclass{{article}}\\begin{{document}}apples BODY\\end{{document}}"
    for about, name, body in (
        (
            "tex that reads files",
            "input",
            "\\input{{{2}}} \\include{{{2}}} \\verbatiminput{{{2}}} \\lstinputlisting{{{2}}}",
        ),
        (
            "tex that writes files",
            "write",
            "\\newwrite\\f\\immediate\\openout\\f={3}\\immediate\\write\\f{{x}}\\immediate\\write18{{touch {3}}}",
        ),
        ("macros in circles", "circle", "\\def\\a{{\\b}}\\def\\b{{\\a}}\\a"),
        (
            "macros that multiply",
            "laughs",
            "\\def\\a{{x x x x}}\\def\\b{{\\a\\a\\a\\a}}\\def\\c{{\\b\\b\\b\\b}}\\c",
        ),
    ):
        yield Row(
            about, f"{name}.tex", ADDED, "", _included(document.replace("BODY", body)), "apples"
        )
    for about, name, text in (
        ("nested braces", "braces", "apples " + "{" * 100_000),
        ("nested environments", "environments", "apples " + "\\begin{itemize}\\item " * 5000),
        ("a brace that is never closed", "open", "\\section{apples " + "x " * 50_000),
        ("commands without end", "commands", "apples " + "\\textbf{a}" * 20_000),
        ("verbatim that is never closed", "verbatim", "apples\\begin{verbatim}" + "x\n" * 20_000),
        ("mathematics that is never closed", "math", "apples $" + "x_{1" * 20_000),
    ):
        yield Row(about, f"{name}.tex", ADDED, "", text.encode(), "apples")


def _included(template: str):
    """The template with the canary's URL, the server's URL, the canary's path, the trophy's path."""

    def build(outside: Outside) -> bytes:
        canary = outside.canary
        return template.format(canary.as_uri(), outside.url, canary, outside.trophy).encode()

    return build
