"""Files that visitors bring: their names lead nowhere, their size and kind are limited."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_qa.errors import UploadError
from ui.uploads import harmless, keep

SUFFIXES = frozenset({".md", ".pdf"})


class Sent(io.BytesIO):
    """A file as Streamlit hands it over: somebody may have read it before."""

    def __init__(self, name: str, data: bytes = b"text", size: int | None = None) -> None:
        super().__init__(data)
        self.name, self.size = name, len(data) if size is None else size
        self.read()


def test_a_folder_is_kept_as_it_is(tmp_path: Path) -> None:
    """Files keep their names and folders, in any script; a second one is the new version."""
    sent = [Sent("手册/请假 制度.md", b"one"), Sent("a.PDF")]
    kept = keep(sent, folder=tmp_path / "u", megabytes=1, suffixes=SUFFIXES)
    assert kept.files == (tmp_path / "u/手册/请假 制度.md", tmp_path / "u/a.PDF")
    keep([Sent("手册/请假 制度.md", b"two")], folder=tmp_path / "u", megabytes=1, suffixes=SUFFIXES)
    assert kept.files[0].read_bytes() == b"two"
    assert len([path for path in (tmp_path / "u").rglob("*") if path.is_file()]) == 2


def test_kind_and_size_are_limited(tmp_path: Path) -> None:
    """What no parser reads, and what is too large, is refused with its name and the reason."""
    sent = [Sent("a.exe"), Sent("b.md", size=(1 << 20) + 1), Sent("c.md", size=1 << 20)]
    kept = keep(sent, folder=tmp_path, megabytes=1, suffixes=SUFFIXES)
    assert kept.refused == (("a.exe", "kind"), ("b.md", "size"))
    assert [path.name for path in tmp_path.iterdir()] == ["c.md"]


@pytest.mark.parametrize(
    ("name", "becomes"),
    [
        ("../../etc/passwd.md", "etc/passwd.md"),
        ("C:\\Windows\\a.md", "C_/Windows/a.md"),
        ("/etc/x.md", "etc/x.md"),
        (".ssh/.kbignore", "ssh/kbignore"),
        ("a\0b\n.md", "a_b_.md"),
        ("photo\u202efdp.exe", "photo_fdp.exe"),
        ("--jobs.md", "jobs.md"),
        ("...", "unnamed"),
        ("字" * 200 + ".md", "字" * 59 + ".md"),
    ],
)
def test_names_that_would_lead_elsewhere(name: str, becomes: str) -> None:
    """Each part of a name is made harmless, and stays readable."""
    assert harmless(name) == Path(becomes)


@given(st.text(alphabet=st.characters(), max_size=400))
def test_no_name_leaves_the_folder(name: str) -> None:
    """Whatever a file is called, it can be made, and stands below the folder, unhidden."""
    place = harmless(name)
    assert not place.is_absolute()
    assert len(place.parts) <= 12
    for part in place.parts:
        assert part not in {"", ".", ".."}
        assert not part.startswith((".", "-"))
        assert len(part.encode()) <= 180
        assert "/" not in part
        assert "\0" not in part


@given(st.text(alphabet="./\\-a字 ", max_size=60))
def test_a_harmless_name_stays_as_it_is(name: str) -> None:
    """Making a name harmless twice is making it so once: a new version finds the old one."""
    once = harmless(name)
    assert harmless(str(once)) == once


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """The error names the file and the remedy, and nothing is left behind."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UploadError, match="KB_QA_PAGE"):
        keep([Sent("a.md")], folder=tmp_path / "file", megabytes=1, suffixes=SUFFIXES)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
