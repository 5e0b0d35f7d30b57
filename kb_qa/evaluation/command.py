"""`python -m kb_qa evaluate`: from a file of questions to a report, kept and told."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tqdm import tqdm

import kb_qa
from kb_qa.chain import KnowledgeBaseQA, build_qa_chain
from kb_qa.drafting import draft
from kb_qa.errors import QuestionError, ReportError
from kb_qa.evaluation.comparison import compare
from kb_qa.evaluation.questions import read_questions
from kb_qa.evaluation.report import FOLDER, Report, load_report, new_name, save
from kb_qa.evaluation.running import results, unfinished
from kb_qa.evaluation.told import told
from kb_qa.paths import shown
from kb_qa.settings import Settings, load_settings
from kb_qa.store.opening import open_catalog

_ANSWERED_BY = (
    *("embeddings", "llm", "passages", "candidates", "mass_weight", "reranker", "reranked"),
)
"""The settings that an answer depends on."""


def evaluate(
    questions: Path,
    *,
    kb: Path | None = None,
    baseline: Path | None = None,
    out: Path | None = None,
    as_json: bool = False,
) -> Report:
    """Ask the questions of a file, score the answers, keep the report and print it.

    Args:
        questions: golden questions, one a line.
        kb: folder of the knowledge base; the settings' one if not given.
        baseline: an earlier report.
        out: where to keep the report; by default among those of the knowledge base.
        as_json: whether to print it as one object.

    Raises:
        GoldenQuestionError: a question cannot be read.
        ReportError: a report cannot be read or written.
    """
    golden = read_questions(questions)
    earlier = load_report(baseline) if baseline else None
    settings = load_settings(kb=kb)
    chain = build_qa_chain(settings=settings)
    about = _about(settings, chain)
    folder = settings.kb / FOLDER
    kept = unfinished(folder, questions=golden, state=json.dumps(about, sort_keys=True))
    with _bar(len(golden)) as bar:
        asked = results(chain, golden, kept=kept, tell=lambda _result: _advance(bar))
    now = datetime.now(UTC)
    report = Report(tuple(asked), {**about, "date": now.isoformat(timespec="seconds")})
    place = out or folder / new_name(now)
    save(report, place)
    kept.unlink(missing_ok=True)
    comparison = compare(report, baseline=earlier) if earlier else None
    if as_json:
        values = report.to_json() | ({"comparison": comparison.to_json()} if comparison else {})
        print(json.dumps(values, ensure_ascii=False, indent=2))
    else:
        print(told(report, comparison))
        print(f"\nreport: {shown(str(place.absolute()))}")
    return report


def draft_questions(count: int, *, kb: Path | None = None, out: Path | None = None) -> None:
    """Propose questions, as JSON Lines that `evaluate` reads, for a person to keep or throw away.

    Raises:
        QuestionError: the number is none, or the documents hold no sentence to ask about.
        ReportError: the file cannot be written, or is there already.
    """
    if count < 1:
        raise QuestionError(f"--draft {count}: ask for one question or more")
    settings = load_settings(kb=kb)
    with open_catalog(settings.kb, store=settings.store).read() as snapshot:
        drafts = draft(snapshot, count)
    if not drafts:
        raise QuestionError(
            f"{settings.kb}: no sentence with a number, a date or a definition to ask about"
        )
    lines = [json.dumps(each.to_json(), ensure_ascii=False) for each in drafts]
    if out is None:
        print("\n".join(lines))
        return
    try:
        with out.open("x", encoding="utf-8") as file:  # somebody may have picked among them
            file.write("\n".join(lines) + "\n")
    except OSError as error:
        raise ReportError(f"{out}: {error.strerror}: name another file with --out") from error
    print(f"{len(drafts)} questions drafted in {shown(str(out))}: keep those that are good")


def _about(settings: Settings, chain: KnowledgeBaseQA) -> dict[str, Any]:
    values = settings.model_dump(mode="json")
    with open_catalog(settings.kb, store=settings.store).read() as snapshot:
        generation = snapshot.generation
    generator = chain.combine_documents_chain
    return {
        "kb": shown(str(settings.kb.absolute())),
        "generation": generation,
        "generator": getattr(generator, "generator", type(generator).__name__),
        "settings": {name: values[name] for name in _ANSWERED_BY},
        "floor": getattr(generator, "floor", None),
        "version": kb_qa.__version__,
    }


def _advance(bar: "tqdm[Any]") -> None:
    bar.update()


@contextmanager
def _bar(questions: int) -> Iterator["tqdm[Any]"]:
    quiet = not sys.stderr.isatty()
    with tqdm(total=questions, unit="question", file=sys.stderr, disable=quiet) as bar:
        yield bar
