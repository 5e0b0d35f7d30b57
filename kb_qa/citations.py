"""Citation numbers in a text, as models write them: [1], [1, 2], ［1］, 【1】, [资料 1].

The numbers stand in brackets of one kind; nothing else does.
"""

import re
from collections.abc import Callable, Iterator

_WORD = r"(?:(?:passages?|资料|資料|出处|出處)\s*)?"
_LIST = rf"\s*{_WORD}\d{{1,2}}(?:\s*[,，、;；]\s*{_WORD}\d{{1,2}})*\s*"
_BRACKETS = re.compile(rf"\[{_LIST}\]|［{_LIST}］|【{_LIST}】", re.IGNORECASE)
_NUMBER = re.compile(r"\d+")


def cited_numbers(text: str) -> list[int]:
    """The numbers cited, each once, in the order of their first mention."""
    return list(dict.fromkeys(_numbers(text)))


def bracketed_numbers(text: str) -> Iterator[tuple[int, int, list[int]]]:
    """Where citations stand, from their first bracket to past their last, and their numbers."""
    for match in _BRACKETS.finditer(text):
        yield *match.span(), [int(each) for each in _NUMBER.findall(match[0])]


def replace_citations(text: str, replace: Callable[[str, int], str]) -> str:
    """The text with each citation replaced.

    Args:
        text: holds citations.
        replace: takes what stands there and its number: `[1]` with its brackets
            where it is alone in them, else the digits.
    """

    def bracketed(match: re.Match[str]) -> str:
        numbers = _NUMBER.findall(match[0])
        if len(numbers) == 1:
            return replace(match[0], int(numbers[0]))
        return _NUMBER.sub(lambda digits: replace(digits[0], int(digits[0])), match[0])

    return _BRACKETS.sub(bracketed, text)


def _numbers(text: str) -> Iterator[int]:
    for _, _, numbers in bracketed_numbers(text):
        yield from numbers
