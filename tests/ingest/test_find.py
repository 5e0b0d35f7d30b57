"""The files a run is about: all of them, but what people leave out."""

import os
from pathlib import Path

import pytest

from ingest.find import find
from ingest.selection import PatternError, Selection


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    for name in (
        "a.md",
        "b.log",
        "sub/c.md",
        "sub/d.log",
        "sub/deep/e.md",
        "old/f.md",
        ".git/g.md",
    ):
        path = tmp_path / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text")
    return tmp_path / "docs"


def names(docs: Path, selection: Selection) -> set[str]:
    return {os.path.relpath(each.path, docs) for each in find(selection)}


EVERYTHING = {"a.md", "b.log", "sub/c.md", "sub/d.log", "sub/deep/e.md", "old/f.md"}


def test_hidden_names_are_left_alone(docs: Path) -> None:
    """What begins with a dot is a program's own."""
    assert names(docs, Selection([docs])) == EVERYTHING


@pytest.mark.parametrize(
    ("where", "patterns", "ignored"),
    [
        (".", "*.log\n", {"b.log", "sub/d.log"}),
        (".", "/b.log\n# a comment\n\n", {"b.log"}),
        (".", "old/\n", {"old/f.md"}),
        (".", "/sub/*\n!/sub/deep/\n", {"sub/c.md", "sub/d.log"}),
        ("sub", "*.log\n", {"sub/d.log"}),
        ("sub", "/deep\n", {"sub/deep/e.md"}),
    ],
)
def test_what_kbignore_names_is_left_alone(
    docs: Path, where: str, patterns: str, ignored: set[str]
) -> None:
    """Its patterns are git's, and hold in its folder and below."""
    (docs / where / ".kbignore").write_text(patterns)
    assert names(docs, Selection([docs])) == EVERYTHING - ignored


def test_the_deepest_kbignore_decides(docs: Path) -> None:
    """A folder may take in again what one above it leaves out."""
    (docs / ".kbignore").write_text("*.log\n")
    (docs / "sub" / ".kbignore").write_text("!d.log\n")
    assert names(docs, Selection([docs])) == EVERYTHING - {"b.log"}


def test_patterns_of_the_command_line(docs: Path) -> None:
    """Files must match one of the first kind, if there are any, and none of the second."""
    assert names(docs, Selection([docs], include=["*.log"])) == {"b.log", "sub/d.log"}
    assert names(docs, Selection([docs], exclude=["sub/"])) == {"a.md", "b.log", "old/f.md"}
    both = Selection([docs], include=["*.md", "*.log"], exclude=["*.log", "/old"])
    assert names(docs, both) == {"a.md", "sub/c.md", "sub/deep/e.md"}


def test_what_changed_within_named_folders(docs: Path) -> None:
    """Patterns and ignored folders are the same, whichever path below them is looked at."""
    (docs / ".kbignore").write_text("/old\n")
    (docs / "sub" / ".kbignore").write_text("*.log\n")
    changed = [docs / "a.md", docs / "old" / "f.md", docs / "sub" / "d.log", docs / "sub" / "deep"]
    changed.append(docs / ".git" / "g.md")
    assert names(docs, Selection(changed, within=[docs])) == {"a.md", "sub/deep/e.md"}
    only = Selection(changed, within=[docs], include=["sub/"])
    assert names(docs, only) == {"sub/deep/e.md"}


def test_each_file_is_found_once(docs: Path) -> None:
    """However often and by whatever way it is named."""
    found = [
        each.path for each in find(Selection([docs, docs / "sub", docs / "sub" / ".." / "a.md"]))
    ]
    assert len(found) == len(set(found)) == len(EVERYTHING)


def test_a_pattern_that_says_nothing_is_told(docs: Path) -> None:
    """With where it stands."""
    with pytest.raises(PatternError, match="--exclude"):
        Selection([docs], exclude=["!"])
    (docs / ".kbignore").write_text("!\n")
    with pytest.raises(PatternError, match=r"\.kbignore"):
        list(find(Selection([docs])))
