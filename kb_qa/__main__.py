"""python -m kb_qa ask | search: arguments in, exit code out."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kb_qa.errors import KbQaError
from kb_qa.paths import shown

if TYPE_CHECKING:
    from kb_qa.answer import Answer, Citation

USAGE_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it answered, 1 if it could not, 2 for wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        answer = _ask(options) if options.command == "ask" else _search(options)
    except KbQaError as error:
        print(f"kb_qa: {error}", file=sys.stderr)
        return USAGE_ERROR
    if options.json:
        print(json.dumps(answer.to_json(), ensure_ascii=False, indent=2))
    else:
        _print(answer)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m kb_qa", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, purpose in (
        ("ask", "answer a question from a knowledge base, with citations"),
        ("search", "the passages nearest to a question, without an answer"),
    ):
        command = commands.add_parser(name, help=purpose, description=purpose)
        command.add_argument("question", help="in any language")
        command.add_argument("--kb", type=Path, help="folder of the knowledge base")
        command.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _ask(options: argparse.Namespace) -> "Answer":
    # Loaded here, because loading takes a second and `--help` must not.
    from kb_qa.chain import build_qa_chain

    chain = build_qa_chain(kb=options.kb)
    answer: Answer = chain.invoke({"query": options.question})["answer"]
    return answer


def _search(options: argparse.Namespace) -> "Answer":
    from kb_qa.chain import build_qa_chain

    return build_qa_chain(kb=options.kb).search(options.question)


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
    return f"{shown(source.source)}{page}: {heading}"


if __name__ == "__main__":
    sys.exit(main())
