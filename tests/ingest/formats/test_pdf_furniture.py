"""PDF: running heads, page numbers, footnotes, and what runs over the end of a page."""

from collections.abc import Sequence

import pytest

from tests.ingest.formats.drawing import (
    GRID,
    Draw,
    parsed,
    rule,
    side_by_side,
    table,
    text,
    together,
    told,
    wrapped,
)

SAID = [
    "The quarry was opened before the road was made.",
    "Its stone went down the river on rafts.",
    "In dry summers the rafts lay still for weeks.",
    "The bridge was built of the same stone.",
    "It stood for a hundred years.",
    "Then the water took it in one night.",
]
CHINESE = [
    "采石场在修路之前就已经开工。",
    "石料用木筏顺流运到下游。",
    "夏天干旱时木筏要停好几个星期。",
    "石桥用的也是同样的石料。",
    "它屹立了整整一百年。",
    "后来一夜之间被大水冲走。",
]


def body(number: int, *, font: str = "Helvetica") -> Draw:
    """A page's text, of another length and height on each page."""
    said = SAID if font == "Helvetica" else CHINESE
    return text(said[number], font=font, top=700 - 20 * number)


def pages(*frames: Draw, font: str = "Helvetica") -> str:
    drawn = [together(frame, body(number, font=font)) for number, frame in enumerate(frames)]
    return told(parsed(*drawn))


def truth(count: int, said: Sequence[str] = SAID) -> str:
    return "\n".join(f"[{number + 1}]\n{said[number]}" for number in range(count))


def test_heads_on_left_and_right_pages() -> None:
    """Left and right pages have heads of their own, and their numbers outside."""
    frames = [
        text(f"{number}   The river", top=810)
        if number % 2
        else text(f"A history of the town   {number}", top=810, left=380)
        for number in range(6)
    ]
    assert pages(*frames) == truth(6)


def test_heads_of_chapters() -> None:
    """A head that changes with the chapter goes too, where it stands at the usual height."""
    heads = ["1. Stone", "1. Stone", "2. Water", "3. The bridge", "3. The bridge", "4. The flood"]
    assert pages(*(text(head, top=810) for head in heads)) == truth(6)


@pytest.mark.parametrize(
    "number",
    [
        "{}",
        "- {} -",
        "Page {} of 6",
        "{} / 6",
    ],
)
def test_page_numbers(number: str) -> None:
    """Numbers that grow with the pages are no text."""
    frames = [text(number.format(page), top=30, left=290) for page in range(1, 7)]
    assert pages(*frames) == truth(6)


def test_roman_page_numbers() -> None:
    """Prefaces are numbered in Roman."""
    frames = [text(number, top=30, left=290) for number in "i ii iii iv v vi".split()]
    assert pages(*frames) == truth(6)


@pytest.mark.parametrize("number", ["第 {} 页 共 6 页", "第{}页，共6页", "共 6 页  第 {} 页"])
def test_chinese_page_numbers(number: str) -> None:
    """Chinese page numbers, with the count of pages."""
    frames = [
        text(number.format(page), font="STSong-Light", top=30, left=270) for page in range(1, 7)
    ]
    assert pages(*frames, font="STSong-Light") == truth(6, CHINESE)


def test_page_numbers_in_chinese_characters() -> None:
    """第三页 counts as 第 3 页 does."""
    frames = [text(f"第{each}页", font="STSong-Light", top=30, left=280) for each in "一二三四五六"]
    assert pages(*frames, font="STSong-Light") == truth(6, CHINESE)


def test_a_short_document() -> None:
    """Two pages are enough to tell a head, and one page for "page 1 of 1"."""
    two = [
        together(text("Minutes of the board", top=810), text(str(page), top=30, left=290))
        for page in (1, 2)
    ]
    assert pages(*two) == truth(2)
    assert pages(text("Page 1 of 1", top=30, left=290)) == truth(1)


def test_a_head_in_a_frame_of_cells() -> None:
    """Companies put name, number and page of a document into a table on each page."""
    frames = [
        table(
            [["远山公司", "管理制度", f"第 {page} 页"], ["编号", "YS-07", "版本 2"]],
            GRID,
            ("FONT", (0, 0), (-1, -1), "STSong-Light", 10),
            widths=(150, 150, 150),
            top=810,
        )
        for page in (1, 2, 3)
    ]
    assert pages(*frames, font="STSong-Light") == truth(3, CHINESE)


def test_numbers_in_the_text_are_kept() -> None:
    """A number at the end of a page that does not count pages is text."""
    result = pages(*(text(number, top=400) for number in ("1912", "44", "7")))
    assert all(number in result for number in ("1912", "44", "7"))


def test_last_lines_that_return_are_kept() -> None:
    """A text's own last line may be the same on several pages: it is not set off from the text."""
    lines = ["procedure step is", "begin", "   turn the wheel;", "   wait;", "   listen;", "end"]
    listing = [
        text(*[f"{line} {number}" for line in lines[:-1]], "end", top=700) for number in range(6)
    ]
    framed = [
        together(each, text(f"- {page} -", top=30, left=290))
        for page, each in enumerate(listing, start=1)
    ]
    assert told(parsed(*framed)).count("end") == 6


NOTE = "1 The rafts were of fir, and were sold with their load."


def test_a_footnote_after_its_pages_text() -> None:
    """Footnotes stand at the end of their page's text."""
    page = together(
        text(*wrapped(f"{SAID[1]} {SAID[2]} {SAID[3]}", 300), top=700),
        rule(72, 120, 180, 120),
        text(NOTE, size=8, top=108),
        text("2 They are counted here as one.", size=8, top=98),
    )
    other = text(SAID[4], top=700)
    assert told(parsed(page, other)) == "\n".join([
        "[1]",
        f"{SAID[1]} {SAID[2]} {SAID[3]}",
        NOTE,
        "2 They are counted here as one.",
        "[2]",
        SAID[4],
    ])  # fmt: skip


def test_a_footnote_is_not_read_into_a_sentence() -> None:
    """A sentence that runs over the end of the page is read to its end first."""
    first = together(
        text("The stone that was brought down from the quarry went", top=700),
        text("on rafts1 as far as the second mill and from there to the", top=686),
        text(NOTE, size=8, top=108),
    )
    second = text("harbour by cart.", "It was paid for by weight.", top=760, pitch=40)
    above = "The stone that was brought down from the quarry went on rafts1 as far as the second"
    assert (
        told(parsed(first, second))
        == f"""[1]
{above} mill and from there to the
[2]
harbour by cart.
[1]
{NOTE}
[2]
It was paid for by weight."""
    )


def test_a_chinese_footnote() -> None:
    """Chinese footnotes are marked ① and so on."""
    page = together(
        text(*CHINESE[:3], font="STSong-Light", size=12, top=700, pitch=30),
        text("① 木筏用杉木扎成，随货出售。", font="STSong-Light", size=9, top=100),
    )
    assert told(parsed(page)).endswith("\n① 木筏用杉木扎成，随货出售。")


def test_a_footnote_under_the_left_column() -> None:
    """A footnote of the left column does not come between the columns."""
    lines = wrapped(" ".join(SAID), 200)
    half = len(lines) // 2 + 1
    page = together(
        text(*lines[:half], top=700),
        text(*wrapped(NOTE, 200, size=8), size=8, top=600, pitch=10),
        text(*lines[half:], top=700, left=310),
    )
    assert told(parsed(page)) == "\n".join(["[1]", " ".join(SAID), NOTE])


def test_a_word_broken_by_the_end_of_a_page() -> None:
    """It is made whole on the page where it begins."""
    first = text("The rafts that lay still in dry sum-", top=100)
    second = text("mers were guarded by boys.", top=760)
    assert told(parsed(first, second)) == (
        "[1]\nThe rafts that lay still in dry summers\n[2]\nwere guarded by boys."
    )


def test_words_that_have_a_hyphen_keep_it() -> None:
    """A hyphen at the end of a line stays in a word that has one elsewhere, and before capitals."""
    lines = (
        "A well-known place in those days was the old mill, and as well as it was well-",
        "known, it was also the seat of the court, which met there under the Norman-",
        "Saxon law of the place, and of those who were heard there many spoke no Eng-",
        "lish.",
    )
    assert told(parsed(text(*lines))) == (
        "[1]\nA well-known place in those days was the old mill, and as well as it was "
        "well-known, it was also the seat of the court, which met there under the Norman-Saxon "
        "law of the place, and of those who were heard there many spoke no English."
    )


def test_hyphens_in_columns() -> None:
    """A word goes on in its own column, not in the line to the right."""
    left = [
        "The quarry lies high above the vil-",
        "lage, and its stone is grey. It was",
        "sold by weight in every har-",
        "bour of the coast.",
    ]
    right = [
        "Ships of two hundred tons were re-",
        "paired in the yard below the mill,",
        "and their masts were cut from fir",
        "that grew on the northern slope.",
    ]
    page = side_by_side(left, right, lefts=(72, 310))
    assert told(parsed(page)) == (
        "[1]\nThe quarry lies high above the village, and its stone is grey. It was sold by "
        "weight in every harbour of the coast.\nShips of two hundred tons were repaired in the "
        "yard below the mill, and their masts were cut from fir that grew on the northern slope."
    )
