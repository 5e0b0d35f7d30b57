"""Paths as people read them."""

import os


def shown(path: str) -> str:
    """A path relative to the working directory where it lies below it, else as it is.

    Bytes of a file name that are no UTF-8 are shown as a replacement character.
    """
    readable = path if path.isascii() else os.fsencode(path).decode("utf-8", "replace")
    return readable.removeprefix(os.getcwd() + os.sep)  # noqa: PTH109 -- as text, thousands of times
