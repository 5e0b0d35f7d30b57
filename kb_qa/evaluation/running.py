"""Asking golden questions one after the other; what was asked already is not asked again."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kb_qa.answer import Answer, Source
from kb_qa.chain import KnowledgeBaseQA
from kb_qa.errors import KbQaError, ReportError
from kb_qa.evaluation.questions import Golden
from kb_qa.evaluation.results import DEPTH, Failure, Result, scored


def results(
    chain: KnowledgeBaseQA,
    questions: Sequence[Golden],
    *,
    kept: Path | None = None,
    tell: Callable[[Result], None] = lambda _: None,
) -> list[Result]:
    """Ask and score every question.

    Args:
        chain: who is asked.
        questions: what is asked.
        kept: a file of results that a run which was cut short left behind, and that this one
            adds to.
        tell: told of each result as it comes.

    Raises:
        ReportError: the file cannot be written.
    """
    known = dict(_known(kept)) if kept else {}
    asked: list[Result] = []
    for golden in questions:
        key = _key(golden)
        if key not in known:
            # As it is kept: a report is the same whether its run was cut short or not.
            values = _asked(chain, golden).to_json()
            known[key] = Result.from_json(values)
            _keep(kept, key, values)
        asked.append(known[key])
        tell(known[key])
    return asked


def unfinished(folder: Path, *, questions: Sequence[Golden], state: str) -> Path:
    """The file that keeps the results of a run, for one of the same questions on the same state.

    Args:
        folder: where it lies.
        questions: what is asked.
        state: all else that an answer depends on.
    """
    told = json.dumps([state, *(asdict(each) for each in questions)], ensure_ascii=False)
    return folder / f"{hashlib.sha256(told.encode()).hexdigest()[:16]}.part"


def _asked(chain: KnowledgeBaseQA, golden: Golden) -> Result:
    """A question that ends in an error has failed; the others are asked all the same."""
    try:
        asked = {"query": golden.question, "chat_history": list(golden.history)}
        answer: Answer = chain.invoke(asked)["answer"]
        found = chain.retriever.invoke(answer.asked_as or golden.question, passages=DEPTH)
    except KbQaError as error:
        judged = golden.unanswerable or golden.is_answerable
        failed = f"{Failure.ERROR}: {error}"
        return Result(question=golden.question, failed=failed, judged=judged)
    return scored(golden, answer, [Source.from_document(each) for each in found])


def _key(golden: Golden) -> str:
    return json.dumps(asdict(golden), ensure_ascii=False, sort_keys=True)


def _known(kept: Path) -> Iterator[tuple[str, Result]]:
    with suppress(FileNotFoundError):
        for line in kept.read_text("utf-8").split("\n"):
            with suppress(ValueError, KeyError, TypeError):  # the last one may be half a line
                values = json.loads(line)
                yield values["key"], Result.from_json(values["result"])


def _keep(kept: Path | None, key: str, result: dict[str, Any]) -> None:
    if kept is None:
        return
    line = json.dumps({"key": key, "result": result}, ensure_ascii=False)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with kept.open("a", encoding="utf-8") as file:
            file.write(f"\n{line}" if kept.stat().st_size else line)
    except OSError as error:
        raise ReportError(f"{kept}: {error.strerror}: free the disk, or mend its rights") from error
