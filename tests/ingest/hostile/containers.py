"""Archives and compound files, well made and not."""

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MEGABYTE = 1 << 20


def zipped(members: Mapping[str, bytes | str]) -> bytes:
    """A ZIP archive."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return memory.getvalue()


def replaced(archive: bytes, members: Mapping[str, bytes | str]) -> bytes:
    """The archive with some members replaced or added."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        kept = {name: opened.read(name) for name in opened.namelist()}
    return zipped({**kept, **members})


def tarred(members: Sequence[tuple[tarfile.TarInfo, bytes]], mode: str = "w:gz") -> bytes:
    """A tar archive."""
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode=mode) as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return memory.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mtime = kind, link, 1_700_000_000
    return info


@dataclass(frozen=True)
class Deflated:
    """Data as it stands in an archive, which may be said to be something else."""

    name: bytes
    data: bytes
    size: int
    crc: int
    method: int = 8
    flags: int = 0


def stored(name: str, data: bytes) -> Deflated:
    return Deflated(name.encode(), data, len(data), zlib.crc32(data), method=0)


def inflating(
    name: str, *, megabytes: int, before: bytes = b"", after: bytes = b"", unit: bytes = b" "
) -> Deflated:
    """A member that takes up megabytes of one unit, made of a thousandth of that."""
    filling = unit * (MEGABYTE // len(unit))
    parts = [(_deflated(before), before, 1), (_deflated(filling), filling, megabytes)]
    parts.append((_deflated(after), after, 1))
    data, crc, size = [], 0, 0
    for deflated, inflated, count in parts:
        data.append(deflated * count)
        size += len(inflated) * count
        for _ in range(count):
            crc = zlib.crc32(inflated, crc)
    return Deflated(name.encode(), b"".join(data) + b"\x03\x00", size, crc)


def _deflated(data: bytes) -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflate.compress(data) + deflate.flush(zlib.Z_FULL_FLUSH)


def raw_zip(members: Sequence[Deflated], *, overlapping: bool = False) -> bytes:
    """A ZIP archive of these members, be they true or not.

    Args:
        members: in order.
        overlapping: whether every entry of the directory leads to the first member's data.
    """
    body, directory = bytearray(), bytearray()
    first = 0
    for number, each in enumerate(members):
        offset = first if overlapping else len(body)
        fields = (20, each.flags, each.method, 0, 0x5821, each.crc, len(each.data), each.size)
        if not (overlapping and number):
            body += struct.pack("<4s5H3I2H", b"PK\3\4", *fields, len(each.name), 0)
            body += each.name + each.data
        directory += struct.pack(
            "<4s6H3I5H2I", b"PK\1\2", 20, *fields, len(each.name), *[0] * 5, offset
        )
        directory += each.name
    count = min(len(members), 0xFFFF)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(directory), len(body), 0)
    return bytes(body + directory + end)


_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_SECTOR = 512


def compound(streams: Mapping[str, bytes]) -> bytes:
    """A compound file, the container of Office files from before 2007, with these streams."""
    sectors: list[bytes] = []
    chains: list[int] = [_FAT]
    entries = [_entry("Root Entry", 5, child=1 if streams else _FREE)]
    names = sorted(streams, key=lambda name: (len(name), name.upper()))
    for number, name in enumerate(names, start=1):
        data = streams[name].ljust(4096, b"\0")
        after = number + 1 if number < len(names) else _FREE
        entries.append(_entry(name, 2, right=after, start=len(chains), size=len(data)))
        _append(data, sectors, chains)
    directory = len(chains)
    _append(b"".join(entries), sectors, chains)
    header = struct.pack(
        "<8s16s5H6x9I", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"", 0x3E, 3, 0xFFFE, 9, 6,
        0, 1, directory, 0, 4096, _END, 0, _END, 0,
    )  # fmt: skip
    header += struct.pack("<I", 0) + struct.pack("<I", _FREE) * 108
    chains += [_FREE] * (128 - len(chains))
    return header + struct.pack("<128I", *chains) + b"".join(sectors)


def _append(data: bytes, sectors: list[bytes], chains: list[int]) -> None:
    parts = [data[at : at + _SECTOR].ljust(_SECTOR, b"\0") for at in range(0, len(data), _SECTOR)]
    for number, part in enumerate(parts, start=1):
        sectors.append(part)
        chains.append(len(chains) + 1 if number < len(parts) else _END)


def _entry(
    name: str, kind: int, *, child: int = _FREE, right: int = _FREE, start: int = 0, size: int = 0
) -> bytes:
    encoded = name.encode("utf-16-le")
    return struct.pack(
        "<64sHBB3I16xI16xIQ",
        encoded,
        len(encoded) + 2,
        kind,
        1,
        _FREE,
        right,
        child,
        0,
        start,
        size,
    )
