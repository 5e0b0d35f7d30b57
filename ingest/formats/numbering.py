"""The numbers that Word shows before paragraphs and does not store with them: 第三条, 2.1, (c)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ingest.formats.ooxml import Element, attribute, child, descendants

_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"),
    (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
_DIGITS = "〇一二三四五六七八九"
_PLACES = ((1000, "千"), (100, "百"), (10, "十"))
_PLACEHOLDER = re.compile(r"%([1-9])")
_BULLET = "- "
_SMALL_NUMBER = re.compile(r"[0-9]{1,6}")
_FIRST_NOT_ROMAN, _FIRST_NOT_CHINESE, _LAST_CIRCLED = 4000, 10_000, 20


@dataclass(frozen=True)
class Level:
    """How one level of a list is numbered.

    Attributes:
        style: the number format, by its name in Word's standard.
        text: what is shown; it holds %1 for the first level's number, %2 for the second's.
        start: the first number.
    """

    style: str
    text: str
    start: int


class Count:
    """Counts the paragraphs of one list.

    Args:
        levels: by depth from 0; one that is not there has bullets.
    """

    def __init__(self, levels: Mapping[int, Level]) -> None:
        self.levels = levels
        self._counts: dict[int, int] = {}

    def marker(self, depth: int, *, start: int | None = None) -> str:
        """What is shown before the next paragraph; "- " for a bullet.

        Args:
            depth: of the paragraph, from 0.
            start: its number, where it does not follow from the one before.
        """
        level = self.levels.get(depth)
        if level is None or level.style == "bullet":
            return _BULLET
        counts = self._counts
        counts[depth] = counts.get(depth, level.start - 1) + 1 if start is None else start
        for deeper in [each for each in counts if each > depth]:
            del counts[deeper]

        def number(match: re.Match[str]) -> str:
            place = int(match.group(1)) - 1
            at = self.levels.get(place, level)
            return _STYLES.get(at.style, str)(counts.get(place, at.start))

        shown = _PLACEHOLDER.sub(number, level.text).strip()
        return f"{shown} " if shown else ""


class Numbering:
    """Counts a document's numbered paragraphs as they come.

    Args:
        root: the part word/numbering.xml, or None.
    """

    def __init__(self, root: Element | None) -> None:
        self._counts: dict[str, Count] = {}
        self._lists: dict[str, Count] = {}
        if root is not None:
            for each in descendants(root, "abstractNum"):
                self._counts[attribute(each, "abstractNumId")] = Count(_levels(each))
            for each in descendants(root, "num"):
                self._begin_list(each)

    def marker(self, number_id: str, depth: int) -> str:
        """What Word shows before the next paragraph of a list; "- " for a bullet."""
        count = self._lists.get(number_id)
        return count.marker(depth) if count else _BULLET

    def _begin_list(self, element: Element) -> None:
        """Lists of one definition count on together; one that states its start counts alone."""
        sequence = attribute(child(element, "abstractNumId"), "val")
        count = self._counts.get(sequence, Count({}))
        starts = {
            integer(attribute(each, "ilvl"), 0): attribute(child(each, "startOverride"), "val")
            for each in descendants(element, "lvlOverride")
        }
        if any(starts.values()):
            levels = dict(count.levels)
            for depth, start in starts.items():
                if depth in levels:
                    levels[depth] = replace(
                        levels[depth], start=integer(start, levels[depth].start)
                    )
            count = Count(levels)
        self._lists[attribute(element, "numId")] = count


def _levels(abstract: Element) -> dict[int, Level]:
    return {
        integer(attribute(each, "ilvl"), 0): Level(
            attribute(child(each, "numFmt"), "val"),
            attribute(child(each, "lvlText"), "val"),
            integer(attribute(child(each, "start"), "val"), 1),
        )
        for each in descendants(abstract, "lvl")
    }


def integer(text: str, default: int) -> int:
    """A number of up to six digits; the default for anything else."""
    return int(text) if _SMALL_NUMBER.fullmatch(text) else default


def _letters(number: int) -> str:
    """From a to z, then aa to zz: one letter, repeated."""
    return chr(ord("a") + (number - 1) % 26) * min(1 + (number - 1) // 26, 9) if number else ""


def _roman(number: int) -> str:
    result = ""
    for value, sign in _ROMAN:
        count, number = divmod(number, value) if number < _FIRST_NOT_ROMAN else (0, number)
        result += sign * count
    return result or str(number)


def _chinese(number: int) -> str:
    """三, 十二, 二十, 一百零三: up to 9999 as it is counted, above in Arabic digits."""
    if not 0 < number < _FIRST_NOT_CHINESE:
        return str(number)
    result, zero = "", False
    for value, sign in _PLACES:
        digit, number = divmod(number, value)
        if digit:
            result += "零" * zero + _DIGITS[digit] + sign
            zero = False
        else:
            zero = bool(result)
    if number:
        result += "零" * zero + _DIGITS[number]
    return result.removeprefix("一") if result.startswith("一十") else result


def _circled(number: int) -> str:
    return chr(ord("①") + number - 1) if 0 < number <= _LAST_CIRCLED else str(number)


_STYLES: dict[str, Callable[[int], str]] = {
    "lowerLetter": _letters,
    "upperLetter": lambda number: _letters(number).upper(),
    "lowerRoman": _roman,
    "upperRoman": lambda number: _roman(number).upper(),
    "chineseCounting": _chinese,
    "chineseCountingThousand": _chinese,
    "ideographTraditional": _chinese,
    "japaneseCounting": _chinese,
    "taiwaneseCounting": _chinese,
    "taiwaneseCountingThousand": _chinese,
    "ideographDigital": lambda number: "".join(_DIGITS[int(digit)] for digit in str(number)),
    "japaneseDigitalTenThousand": lambda number: "".join(_DIGITS[int(d)] for d in str(number)),
    "decimalEnclosedCircle": _circled,
    "decimalEnclosedCircleChinese": _circled,
    "none": lambda _number: "",
}
"""Number formats by their names in the standard; any other is shown in Arabic digits."""
