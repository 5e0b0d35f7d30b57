"""The weight files of a checkpoint: found, checked against their index, read.

Pickles are read with torch's `weights_only` unpickler, which builds tensors
and calls nothing else; a file that asks for more is refused.
"""

import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError  # what torch's reader raises; nothing here unpickles
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from kb_qa.errors import CheckpointError

# What a checkpoint's weights are called, the safer form first: (index, the name without one).
FORMS = (
    ("model.safetensors.index.json", "model.safetensors"),
    ("pytorch_model.bin.index.json", "pytorch_model.bin"),
)
PLAIN_NAME = re.compile(r"[A-Za-z0-9][\w.-]*\.(bin|safetensors)")
DERIVED = re.compile(r"model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq")
HEAD = "lm_head.weight"  # a copy of the embedding where the config ties them
NAMED = 3
LINKED = "blobs"
WEIGHT_TYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
}
ZIP_START = b"PK\x03\x04"
UNREADABLE = (
    UnpicklingError,
    RuntimeError,
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
)


@dataclass(frozen=True)
class Shard:
    """One weight file.

    Args:
        path: where its bytes are, links followed.
        name: what it is called in its folder.
        tensors: the names the index puts there; None where the file is alone, without an index.
    """

    path: Path
    name: str
    tensors: frozenset[str] | None

    @property
    def is_pickle(self) -> bool:
        """Whether reading it is unpickling."""
        return self.name.endswith(".bin")


def find_shards(folder: Path) -> list[Shard]:
    """The weight files of a folder, every one there.

    Raises:
        CheckpointError: the index cannot be used, or a file it names is missing.
    """
    for index, alone in FORMS:
        if (folder / index).is_file():
            return _indexed(folder, index)
        if (folder / alone).is_file():
            return [Shard(_inside(folder, alone), alone, None)]
    known = " nor ".join(name for form in FORMS for name in form)
    raise CheckpointError(
        f"{folder} holds no weights (neither {known}): "
        "name the folder that the model was downloaded to"
    )


def _indexed(folder: Path, index: str) -> list[Shard]:
    weight_map = read_json(folder / index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointError(f"{folder / index} has no weight_map: fetch the file again")
    held: dict[str, set[str]] = {}
    for tensor, name in weight_map.items():
        if not isinstance(name, str) or not PLAIN_NAME.fullmatch(name):
            raise CheckpointError(
                f"{folder / index} names the file {name!r}, which is not the plain name of a "
                "weight file beside it: do not use this checkpoint"
            )
        held.setdefault(name, set()).add(tensor)
    missing = sorted(name for name in held if not (folder / name).is_file())
    if missing:
        raise CheckpointError(
            f"{folder} lacks {', '.join(missing)} of the {len(held)} weight files that {index} "
            "names: fetch them, the download is not complete"
        )
    return [
        Shard(_inside(folder, name), name, frozenset(tensors))
        for name, tensors in sorted(held.items())
    ]


def _inside(folder: Path, name: str) -> Path:
    """The file behind a name; a link may lead only within the folder or a hub cache's blobs."""
    root, path = folder.resolve(), (folder / name).resolve()
    cached = path.parent.name == LINKED and path.parent.parent == root.parent.parent
    if path.parent != root and not cached:
        raise CheckpointError(
            f"{folder / name} is a link to {path}, outside the checkpoint: "
            "put the file itself there"
        )
    return path


def check_shards(shards: Iterable[Shard], *, needed: Mapping[str, tuple[int, ...]]) -> None:
    """Hold names and shapes of all tensors against what the model needs.

    Raises:
        CheckpointError: a file is damaged, or a tensor is missing, unknown or misshapen.
    """
    found: dict[str, Path] = {}
    for shard in shards:
        shapes = shapes_of(shard)
        odd = sorted((shard.tensors or shapes.keys()) ^ shapes.keys())
        odd = [name for name in odd if not DERIVED.fullmatch(name)]
        if odd:
            raise CheckpointError(
                f"{shard.path} and its index disagree about {_some(odd)}: fetch both again"
            )
        for name, shape in shapes.items():
            _check_tensor(name, shape, shard=shard, needed=needed)
            found[name] = shard.path
    missing = sorted(needed.keys() - found.keys())
    if missing:
        raise CheckpointError(f"no weight file holds {_some(missing)}: fetch the model again")


def _check_tensor(
    name: str, shape: tuple[int, ...], *, shard: Shard, needed: Mapping[str, tuple[int, ...]]
) -> None:
    if DERIVED.fullmatch(name) or (name == HEAD and name not in needed):
        return
    if name not in needed:
        raise CheckpointError(f"{shard.path} holds {name}, which a Llama of its config has not")
    if shape != needed[name]:
        raise CheckpointError(
            f"{shard.path} holds {name} of shape {shape} where config.json says {needed[name]}"
        )


def _some(names: list[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def shapes_of(shard: Shard) -> dict[str, tuple[int, ...]]:
    """The names of a weight file's tensors, and their shapes.

    Raises:
        CheckpointError: it is damaged, or holds anything but tensors.
    """
    if shard.is_pickle:
        return {name: tuple(tensor.shape) for name, tensor in load_pickle(shard.path).items()}
    try:
        with safe_open(shard.path, framework="pt") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{shard.path} is damaged or not complete ({error}): fetch it again"
        ) from error


def load_pickle(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a pickled weight file, mapped where its format allows.

    Raises:
        CheckpointError: it is damaged, or holds anything but tensors.
    """
    zipped = zipfile.is_zipfile(path)
    with path.open("rb") as file:
        if file.read(len(ZIP_START)) == ZIP_START and not zipped:
            raise CheckpointError(f"{path} is cut short: fetch it again")
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except UNREADABLE as error:
        raise CheckpointError(
            f"{path} is damaged, or holds more than tensors; it was not run, since a pickle can "
            f"run anything: fetch it again, from the model's own publisher ({_cause(error)})"
        ) from error
    if not isinstance(tensors, dict) or not all(_is_weight(*item) for item in tensors.items()):
        raise CheckpointError(f"{path} holds something else than named weights: fetch it again")
    return tensors


def check_sums(path: Path) -> None:
    """Read a zipped pickle through, against the checksums in it.

    Raises:
        CheckpointError: some of its bytes are not those that were written.
    """
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        try:
            damaged = archive.testzip()
        except (zipfile.BadZipFile, OSError, EOFError) as error:
            raise CheckpointError(f"{path} is damaged ({error}): fetch it again") from error
    if damaged:
        raise CheckpointError(f"{path} is damaged at {damaged}: fetch it again")


def _is_weight(name: Any, tensor: Any) -> bool:
    named = isinstance(name, str) and isinstance(tensor, torch.Tensor)
    return named and tensor.dtype in WEIGHT_TYPES


def _cause(error: BaseException) -> str:
    """What torch found, without its advice to read the file unsafely."""
    found = re.search(r"GLOBAL ([\w.]+)", str(error))
    return f"it asks for {found[1]}" if found else type(error).__name__


def read_json(path: Path) -> dict[str, Any]:
    """A file that holds one JSON object.

    Raises:
        CheckpointError: it is missing, or holds something else.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{path.parent} lacks {path.name}: name the folder that the model was downloaded to"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}): fetch it again") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} holds no JSON object: fetch it again")
    return value
