"""Arguments in, exit code out, no work of its own."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.progress import shown_progress
from kb_qa.errors import KbQaError
from kb_qa.paths import shown

if TYPE_CHECKING:
    from kb_qa.store.knowledge_base import KnowledgeBase

ALL_WELL, SOME_FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Ingest; 0 all well, 1 some file failed, 2 wrong usage, 130 interrupted."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not options.paths and not options.reembed:
        parser.error("name at least one file or folder: python -m ingest ./docs")
    try:
        return _reembed(options) if options.reembed else _ingest(options)
    except KbQaError as error:
        print(f"ingest: {error}", file=sys.stderr)
        return WRONG_USAGE
    except KeyboardInterrupt:
        print("ingest: interrupted; what was stored stays, run again for the rest", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ingest",
        description="Make a knowledge base of documents. Run again, it reads only what changed.",
    )
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="a file or a folder")
    parser.add_argument("--kb", type=Path, help="folder of the knowledge base (data/kb)")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.add_argument(
        "--wait", type=float, default=0.0, metavar="SECONDS", help="wait for another writer"
    )
    parser.add_argument(
        "--reembed", action="store_true", help="embed all passages again, with another embedder"
    )
    return parser


def _ingest(options: argparse.Namespace) -> int:
    # Loaded here, because loading takes a second and `--help` must not.
    from ingest.pipeline import ingest

    knowledge_base = _knowledge_base(options)
    with shown_progress(quiet=options.json) as progress:
        report = ingest(
            options.paths,
            knowledge_base=knowledge_base,
            progress=progress,
            wait_seconds=options.wait,
        )
    if options.json:
        print(json.dumps(report.to_json(), ensure_ascii=False, indent=2))
    else:
        print(report.line)
    return SOME_FAILED if report.failed else ALL_WELL


def _reembed(options: argparse.Namespace) -> int:
    knowledge_base = _knowledge_base(options)
    count = knowledge_base.reembed(wait_seconds=options.wait)
    name = knowledge_base.embeddings.identity.name
    print(f"embedded {count} chunks again with {name} in {shown(str(knowledge_base.folder))}")
    return ALL_WELL


def _knowledge_base(options: argparse.Namespace) -> "KnowledgeBase":
    from kb_qa.embeddings import configured_embeddings
    from kb_qa.settings import load_settings
    from kb_qa.store.knowledge_base import KnowledgeBase

    settings = load_settings(kb=options.kb)
    return KnowledgeBase(settings.kb, embeddings=configured_embeddings(settings))
