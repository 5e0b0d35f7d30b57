"""Tensors into a safetensors file, one at a time.

The library's own writer gathers all bytes of a file in memory first, which
doubles what converting a shard takes; the format is a header and the bytes.
"""

import json
import os
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from kb_qa.xverse.manifest import FileRecord
from kb_qa.xverse.shards import WEIGHT_TYPES

ALIGNMENT = 8


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor]) -> FileRecord:
    """Write a file aside, flush it to disk, rename it; its size and hash."""
    digest, aside = sha256(), path.with_name(f"{path.name}.tmp")
    with aside.open("wb") as file:
        for block in _blocks(tensors):
            file.write(block)
            digest.update(block)
        file.flush()
        os.fsync(file.fileno())
        size = file.tell()
    aside.replace(path)
    return FileRecord(size, digest.hexdigest())


def _blocks(tensors: Mapping[str, torch.Tensor]) -> Iterator[bytes | memoryview]:
    yield _header(tensors)
    yield from map(_bytes, tensors.values())


def _header(tensors: Mapping[str, torch.Tensor]) -> bytes:
    described: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.numel() * tensor.element_size()
        described[name] = {
            "dtype": WEIGHT_TYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
    header = json.dumps(described, separators=(",", ":")).encode()
    header += b" " * (-len(header) % ALIGNMENT)
    return len(header).to_bytes(8, "little") + header


def _bytes(tensor: torch.Tensor) -> memoryview:
    plain: NDArray[np.uint8] = tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy()
    return plain.data
