"""A checkpoint as it was published into a plain Llama folder, once.

Written aside shard by shard; each shard is recorded when it is on the disk,
so that what is killed goes on where it was. The folder takes its name when
all of it is there.
"""

import json
import os
import shutil
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from kb_qa.errors import CheckpointError
from kb_qa.xverse.architecture import Architecture, read_architecture
from kb_qa.xverse.disk import FreeBytes, Tell, free_bytes, only_one, require_space, say
from kb_qa.xverse.manifest import (
    MANIFEST,
    FileRecord,
    Manifest,
    check_prepared,
    flush_folder,
    is_prepared,
    made_from,
    record_of,
    write_json,
)
from kb_qa.xverse.safetensors_file import write_tensors
from kb_qa.xverse.shards import (
    Shard,
    check_shards,
    check_sums,
    find_shards,
    load_pickle,
    read_json,
    shapes_of,
)
from kb_qa.xverse.tokenizer_files import patched_tokenizer, patched_tokenizer_config

CONVERTED = "converted.json"
DESCRIPTIONS = ("config.json", "tokenizer.json", "tokenizer_config.json")
OPTIONAL = ("generation_config.json", "special_tokens_map.json")
INDEX = "model.safetensors.index.json"
TOKENS = ("pad_token_id", "bos_token_id", "eos_token_id")


@dataclass(frozen=True)
class Source:
    """A checkpoint that was looked through, and can be prepared."""

    folder: Path
    architecture: Architecture
    shards: list[Shard]
    is_xverse: bool


def prepare(
    source: Path,
    target: Path,
    *,
    name: str | None = None,
    tell: Tell = say,
    free: FreeBytes = free_bytes,
) -> Path:
    """Make a plain Llama folder of a checkpoint; at once if that was done before.

    Args:
        source: the folder as it was published; it is only read.
        target: the folder to make.
        name: what the manifest calls the source; by default its path.
        tell: is given a line for each step.
        free: says how many bytes are free where a folder is.

    Raises:
        CheckpointError: the source is not complete, is damaged, or is no dense Llama; or the
            disk has no room.
    """
    if is_current(target, source):
        return target
    with only_one(target, tell=tell):
        return prepare_alone(source, target, name=name, tell=tell, free=free)


def prepare_alone(
    source: Path,
    target: Path,
    *,
    name: str | None = None,
    tell: Tell = say,
    free: FreeBytes = free_bytes,
) -> Path:
    """As `prepare`, for a caller that holds the target's lock."""
    if is_current(target, source):
        return target
    looked_through = examine(source)
    aside = target.with_name(f"{target.name}.partial")
    weights = _convert(looked_through, aside, tell=tell, free=free)
    _describe(looked_through, aside)
    _finish(looked_through, aside, weights=weights, name=name or str(source.absolute()))
    _publish(aside, target)
    tell(f"prepared {target}")
    return target


def is_current(target: Path, source: Path) -> bool:
    """Whether a folder was prepared whole, from the files that are in the source now."""
    if not is_prepared(target):
        return False
    try:
        check_prepared(target)
        return made_from(target, source)
    except CheckpointError:
        return False


def examine(folder: Path) -> Source:
    """Look a checkpoint through before anything is written.

    Raises:
        CheckpointError: it is not complete, is damaged, or is no dense Llama.
    """
    config, *_ = (read_json(folder / name) for name in DESCRIPTIONS)
    architecture = read_architecture(config, place=folder)
    shards = find_shards(folder)
    check_shards(shards, needed=architecture.tensors())
    _check_tokenizer(folder, architecture)
    return Source(folder, architecture, shards, is_xverse=config["model_type"] == "xverse")


def _check_tokenizer(folder: Path, architecture: Architecture) -> None:
    patched = patched_tokenizer(read_json(folder / "tokenizer.json"))
    try:
        tokenizer = Tokenizer.from_str(json.dumps(patched))
    except Exception as error:  # tokenizers raises nothing more particular
        raise CheckpointError(
            f"{folder / 'tokenizer.json'} cannot be read ({error}): fetch it again"
        ) from error
    largest = max(tokenizer.get_vocab().values(), default=0)
    if largest >= architecture.vocabulary:
        raise CheckpointError(
            f"{folder / 'tokenizer.json'} has the token id {largest}, but the model knows "
            f"{architecture.vocabulary} tokens: both files must be of the same model"
        )


def _convert(
    source: Source, aside: Path, *, tell: Tell, free: FreeBytes
) -> dict[str, dict[str, Any]]:
    """The weights as safetensors, one shard at a time; those done before are kept."""
    aside.mkdir(parents=True, exist_ok=True)
    done = _kept(source, aside)
    left = [shard for shard in source.shards if shard.name not in done]
    missing = sum(shard.path.stat().st_size for shard in left)
    needed = source.architecture.tensors().keys()
    require_space(aside, missing, purpose=f"preparing {source.folder}", free=free)
    for number, shard in enumerate(source.shards, 1):
        if shard.name in done:
            continue
        tell(f"preparing {shard.name} ({number} of {len(source.shards)})")
        name = f"model-{number:05}-of-{len(source.shards):05}.safetensors"
        done[shard.name] = _converted(shard, aside / name, needed=needed)
        flush_folder(aside)
        write_json(aside / CONVERTED, done)
    return done


def _kept(source: Source, aside: Path) -> dict[str, dict[str, Any]]:
    """What an earlier run wrote, if the source is the same and the bytes are as they were."""
    shards = {shard.name: shard for shard in source.shards}
    try:
        written = read_json(aside / CONVERTED)
        return {
            name: record
            for name, record in written.items()
            if name in shards
            and record["stamp"] == _stamp(shards[name].path)
            and asdict(record_of(aside / record["file"])) == record["written"]
        }
    except (CheckpointError, OSError, LookupError, TypeError):
        return {}


def _converted(shard: Shard, path: Path, *, needed: AbstractSet[str]) -> dict[str, Any]:
    """Write one shard, and what is to be known of it."""
    stamp, read = _stamp(shard.path), record_of(shard.path)
    if shard.is_pickle:
        check_sums(shard.path)
        held: Mapping[str, Any] = load_pickle(shard.path)
        written = write_tensors(path, {name: held[name] for name in held if name in needed})
    else:
        held = shapes_of(shard)
        _link(shard.path, path)
        written = read
    return {
        "file": path.name,
        "tensors": sorted(held.keys() & needed),
        "stamp": stamp,
        "read": asdict(read),
        "written": asdict(written),
    }


def _link(source: Path, path: Path) -> None:
    """The same bytes under another name; a copy where the disks differ."""
    aside = path.with_name(f"{path.name}.tmp")
    aside.unlink(missing_ok=True)
    try:
        os.link(source, aside)
    except OSError:
        shutil.copyfile(source, aside)
        with aside.open("rb") as file:
            os.fsync(file.fileno())
    aside.replace(path)


def _stamp(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _describe(source: Source, aside: Path) -> None:
    """The files beside the weights, from those of the source."""
    folder = source.folder
    optional = {name: read_json(folder / name) for name in OPTIONAL if (folder / name).is_file()}
    config = dict(source.architecture.config)
    tokens = {name: config[name] for name in TOKENS if name in config}
    tokenizer_config = patched_tokenizer_config(
        read_json(folder / "tokenizer_config.json"),
        special_tokens=optional.get("special_tokens_map.json", {}),
        is_xverse=source.is_xverse,
    )
    written: Mapping[str, Mapping[str, Any]] = {
        "generation_config.json": tokens,
        **optional,
        "config.json": config,
        "tokenizer.json": patched_tokenizer(read_json(folder / "tokenizer.json")),
        "tokenizer_config.json": tokenizer_config,
    }
    for name, value in written.items():
        write_json(aside / name, value)


def _finish(
    source: Source, aside: Path, *, weights: Mapping[str, Mapping[str, Any]], name: str
) -> None:
    """The index, and last the manifest."""
    total = sum(record["written"]["bytes"] for record in weights.values())
    weight_map = {
        tensor: record["file"] for record in weights.values() for tensor in record["tensors"]
    }
    write_json(
        aside / INDEX,
        {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))},
    )
    shards = {record["file"]: FileRecord(**record["written"]) for record in weights.values()}
    for path in set(aside.iterdir()):
        if path.suffix in (".tmp", ".safetensors") and path.name not in shards:
            path.unlink()
    others = {
        path.name: record_of(path)
        for path in sorted(aside.iterdir())
        if path.name not in {*shards, CONVERTED, MANIFEST}
    }
    read = {each: FileRecord(**record["read"]) for each, record in weights.items()}
    described = {
        each: record_of(source.folder / each)
        for each in (*DESCRIPTIONS, *OPTIONAL)
        if (source.folder / each).is_file()
    }
    Manifest(name, read | described, others | shards).write(aside)
    flush_folder(aside)


def _publish(aside: Path, target: Path) -> None:
    """Give the folder its name; what had it before is gone only then."""
    before = target.with_name(f"{target.name}.before")
    shutil.rmtree(before, ignore_errors=True)
    if target.exists():
        if not is_prepared(target) and any(target.iterdir()):
            raise CheckpointError(
                f"{target} is there, and was not made by this program: move it away, "
                "or choose another place with --to"
            )
        target.replace(before)
    aside.replace(target)
    (target / CONVERTED).unlink(missing_ok=True)
    flush_folder(target.parent)
    shutil.rmtree(before, ignore_errors=True)
