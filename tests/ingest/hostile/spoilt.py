"""Every format: good, empty, cut short, overwritten, and something else under its name."""

import random
from collections.abc import Iterator

from ingest.loaders import FORMATS, SUFFIXES
from tests.ingest.hostile.containers import compound
from tests.ingest.hostile.row import ADDED, FAILED, SKIPPED, Row
from tests.ingest.hostile.samples import SAMPLES, SENTENCE

_FORGIVING = frozenset(
    ".txt .log .md .rst .tex .html .csv .tsv .rtf .eml .mhtml .py .jsonl".split()
)
"""Formats of which half a file is still a text."""

_PICTURES = frozenset(".png .jpg .tiff".split())
"""Formats that OCR reads, of which there is none in this test."""

_LEGACY = {
    ".doc": "WordDocument",
    ".xls": "Workbook",
    ".ppt": "PowerPoint Document",
    ".msg": "__properties_version1.0",
}

_DAMAGED = r"damaged|not (text|a |an )|encrypted|cut short|needs (OCR|LibreOffice)"


def rows() -> Iterator[Row]:
    for each in FORMATS:
        first = each.suffixes[0]
        yield Row(f"empty {each.name}", f"empty{first}", SKIPPED, "empty: .*no bytes", b"")
    for suffix in SUFFIXES:
        noise = random.Random(suffix).randbytes(3000)
        name = f"noise{suffix}" if suffix.startswith(".") else suffix
        yield Row(f"noise as {suffix}", name, FAILED, _DAMAGED, noise)
    for suffix, sample in SAMPLES.items():
        yield from _spoilt(suffix, sample())
    for suffix, stream in _LEGACY.items():
        hollow = compound({stream: b"\7" * 5000})
        yield Row(
            f"a hollow {suffix}",
            f"hollow{suffix}",
            SKIPPED if suffix == ".msg" else FAILED,
            "",
            hollow,
        )


def _spoilt(suffix: str, data: bytes) -> Iterator[Row]:
    half = data[: len(data) // (20 if suffix == ".tar" else 2)]
    if suffix in _PICTURES:
        yield Row(f"a good {suffix}", f"good{suffix}", FAILED, "needs OCR", data)
    else:
        yield Row(f"a good {suffix}", f"good{suffix}", ADDED, "", data, SENTENCE)
    if suffix in _FORGIVING:
        yield Row(f"half of a {suffix}", f"half{suffix}", ADDED, "", data[:-20], "Apples are red")
    else:
        page = f"<html><body>Please log in to get {suffix}</body></html>".encode()
        yield Row(f"half of a {suffix}", f"half{suffix}", FAILED, _DAMAGED, half)
        if suffix != ".xml":  # a page may be XML
            yield Row(f"a web page as {suffix}", f"page{suffix}", FAILED, _DAMAGED, page)
        yield Row(f"zeros in a {suffix}", f"zeros{suffix}", FAILED, _DAMAGED, _zeroed(data))


def _zeroed(data: bytes) -> bytes:
    """The file as a disk returns it whose write was cut off by a power failure."""
    return data[: min(len(data) // 4, 400)].ljust(len(data), b"\0")
