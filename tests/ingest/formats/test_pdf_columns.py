"""PDF: pages of several columns, in the order in which people read them."""

from tests.ingest.formats.drawing import (
    parsed,
    side_by_side,
    text,
    together,
    told,
    wrapped,
)

RIVER = (
    "The river rises in the hills behind the old quarry and runs for nine miles through "
    "meadows that flood in most winters. Two mills stood on it once, and the second of them "
    "ground corn until the spring of the year in which the bridge was carried away."
)
TOWN = (
    "The town was built on the dry side, where the road from the coast meets the one that "
    "leads over the hills. Its market was held on the day after each full moon, so that people "
    "who had come from far away could find their way home again by night."
)
HARBOUR = (
    "Ships of two hundred tons could reach the harbour at high water, and larger ones were "
    "unloaded into barges at its mouth. Salt and timber were landed there, and wool was sent "
    "away, until the sand had closed the channel to all but fishing boats."
)
ANNUAL = (
    "公司员工入职满一年以后，每年享有五天带薪年假；满十年的为十天，满二十年的为十五天。请假须"
    "提前三个工作日在系统中提出，由直接主管批准，并抄送人力资源部备案。"
)
TRAVEL = (
    "出差人员应当在返回后七个工作日之内提交报销单，并附上全部原始凭证。住宿费按照城市的等级设定"
    "上限，超出部分须由部门负责人说明理由，经财务部门核准以后方可报销。"
)


def test_rows_drawn_across_two_columns() -> None:
    """Each column is read to its end, whatever the order it was drawn in."""
    page = side_by_side(wrapped(RIVER, 210), wrapped(TOWN, 210), lefts=(72, 310))
    assert told(parsed(page)) == f"[1]\n{RIVER}\n{TOWN}"


def test_rows_drawn_across_three_columns() -> None:
    """Three columns as two."""
    columns = [wrapped(each, 140) for each in (RIVER, TOWN, HARBOUR)]
    page = side_by_side(*columns, lefts=(60, 222, 384))
    assert told(parsed(page)) == f"[1]\n{RIVER}\n{TOWN}\n{HARBOUR}"


def test_chinese_columns() -> None:
    """Chinese columns are told apart, and their lines joined without spaces."""
    columns = wrapped(ANNUAL, 200), wrapped(TRAVEL, 200)
    page = side_by_side(*columns, lefts=(72, 310), font="STSong-Light")
    assert told(parsed(page)) == f"[1]\n{ANNUAL}\n{TRAVEL}"


def test_a_sentence_goes_on_in_the_next_column() -> None:
    """A paragraph that one column cannot hold is one paragraph."""
    lines = wrapped(f"{RIVER} {TOWN}", 210)
    half = len(lines) // 2 + 1
    page = side_by_side(lines[:half], lines[half:], lefts=(72, 310))
    assert told(parsed(page)) == f"[1]\n{RIVER} {TOWN}"


def test_a_title_over_two_columns() -> None:
    """What reaches over both columns comes before them."""
    page = together(
        text("A short history of the river, the town and its harbour", size=18, top=790),
        side_by_side(wrapped(RIVER, 210), wrapped(TOWN, 210), lefts=(72, 310), top=740),
    )
    title = "# A short history of the river, the town and its harbour"
    assert told(parsed(page)) == f"[1]\n{title}\n{RIVER}\n{TOWN}"


def test_a_caption_over_two_columns_parts_them() -> None:
    """Above a line over both columns, then that line, then what is below it."""
    caption = (
        "Figure 1: the river, the town and the harbour as they were before the sand closed it."
    )
    page = together(
        side_by_side(wrapped(RIVER, 210), wrapped(TOWN, 210), lefts=(72, 310)),
        text(caption, top=560, left=100),
        side_by_side(wrapped(HARBOUR, 210), wrapped(RIVER, 210), lefts=(72, 310), top=520),
    )
    assert told(parsed(page)) == f"[1]\n{RIVER}\n{TOWN}\n{caption}\n{HARBOUR}\n{RIVER}"


def test_columns_under_text_of_full_width() -> None:
    """A page may begin in one column and go on in two."""
    page = together(
        text(*wrapped(HARBOUR, 450)),
        side_by_side(wrapped(RIVER, 210), wrapped(TOWN, 210), lefts=(72, 310), top=680),
    )
    assert told(parsed(page)) == f"[1]\n{HARBOUR}\n{RIVER}\n{TOWN}"


def test_a_sidebar_is_not_read_into_the_text() -> None:
    """A box beside the text, drawn row by row with it, is read after the text beside it."""
    page = side_by_side(
        wrapped(f"{RIVER} {TOWN}", 290),
        wrapped(HARBOUR, 130, size=9),
        lefts=(72, 400),
    )
    assert told(parsed(page)) == f"[1]\n{RIVER} {TOWN}\n{HARBOUR}"


def test_columns_drawn_in_turn_with_headings() -> None:
    """Columns that were drawn in turn keep their order, headings and all."""
    page = together(
        text("The river", size=14),
        text(*wrapped(RIVER, 210), top=735),
        text("The town", size=14, top=560),
        text(*wrapped(TOWN, 210), top=535),
        text("The harbour", size=14, left=310),
        text(*wrapped(HARBOUR, 210), left=310, top=735),
    )
    assert (
        told(parsed(page))
        == f"[1]\n# The river\n{RIVER}\n# The town\n{TOWN}\n# The harbour\n{HARBOUR}"
    )


def test_headings_in_interleaved_columns() -> None:
    """Headings stay in their columns."""
    page = together(
        side_by_side(["The river"], ["The harbour"], lefts=(72, 310), size=14),
        side_by_side(wrapped(RIVER, 210), wrapped(HARBOUR, 210), lefts=(72, 310), top=735),
    )
    assert told(parsed(page)) == f"[1]\n# The river\n{RIVER}\n# The harbour\n{HARBOUR}"


def test_words_beside_each_other_are_no_columns() -> None:
    """Names and numbers that stand apart stay in their rows."""
    page = side_by_side(
        ["Telephone", "Opening hours", "Car park"],
        ["01 234 567", "9 to 17", "behind the house"],
        lefts=(72, 310),
    )
    assert told(parsed(page)) == (
        "[1]\nTelephone 01 234 567\nOpening hours 9 to 17\nCar park behind the house"
    )
