"""Questions of the evaluation that are collected on the page: a file of the knowledge base."""

import json
from pathlib import Path

from kb_qa.errors import ReportError
from kb_qa.evaluation.questions import Golden, read_questions
from kb_qa.evaluation.report import FOLDER
from ui.conversation import Turn

FILE = "golden.jsonl"


def golden_file(kb: Path) -> Path:
    """Where they are kept."""
    return kb / FOLDER / FILE


def golden_questions(kb: Path) -> list[Golden]:
    """Those that were collected; none before the first."""
    file = golden_file(kb)
    return read_questions(file) if file.exists() else []


def add(kb: Path, turn: Turn, *, answer: str, is_right: bool) -> None:
    """Keep a question of a conversation.

    Args:
        kb: folder of the knowledge base.
        turn: the question, and what was answered.
        answer: what is right, in somebody's words; may be empty.
        is_right: whether the answer that was given is, and so what it cites.

    Raises:
        ReportError: it cannot be written.
    """
    values: dict[str, str | int | bool] = {"question": turn.question}
    given = turn.answer
    if answer.strip():
        values["answer"] = answer.strip()
    if is_right and given and given.citations and not given.refused:
        first = given.citations[0]
        values["source"] = Path(first.source.source).name
        if first.page is not None:
            values["page"] = first.page
    if is_right and given and given.refused:
        values["unanswerable"] = True
    file = golden_file(kb)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(values, ensure_ascii=False) + "\n")
    except OSError as error:
        raise ReportError(f"{file}: {error.strerror}: free the disk, or mend its rights") from error
