"""Archives: members that climb, swell, lead elsewhere, or are archives again."""

import gzip
import io
import tarfile
from collections.abc import Iterator

from tests.ingest.hostile.containers import (
    Deflated,
    inflating,
    member,
    raw_zip,
    stored,
    tarred,
    zipped,
)
from tests.ingest.hostile.row import ADDED, FAILED, SKIPPED, Outside, Row
from tests.ingest.hostile.samples import SENTENCE

_GOOD = SENTENCE.encode()
_CAPS = "unpacked|larger|more than|memory|longer"


def rows() -> Iterator[Row]:
    yield from _zips()
    yield from _tars()


def _zips() -> Iterator[Row]:
    bomb = inflating("bomb.txt", megabytes=400, unit=b"apples ")
    yield Row("a bomb of 400 MB", "bomb.zip", FAILED, _CAPS, raw_zip([bomb]))
    lying = Deflated(bomb.name, bomb.data, 1000, bomb.crc)
    yield Row("a bomb that lies about its size", "lie.zip", FAILED, "", raw_zip([lying]))
    names = [Deflated(b"bomb%d.txt" % n, bomb.data, bomb.size, bomb.crc) for n in range(300)]
    yield Row("members that overlap", "overlap.zip", FAILED, "", raw_zip(names, overlapping=True))
    yield Row("archives in archives", "nested.zip", FAILED, "archive within", _nested(20))
    yield Row(
        "a bomb in an archive in an archive",
        "inner.zip",
        FAILED,
        _CAPS,
        zipped({"a.txt": _GOOD, "b.zip": zipped({"c.zip": raw_zip([bomb])})}),
    )
    yield Row(
        "members without end",
        "many.zip",
        FAILED,
        "more than .* files|longer",
        raw_zip([stored(f"{n}.txt", b"apples %d" % n) for n in range(20_100)]),
    )
    yield Row("no members", "none.zip", SKIPPED, "no files", zipped({}))
    yield Row(
        "members of kinds that nobody reads",
        "kinds.zip",
        SKIPPED,
        "no parser",
        zipped({"a.exe": b"MZ", "b.xyz": b"b"}),
    )
    yield Row(
        "a member with a password",
        "locked.zip",
        FAILED,
        "encrypted",
        raw_zip([Deflated(b"a.txt", bytes(range(40)), 28, 1, 0, flags=1)]),
    )
    yield Row(
        "one good member of three",
        "third.zip",
        ADDED,
        "",
        zipped({"a.txt": _GOOD, "b.docx": b"PK no", "c.exe": b"MZ"}),
        "Apples",
    )
    yield Row("members that climb", "climb.zip", ADDED, "", _climbing, "Apples")
    yield Row("a member that is a link", "link.zip", ADDED, "link", _linking, "^Apples[^/]*$")
    yield Row(
        "names that are none",
        "names.zip",
        ADDED,
        "",
        raw_zip(
            [
                stored("good.txt", _GOOD),
                stored("", b"a"),
                stored("/", b"b"),
                stored("a\0b.txt", b"c"),
                stored("x" * 9000 + ".txt", b"d"),
                Deflated(b"\xff\xfe.txt", b"e", 1, 0xEFDA7A5A, 0),
            ]
        ),
        "Apples",
    )
    yield Row(
        "the same name twice",
        "twice.zip",
        ADDED,
        "",
        raw_zip([stored("a.txt", _GOOD), stored("a.txt", b"pears are green")]),
        "Apples|pears",
    )
    yield Row(
        "a false checksum",
        "checksum.zip",
        FAILED,
        "",
        raw_zip([Deflated(b"a.txt", _GOOD, len(_GOOD), 99, 0)]),
    )
    yield Row(
        "a method nobody knows",
        "method.zip",
        FAILED,
        "",
        raw_zip([Deflated(b"a.txt", _GOOD, len(_GOOD), 0, 77)]),
    )
    deep = zipped({"a/" * 2000 + "apples.txt": _GOOD})
    yield Row("folders 2,000 deep", "deep.zip", ADDED, "", deep, "Apples")


def _nested(depth: int) -> bytes:
    data = zipped({"apples.txt": _GOOD})
    for _ in range(depth):
        data = zipped({"inner.zip": data})
    return data


def _climbing(outside: Outside) -> bytes:
    up = "../" * 12
    return zipped(
        {
            "good.txt": _GOOD,
            f"{up}{outside.trophy}.txt": b"pears",
            f"{outside.trophy}.txt": b"plums",
            "..\\..\\evil.txt": b"figs",
        }
    )


def _linking(outside: Outside) -> bytes:
    import zipfile

    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        link = zipfile.ZipInfo("link.txt")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, str(outside.canary))
        archive.writestr("good.txt", _GOOD)
    return memory.getvalue()


def _tars() -> Iterator[Row]:
    yield Row("links out of a tar", "links.tar.gz", ADDED, "", _tar_links, "Apples")
    devices = [(member("good.txt"), _GOOD)]
    devices += [
        (member(f"device{n}.txt", kind), b"")
        for n, kind in enumerate((tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE))
    ]
    yield Row("devices in a tar", "devices.tar.gz", ADDED, "", tarred(devices), "Apples")
    yield Row("members of a tar that climb", "climb.tar.gz", ADDED, "", _tar_climbing, "Apples")
    yield Row("a tar that swells to 400 MB", "bomb.tar.gz", FAILED, _CAPS, _swelling)
    yield Row(
        "half of a tar",
        "half.tar.gz",
        FAILED,
        "damaged",
        tarred([(member(f"{n}.txt"), _GOOD * 50) for n in range(20)])[:-300],
    )
    yield Row("gzip that holds no tar", "none.tar.gz", FAILED, "", gzip.compress(b"no tar " * 500))
    yield Row("members of a tar by the hundred", "many.tar.gz", ADDED, "", _many, "apples 149")
    sparse = tarred([(member("good.txt"), _GOOD)], "w")
    sized = bytearray(sparse)
    sized[124:136] = b"77777777777\0"
    yield Row(
        "a tar whose member ends beyond it", "sized.tar.gz", FAILED, "", gzip.compress(bytes(sized))
    )
    pax = member("good.txt")
    pax.pax_headers = {"comment": "a" * 1_000_000, "path": "good.txt"}
    yield Row("a tar with a comment of a megabyte", "pax.tar.gz", ADDED, "", _pax(pax), "Apples")


def _tar_links(outside: Outside) -> bytes:
    return tarred(
        [
            (member("good.txt"), _GOOD),
            (member("symbolic.txt", tarfile.SYMTYPE, str(outside.canary)), b""),
            (member("hard.txt", tarfile.LNKTYPE, str(outside.canary)), b""),
            (member("circle.txt", tarfile.SYMTYPE, "circle.txt"), b""),
            (member("folder", tarfile.SYMTYPE, str(outside.trophy.parent)), b""),
            (member("folder/trophy"), b"pears"),
        ]
    )


def _tar_climbing(outside: Outside) -> bytes:
    up = "../" * 12
    return tarred(
        [
            (member("good.txt"), _GOOD),
            (member(f"{up}{outside.trophy}.txt"), b"pears"),
            (member(f"{outside.trophy}.txt"), b"plums"),
        ]
    )


def _swelling(_: Outside) -> bytes:
    info = member("bomb.txt")
    info.size = 400 << 20
    block = gzip.compress(b"apples ." * (1 << 17))
    return gzip.compress(info.tobuf()) + block * 400


def _many(_: Outside) -> bytes:
    return tarred([(member(f"{number}.txt"), b"apples %d" % number) for number in range(150)])


def _pax(info: tarfile.TarInfo) -> bytes:
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        info.size = len(_GOOD)
        archive.addfile(info, io.BytesIO(_GOOD))
    return memory.getvalue()
