"""The folders that hold knowledge bases: made, renamed, deleted, and how large they are."""

import os
import re
import shutil
import unicodedata
from pathlib import Path

from kb_qa.embeddings.base import PassageEmbeddings
from kb_qa.errors import KnowledgeBaseMissing, NameUnusable
from kb_qa.store.knowledge_base import CATALOG, KnowledgeBase
from kb_qa.store.lock import writer_lock

_NAME = re.compile(r"[^\W_][\w .()-]*")
_LONGEST_NAME = 80  # bytes; a file system takes 255 with what is put behind it
_GOING = ".deleted-"


def create(parent: Path, name: str, *, embeddings: PassageEmbeddings) -> Path:
    """Make an empty knowledge base beside others; returns its folder.

    Raises:
        NameUnusable: the name cannot be one of a folder, or is taken.
    """
    folder = _free(parent, name)
    with KnowledgeBase(folder, embeddings=embeddings).write():
        return folder


def rename(folder: Path, name: str) -> Path:
    """Give a knowledge base another name; returns its folder then.

    Raises:
        KnowledgeBaseBusy: somebody is writing it.
        KnowledgeBaseMissing: there is none.
        NameUnusable: the name cannot be one of a folder, or is taken.
    """
    _check(folder)
    renamed = _free(folder.parent, name)
    with writer_lock(folder):
        folder.rename(renamed)
    return renamed


def delete(folder: Path) -> None:
    """Delete a knowledge base with all that it holds; the documents' files stay.

    Raises:
        KnowledgeBaseBusy: somebody is writing it.
        KnowledgeBaseMissing: there is none.
    """
    _check(folder)
    going = folder.with_name(f"{_GOING}{folder.name}-{os.getpid()}")
    with writer_lock(folder):
        folder.rename(going)  # at once, or not at all: nobody opens half of it
    shutil.rmtree(going)


def size(folder: Path) -> int:
    """Bytes that a knowledge base takes on the disk."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat(follow_symlinks=False).st_size if not path.is_dir() else 0
        except FileNotFoundError:
            continue  # what is derived comes and goes
    return total


def _check(folder: Path) -> None:
    if not (folder / CATALOG).is_file():
        raise KnowledgeBaseMissing(f"there is no knowledge base in {folder}: choose another folder")


def _free(parent: Path, name: str) -> Path:
    """The folder of a new name below `parent`."""
    tidy = unicodedata.normalize("NFC", name).strip()
    if not _NAME.fullmatch(tidy) or tidy.endswith(".") or len(tidy.encode()) > _LONGEST_NAME:
        raise NameUnusable(
            f"{name.strip()!r} cannot be the name of a knowledge base: begin with a letter or a "
            f"digit, go on with those, spaces and . - _ ( ), up to {_LONGEST_NAME} bytes"
        )
    folder = parent / tidy
    if os.path.lexists(folder):
        raise NameUnusable(f"{tidy!r} is taken in {parent}: choose another name")
    return folder
