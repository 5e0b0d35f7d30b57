"""What the processes that ingestion starts are given to run in."""

import os
from pathlib import Path


def environment() -> dict[str, str]:
    """Ours, and where to import this package from if it is not installed."""
    here = str(Path(__file__).resolve().parents[1])
    paths = [here, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
