"""Paths as people read them."""

import os
from pathlib import Path


def shown(path: str) -> str:
    """A path relative to the working directory where it lies below it, else as it is.

    Bytes of a file name that are no UTF-8 are shown as a replacement character.
    """
    readable = os.fsencode(path).decode("utf-8", "replace")
    try:
        return Path(readable).relative_to(Path.cwd()).as_posix()
    except ValueError:
        return readable
