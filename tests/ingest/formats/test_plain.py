"""Plain text: which line ends were meant."""

from ingest.document import Block, BlockKind
from ingest.formats.plain import parse, parse_lines


def blocks(text: str) -> list[tuple[str, str]]:
    return [(block.kind.value, block.text) for block in parse(text.encode(), name="x").blocks]


def test_wrapped_lines_are_joined() -> None:
    """Text wrapped at a column is one paragraph again; English gets a space."""
    lines = (
        "The parser takes a line for wrapped where the first word of the next",
        "would not have fitted into the widest line of the paragraph, and only",
        "then.",
    )
    assert blocks("\n".join(lines) + "\n\nA second one.\n") == [
        ("paragraph", " ".join(lines)),
        ("paragraph", "A second one."),
    ]


def test_chinese_is_joined_without_spaces() -> None:
    """No space is put between Chinese characters, nor beside full-width marks."""
    text = (
        "　　公司员工入职满一年以后，每年享有五天带薪年假；满十年的为十天，满二十\n"
        "年的为十五天。请假须提前三个工作日在系统中提出，由直接主管批准，\n"
        "Python 组除外。\n"
    )
    assert blocks(text) == [("paragraph", "".join(text.split()).replace("Python组", "Python 组"))]


def test_broken_addresses_are_joined() -> None:
    """An address that was wrapped after a slash is whole again."""
    text = (
        "For all other questions and for the newest version see https://example.org/\n"
        "handbook on the company's own network, which is always up to date, and ask.\n"
    )
    assert "https://example.org/handbook on" in blocks(text)[0][1]


def test_lines_of_their_own_stay_lines() -> None:
    """An address, a verse or a listing is not made into a paragraph."""
    assert blocks("12 High Street\nSpringfield\nOregon\n") == [
        ("list", "12 High Street\nSpringfield\nOregon")
    ]
    assert blocks("    if a:\n        b\n    else:\n        c\n") == [
        ("list", "if a:\n    b\nelse:\n    c")
    ]


def test_a_line_can_be_a_paragraph() -> None:
    """Files that hold a paragraph a line, as Chinese novels do, are read line by line."""
    first, second = "他走了很远的路。" * 12, "“回来吧！”她说。" * 12
    assert blocks(f"{first}\n{second}\n") == [("paragraph", first), ("paragraph", second)]


def test_items_are_a_list() -> None:
    """Bullets and numbers begin items, which keep what was wrapped into the next line."""
    text = (
        "Before you start:\n"
        "  * switch on the main valve, which is behind the door of\n"
        "    the long hall\n"
        "  * wait\n\n"
        "1.1. 概述\n1.2. 安装\n"
    )
    assert blocks(text) == [
        ("paragraph", "Before you start:"),
        (
            "list",
            "* switch on the main valve, which is behind the door of the long hall\n* wait",
        ),
        ("list", "1.1. 概述\n1.2. 安装"),
    ]


def test_columns_are_kept() -> None:
    """Lines aligned with spaces stay as they are."""
    text = "Name      Age\nAnna       30\nBert       41"
    assert blocks(text) == [("code", text)]


def test_evident_headings() -> None:
    """Underlined lines and numbered chapters are headings; numbered sentences are not."""
    text = (
        "Title\n=====\n\nPart\n----\nText here.\n\n第一章 总则\n\n1.2 适用范围\n\n1.5 升水加热。\n"
    )
    assert parse(text.encode(), name="x").blocks == (
        Block(BlockKind.HEADING, "Title", 1),
        Block(BlockKind.HEADING, "Part", 2),
        Block(BlockKind.PARAGRAPH, "Text here."),
        Block(BlockKind.HEADING, "第一章 总则", 2),
        Block(BlockKind.HEADING, "1.2 适用范围", 7),
        Block(BlockKind.PARAGRAPH, "1.5 升水加热。"),
    )


def test_numbered_lines_between_paragraphs() -> None:
    """A numbered line of its own is a heading, unless it has another like it for a neighbour."""
    text = (
        "一、总则\n\n本章说明范围。\n\n二、假期\n\n1. 年假\n\n2. 病假\n\n三、其他\n\n另见附件。\n"
    )
    assert [(block.text, block.level) for block in parse(text.encode(), name="x").blocks] == [
        ("一、总则", 4),
        ("本章说明范围。", 0),
        ("二、假期", 4),
        ("1. 年假", 0),
        ("2. 病假", 0),
        ("三、其他", 4),
        ("另见附件。", 0),
    ]


def test_long_lines_show_that_nothing_was_wrapped() -> None:
    """Where paragraphs are single lines, a line of any length was ended on purpose."""
    text = (
        "甲" * 200 + "。\n\n时间：下午两点到三点四十，地点在总部四楼的会议室\n主持：王\n记录：李\n"
    )
    assert [block.text for block in parse(text.encode(), name="x").blocks][1].count("\n") == 2


def test_a_log_keeps_its_lines() -> None:
    """Lines of a log are never joined."""
    text = "2026-01-01 10:00:00 INFO started the service on the machine\n2026-01-01 10:00:01 OK\n"
    assert [block.text for block in parse_lines(text.encode(), name="x").blocks] == [text.strip()]
