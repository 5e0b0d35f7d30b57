"""Where a model's files may lie on this machine.

A model named by its id is kept in MODELS/ID, as `data/models/xverse/XVERSE-7B-Chat`.
A folder of the user's is prepared beside itself, under its name and
`.prepared`: whoever put 15 GB there chose the disk.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

MODEL_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
REVISION = re.compile(r"[A-Za-z0-9][\w.-]*")
PREPARED, DOWNLOAD = ".prepared", ".download"
DEFAULT_REVISIONS = ("master", "main")
CACHE_VARIABLE = "MODELSCOPE_CACHE"


def kept(model: str, *, models: Path, revision: str | None) -> Path:
    """The folder of a model that is named by its id."""
    owner, name = model.split("/")
    return models / owner / (f"{name}@{revision}" if revision else name)


def beside(folder: Path, *, models: Path | None) -> Path:
    """The prepared folder of a folder as it was published."""
    whole = folder.absolute()
    return (models or whole.parent) / f"{whole.name}{PREPARED}"


def download_of(target: Path) -> Path:
    """Where files are downloaded to, before they are prepared."""
    return target.with_name(f"{target.name}{DOWNLOAD}")


def caches() -> list[Path]:
    """The roots of ModelScope's cache on this machine."""
    named = os.environ.get(CACHE_VARIABLE)
    return [*([Path(named).expanduser()] if named else []), Path.home() / ".cache" / "modelscope"]


def in_cache(root: Path, model: str, *, revision: str | None) -> Iterator[Path]:
    """The folders where ModelScope's clients, new and old, keep a model under a root.

    The old ones wrote `___` for dots, and knew one revision at a time.
    """
    owner, name = model.split("/")
    yield from snapshots(root / "models" / f"{owner}--{name}", revision=revision)
    if revision:
        return
    for base in (root / "models", root / "hub" / "models", root / "hub", root):
        for called in dict.fromkeys((name.replace(".", "___"), name)):
            yield base / owner / called


def snapshots(folder: Path, *, revision: str | None = None) -> Iterator[Path]:
    """The revisions in a model's folder of the new layout, the default one first."""
    held = folder / "snapshots"
    if revision:
        yield held / revision
        return
    named = [held / name for name in DEFAULT_REVISIONS]
    others = sorted(held.iterdir()) if held.is_dir() else []
    yield from (*named, *(each for each in others if each not in named))
