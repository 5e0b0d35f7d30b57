"""A cited document as its reader knows it: the page as a picture, or the text at its place."""

import subprocess
import sys
from pathlib import Path

import streamlit as st

from kb_qa import Citation

_DRAWN = (".pdf", ".png", ".jpg", ".jpeg", ".tif", ".tiff")
_SECONDS = 30
_KEPT = 64  # pictures


def has_picture(citation: Citation) -> bool:
    """Whether its page can be drawn: the file is one of pages, and still there."""
    path = Path(citation.source.source)
    return path.suffix.lower() in _DRAWN and path.is_file()


def picture(citation: Citation, *, page: int) -> bytes | None:
    """A page of its document as a PNG, the cited words marked; None if it cannot be drawn."""
    path = Path(citation.source.source)
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        return None
    cited = citation.text if page in _pages(citation) else ""
    return _drawn(str(path), changed, page, cited)


def _pages(citation: Citation) -> range:
    """The pages that the cited text stands on."""
    first = citation.page or 1
    last = citation.source.page_at(max(citation.start, citation.end - 1)) or first
    return range(first, last + 1)


@st.cache_data(max_entries=_KEPT, show_spinner=False)
def _drawn(path: str, _changed: int, page: int, cited: str) -> bytes | None:
    """Drawn by a process that may do nothing else: documents are hostile."""
    command = [sys.executable, "-P", "-m", "ingest.page_picture", path, str(page)]
    try:
        done = subprocess.run(  # noqa: S603 -- our own module, no shell
            command,
            input=cited.encode("utf-8", "replace"),
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
