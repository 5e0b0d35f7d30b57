"""The files of a model that the user named: a folder, or what a hub has under an id.

A hub is asked only for files that hold no code. Weights are read from safetensors alone:
unpickling can run anything.
"""

import re
from pathlib import Path

from huggingface_hub import snapshot_download

from kb_qa.errors import KbQaError

HUB_ID = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")
MODEL_FILES = ("*.safetensors", "*.json", "*.txt", "*.model")
PICKLES = ("pytorch_model*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt")


def model_folder(name: str, *, setting: str, error: type[KbQaError]) -> Path:
    """The folder of this name, or of the hub's files, fetched once; its weights are safetensors.

    Any other name is a mistake that no hub is asked about.

    Args:
        name: a folder, or an id.
        setting: the variable that named it, for the message.
        error: what is raised where there is no such model, or its weights are pickles.
    """
    folder = Path(name).expanduser()
    if not (name and folder.is_dir()):
        folder = _fetched(name, setting=setting, error=error)
    _refuse_pickles(folder, error=error)
    return folder


def first_line(error: Exception) -> str:
    """What a library says of a model it cannot load, as a sentence."""
    return str(error).strip().split("\n", 1)[0].rstrip(".") + "."


def _fetched(name: str, *, setting: str, error: type[KbQaError]) -> Path:
    if not HUB_ID.fullmatch(name):
        raise error(
            f"There is no folder {name!r}, and it cannot be the id of a model on a hub "
            f"(owner/name). Set {setting} to one of them, or leave it out"
        )
    try:
        return Path(snapshot_download(name, allow_patterns=list(MODEL_FILES)))
    # Between here and the hub almost anything can fail.
    except Exception as reason:
        raise error(
            f"The model {name} is no folder here and could not be fetched: {first_line(reason)} "
            "Check its id and the network, or give the folder of a downloaded model"
        ) from reason


def _refuse_pickles(folder: Path, *, error: type[KbQaError]) -> None:
    """Stop before the library falls back to pickled weights."""
    safe = {path.parent for path in folder.rglob("*.safetensors")}
    pickles = [path for pattern in PICKLES for path in folder.rglob(pattern)]
    unsafe = sorted(path for path in pickles if path.parent not in safe)
    if unsafe or not safe:
        found = f"only {unsafe[0].name}, a pickle" if unsafe else "no weights"
        raise error(
            f"The model in {folder} has {found}, and only safetensors are loaded. "
            "Choose a model that has them, or save this one anew with sentence-transformers"
        )
