"""Numbers as Word counts them."""

import pytest
from lxml import etree

from ingest.formats.numbering import Numbering

LEVEL = '<lvl ilvl="{0}"><start val="{3}"/><numFmt val="{1}"/><lvlText val="{2}"/></lvl>'


def numbering(*levels: tuple[str, str, int], override: str = "") -> Numbering:
    inside = "".join(LEVEL.format(depth, *level) for depth, level in enumerate(levels))
    return Numbering(
        etree.fromstring(
            f'<numbering><abstractNum abstractNumId="7">{inside}</abstractNum>'
            f'<num numId="1"><abstractNumId val="7"/></num>'
            f'<num numId="2"><abstractNumId val="7"/>{override}</num></numbering>'
        )
    )


@pytest.mark.parametrize(
    ("style", "start", "shown"),
    [
        ("decimal", 9, "9. "),
        ("lowerLetter", 27, "aa. "),
        ("upperLetter", 3, "C. "),
        ("lowerRoman", 1994, "mcmxciv. "),
        ("upperRoman", 4, "IV. "),
        ("chineseCounting", 10, "十. "),
        ("chineseCounting", 21, "二十一. "),
        ("chineseCounting", 105, "一百零五. "),
        ("chineseCounting", 1010, "一千零一十. "),
        ("ideographDigital", 20, "二〇. "),
        ("decimalEnclosedCircle", 3, "③. "),
        ("bullet", 1, "- "),
        ("unheard-of", 2, "2. "),
    ],
)
def test_number_formats(style: str, start: int, shown: str) -> None:
    """Each format counts in its own way; an unknown one in Arabic digits."""
    assert numbering((style, "%1.", start)).marker("1", 0) == shown


def test_deeper_levels_begin_anew() -> None:
    """A level starts over when one above it goes on."""
    counted = numbering(("decimal", "%1", 1), ("decimal", "%1.%2", 1))
    markers = [counted.marker("1", depth) for depth in (0, 1, 1, 0, 1)]
    assert markers == ["1 ", "1.1 ", "1.2 ", "2 ", "2.1 "]


def test_lists_of_one_definition_count_on() -> None:
    """A second list goes on where the first ended, unless it states its start."""
    plain = numbering(("decimal", "%1", 1))
    assert [plain.marker(each, 0) for each in "112"] == ["1 ", "2 ", "3 "]
    stated = '<lvlOverride ilvl="0"><startOverride val="5"/></lvlOverride>'
    apart = numbering(("decimal", "%1", 1), override=stated)
    assert [apart.marker(each, 0) for each in "1121"] == ["1 ", "2 ", "5 ", "3 "]


def test_lists_that_are_nowhere_defined_are_bullets() -> None:
    """A paragraph may refer to a list that the file does not hold."""
    assert Numbering(None).marker("4", 2) == "- "
