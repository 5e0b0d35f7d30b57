"""The encodings that Windows numbers: of a document, and of a font by its character set."""

from collections.abc import Callable
from functools import partial

Decoder = Callable[[bytes], str]
"""Bytes in, text out; what cannot be read comes as U+FFFD."""

_SUPERSETS = {936: "gb18030", 950: "big5hkscs", 1361: "johab", 10000: "mac_roman", 65001: "utf-8"}
_BY_NUMBER = {
    437, 720, 737, 775, 850, 852, 855, 857, 858, 860, 861, 862, 863, 864, 865, 866, 869, 874, 932,
    949, 1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258,
}  # fmt: skip
_PAGE_OF_CHARACTER_SET = {
    77: 10000, 128: 932, 129: 949, 130: 1361, 134: 936, 136: 950, 161: 1253, 162: 1254,
    163: 1258, 177: 1255, 178: 1256, 186: 1257, 204: 1251, 222: 874, 238: 1250, 254: 437, 255: 437,
}  # fmt: skip
_WESTERN, _SYMBOL = 0, 2

_DEFAULT = "cp1252"
_DOUBLE_BYTE = frozenset({"gb18030", "big5hkscs", "cp932", "cp949", "johab"})
_BULLET = "•"
_LAST_OF_ASCII = 0x7F
_FIRST_OF_PAIRS = 0xA1
"""Lead and trail bytes of the characters in common use, from here up in every double-byte set."""


def encoding_of_page(number: int) -> str:
    """Python's name for a code page; the Western one for a number that is not known."""
    if number in _SUPERSETS:
        return _SUPERSETS[number]
    return f"cp{number}" if number in _BY_NUMBER else _DEFAULT


def decoder(encoding: str) -> Decoder:
    """How bytes in an encoding are read."""
    return partial(str, encoding=encoding, errors="replace")


def decoder_of_font(character_set: int, *, encoding: str) -> Decoder:
    """How bytes in a font of a character set are read, in a document in an encoding."""
    if character_set == _SYMBOL:
        return _signs
    if character_set == _WESTERN:
        return partial(_western, encoding=encoding) if encoding in _DOUBLE_BYTE else _by_default
    page = _PAGE_OF_CHARACTER_SET.get(character_set)
    return decoder(encoding_of_page(page) if page else encoding)


def _by_default(data: bytes) -> str:
    return data.decode(_DEFAULT, "replace")


def _signs(data: bytes) -> str:
    """A font of signs: what its codes show is not told."""
    return "".join(chr(byte) if byte <= _LAST_OF_ASCII else _BULLET for byte in data)


def _western(data: bytes, *, encoding: str) -> str:
    """A Western font in a Chinese document.

    Programs that write Chinese leave the font at its Western default: then every lead
    byte has its trail byte, which single accented letters have not.
    """
    position = 0
    while position < len(data):
        if data[position] <= _LAST_OF_ASCII:
            position += 1
        elif len(data) > position + 1 and min(data[position : position + 2]) >= _FIRST_OF_PAIRS:
            position += 2
        else:
            return _by_default(data)
    return data.decode(encoding, "replace")
