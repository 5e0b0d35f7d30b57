"""Weight files: every one there, none that runs."""

import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from kb_qa.errors import CheckpointError
from kb_qa.xverse.shards import check_shards, check_sums, find_shards, load_pickle
from tests.kb_qa.xverse.official import make_official, needed_tensors, published_tensors, write

INDEX = "pytorch_model.bin.index.json"
FIRST = "pytorch_model-00001-of-00008.bin"
NEEDED = {name: tuple(tensor.shape) for name, tensor in needed_tensors().items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_official(tmp_path / "XVERSE-7B-Chat")


def index_of(folder: Path) -> dict[str, Any]:
    described: dict[str, Any] = json.loads((folder / INDEX).read_text())
    return described


def check(folder: Path) -> None:
    check_shards(find_shards(folder), needed=NEEDED)


class Runs:
    """A pickle of it makes a file when it is loaded without care."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f"touch {self._trace}",)


def test_a_published_checkpoint_is_whole(folder: Path) -> None:
    """Eight shards, every tensor of the index in its file, the extra inv_freq accepted."""
    assert len(find_shards(folder)) == 8
    check(folder)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_hostile_pickle_is_never_run(folder: Path, tmp_path: Path, *, zipped: bool) -> None:
    """Neither in torch's format of today nor in its old one; the error names file and danger."""
    trace = tmp_path / "owned"
    hostile = {"model.norm.weight": torch.ones(64), "other": Runs(trace)}
    torch.save(hostile, folder / FIRST, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match="not run") as refused:
        check(folder)
    assert FIRST in str(refused.value)
    assert "system" in str(refused.value)
    assert "weights_only" not in str(refused.value)
    assert not trace.exists()


def test_a_bare_hostile_pickle_is_never_run(folder: Path, tmp_path: Path) -> None:
    """Nor a plain pickle under the name of a shard."""
    trace = tmp_path / "owned"
    (folder / FIRST).write_bytes(pickle.dumps(Runs(trace), protocol=2))
    with pytest.raises(CheckpointError, match=FIRST):
        check(folder)
    assert not trace.exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_both_formats_of_torch_are_read(tmp_path: Path, *, zipped: bool) -> None:
    """Files of before torch 1.6 hold the same tensors."""
    tensors = needed_tensors()
    torch.save(tensors, tmp_path / "old.bin", _use_new_zipfile_serialization=zipped)
    read = load_pickle(tmp_path / "old.bin")
    assert read.keys() == tensors.keys()
    assert all(torch.equal(read[name], tensors[name]) for name in tensors)


@pytest.mark.parametrize("left", [0.0, 0.3, 0.99])
def test_a_shard_cut_short_is_told(folder: Path, left: float) -> None:
    """A download that stopped is no checkpoint."""
    path = folder / FIRST
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * left)])
    with pytest.raises(CheckpointError, match=FIRST):
        check(folder)


def test_a_hole_in_a_shard_is_told(folder: Path) -> None:
    """Bytes that never came, in a file of the right size, fail the sums in it."""
    path = folder / FIRST
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(bytes(64))
    with pytest.raises(CheckpointError, match="damaged"):
        check_sums(path)


def test_sound_shards_pass_their_sums(folder: Path) -> None:
    """Of a file as torch writes it."""
    for shard in find_shards(folder):
        check_sums(shard.path)


def test_a_missing_shard_is_named(folder: Path) -> None:
    """With the number of files that there should be."""
    (folder / FIRST).unlink()
    with pytest.raises(CheckpointError, match=f"lacks {FIRST} of the 8"):
        find_shards(folder)


def test_a_folder_without_weights_is_told(tmp_path: Path) -> None:
    """A folder of something else."""
    with pytest.raises(CheckpointError, match="no weights"):
        find_shards(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "../../x.bin",
        "/etc/x.bin",
        "a/b.bin",
        "..",
        "a\\b.bin",
        "x.py",
        ".hidden.bin",
        "",
        7,
        None,
        "a.bin\n",
    ],
)
def test_an_index_that_names_no_plain_weight_file_is_refused(folder: Path, name: object) -> None:
    """It could have any file read; even one that is there."""
    described = index_of(folder)
    described["weight_map"]["lm_head.weight"] = name
    write(folder / INDEX, described)
    with pytest.raises(CheckpointError, match="do not use this checkpoint"):
        find_shards(folder)


@pytest.mark.parametrize("weight_map", [None, {}, [], "x"])
def test_an_index_without_a_map_is_refused(folder: Path, weight_map: object) -> None:
    """As a damaged file."""
    write(folder / INDEX, {"weight_map": weight_map})
    with pytest.raises(CheckpointError, match="no weight_map"):
        find_shards(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000])
def test_an_index_that_is_no_object_is_refused(folder: Path, text: str) -> None:
    """Whatever was put there in its place."""
    (folder / INDEX).write_text(text)
    with pytest.raises(CheckpointError, match="fetch"):
        find_shards(folder)


def test_a_link_out_of_the_checkpoint_is_refused(folder: Path, tmp_path: Path) -> None:
    """A checkpoint reads its own files."""
    (folder / FIRST).rename(tmp_path / "elsewhere.bin")
    (folder / FIRST).symlink_to(tmp_path / "elsewhere.bin")
    with pytest.raises(CheckpointError, match="outside the checkpoint"):
        find_shards(folder)


def test_the_links_of_a_hub_cache_are_followed(tmp_path: Path) -> None:
    """Caches keep a file once, as a blob, and link each revision to it."""
    folder = make_official(tmp_path / "models--x" / "snapshots" / "main")
    (tmp_path / "models--x" / "blobs").mkdir()
    for path in folder.glob("*.bin"):
        blob = tmp_path / "models--x" / "blobs" / path.stem
        path.rename(blob)
        path.symlink_to(os.path.relpath(blob, folder))
    check(folder)


def test_a_tensor_that_the_index_promises_must_be_there(folder: Path) -> None:
    """The file is of another download."""
    held = load_pickle(folder / FIRST)
    gone = next(iter(held))
    torch.save(
        {name: tensor.clone() for name, tensor in held.items() if name != gone}, folder / "new"
    )
    (folder / "new").replace(folder / FIRST)
    with pytest.raises(CheckpointError, match=f"disagree about {gone}"):
        check(folder)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "missing": ({"lm_head.weight": None}, "no weight file holds lm_head.weight"),
    "misshapen": ({"lm_head.weight": torch.ones(3, 3)}, r"lm_head.weight of shape \(3, 3\)"),
    "unknown": ({"model.norm.bias": torch.ones(64)}, "holds model.norm.bias, which"),
    "no number": ({"model.norm.weight": "text"}, "something else than named weights"),
    "whole numbers": (
        {"model.norm.weight": torch.ones(64, dtype=torch.int8)},
        "something else than named weights",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_tensors_are_those_of_the_config(tmp_path: Path, wrong: str) -> None:
    """A name or shape that the model has not is told with its place."""
    changes, message = WRONG[wrong]
    tensors = published_tensors() | changes
    torch.save(
        {name: tensor for name, tensor in tensors.items() if tensor is not None},
        tmp_path / "pytorch_model.bin",
    )
    with pytest.raises(CheckpointError, match=message):
        check(tmp_path)
