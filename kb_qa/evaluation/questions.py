"""Golden questions: one a line, as JSON objects or as plain text."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kb_qa.errors import GoldenQuestionError

_TEXT = (".txt", ".tsv", ".text")
_KEYS = frozenset(
    {"question", "answer", "answers", "source", "page", "unanswerable", "history", "draft", "note"}
)


@dataclass(frozen=True)
class Golden:
    """A question, and what is known of its answer.

    Attributes:
        question: as a person asks it.
        answers: texts of which an answer holds one; empty where nobody wrote one.
        source: path of the file that answers it, or the last parts of that path; may be empty.
        page: that the answer stands on, from 1.
        unanswerable: whether the documents hold no answer.
        history: questions and answers before it.
    """

    question: str
    answers: tuple[str, ...] = ()
    source: str = ""
    page: int | None = None
    unanswerable: bool = False
    history: tuple[tuple[str, str], ...] = ()

    @property
    def is_answerable(self) -> bool:
        """Whether somebody said that the documents answer it, by saying what or where."""
        return not self.unanswerable and bool(self.answers or self.source)


def read_questions(path: Path) -> list[Golden]:
    """The questions of a file: JSON Lines, or text with a question a line.

    In a text an answer may follow its question after a tab. Empty lines, and in a text those
    that begin with #, are passed over.

    Raises:
        GoldenQuestionError: the file cannot be read, or a line of it; the message names it.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise GoldenQuestionError(f"{path}: {reason}: name a file of questions") from error
    read = _plain if path.suffix.lower() in _TEXT else _object
    questions = [
        read(line, f"{path}:{number}")
        for number, line in _lines(text)
        if not (read is _plain and line.lstrip().startswith("#"))
    ]
    if not questions:
        raise GoldenQuestionError(f"{path}: no question in it: write one a line")
    return questions


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line


def _plain(line: str, _place: str) -> Golden:
    question, _, answer = line.strip().partition("\t")
    return Golden(question.strip(), (answer.strip(),) if answer.strip() else ())


def _object(line: str, place: str) -> Golden:
    try:
        values = json.loads(line)
    except ValueError as error:
        raise GoldenQuestionError(
            f"{place}: not JSON ({error}): write an object a line, or name the file .txt"
        ) from error
    if not isinstance(values, dict):
        raise GoldenQuestionError(f'{place}: {line[:60]!r}: write {{"question": ...}}')
    unknown = sorted(set(values) - _KEYS)
    if unknown:
        raise GoldenQuestionError(
            f"{place}: nobody knows {unknown[0]!r}: use {', '.join(sorted(_KEYS))}"
        )
    return Golden(
        question=_text(values, "question", place),
        answers=_answers(values, place),
        source=_text(values, "source", place) if values.get("source") else "",
        page=_page(values, place),
        unanswerable=_flag(values, place),
        history=_history(values, place),
    )


def _text(values: Mapping[str, Any], key: str, place: str) -> str:
    value = values.get(key)
    if not isinstance(value, str) or not value.strip():
        raise GoldenQuestionError(f"{place}: {key} is {value!r}: write a text")
    return value.strip()


def _answers(values: Mapping[str, Any], place: str) -> tuple[str, ...]:
    given = [*_listed(values, "answer"), *_listed(values, "answers")]
    for value in given:
        if not isinstance(value, str) or not value.strip():
            raise GoldenQuestionError(f"{place}: an answer is {value!r}: write a text")
    return tuple(dict.fromkeys(value.strip() for value in given))


def _listed(values: Mapping[str, Any], key: str) -> list[Any]:
    value = values.get(key)
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _page(values: Mapping[str, Any], place: str) -> int | None:
    page = values.get("page")
    if page is not None and (not isinstance(page, int) or isinstance(page, bool) or page < 1):
        raise GoldenQuestionError(f"{place}: page is {page!r}: write its number, from 1")
    return page


def _flag(values: Mapping[str, Any], place: str) -> bool:
    flag = values.get("unanswerable", False)
    if not isinstance(flag, bool):
        raise GoldenQuestionError(f"{place}: unanswerable is {flag!r}: write true or false")
    return flag


def _history(values: Mapping[str, Any], place: str) -> tuple[tuple[str, str], ...]:
    turns = values.get("history") or []
    if not isinstance(turns, list) or not all(map(_is_turn, turns)):
        raise GoldenQuestionError(
            f'{place}: history is {turns!r}: write [["a question", "its answer"], ...]'
        )
    return tuple((str(asked), str(answered)) for asked, answered in turns)


def _is_turn(turn: object) -> bool:
    return isinstance(turn, list) and len(turn) == 2 and all(isinstance(each, str) for each in turn)  # noqa: PLR2004
