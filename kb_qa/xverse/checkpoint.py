"""From a model's name to a folder that can be served: found, downloaded, prepared, checked."""

import shutil
from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from pathlib import Path

from kb_qa.errors import CheckpointError
from kb_qa.xverse.disk import (
    FreeBytes,
    Tell,
    free_bytes,
    gigabytes,
    only_one,
    require_space,
    say,
)
from kb_qa.xverse.hub import Hub, ModelScope, RemoteFile
from kb_qa.xverse.manifest import check_prepared, is_prepared
from kb_qa.xverse.places import (
    MODEL_ID,
    PREPARED,
    REVISION,
    beside,
    caches,
    download_of,
    in_cache,
    kept,
    snapshots,
)
from kb_qa.xverse.preparation import DESCRIPTIONS, OPTIONAL, prepare, prepare_alone
from kb_qa.xverse.shards import find_shards

DEFAULT_MODEL = "xverse/XVERSE-7B-Chat"
DEFAULT_MODELS = Path("data/models")
# Never a .py: no code of a model is fetched.
SAFE_WEIGHTS = ("model.safetensors", "model-*.safetensors", "model.safetensors.index.json")
PICKLED_WEIGHTS = ("pytorch_model.bin", "pytorch_model-*.bin", "pytorch_model.bin.index.json")
LICENCE = (
    "XVERSE's code is under Apache-2.0, its weights are under the model's own licence: free for "
    "research, and for commercial use after an application to its makers"
)


def load_checkpoint(
    model: str | Path = DEFAULT_MODEL,
    *,
    models: Path | None = None,
    revision: str | None = None,
    download: bool = False,
    hub: Hub | None = None,
    tell: Tell = say,
    free: FreeBytes = free_bytes,
) -> Path:
    """The folder of a model as a plain Llama, prepared if it was not, whole in any case.

    Args:
        model: a prepared folder, a folder as it was published, a folder of ModelScope's cache,
            or a model's id.
        models: where models are kept; by default `data/models` for an id, and beside a folder.
        revision: of an id; by default the hub's newest.
        download: whether to download a model that is not on this machine.
        hub: where to download from; by default ModelScope.
        tell: is given a line for each step that takes long.
        free: says how many bytes are free where a folder is.

    Raises:
        CheckpointError: there is no such model, or it cannot be used; the message says why.
    """
    folder = find_checkpoint(model, models=models, revision=revision)
    if folder is None and not download:
        raise CheckpointError(
            f"{model} is not on this machine: `python -m kb_qa download {model}`, "
            "or name the folder that holds it"
        )
    if folder is None:
        source = hub or ModelScope()
        return _fetch(
            str(model), models=models, revision=revision, hub=source, tell=tell, free=free
        )
    if is_prepared(folder):
        return check_prepared(folder)
    target = _target(model, folder, models=models, revision=revision)
    return prepare(folder, target, name=str(model), tell=tell, free=free)


def find_checkpoint(
    model: str | Path = DEFAULT_MODEL, *, models: Path | None = None, revision: str | None = None
) -> Path | None:
    """The folder on this machine with all of a model's files; nothing is read but names.

    It may still have to be prepared. None where an id is not on this machine.

    Raises:
        CheckpointError: the name is neither a folder with a model nor an id.
    """
    folder = Path(model).expanduser()
    made = beside(folder, models=models)
    if (folder.is_dir() or folder.is_absolute()) and not _is_whole(folder) and is_prepared(made):
        return made  # the published files were deleted since, for the room they take
    if folder.is_dir():
        return _in_folder(folder, revision=revision)
    _check_id(str(model), revision)
    target = kept(str(model), models=models or DEFAULT_MODELS, revision=revision)
    cached = (place for root in caches() for place in in_cache(root, str(model), revision=revision))
    return _first_whole((target, download_of(target), *cached))


def _in_folder(folder: Path, *, revision: str | None) -> Path:
    """The model in a folder: the folder itself, or one that ModelScope made in it."""
    places = (folder, *snapshots(folder, revision=revision))
    cached = in_cache(folder, DEFAULT_MODEL, revision=revision)
    if (folder / "config.json").is_file():
        return folder
    found = _first_whole((*places, *cached))
    if found is None:
        raise CheckpointError(
            f"{folder} holds no model (no config.json): name the folder that the model was "
            f"downloaded to, or an id as {DEFAULT_MODEL}"
        )
    return found


def _check_id(model: str, revision: str | None) -> None:
    if not MODEL_ID.fullmatch(model) or ".." in model:
        raise CheckpointError(
            f"there is no folder {model}, and an id looks like {DEFAULT_MODEL}: check the name"
        )
    if revision is not None and not REVISION.fullmatch(revision):
        raise CheckpointError(f"{revision!r} is no revision: name a tag, a branch or a commit")


def _first_whole(places: Iterable[Path]) -> Path | None:
    return next((place for place in places if is_prepared(place) or _is_whole(place)), None)


def _is_whole(folder: Path) -> bool:
    """Whether all files of a model as it was published are there."""
    if folder.name.endswith(PREPARED):
        return False
    try:
        find_shards(folder)
    except CheckpointError:
        return False
    return all((folder / name).is_file() for name in DESCRIPTIONS)


def _target(model: str | Path, folder: Path, *, models: Path | None, revision: str | None) -> Path:
    if Path(model).expanduser().is_dir():
        return beside(folder, models=models)
    return kept(str(model), models=models or DEFAULT_MODELS, revision=revision)


def _fetch(
    model: str,
    *,
    models: Path | None,
    revision: str | None,
    hub: Hub,
    tell: Tell,
    free: FreeBytes,
) -> Path:
    """Download a model, prepare it, and free the room that the download took."""
    target = kept(model, models=models or DEFAULT_MODELS, revision=revision)
    download = download_of(target)
    with only_one(target, tell=tell):
        if is_prepared(target):
            return check_prepared(target)
        files = _needed(hub.files(model, revision=revision), model=model)
        _announce(model, files, download=download, target=target, tell=tell, free=free)
        names = [file.name for file in files]
        hub.fetch(model, names, revision=revision, folder=download, tell=tell)
        _check_sizes(files, download)
        prepare_alone(download, target, name=model, tell=tell, free=free)
        shutil.rmtree(download)
    return target


def _needed(files: Sequence[RemoteFile], *, model: str) -> list[RemoteFile]:
    """The files to fetch: the descriptions, and the weights in their safest form."""
    files = [file for file in files if "/" not in file.name]
    names = {file.name for file in files}
    safe = any(fnmatch(name, pattern) for name in names for pattern in SAFE_WEIGHTS[:2])
    weights = SAFE_WEIGHTS if safe else PICKLED_WEIGHTS
    wanted = (*DESCRIPTIONS, *OPTIONAL, *weights)
    missing = [name for name in DESCRIPTIONS if name not in names]
    needed = [file for file in files if any(fnmatch(file.name, each) for each in wanted)]
    if missing or not any(fnmatch(file.name, each) for file in needed for each in weights[:2]):
        raise CheckpointError(
            f"{model} has no {', '.join(missing) or 'weights'} on the hub: "
            f"choose another model, as {DEFAULT_MODEL}"
        )
    return needed


def _announce(
    model: str,
    files: Sequence[RemoteFile],
    *,
    download: Path,
    target: Path,
    tell: Tell,
    free: FreeBytes,
) -> None:
    """Say what will come, and make sure that there is room for it and for the prepared copy."""
    whole = sum(file.bytes for file in files)
    there = sum(path.stat().st_size for path in download.glob("*") if path.is_file())
    needed = max(whole - there, 0) + whole
    require_space(target.parent, needed, purpose=f"downloading and preparing {model}", free=free)
    tell(
        f"downloading {model} to {target}: {gigabytes(whole)} in {len(files)} files"
        + (f", {gigabytes(there)} there already" if there else "")
    )
    tell(
        f"room needed until it is prepared: {gigabytes(needed)}, "
        f"free: {gigabytes(free(target.parent))}"
    )
    tell(LICENCE)


def _check_sizes(files: Sequence[RemoteFile], folder: Path) -> None:
    for file in files:
        path = folder / file.name
        size = path.stat().st_size if path.is_file() else 0
        if size != file.bytes:
            raise CheckpointError(
                f"{path} has {size} of {file.bytes} bytes: run the command again, "
                "or delete the file first"
            )
