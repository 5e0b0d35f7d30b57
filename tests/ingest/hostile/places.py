"""What lies in a folder beside files: links, pipes, devices, and names that are traps."""

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from tests.ingest.hostile.row import ADDED, FAILED, SKIPPED, Outside, Row

_TEXT = b"Apples are red, whatever the file is called"


def rows() -> Iterator[Row]:
    yield Row("a link to itself", "self.txt", SKIPPED, "a link to", plant=_linked("self.txt"))
    yield Row("a link to its own folder", "loop", SKIPPED, "a link to", plant=_linked("."))
    yield Row(
        "a link to nothing", "dangling.txt", SKIPPED, "a link to", plant=_linked("nowhere.txt")
    )
    yield Row("a link to a file outside", "out.txt", SKIPPED, "a link to", plant=_link_out)
    yield Row("a link to a folder outside", "folder", SKIPPED, "a link to", plant=_link_to_folder)
    yield Row(
        "a link to what never ends", "zero.txt", SKIPPED, "a link to", plant=_linked("/dev/zero")
    )
    yield Row(
        "a pipe",
        "pipe.txt",
        SKIPPED,
        "not a regular file",
        plant=lambda folder, _: os.mkfifo(folder / "pipe.txt"),
    )
    yield Row("a socket", "socket.txt", SKIPPED, "not a regular file", plant=_socket)
    if os.geteuid() == 0:
        yield Row("a device", "device.txt", SKIPPED, "not a regular file", plant=_device)
    else:
        yield Row(
            "a file nobody may read", "locked.txt", FAILED, "Permission denied", plant=_unreadable
        )
    yield Row("a file of more than a gigabyte of nothing", "sparse.log", FAILED, "", plant=_sparse)
    for about, name in (
        ("a newline in its name", "new\nline.txt"),
        ("what a terminal obeys in its name", "\x1b[2Jclear\x07.txt"),
        ("a name that runs backwards", "apple\u202etxt.exe\u202c.txt"),
        ("a name of nothing that is seen", "\u200b\u2060.txt"),
        ("the longest name", "x" * 251 + ".txt"),
        ("the longest name in Chinese", "苹" * 83 + ".txt"),
        ("a name like an option", "--kb=evil.txt"),
        ("a name like a query", "'; DROP TABLE documents; --.txt"),
        ("a name like markup", "<script>alert(1)<￨script>.txt"),
        ("a name of blanks", "   .txt"),
        ("a name like a pattern", "*[a-z]?{b}$HOME`id`.txt"),
        ("a name for a device elsewhere", "CON.txt"),
        ("an accent apart", "e\u0301.txt"),
        ("an accent in one", "\u00e9.txt"),
        ("a suffix in capitals", "APPLES.TXT"),
        ("two suffixes", "apples.exe.txt"),
    ):
        yield Row(about, name, ADDED, "", f"{about}: ".encode() + _TEXT, "Apples")
    yield Row("a name that is no UTF-8", "bad.txt", FAILED, "not UTF-8", plant=_not_utf8)
    yield Row(
        "folders deeper than any path", "apples.txt", FAILED, "File name too long", plant=_deep
    )
    yield Row(
        "a folder with the suffix of a file", "folder.txt", ADDED, "", plant=_folder, holds="Apples"
    )
    yield Row("a suffix nobody reads", "apples.xyz", SKIPPED, "no parser for .xyz", _TEXT)
    yield Row("no suffix", "apples", SKIPPED, "without suffix", _TEXT)


def _linked(target: str):
    def plant(folder: Path, _: Outside) -> None:
        names = {"self.txt": "self.txt", ".": "loop", "/dev/zero": "zero.txt"}
        (folder / names.get(target, "dangling.txt")).symlink_to(target)

    return plant


def _link_out(folder: Path, outside: Outside) -> None:
    (folder / "out.txt").symlink_to(outside.canary)


def _link_to_folder(folder: Path, outside: Outside) -> None:
    (folder / "folder").symlink_to(outside.canary.parent)


def _socket(folder: Path, _: Outside) -> None:
    here = Path.cwd()
    os.chdir(folder)  # a socket's path may have a hundred characters
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("socket.txt")
    finally:
        os.chdir(here)


def _device(folder: Path, _: Outside) -> None:
    os.mknod(folder / "device.txt", stat.S_IFCHR | 0o666, os.makedev(1, 5))


def _unreadable(folder: Path, _: Outside) -> None:
    path = folder / "locked.txt"
    path.write_bytes(_TEXT)
    path.chmod(0)


def _sparse(folder: Path, _: Outside) -> None:
    with (folder / "sparse.log").open("wb") as file:
        file.truncate(1300 << 20)


def _not_utf8(folder: Path, _: Outside) -> None:
    Path(os.fsdecode(bytes(folder) + b"/bad\xff\xfe.txt")).write_bytes(_TEXT)


def _deep(folder: Path, _: Outside) -> None:
    here = os.open(folder, os.O_RDONLY)
    name = "d" * 200
    for _level in range(25):
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    file = os.open("apples.txt", os.O_WRONLY | os.O_CREAT, dir_fd=here)
    os.write(file, b"deep: " + _TEXT)
    os.close(file)
    os.close(here)


def _folder(folder: Path, _: Outside) -> None:
    (folder / "folder.txt").mkdir()
    (folder / "folder.txt" / "apples.txt").write_bytes(b"in a folder: " + _TEXT)
