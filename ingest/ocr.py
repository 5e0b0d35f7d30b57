"""Text read from pictures of pages, in Chinese and English, by RapidOCR's small models.

The models come in the package: nothing is downloaded, nothing written. One thread reads;
pages are read in parallel by several processes. A page that lies on its side or upside down
is turned. Not read: vertical Chinese, handwriting beyond what the models happen to know.

RapidOCR does each step; what is put together otherwise here is measured in
docs/decisions/0014-ocr.md.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.formats.boxes import Box, lines_of
from ingest.formats.picture import Picture
from ingest.task import Reading

HINT = "its text needs OCR: pip install 'kb-qa[ocr]'"
"""What to say of a page that is a picture where nothing here reads pictures."""

_PACKAGES = ("rapidocr", "onnxruntime")
_MODELS = {"Det.model_path": "PP-OCRv6_det_small.onnx", "Rec.model_path": "PP-OCRv6_rec_small.onnx"}
_SETTINGS = {
    # Every page of another size would keep its memory.
    "EngineConfig.onnxruntime.enable_cpu_mem_arena": False,
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    # Pictures are brought to size here.
    "Global.use_preprocess_img": False,
    "Det.limit_type": "max",
    "Det.limit_side_len": 1 << 16,
    # Lines padded to one width take longer than one by one.
    "Rec.rec_batch_num": 1,
    "Global.log_level": "critical",
}

_DETECTION_DPI = 110.0
_DETECTION_SIDE = 2048
"""Pixels an inch, and a side at most, at which lines are looked for."""

_UPRIGHT = 1.5
"""Times its width that a box is high whose text runs up or down."""

_SAMPLE = 5
_SURE = 0.85
"""How many lines are read first, and how sure that has to be before the page is turned round."""

_LEAST_SURE = 0.6
"""Lines read with less are not text."""

_ALIKE = str.maketrans({"℃": "°C", "℉": "°F"})
"""One character for what documents type as two."""

_NO_MEMORY = ("bad_alloc", "nsufficient memory", "Failed to allocate memory")

Pixels = NDArray[np.uint8]
Corners = NDArray[np.float32]


def is_available() -> bool:
    """Whether what `recognize` needs is installed; imports nothing heavy."""
    return all(find_spec(package) is not None for package in _PACKAGES)


def engine() -> str:
    """Name and version of what reads; empty if nothing does."""
    try:
        return f"rapidocr-{version('rapidocr')}" if is_available() else ""
    except PackageNotFoundError:
        return ""


def recognize(picture: Picture) -> Reading:
    """The lines of a page, and how sure it is of them; no lines if there is no text.

    Raises:
        ModuleNotFoundError: OCR is not installed; ask `is_available` before.
        MemoryError: it ran into the process's memory limit.
    """
    pixels = np.frombuffer(picture.pixels, np.uint8).reshape(picture.height, picture.width)
    with _memory_told():
        corners = _detected(pixels, picture.dpi)
        if _lies_on_its_side(corners):
            pixels = np.ascontiguousarray(np.rot90(pixels))
            corners = _detected(pixels, picture.dpi)
        pixels, corners, read = _read(pixels, corners)
    kept = [
        (_box(text, each), sure)
        for each, (text, sure) in zip(corners, read, strict=True)
        if sure >= _LEAST_SURE and text.strip()
    ]
    lines = lines_of([box for box, _ in kept], height=pixels.shape[0], dpi=picture.dpi)
    return Reading(lines, _confidence([(box.text, sure) for box, sure in kept]))


@contextmanager
def _memory_told() -> Iterator[None]:
    """Libraries in C++ that find no memory say so by errors of their own."""
    try:
        yield
    except Exception as error:
        if any(sign in str(error) for sign in _NO_MEMORY):
            raise MemoryError from error
        raise


@cache
def _engine() -> Any:
    """Loaded once a process."""
    # onnxruntime 1.29 and later report home unless this stands there before the import.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    # Imported here: they take seconds, and most runs meet no picture.
    import cv2
    import rapidocr

    cv2.setNumThreads(1)
    folder = Path(rapidocr.__file__).parent / "models"
    paths = {key: str(folder / name) for key, name in _MODELS.items()}
    return rapidocr.RapidOCR(params={**_SETTINGS, **paths})


def _detected(pixels: Pixels, dpi: float) -> Corners:
    """The corners of the pieces of text: pieces, four, x and y."""
    import cv2

    scale = min(1.0, _DETECTION_DPI / dpi, _DETECTION_SIDE / max(pixels.shape))
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    coloured = _coloured(np.asarray(small, np.uint8))
    found = _engine()(coloured, use_det=True, use_cls=False, use_rec=False)
    if found.boxes is None:
        return np.empty((0, 4, 2), np.float32)
    return np.asarray(found.boxes, np.float32) / np.float32(scale)


def _lies_on_its_side(corners: Corners) -> bool:
    """Whether most of the text runs up or down."""
    if not len(corners):
        return False
    wide = np.linalg.norm(corners[:, 1] - corners[:, 0], axis=1)
    high = np.linalg.norm(corners[:, 3] - corners[:, 0], axis=1)
    upright = high > _UPRIGHT * wide
    return bool(np.maximum(wide, high)[upright].sum() > np.maximum(wide, high)[~upright].sum())


def _read(pixels: Pixels, corners: Corners) -> tuple[Pixels, Corners, list[tuple[str, float]]]:
    """What the pieces say; the page is turned round if a sample makes more sense so."""
    widths = np.linalg.norm(corners[:, 1] - corners[:, 0], axis=1)
    corners = corners[np.argsort(-widths, kind="stable")]
    sample = _recognized(pixels, corners[:_SAMPLE])
    if sample and _confidence(sample) < _SURE:
        turned = np.ascontiguousarray(np.rot90(pixels, 2))
        size = np.array(pixels.shape[::-1], np.float32)
        around = (size - corners)[:, [2, 3, 0, 1]]
        other = _recognized(turned, around[:_SAMPLE])
        if _confidence(other) > _confidence(sample):
            pixels, corners, sample = turned, around, other
    return pixels, corners, sample + _recognized(pixels, corners[_SAMPLE:])


def _recognized(pixels: Pixels, corners: Corners) -> list[tuple[str, float]]:
    """What each piece says, and how sure that is."""
    if not len(corners):
        return []
    crops = [_coloured(each) for each in _engine().crop_text_regions(pixels, corners)]
    found = _engine().recognize_txt(crops)
    return [(str(text), float(sure)) for text, sure in zip(found.txts, found.scores, strict=True)]


def _confidence(read: Sequence[tuple[str, float]]) -> float:
    """The mean over all characters; 0 without any."""
    characters = sum(len(text) for text, _ in read)
    return sum(len(text) * sure for text, sure in read) / characters if characters else 0.0


def _coloured(pixels: Pixels) -> Pixels:
    """The same in three channels, as the models take it."""
    return np.repeat(pixels[:, :, None], 3, axis=2)


def _box(text: str, corners: Corners) -> Box:
    first, second, third, fourth = ((float(x), float(y)) for x, y in corners)
    return Box(text.translate(_ALIKE).strip(), (first, second, third, fourth))
