"""OpenDocument presentations: a slide a page."""

from ingest.document import Parsed
from ingest.formats.odp import parse
from tests.ingest.formats.open_document import open_document


def parsed(body: str, *, automatic: str = "") -> Parsed:
    return parse(open_document(body, kind="presentation", automatic=automatic), name="x")


def frame(content: str, kind: str = "") -> str:
    stated = f' presentation:class="{kind}"' if kind else ""
    return f"<draw:frame{stated}><draw:text-box>{content}</draw:text-box></draw:frame>"


def paragraphs(*texts: str) -> str:
    return "".join(f"<text:p>{text}</text:p>" for text in texts)


def test_slides_titles_bullets_tables_and_notes() -> None:
    """The title is a heading, bullets a list, notes paragraphs, the slide's number the page."""
    bullets = (
        f"<text:list><text:list-item>{paragraphs('收入增长')}<text:list><text:list-item>"
        f"{paragraphs('华东')}</text:list-item></text:list></text:list-item></text:list>"
    )
    cells = "".join(f"<table:table-cell>{paragraphs(each)}</table:table-cell>" for each in "ab")
    table = f"<table:table>{f'<table:table-row>{cells}</table:table-row>' * 2}</table:table>"
    notes = frame(paragraphs("未经审计。"), "notes") + frame(paragraphs("7"), "page-number")
    body = (
        f"<draw:page>{frame(bullets, 'outline')}{frame(paragraphs('季度', '总结'), 'title')}"
        f"<draw:g><draw:custom-shape>{paragraphs('Grouped')}</draw:custom-shape></draw:g>"
        f"<presentation:notes>{notes}</presentation:notes></draw:page>"
        f"<draw:page>{frame(bullets)}{frame(paragraphs('7'), 'page-number')}"
        f"<draw:frame>{table}</draw:frame></draw:page>"
    )
    result = parsed(body)
    assert (result.title, result.pages) == ("季度 总结", 2)
    assert [(block.kind.value, block.text, block.level, block.page) for block in result.blocks] == [
        ("heading", "季度 总结", 1, 1),
        ("list", "- 收入增长\n  - 华东", 0, 1),
        ("paragraph", "Grouped", 0, 1),
        ("paragraph", "未经审计。", 0, 1),
        ("heading", "收入增长", 1, 2),
        ("list", "  - 华东", 0, 2),
        ("table", "| a | b |\n| --- | --- |\n| a | b |", 0, 2),
    ]


def test_slides_without_a_short_line() -> None:
    """A slide whose first paragraph is too long for a title is called by its number."""
    long = "A sentence that is far too long. " * 9
    result = parsed(f"<draw:page>{frame(paragraphs(long))}</draw:page>")
    assert [block.text for block in result.blocks] == ["Slide 1", long.strip()]


def test_hidden_slides_are_read_and_told() -> None:
    """They are found by number in the program; the report says which."""
    style = (
        '<style:style style:family="drawing-page" style:name="dp2">'
        '<style:drawing-page-properties presentation:visibility="hidden"/></style:style>'
    )
    slides = [
        f'<draw:page draw:style-name="{name}">{frame(paragraphs("a"), "title")}</draw:page>'
        for name in ("dp1", "dp2")
    ]
    result = parsed("".join(slides), automatic=style)
    assert [block.page for block in result.blocks] == [1, 2]
    assert result.warnings == ("1 hidden slide read all the same: 2",)
