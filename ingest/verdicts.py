"""What is said of a file when its fate is known."""

from pathlib import Path

from ingest.cutting import Cut
from ingest.document import EmptyDocument, UnsupportedFormat
from ingest.find import Found
from ingest.plan import Wanted
from ingest.report import FileReport, Verdict
from kb_qa.paths import shown
from kb_qa.store.records import Location


def wanted_report(file: Wanted) -> FileReport:
    """What is to become of a file."""
    return FileReport(shown(file.found.path), file.verdict)


def stored_report(item: Cut, file: Wanted) -> FileReport:
    """What a file gave."""
    document = item.document
    path, chunks = shown(file.found.path), len(item.chunks)
    return FileReport(path, file.verdict, "", document.pages, chunks, document.warnings)


def refusal_report(found: Found, *, former: Location | None) -> FileReport:
    """Why a file gave no document; what was read of it before stays."""
    nothing_to_read = isinstance(found.error, (EmptyDocument, UnsupportedFormat))
    verdict = Verdict.SKIPPED if nothing_to_read else Verdict.FAILED
    kept = "; what was read of it before is kept" if former else ""
    chunks = former.chunks if former else 0
    return FileReport(shown(found.path), verdict, f"{found.error}{kept}", chunks=chunks)


def removal_report(path: str) -> FileReport:
    """Why a file is no part of the knowledge base any more."""
    reason = "it is ignored now" if Path(path).exists() else "the file is gone"
    return FileReport(shown(path), Verdict.REMOVED, reason)
