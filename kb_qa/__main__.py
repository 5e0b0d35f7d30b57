"""python -m kb_qa COMMAND: arguments in, exit code out."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

from kb_qa.errors import KbQaError, QuestionError, SettingsError
from kb_qa.paths import shown

if TYPE_CHECKING:
    from kb_qa.answer import Answer, Citation
    from kb_qa.settings import Settings
    from kb_qa.store.filter import Filter

ALL_WELL, NEEDS_YOU, USAGE_ERROR, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 if it did its work, 1 if the doctor found what needs the person, 2 if it could not do
        its work, 130 if it was interrupted.
    """
    options = _parser().parse_args(arguments)
    try:
        code: int | None = options.run(options)
        sys.stdout.flush()
    except KbQaError as error:
        print(f"kb_qa: {error}", file=sys.stderr)
        return USAGE_ERROR
    except BrokenPipeError:
        # Who reads no further, such as `head`, has what he wanted; the interpreter's own last
        # flush must not fail either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        print("kb_qa: interrupted", file=sys.stderr)
        return INTERRUPTED
    else:
        return code or ALL_WELL
    return ALL_WELL


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m kb_qa", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, run, purpose in (
        ("ask", _ask, "answer a question from a knowledge base, with citations"),
        ("search", _search, "the passages nearest to a question, without an answer"),
    ):
        command = commands.add_parser(name, help=purpose, description=purpose)
        command.add_argument("question", help="in any language")
        command.add_argument(
            "--kb",
            type=Path,
            action="append",
            help="folder of the knowledge base; give it again to ask several as one",
        )
        _add_filter(command)
        command.add_argument("--json", action="store_true", help="print one JSON object")
        command.set_defaults(run=run)
    purpose = "score the answers to golden questions: where a knowledge base fails, and why"
    command = commands.add_parser("evaluate", help=purpose, description=purpose)
    command.add_argument(
        "questions",
        nargs="?",
        type=Path,
        metavar="QUESTIONS",
        help="a question a line: JSON objects (.jsonl), or plain text (.txt)",
    )
    command.add_argument("--kb", type=Path, help="folder of the knowledge base")
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command.add_argument(
        "--baseline", type=Path, metavar="REPORT", help="an earlier report to compare with"
    )
    command.add_argument(
        "--out", type=Path, metavar="FILE", help="where to keep the report, or the drafts"
    )
    command.add_argument(
        "--draft",
        type=int,
        metavar="N",
        help="propose N questions from the documents, for you to keep or throw away",
    )
    command.set_defaults(run=_evaluate)
    purpose = "find the floor under which nothing is answered, with questions drafted from it"
    command = commands.add_parser("calibrate", help=purpose, description=purpose)
    command.add_argument("--kb", type=Path, help="folder of the knowledge base")
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command.set_defaults(run=_calibrate)
    purpose = "copy a knowledge base into a new folder, while others read and write it"
    command = commands.add_parser("backup", help=purpose, description=purpose)
    command.add_argument("to", type=Path, metavar="DEST", help="folder to make; must not be there")
    command.add_argument("--kb", type=Path, help="folder of the knowledge base")
    command.set_defaults(run=_backup)
    purpose = "write a knowledge base as plain files (JSON Lines, vectors) into a new folder"
    command = commands.add_parser("export", help=purpose, description=purpose)
    command.add_argument("to", type=Path, metavar="DIR", help="folder to make; must not be there")
    command.add_argument("--kb", type=Path, help="folder of the knowledge base")
    command.set_defaults(run=_export)
    purpose = "make a new knowledge base of what `export` wrote"
    command = commands.add_parser("import", help=purpose, description=purpose)
    command.add_argument("source", type=Path, metavar="DIR", help="folder of the files")
    command.add_argument(
        "--kb", type=Path, required=True, metavar="NEW", help="folder to make; must not be there"
    )
    command.set_defaults(run=_import)
    purpose = "look at all of a knowledge base, repair what can be made again, tell the rest"
    command = commands.add_parser("doctor", help=purpose, description=purpose)
    command.add_argument("--kb", type=Path, help="folder of the knowledge base")
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command.set_defaults(run=_doctor)
    purpose = "download an XVERSE model, or prepare one that is on this machine"
    command = commands.add_parser("download", help=purpose, description=purpose)
    command.add_argument(
        "model",
        nargs="?",
        help="id on ModelScope, or the folder of a model; by default xverse/XVERSE-7B-Chat",
    )
    command.add_argument("--revision", help="tag, branch or commit; by default the newest")
    command.add_argument(
        "--to",
        type=Path,
        metavar="DIR",
        help="keep models there; by default KB_QA_MODELS, else data/models, or beside the folder",
    )
    command.set_defaults(run=_download)
    return parser


def _ask(options: argparse.Namespace) -> None:
    # Loaded here, because loading takes a second and `--help` must not.
    from kb_qa.chain import build_qa_chain

    chain = build_qa_chain(kb=options.kb)
    answered = chain.invoke({"query": options.question, "where": _filter(options)})
    _give(answered["answer"], as_json=options.json)


def _add_filter(command: argparse.ArgumentParser) -> None:
    narrowed = command.add_argument_group("which passages may be found")
    narrowed.add_argument(
        "--path", default="", metavar="GLOB", help="of files whose whole path is like */manuals/*"
    )
    narrowed.add_argument(
        "--type", action="append", default=[], metavar="pdf", help="of such files; may be repeated"
    )
    narrowed.add_argument(
        "--heading", default="", metavar="TEXT", help="under a heading that holds these words"
    )
    narrowed.add_argument("--since", metavar="DATE", help="of files changed then or later")
    narrowed.add_argument("--until", metavar="DATE", help="of files changed then or earlier")


def _filter(options: argparse.Namespace) -> "Filter":
    from kb_qa.store.filter import Filter

    return Filter(
        path=options.path,
        suffixes=tuple(f".{each.lower().removeprefix('.')}" for each in options.type),
        heading=options.heading,
        since=_moment("--since", options.since, time.min),
        until=_moment("--until", options.until, time.max),
    )


def _moment(name: str, text: str | None, of_day: time) -> datetime | None:
    """A date is its first or its last moment; without a zone it is of here."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise QuestionError(
            f"{name} {text!r} is no date: write it as 2026-01-31, or 2026-01-31T08:00"
        ) from error
    whole_day = len(text) == len("2026-01-31")
    return (datetime.combine(moment, of_day) if whole_day else moment).astimezone()


def _search(options: argparse.Namespace) -> None:
    from kb_qa.chain import build_qa_chain
    from kb_qa.settings import load_settings

    # A search needs no language model: none is loaded.
    chain = build_qa_chain(kb=options.kb, settings=load_settings(llm="quote"))
    found = chain.search(options.question, where=_filter(options))
    _give(found, as_json=options.json)


def _evaluate(options: argparse.Namespace) -> None:
    from kb_qa.evaluation.command import draft_questions, evaluate

    if (options.draft is None) == (options.questions is None):
        raise QuestionError("evaluate: name a file of questions, or --draft N for proposals")
    if options.draft is not None:
        draft_questions(options.draft, kb=options.kb, out=options.out)
    else:
        evaluate(
            options.questions,
            kb=options.kb,
            baseline=options.baseline,
            out=options.out,
            as_json=options.json,
        )


def _calibrate(options: argparse.Namespace) -> None:
    from tqdm import tqdm

    from kb_qa.calibrating import QUESTIONS, calibrate
    from kb_qa.settings import load_settings
    from kb_qa.store.calibration import save_calibration

    settings = load_settings(kb=options.kb)
    quiet = not sys.stderr.isatty()
    with tqdm(total=QUESTIONS, unit="question", file=sys.stderr, disable=quiet) as bar:
        calibration = calibrate(settings, tell=bar.update)
    save_calibration(settings.kb, calibration)
    if options.json:
        print(json.dumps(asdict(calibration), indent=2))
    else:
        print(f"floor: {calibration}")
        print("in force from the next start; KB_QA_FLOOR, where it is set, goes before it")


def _backup(options: argparse.Namespace) -> None:
    from kb_qa.store.backup import back_up

    made = back_up(_folder(options).kb, to=options.to)
    print(f"{made.folder}: {made.documents} documents, {made.chunks} chunks, {made.size:,} bytes")


def _export(options: argparse.Namespace) -> None:
    from kb_qa.store.transfer import export

    made = export(_folder(options).kb, to=options.to)
    print(f"{made.folder}: {made.documents} documents, {made.chunks} chunks")


def _import(options: argparse.Namespace) -> None:
    from kb_qa.store.transfer import import_

    made = import_(options.source, to=_folder(options).kb)
    print(f"{made.folder}: {made.documents} documents, {made.chunks} chunks")


def _doctor(options: argparse.Namespace) -> int:
    from kb_qa.embeddings import configured_embeddings
    from kb_qa.store.checkup import State, check_up

    settings = _folder(options)
    findings = []
    for finding in check_up(settings.kb, embeddings=lambda: configured_embeddings(settings)):
        findings.append(finding)
        if not options.json:
            print(finding, flush=True)
    if options.json:
        told = {"kb": str(settings.kb), "findings": [asdict(finding) for finding in findings]}
        print(json.dumps(told, ensure_ascii=False, indent=2))
    return NEEDS_YOU if any(each.state is State.NEEDS_YOU for each in findings) else ALL_WELL


def _folder(options: argparse.Namespace) -> "Settings":
    """The settings of a knowledge base that is kept in a folder.

    Raises:
        SettingsError: it is kept elsewhere.
    """
    from kb_qa.settings import load_settings
    from kb_qa.store.opening import IN_FOLDER

    settings = load_settings(kb=options.kb)
    if settings.store != IN_FOLDER:
        kind = settings.store.partition(":")[0]  # what follows may hold a password
        raise SettingsError(
            f"KB_QA_STORE={kind!r} keeps no knowledge base in a folder: use that store's own "
            f"tools, or set KB_QA_STORE={IN_FOLDER}"
        )
    return settings


def _download(options: argparse.Namespace) -> None:
    if not sys.stderr.isatty():
        # Read when the bars' library is first imported; in a log they would be a line each tenth
        # of a second, for hours. The download tells plain lines instead.
        os.environ.setdefault("TQDM_DISABLE", "1")
    from kb_qa.settings import load_settings
    from kb_qa.xverse.checkpoint import DEFAULT_MODEL, load_checkpoint

    folder = load_checkpoint(
        options.model or DEFAULT_MODEL,
        models=options.to or load_settings().models,
        revision=options.revision,
        download=True,
    )
    print(folder)


def _give(answer: "Answer", *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(answer.to_json(), ensure_ascii=False, indent=2))
    else:
        _print(answer)


def _print(answer: "Answer") -> None:
    if answer.text:
        print(answer.text)
    if answer.refused:
        print("\nnearest passages:" if answer.citations else "")
    for citation in answer.citations:
        print(f"[{citation.n}] {_place(citation)}")
        if answer.refused or not answer.text:
            print(f"    {' '.join(citation.text.split())}")


def _place(citation: "Citation") -> str:
    source = citation.source
    page = f", p. {citation.page}" if citation.page else ""
    heading = " > ".join(dict.fromkeys((source.title, *source.heading)))
    mark = " (read by OCR: may hold mistakes)" if source.scanned else ""
    also = f" (also in {', '.join(map(shown, source.also))})" if source.also else ""
    kb = f"{shown(source.kb)}: " if source.kb else ""
    return f"{kb}{shown(source.source)}{page}: {heading}{mark}{also}"


if __name__ == "__main__":
    sys.exit(main())
