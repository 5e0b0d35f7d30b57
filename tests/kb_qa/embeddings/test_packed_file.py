"""Reading the packed file of a model."""

import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb_qa.embeddings.packed_file import dequantize, read_packed_file
from kb_qa.errors import EmbeddingsError

HIDDEN, WIDE, WORDS, POSITIONS = 32, 64, 6, 8
PIECES = ["<s>", "</s>", "<unk>", "▁", "知", "ab"]
NORMALIZATION = {9: " ", 0xFB01: "fi", 0xAD: ""}


def _blocks(values: int, seed: int) -> bytes:
    """Random Q4_0 blocks with a scale of 0.5."""
    random = np.random.default_rng(seed)
    scale = np.float16(0.5).tobytes()
    return b"".join(scale + random.bytes(16) for _ in range(values // 32))


def _floats(values: int, seed: int) -> bytes:
    return np.random.default_rng(seed).normal(size=values).astype("<f4").tobytes()


def _tensors() -> dict[str, tuple[int, int, bytes]]:
    """Type, number of values and bytes of every tensor of a model with one layer."""
    sizes = {"emb.pos": POSITIONS * HIDDEN, "emb.type": HIDDEN}
    for norm in ("emb.ln", "l0.aln", "l0.oln"):
        sizes |= {f"{norm}.w": HIDDEN, f"{norm}.b": HIDDEN}
    sizes |= {f"l0.{name}.b": WIDE if name == "fi" else HIDDEN for name in _LINEARS}
    blocks = {"emb.word": WORDS * HIDDEN}
    blocks |= {f"l0.{name}.w": HIDDEN * HIDDEN * _LINEARS[name] for name in _LINEARS}
    tensors = {
        name: (0, size, _floats(size, seed)) for seed, (name, size) in enumerate(sizes.items())
    }
    return tensors | {
        name: (1, size, _blocks(size, seed)) for seed, (name, size) in enumerate(blocks.items())
    }


_LINEARS = {"q": 1, "k": 1, "v": 1, "ao": 1, "fi": 2, "fo": 2}


def _vocabulary() -> bytes:
    encoded = [piece.encode() for piece in PIECES]
    offsets = np.cumsum([0, *map(len, encoded)]).astype("<u4").tobytes()
    scores = np.array([0, 0, 0, -1, -2, -3], "<f4").tobytes()
    text = b"".join(encoded)
    replacements = b"".join(
        struct.pack(f"<IB{len(text)}I", code_point, len(text), *map(ord, text))
        for code_point, text in NORMALIZATION.items()
    )
    return (
        struct.pack("<5iQ", len(PIECES), 0, 1, 2, 2, len(text))
        + offsets
        + scores
        + text
        + struct.pack("<iI", len(NORMALIZATION), len(replacements))
        + replacements
    )


def packed_bytes() -> bytes:
    """A whole packed file, written as the format is described."""
    head = struct.pack("<4sI7ifi", b"E5S1", 1, HIDDEN, 1, 2, WIDE, WORDS, POSITIONS, 1, 1e-12, 32)
    head += _vocabulary()
    tensors = _tensors()
    size_of_directory = 4 + sum(2 + len(name) + 21 for name in tensors)
    directory, body = struct.pack("<i", len(tensors)), b""
    for name, (kind, values, data) in tensors.items():
        offset = len(head) + size_of_directory + len(body)
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", kind, values, offset, len(data))
        body += data
    return head + directory + body


@pytest.fixture
def packed_path(tmp_path: Path) -> Path:
    """A whole packed file on disk."""
    path = tmp_path / "model.bin"
    path.write_bytes(packed_bytes())
    return path


def test_shape_and_vocabulary_are_those_written(packed_path: Path) -> None:
    """The sizes, pieces, scores, special tokens and replacements come back as they are."""
    packed = read_packed_file(packed_path)
    assert (packed.shape.hidden, packed.shape.layers, packed.shape.heads) == (HIDDEN, 1, 2)
    assert packed.vocabulary.pieces == tuple(PIECES)
    assert packed.vocabulary.scores == (0, 0, 0, -1, -2, -3)
    assert (packed.vocabulary.bos, packed.vocabulary.eos, packed.vocabulary.unknown) == (0, 1, 2)
    assert packed.vocabulary.normalization == NORMALIZATION


def test_tensors_are_those_written(packed_path: Path) -> None:
    """A float tensor comes back as it is, a quantized one as its blocks say."""
    packed = read_packed_file(packed_path)
    assert packed.floats("emb.pos").tobytes() == _tensors()["emb.pos"][2]
    weights = packed.floats("l0.fo.w")
    assert weights.shape == (HIDDEN * WIDE,)
    assert np.array_equal(weights, dequantize(packed.blocks("l0.fo.w")).ravel())


def test_a_block_is_a_scale_and_two_rows_of_halves() -> None:
    """The low halves are the first 16 weights, the high halves the last 16, less 8, scaled."""
    block = np.float16(0.25).tobytes() + bytes(0x10 * (15 - i) + i for i in range(16))
    weights = dequantize(np.frombuffer(block, np.uint8)[None])
    low = [(i - 8) * 0.25 for i in range(16)]
    assert weights.tolist() == [low + low[::-1]]


@pytest.mark.parametrize("name", ["emb.word", "l0.fo.w", "l0.oln.b"])
def test_a_missing_tensor_is_named(packed_path: Path, name: str) -> None:
    """A file without a tensor that its shape asks for says which."""
    data = packed_path.read_bytes()
    packed_path.write_bytes(data.replace(name.encode(), b"x" * len(name), 1))
    with pytest.raises(EmbeddingsError, match=name):
        read_packed_file(packed_path)


@pytest.mark.parametrize(
    ("offset", "data", "complaint"),
    [
        (0, b"GGUF", "GGUF"),
        (4, b"\x02", "version"),
        (8, b"\x00\x00\x00\x00", "sizes"),
        (16, b"\x05", "sizes"),
        (40, b"\x40", "blocks"),
        (44, b"\xff\xff", "pieces"),
        (48, b"\xff\xff\xff\xff", "special"),
    ],
)
def test_a_false_header_is_explained(
    packed_path: Path, offset: int, data: bytes, complaint: str
) -> None:
    """What is wrong, in which file, and the command that mends it are in the message."""
    whole = bytearray(packed_path.read_bytes())
    whole[offset : offset + len(data)] = data
    packed_path.write_bytes(whole)
    with pytest.raises(EmbeddingsError, match=rf"model\.bin.*{complaint}.*pip install"):
        read_packed_file(packed_path)


def test_a_missing_file_is_an_error_of_ours(tmp_path: Path) -> None:
    """No file, an empty file and a folder are all told in one line."""
    (tmp_path / "empty").touch()
    for path in (tmp_path / "none", tmp_path / "empty", tmp_path):
        with pytest.raises(EmbeddingsError, match="cannot be read"):
            read_packed_file(path)


@given(length=st.integers(0, len(packed_bytes()) - 1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_cut_short_is_never_read(tmp_path: Path, length: int) -> None:
    """Wherever a file was cut, it is refused."""
    path = tmp_path / "cut.bin"
    path.write_bytes(packed_bytes()[:length])
    with pytest.raises(EmbeddingsError):
        read_packed_file(path)


@given(damage=st.lists(st.tuples(st.integers(0, 900), st.integers(0, 255)), min_size=1, max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_raises_nothing_but_our_error(
    tmp_path: Path, damage: list[tuple[int, int]]
) -> None:
    """Bytes changed in header, vocabulary or directory are refused, or read within the file."""
    data = bytearray(packed_bytes())
    for offset, value in damage:
        data[offset] = value
    path = tmp_path / "damaged.bin"
    path.write_bytes(data)
    with suppress(EmbeddingsError):
        packed = read_packed_file(path)
        for name, entry in packed.directory.items():
            assert packed.floats(name).size == entry.values


def test_weights_that_are_no_numbers_are_refused(packed_path: Path) -> None:
    """An infinite scale is told when its tensor is read, not found later in the vectors."""
    packed = read_packed_file(packed_path)
    data = bytearray(packed_path.read_bytes())
    offset = packed.directory["l0.fi.w"].offset
    data[offset : offset + 2] = np.float16("inf").tobytes()
    packed_path.write_bytes(data)
    with pytest.raises(EmbeddingsError, match=r"l0\.fi\.w is not all numbers"):
        read_packed_file(packed_path).floats("l0.fi.w")


def test_the_digest_is_of_every_byte(packed_path: Path) -> None:
    """Files with equal bytes have one digest; one changed weight changes it."""
    digest = read_packed_file(packed_path).digest
    assert digest == read_packed_file(packed_path).digest
    data = bytearray(packed_path.read_bytes())
    data[-1] ^= 1
    packed_path.write_bytes(data)
    assert read_packed_file(packed_path).digest != digest
