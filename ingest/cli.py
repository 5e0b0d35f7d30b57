"""Arguments in, exit code out, no work of its own."""

import argparse
import gc
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.progress import Progress, print_event, shown_progress, tell, told_as_events
from kb_qa.errors import KbQaError
from kb_qa.paths import shown

if TYPE_CHECKING:
    from ingest.embedder_process import EmbedderProcess
    from ingest.options import Options
    from ingest.parcels import Elsewhere
    from ingest.report import Report
    from kb_qa.embeddings import PassageEmbeddings
    from kb_qa.store.base import Store

ALL_WELL, SOME_FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130

Task = Callable[[argparse.Namespace], int]

_REPORT, _FORMATS = "report", "formats"


def main(arguments: Sequence[str] | None = None) -> int:
    """Ingest; 0 all well, 1 some file failed, 2 wrong usage, 130 interrupted."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not options.paths and not options.reembed:
        parser.error("name at least one file or folder: python -m ingest ./docs")
    # What is known of 50,000 files are half a million objects that all live to the end: looking
    # through them again and again for what may go took a third of the time.
    gc.set_threshold(100_000, 50, 50)
    try:
        return _task(options)(options)
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
        epilog="python -m ingest report: what became of every file, again. "
        "python -m ingest formats: which files are read. "
        "A .kbignore file in a folder names what to leave alone in it, as .gitignore does.",
    )
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="a file or a folder")
    parser.add_argument("--kb", type=Path, help="folder of the knowledge base (data/kb)")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.add_argument(
        "--events", action="store_true", help="print one JSON object for each file as it ends"
    )
    parser.add_argument(
        "--include", action="append", default=[], metavar="PATTERN", help="read such files only"
    )
    parser.add_argument(
        "--exclude", action="append", default=[], metavar="PATTERN", help="pass such files over"
    )
    parser.add_argument("--jobs", type=_positive, metavar="N", help="files parsed at once")
    parser.add_argument(
        "--wait", type=float, default=0.0, metavar="SECONDS", help="wait for another writer"
    )
    way = parser.add_mutually_exclusive_group()
    way.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="parse and embed on the machines of a Ray cluster: its HOST:PORT, `auto` for the one "
        "that runs here, `local` to start one here (pip install 'kb-qa[ray]')",
    )
    parser.add_argument(
        "--ray-files",
        choices=("auto", "shared", "sent"),
        default="auto",
        help="whether those machines read the files, or are sent them; by itself it looks",
    )
    way.add_argument("--dry-run", action="store_true", help="tell what would be done, do nothing")
    way.add_argument("--watch", action="store_true", help="go on, and read files as they change")
    way.add_argument(
        "--reembed", action="store_true", help="embed all passages again, with another embedder"
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not 1 or more")
    return number


def _task(options: argparse.Namespace) -> Task:
    if options.reembed:
        return _reembed
    told = {_REPORT: _report, _FORMATS: _formats}
    for name, task in told.items():
        if options.paths == [Path(name)] and not Path(name).exists():
            return task
    if options.dry_run:
        return _preview
    return _watch if options.watch else _ingest


def _ingest(options: argparse.Namespace) -> int:
    with _embedder(options) as embedder, _progress(options) as progress:
        # Loaded here, because loading takes a second and `--help` must not.
        from ingest.pipeline import ingest

        knowledge_base = _knowledge_base(options, embedder)
        report = ingest(
            options.paths,
            knowledge_base=knowledge_base,
            options=_options(options),
            progress=progress,
            elsewhere=_ray(options, knowledge_base.embeddings) if options.ray else None,
        )
    return _end(report, options)


def _ray(options: argparse.Namespace, embeddings: "PassageEmbeddings") -> "Elsewhere":
    # An extra, and two seconds to import.
    from ingest.ray_stages import Files, RayStages, orders
    from kb_qa.settings import load_settings

    return RayStages(
        options.ray,
        orders(load_settings(kb=options.kb), embeddings),
        embeddings,
        Files(options.ray_files),
        options.jobs,
        say=lambda line: print(f"ingest: {line}", file=sys.stderr, flush=True),
    )


def _preview(options: argparse.Namespace) -> int:
    from ingest.pipeline import preview

    report = preview(
        options.paths, knowledge_base=_knowledge_base(options), options=_options(options)
    )
    if not options.json:
        for file in report.files:
            tell(file)
    return _end(report, options)


def _watch(options: argparse.Namespace) -> int:
    with _embedder(options) as embedder, _progress(options) as progress:
        from ingest.watch import watch

        for report in watch(
            options.paths,
            knowledge_base=_knowledge_base(options, embedder),
            options=_options(options),
            progress=progress,
        ):
            _end(report, options)
    return ALL_WELL


def _report(options: argparse.Namespace) -> int:
    from ingest.standing import standing
    from kb_qa.settings import load_settings

    settings = load_settings(kb=options.kb)
    report = standing(settings.kb, store=settings.store)
    if not options.json:
        for file in report.files:
            tell(file)
    return _end(report, options)


def _progress(options: argparse.Namespace) -> AbstractContextManager[Progress]:
    if options.events:
        return nullcontext(told_as_events())
    return shown_progress(quiet=options.json)


def _formats(options: argparse.Namespace) -> int:
    from ingest.containers import SUFFIXES as ARCHIVES
    from ingest.loaders import FORMATS

    if options.json:
        read = [suffix for each in FORMATS for suffix in each.suffixes]
        print(json.dumps({"files": read, "archives": list(ARCHIVES)}))
    else:
        for each in FORMATS:
            print(f"{each.name}: {' '.join(each.suffixes)}")
        print(f"archives, read as folders: {' '.join(ARCHIVES)}")
    return ALL_WELL


def _end(report: "Report", options: argparse.Namespace) -> int:
    if options.events:
        said = report.to_json()
        print_event("ended", {key: value for key, value in said.items() if key != "files"})
    elif options.json:
        print(json.dumps(report.to_json(), ensure_ascii=False, indent=2), flush=True)
    else:
        print(report.line, flush=True)
        if not report.confined:
            print(
                "ingest: this system does not keep parsers from the network and from writing "
                "files: ingest only documents that you trust",
                file=sys.stderr,
            )
    return SOME_FAILED if report.failed else ALL_WELL


def _reembed(options: argparse.Namespace) -> int:
    knowledge_base = _knowledge_base(options)
    count = knowledge_base.reembed(wait_seconds=options.wait)
    name = knowledge_base.embeddings.identity.name
    print(f"embedded {count} chunks again with {name} in {shown(str(knowledge_base.folder))}")
    return ALL_WELL


def _options(options: argparse.Namespace) -> "Options":
    from ingest.options import Options

    return Options(
        include=tuple(options.include),
        exclude=tuple(options.exclude),
        jobs=options.jobs,
        wait_seconds=options.wait,
    )


def _embedder(
    options: argparse.Namespace,
) -> "AbstractContextManager[EmbedderProcess | None]":
    """Started before this process imports what it needs itself, which takes as long.

    A cluster's machines embed by themselves.
    """
    if options.ray:
        return nullcontext()
    from ingest.embedder_process import EmbedderProcess

    return EmbedderProcess()


def _knowledge_base(
    options: argparse.Namespace, process: "EmbedderProcess | None" = None
) -> "Store":
    from ingest.embedder import Embedder
    from kb_qa.embeddings import configured_embeddings
    from kb_qa.settings import load_settings
    from kb_qa.store.opening import open_knowledge_base

    settings = load_settings(kb=options.kb)
    embeddings = Embedder(process) if process else configured_embeddings(settings)
    return open_knowledge_base(settings.kb, store=settings.store, embeddings=embeddings)
