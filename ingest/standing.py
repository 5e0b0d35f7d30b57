"""The report that is asked for later: what the knowledge base knows of every file."""

from pathlib import Path

from ingest.report import FileReport, Report, Verdict
from kb_qa.paths import shown
from kb_qa.store.opening import IN_FOLDER, open_catalog


def standing(kb: Path, *, store: str = IN_FOLDER) -> Report:
    """What became of every file that a knowledge base knows, as of the last run that read it.

    Args:
        kb: its folder.
        store: the setting of that name.

    Raises:
        KnowledgeBaseMissing: there is none.
        KnowledgeBaseDamaged: it cannot be read.
    """
    with open_catalog(kb, store=store).read() as snapshot:
        locations, refusals = snapshot.locations(), snapshot.refusals()
        run = snapshot.last_run()
    read = {
        path: FileReport(
            shown(path), Verdict(each.verdict), "", each.pages, each.chunks, each.warnings
        )
        for path, each in locations.items()
    }
    refused = {
        path: FileReport(
            shown(path),
            Verdict(each.verdict),
            each.reason,
            chunks=locations[path].chunks if path in locations else 0,
        )
        for path, each in refusals.items()
    }
    files = {**read, **refused}
    seconds = run.seconds if run else {"total": 0.0}
    kind = f"last run {run.began}" if run else "no run yet"
    return Report(kb, tuple(files[path] for path in sorted(files)), seconds, kind=kind)
