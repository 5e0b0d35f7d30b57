"""Archives are folders: what they hold is found and read, whatever they claim of themselves."""

import bz2
import contextlib
import gzip
import hashlib
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import archives
from ingest.archives import Member, MemberReader, members
from ingest.containers import is_archive
from kb_qa.errors import ParseError

FILES = {"a.txt": b"first", "sub/b.md": b"# second", "sub/deep/c.txt": b"third" * 1000}

Files = Mapping[str, bytes]


def zipped(files: Files) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def tarred(files: Files) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return data.getvalue()


KINDS: dict[str, Callable[[Files], bytes]] = {
    "x.zip": zipped,
    "x.tar": tarred,
    "x.tar.gz": lambda files: gzip.compress(tarred(files)),
    "x.TGZ": lambda files: gzip.compress(tarred(files)),
    "x.tar.bz2": lambda files: bz2.compress(tarred(files)),
    "x.tar.xz": lambda files: lzma.compress(tarred(files)),
}


def listed(path: Path, *, wanted: Callable[[str], bool] = lambda _name: True) -> list[Member]:
    return list(members(path, wanted=wanted))


def by_name(path: Path) -> dict[str, Member]:
    return {member.name: member for member in listed(path)}


@pytest.mark.parametrize("name", KINDS)
def test_files_are_listed_and_read(tmp_path: Path, name: str) -> None:
    """Each kind of archive gives its files' names, digests and bytes, in any order of reading."""
    path = tmp_path / name
    path.write_bytes(KINDS[name](FILES))
    found = by_name(path)
    assert found.keys() == FILES.keys()
    with closing(MemberReader()) as reader:
        for inner, content in reversed(FILES.items()):
            assert found[inner].sha256 == hashlib.sha256(content).hexdigest()
            assert reader.read(path, found[inner].place) == content


def test_a_compressed_file_is_an_archive_of_one(tmp_path: Path) -> None:
    """manual.txt.gz holds manual.txt."""
    path = tmp_path / "manual.txt.gz"
    path.write_bytes(gzip.compress(b"text"))
    (member,) = listed(path)
    with closing(MemberReader()) as reader:
        assert (member.name, reader.read(path, member.place)) == ("manual.txt", b"text")


def test_archives_within_archives(tmp_path: Path) -> None:
    """They are folders too, down to a depth; deeper ones are named."""
    data = zipped({"a.txt": b"text"})
    for depth in range(4):
        data = zipped({f"{depth}.zip": data})
    path = tmp_path / "x.zip"
    path.write_bytes(data)
    (member,) = listed(path)
    assert member.name == "3.zip/2.zip/1.zip"
    assert member.reason == "an archive within 3 others: unpack it"

    path.write_bytes(zipped({"in.tar.gz": gzip.compress(tarred(FILES))}))
    found = by_name(path)
    with closing(MemberReader()) as reader:
        for inner in reversed(FILES):
            assert reader.read(path, found[f"in.tar.gz/{inner}"].place) == FILES[inner]


def test_only_what_is_wanted_is_unpacked(tmp_path: Path) -> None:
    """Other files are named, without a digest and without a reason."""
    path = tmp_path / "x.zip"
    path.write_bytes(zipped({"a.txt": b"text", "film.mp4": b"0" * 1000}))
    found = {each.name: each for each in listed(path, wanted=lambda name: name.endswith(".txt"))}
    assert found["a.txt"].sha256
    assert (found["film.mp4"].sha256, found["film.mp4"].reason) == ("", "")


def test_names_lead_nowhere(tmp_path: Path) -> None:
    """A name is a path downward, whatever was written; two files never share one."""
    names = ["../../etc/passwd", "/root/a.txt", "C:\\b.txt", "./c.txt", "c.txt", "x\x1b[2J.txt"]
    path = tmp_path / "x.tar"
    path.write_bytes(tarred(dict.fromkeys(names, b"text")))
    assert [member.name for member in listed(path)] == [
        "etc/passwd",
        "root/a.txt",
        "C:/b.txt",
        "c.txt",
        "c (2).txt",
        "x\ufffd[2J.txt",
    ]


def test_names_without_end(tmp_path: Path) -> None:
    """A file may lie under thousands of folders: its name is cut, the files beside it are read."""
    path = tmp_path / "x.zip"
    path.write_bytes(zipped({"d/" * 2000 + "a.txt": b"text", "b.txt": b"text"}))
    deep, other = listed(path)
    assert deep.name.endswith("/d/a.txt")
    assert len(deep.name) <= 800
    assert other.name == "b.txt"


def test_hidden_files_are_left_alone(tmp_path: Path) -> None:
    """As in a folder; and so is what macOS adds."""
    path = tmp_path / "x.zip"
    path.write_bytes(zipped(dict.fromkeys([".git/a", "__MACOSX/._b.txt", "b.txt"], b"text")))
    assert by_name(path).keys() == {"b.txt"}


@pytest.mark.parametrize("encoding", ["gb18030", "big5", "utf-8"])
def test_chinese_names_in_zips_of_any_age(tmp_path: Path, encoding: str) -> None:
    """Packers that do not say the encoding of names used the system's own."""
    names = ["產品使用手冊.txt", "公司規章/員工休假管理辦法.txt"]
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for number in range(len(names)):
            archive.writestr(f"{number:060d}", b"text")
    raw = data.getvalue()
    for number, name in enumerate(names):
        encoded = name.encode(encoding)
        raw = raw.replace(f"{number:060d}".encode(), encoded + b" " * (60 - len(encoded)))
    path = tmp_path / "x.zip"
    path.write_bytes(raw)
    assert [name.rstrip() for name in by_name(path)] == names


def test_encrypted_files_are_named(tmp_path: Path) -> None:
    """The other files are read all the same."""
    data = bytearray(zipped({"a.txt": b"secret", "b.txt": b"plain"}))
    central = data.index(b"PK\x01\x02")
    data[central + 8] |= 1
    path = tmp_path / "x.zip"
    path.write_bytes(bytes(data))
    found = by_name(path)
    assert found["a.txt"].reason == "encrypted: unpack it"
    assert found["b.txt"].sha256


def test_links_and_devices_are_named(tmp_path: Path) -> None:
    """They lead out of the archive."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, kind in (("link.txt", tarfile.SYMTYPE), ("device.txt", tarfile.CHRTYPE)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "/etc/passwd"
            archive.addfile(entry)
    path = tmp_path / "x.tar"
    path.write_bytes(data.getvalue())
    assert {each.reason for each in listed(path)} == {"a link or a device"}
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as zip_archive:
        zip_archive.writestr(link, "/etc/passwd")
    assert [each.reason for each in listed(tmp_path / "x.zip")] == ["a link or a device"]
    with closing(MemberReader()) as reader, pytest.raises(ParseError):
        reader.read(path, (0,))


def test_an_archive_that_changes_is_opened_again(tmp_path: Path) -> None:
    """A reader that has an archive open does not read what it was before."""
    path = tmp_path / "x.zip"
    with closing(MemberReader()) as reader:
        for content in (b"old", b"newer"):
            path.write_bytes(zipped({"a.txt": content}))
            assert reader.read(path, (0,)) == content


@pytest.mark.parametrize("kind", [".zip", ".tar.gz"])
def test_a_file_that_grows_when_unpacked(tmp_path: Path, kind: str) -> None:
    """What comes out counts, not what the archive says; the file is named, the others read."""
    bomb = b"\0" * (archives.MOST_BYTES_OF_A_MEMBER + 1)
    path = tmp_path / f"x{kind}"
    path.write_bytes(KINDS[f"x{kind}"]({"bomb.txt": bomb, "a.txt": b"text"}))
    found = by_name(path)
    assert found["bomb.txt"].reason == "takes more than 256 MiB when unpacked: unpack it"
    assert found["a.txt"].sha256


def test_too_many_files(tmp_path: Path) -> None:
    """An archive that is a whole disk is not read by accident."""
    path = tmp_path / "x.tar"
    path.write_bytes(tarred({f"{n}.txt": b"" for n in range(archives.MOST_MEMBERS + 1)}))
    with pytest.raises(ParseError, match=r"holds more than 20,000 files: unpack it"):
        listed(path)


@pytest.mark.parametrize("name", KINDS)
@given(data=st.data())
def test_damage_is_told(tmp_path_factory: pytest.TempPathFactory, name: str, data) -> None:
    """Any cut or change of bytes ends in members with reasons, or in one error of ours."""
    whole = bytearray(KINDS[name](FILES))
    cut = data.draw(st.integers(0, len(whole)))
    for _ in range(data.draw(st.integers(0, 5))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / name
    path.write_bytes(whole[:cut] if data.draw(st.booleans()) else whole)
    found = []
    with contextlib.suppress(ParseError):
        found = listed(path)
    assert all(bool(member.sha256) != bool(member.reason) for member in found)


def test_which_names_are_archives() -> None:
    """By the end of the name, in any case; documents that are zips inside are none."""
    assert all(map(is_archive, ["a.zip", "A.ZIP", "b.tar.gz", "c.tgz", "d.txt.gz"]))
    assert not any(map(is_archive, ["a.docx", "a.epub", "zip", "a.7z"]))
