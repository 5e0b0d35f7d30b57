r"""LaTeX: what a reader of the printed page sees, in its structure."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.document import Block, BlockKind
from ingest.formats.tex import parse

ARTICLE = r"""
\documentclass[UTF8]{ctexart} % a comment
\usepackage{graphicx}
\title{恒温槽手册}
\newcommand{\x}[1]{never}
\begin{document}
\maketitle
\section{安装\label{a}}
把仪器放在\textbf{平稳}的
桌面上\footnote{桌面要\emph{结实}。}，距墙 50\% 以上。% gone

\subsection*{Steps}
\begin{enumerate}
  \item One
  \begin{itemize} \item in it \end{itemize}
  \item Two
\end{enumerate}
\begin{verbatim}
run % kept
  \now
\end{verbatim}
\begin{table}[h]
\caption{Sizes}
\begin{tabular}{|l|r|} \hline
型号 & Size \\ \hline
A \& B & $3^2$ \\[2pt]
\end{tabular}
\end{table}
Energy is $E = mc^2 % no comment
$ and \begin{equation} a_1 & b \end{equation} caf\'e, \verb|x{y|~--- end.
\input{chapters/two}
\end{document}
Nothing here.
"""


def test_an_article() -> None:
    """Sections, lists, tables, listings, notes, captions and formulas of a Chinese article."""
    parsed = parse(ARTICLE.encode(), name="x")
    assert parsed.title == "恒温槽手册"
    assert parsed.blocks == (
        Block(BlockKind.HEADING, "安装", 2),
        Block(BlockKind.PARAGRAPH, "把仪器放在平稳的桌面上[1]，距墙 50% 以上。"),
        Block(BlockKind.PARAGRAPH, "[1] 桌面要结实。"),
        Block(BlockKind.HEADING, "Steps", 3),
        Block(BlockKind.LIST, "1. One\n  - in it\n2. Two"),
        Block(BlockKind.CODE, "run % kept\n  \\now"),
        Block(BlockKind.PARAGRAPH, "Sizes"),
        Block(BlockKind.TABLE, "| 型号 | Size |\n| --- | --- |\n| A & B | $3^2$ |"),
        Block(
            BlockKind.PARAGRAPH,
            r"Energy is $E = mc^2 % no comment $ and"
            r" \begin{equation} a_1 & b \end{equation} café, x{y --- end.",
        ),
    )
    assert parsed.warnings == ("files named in it that were not read: 1 (chapters/two)",)


def test_a_file_without_a_document_is_read_whole() -> None:
    """A chapter that another file includes has no beginning of its own."""
    parsed = parse(rb"\chapter{One} Text \unknown{kept} \cite{a}.", name="x")
    assert [block.text for block in parsed.blocks] == ["One", "Text kept a."]
    assert parsed.title == "One"


def test_what_is_not_closed_is_kept() -> None:
    """A brace, a formula, a table, a note without an end."""
    for text in (r"a {word", r"a $word", r"\begin{tabular}{l} a & word", r"a\footnote{word"):
        assert "word" in parse(text.encode(), name="x").text
    assert "word" in parse(rb"a } } \end{itemize} \item word \begin{verbatim} x", name="x").text


@pytest.mark.parametrize(
    "piece",
    [
        "{", "}", "$", "\\", "\\footnote{", "\\begin{itemize}", "\\begin{tabular}{l}", "\\section{",
        "\\begin{verbatim}", "\\[", "%", "\\verb|", "\\newcommand{", "[", "\\item ", "a & ", "\\\\",
    ],
)  # fmt: skip
def test_no_file_takes_long(piece: str) -> None:
    """What is opened fifty thousand times is read in time that grows with the file."""
    began = time.process_time()
    parse((piece * 50_000).encode(), name="x")
    assert time.process_time() - began < 15


PIECES = st.sampled_from(
    [
        *(
            "word",
            "年假",
            "\n\n",
            "{",
            "}",
            "$",
            "$$",
            "%",
            "\n",
            "&",
            "\\\\",
            "~",
            "[",
            "]",
            "\\'",
        ),
        *("\\begin{itemize}", "\\end{itemize}", "\\item", "\\section", "\\footnote", "\\verb|"),
        *("\\begin{tabular}", "\\end{tabular}", "\\begin{verbatim}", "\\end{verbatim}", "\\title"),
        *(
            "\\begin{document}",
            "\\end{document}",
            "\\[",
            "\\]",
            "\\caption",
            "\\newcommand",
        ),
    ]
)


@given(st.lists(PIECES, max_size=40))
def test_any_markup_is_read(pieces: list[str]) -> None:
    """Commands in any order, closed or not, end in blocks with text in them."""
    assert all(block.text.strip() for block in parse("".join(pieces).encode(), name="x").blocks)
