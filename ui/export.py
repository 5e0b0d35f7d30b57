"""A conversation as a file that one keeps."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from kb_qa import Answer, Citation
from kb_qa.paths import shown
from ui.conversation import Turn


def as_json(turns: Sequence[Turn]) -> str:
    """All that is known of each turn: `question`, `answer` as `python -m kb_qa ask --json`."""
    return json.dumps([_values(turn) for turn in turns], ensure_ascii=False, indent=2)


def as_markdown(turns: Sequence[Turn], *, title: str) -> str:
    """A text to read: questions as headings, answers, and below each its citations."""
    parts = [f"# {_one_line(title)}"]
    for turn in turns:
        parts.append(f"## {_one_line(turn.question)}")
        if turn.answer is None:
            parts.append(turn.written or turn.problem or "…")
            continue
        parts.append(turn.answer.text)
        parts += [_cited(citation) for citation in turn.answer.citations]
    return "\n\n".join(parts) + "\n"


def as_text(answer: Answer) -> str:
    """An answer to paste elsewhere: its text, and below it where each citation stands."""
    places = (_place(citation) for citation in answer.citations)
    return "\n".join((answer.text, *([""] * bool(answer.citations)), *places))


def _values(turn: Turn) -> dict[str, Any]:
    plain = {key: value for key, value in asdict(turn).items() if key != "answer"}
    return {**plain, "answer": turn.answer.to_json() if turn.answer else None}


def _cited(citation: Citation) -> str:
    quoted = "\n".join(f"> {line}" for line in citation.text.strip().splitlines())
    return f"{_place(citation)}\n\n{quoted}"


def _place(citation: Citation) -> str:
    page = f", p. {citation.page}" if citation.page else ""
    return f"[{citation.n}] {_one_line(shown(citation.source.source))}{page}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
