"""Answers and passages as HTML that documents cannot forge."""

import os
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_qa import Answer, Citation, Source
from kb_qa.answer import Claim, Doubt
from ui.conversation import Turn
from ui.markup import (
    facts_markup,
    greeting_markup,
    list_markup,
    note_markup,
    problem_markup,
    turn_markup,
)
from ui.messages import TEXTS

EN = TEXTS["en"]
TAGS = {
    *("article", "div", "p", "a", "section", "h1", "h2", "details", "summary", "span"),
    *("blockquote", "mark", "abbr", "ul", "li", "dl", "dt", "dd", "table", "tr", "th", "td"),
}
ATTRIBUTES = {"class", "href", "id", "aria-label", "role", "dir", "lang", "title", "data-glance"}
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</mark></blockquote></details></article><h1>forged</h1>",
    '" onmouseover="alert(1)" x="',
    "![x](http://evil.example/x.png)",
    "[a](javascript:alert(1))",
    ":material/delete: :red[alarm] $x^2$ **bold** `code`",
    "&lt;b&gt; &amp; &#60;",
    "\ud800 \x00 \u202e",
]
texts = st.one_of(st.sampled_from(HOSTILE), st.text())
paths = st.one_of(st.sampled_from([os.fsencode(name) for name in HOSTILE[:-1]]), st.binary()).map(
    lambda name: os.fsdecode(b"/docs/" + name)
)


class Page(HTMLParser):
    """What a browser would make of it: its tags, attributes and text."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: dict[str, list[str]] = {}
        self.marked = ""
        self.text = ""
        self._in_mark = False
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._in_mark = self._in_mark or tag == "mark"
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value or "")

    def handle_endtag(self, tag: str) -> None:
        self._in_mark = self._in_mark and tag != "mark"

    def handle_data(self, data: str) -> None:
        self.text += data
        self.marked += data if self._in_mark else ""


def make_citation(n: int = 1, *, text: str = "One. Two. Three.", cited: str = "Two.") -> Citation:
    begin = text.index(cited)
    source = Source(
        id=7,
        source="/docs/a.pdf",
        title="Handbook",
        text=text,
        start=100,
        end=100 + len(text),
        heading=("Handbook", "Rules", "Leave"),
        page=3,
        language="en",
    )
    return Citation(n, source, 100 + begin, 100 + begin + len(cited), 0.9)


def make_turn(text: str = "Two. [1]", *citations: Citation, **answer: object) -> Turn:
    values = {"refused": False, "generator": "quote", "seconds": {"total": 0.042}, **answer}
    return Turn("why?", answer=Answer("why?", text, citations=citations, **values))  # type: ignore[arg-type]


def test_the_cited_words_are_highlighted() -> None:
    """The whole passage is shown, and exactly the cited words are marked."""
    page = Page(turn_markup(make_turn("Two. [1]", make_citation()), index=0, texts=EN))
    assert page.marked == "Two."
    assert "One. Two. Three." in page.text


def test_a_citation_says_where_it_stands() -> None:
    """Title, headings without the title again, page and file are shown, in the page's language."""
    page = Page(turn_markup(make_turn("Two. [1]", make_citation()), index=0, texts=TEXTS["zh"]))
    for shown in ("Handbook", "Rules › Leave · 第 3 页", "/docs/a.pdf"):
        assert shown in page.text
    assert "Handbook › " not in page.text


def test_a_number_shows_its_passage_at_a_glance() -> None:
    """Where it stands and the cited words, as the text of an attribute: no markup comes of it."""
    hostile = make_citation(text='One. <b>"Two" & more.</b> Three.', cited='<b>"Two" & more.</b>')
    page = Page(turn_markup(make_turn("Two. [1]", hostile), index=0, texts=EN))
    (glance,) = page.attributes["data-glance"]
    assert glance == 'Handbook · Rules › Leave · page 3\nOne. <b>"Two" & more.</b> Three.'
    assert "b" not in page.tags


def test_a_quoted_row_is_a_table_under_its_header() -> None:
    """In the answer and in its passage; the citation's number stands in the last cell."""
    rows = "| City | Limit |\n|---|---|\n| Rome | 600 |"
    row = make_citation(text=rows, cited="| Rome | 600 |")
    page = Page(turn_markup(make_turn(f"{rows} [1]", row), index=0, texts=EN))
    assert page.tags >= {"table", "tr", "th", "td"}
    assert "---" not in page.text
    assert page.marked == "Rome600"


def test_a_passage_that_ocr_read_is_marked() -> None:
    """Its card says so and what to think of it, in both languages; other cards say nothing."""
    printed = make_citation()
    scanned = replace(printed, source=replace(printed.source, scanned=True))
    for texts in TEXTS.values():
        page = Page(turn_markup(make_turn("Two. [1]", scanned), index=0, texts=texts))
        assert texts.scanned in page.text
        assert page.attributes["title"] == [texts.scanned_note]
        page = Page(turn_markup(make_turn("Two. [1]", printed), index=0, texts=texts))
        assert texts.scanned not in page.text
        assert "title" not in page.attributes


def test_a_number_opens_its_passage() -> None:
    """Each citation number links to its own passage; numbers apart from citations stay text."""
    citations = make_citation(1), make_citation(2, cited="Three.")
    turn = make_turn("Two. [1] Three. [2] As in [9].", *citations)
    page = Page(turn_markup(turn, index=4, texts=EN))
    targets = [href.removeprefix("#") for href in page.attributes["href"]]
    assert targets == page.attributes["id"] == ["source-4-1", "source-4-2"]
    assert "[9]" in page.text


def test_ids_of_different_turns_differ() -> None:
    """Two turns on one page never share an id."""
    turn = make_turn("Two. [1]", make_citation())
    first, second = (Page(turn_markup(turn, index=i, texts=EN)).attributes["id"] for i in (0, 1))
    assert not set(first) & set(second)


def test_a_refusal_offers_the_nearest_passages() -> None:
    """Where nothing answers, the passages are called nearest and no number is linked."""
    turn = make_turn("Nothing answers that [1].", make_citation(), refused=True)
    page = Page(turn_markup(turn, index=0, texts=EN))
    assert EN.nearest in page.text
    assert EN.sources not in page.text
    assert "href" not in page.attributes


@pytest.mark.parametrize(
    ("generator", "note"), [("quote", EN.quote_note), ("XVERSE-7B-Chat", EN.model_note)]
)
def test_an_answer_says_who_made_it(generator: str, note: str) -> None:
    """Generator, time and what to think of it stand under each answer."""
    turn = make_turn("Two. [1]", make_citation(), generator=generator)
    page = Page(turn_markup(turn, index=0, texts=EN))
    assert note in page.text
    assert "0.04 s" in page.text
    assert (EN.quote if generator == "quote" else generator) in page.text


def test_citations_written_otherwise_open_their_passages() -> None:
    """Wide brackets and lists: each number by itself."""
    citations = make_citation(1), make_citation(2, cited="Three.")
    turn = make_turn("Two【1】, three [1, 2], four [2, 9].", *citations)
    page = Page(turn_markup(turn, index=0, texts=EN))
    assert [each[-1] for each in page.attributes["href"]] == ["1", "1", "2", "2"]
    assert "Two【1】, three [1, 2], four [2, 9]." in page.text


def test_what_the_model_did_not_see_or_say_is_told() -> None:
    """One line each, in the page's language."""
    citation = make_citation()
    turn = make_turn("Two. [1]", citation, left_out=(citation.source,) * 2, cut_off=True)
    for texts in TEXTS.values():
        page = Page(turn_markup(turn, index=0, texts=texts))
        assert texts.left_out.format(titles="Handbook") in page.text
        assert texts.cut_off in page.text
    whole = Page(turn_markup(make_turn("Two. [1]", citation), index=0, texts=EN))
    assert EN.cut_off not in whole.text
    assert EN.left_out.format(titles="") not in whole.text


def test_the_speed_of_a_model_is_told() -> None:
    """Tokens a second, and how many were read and written; nothing without a model."""
    tokens = {"prompt": 2500, "cached": 2000, "new": 101}
    seconds = {"prompt": 0.25, "generate": 0.5, "total": 0.9}
    turn = make_turn("Two. [1]", make_citation(), tokens=tokens, seconds=seconds)
    page = Page(turn_markup(turn, index=0, texts=EN))
    for fact in ("200.0 tokens/s", "0.25 s", "2500", "2000", "101"):
        assert fact in page.text
    assert EN.speed not in Page(turn_markup(make_turn(), index=0, texts=EN)).text


def test_an_unfinished_answer_shows_what_there_is() -> None:
    """What was written so far, what is being done, and that it was stopped."""
    writing = Page(turn_markup(Turn("why?", written="Be"), index=0, texts=EN, status=EN.writing))
    assert writing.text == f"why?Be{EN.writing}{EN.stopped}"  # style.css hides the last
    stopped = Page(turn_markup(Turn("why?", written="Be", stopped=True), index=0, texts=EN))
    assert stopped.text == f"why?Be{EN.stopped}"


def _as_text(text: str) -> str:
    """How a page shows a text: surrogates replaced, as a parser reads what it is given."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


@given(texts, texts, texts, texts, paths)
def test_nothing_from_outside_becomes_markup(a: str, b: str, c: str, d: str, path: str) -> None:
    """Whatever a document, a file, a model or a user says is shown as the text it is."""
    citation = make_citation(text=f"{a}One. Two.{b}")
    source = replace(citation.source, title=c, heading=(d, a), source=path, context=c, language=d)
    source = replace(source, scanned=True)
    hostile = replace(citation, source=source)
    turn = replace(make_turn(f"{a} [1]", hostile, generator=b), question=c, problem=d)
    markup = "".join(
        (
            turn_markup(turn, index=0, texts=EN, status=a),
            turn_markup(Turn(a, written=b), index=1, texts=EN),
            facts_markup({a: b}),
            list_markup([(a, b, c)]),
            note_markup(d),
            problem_markup(c),
            greeting_markup(a, b, documents=[c, d]),
        )
    )
    page = Page(markup)
    assert page.tags <= TAGS
    assert page.attributes.keys() <= ATTRIBUTES
    assert set(page.attributes["href"]) == {"#source-0-1"}
    assert page.marked == "Two."
    for outside in (a, b, c, d):
        assert _as_text(outside) in page.text
    markup.encode()  # a lone surrogate could not be sent


def test_what_no_passage_says_is_marked() -> None:
    """The sentence in doubt is marked with the reason, its citations still open their passages."""
    text = "Leave is fifteen days [1]. It doubles in 2031 [1]."
    claims = (
        Claim(0, 26, supported=True),
        Claim(27, 50, supported=False, doubt=Doubt.DATE, what="<2031>"),
    )
    source = Source(1, "/a.md", "A", "Leave is fifteen days.", 0, 22)
    answer = Answer(
        "q",
        text,
        refused=False,
        generator="g",
        citations=(Citation(1, source, 0, 22, 0.5),),
        claims=claims,
        asked_as="<b>leave</b> days",
    )
    drawn = turn_markup(Turn("q", answer=answer), index=0, texts=EN)
    (marked,) = re.findall('<span class="kq-doubt"[^>]*>(.*?)</span>', drawn, re.DOTALL)
    assert "It doubles in 2031" in marked
    assert "kq-number" in marked
    assert EN.doubts["date"].format(what="&lt;2031&gt;") in drawn
    assert EN.asked_as.format(question="&lt;b&gt;leave&lt;/b&gt; days") in drawn


def test_passages_come_before_the_first_word() -> None:
    """While an answer is awaited, what was found for it is listed; with the answer it goes."""
    found = [Source(1, "/a.md", "<A>", "Leave is\nfifteen days.", 0, 22)]
    drawn = turn_markup(Turn("q"), index=0, texts=EN, status="...", found=found)
    assert EN.found in drawn
    assert "&lt;A&gt;" in drawn
    assert "Leave is fifteen days." in drawn
    answer = Answer("q", "x", refused=False, generator="g")
    assert EN.found not in turn_markup(Turn("q", answer=answer), index=0, texts=EN, found=found)
