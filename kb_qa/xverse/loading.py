"""One loaded model for all objects of this process that ask for it in the same way."""

import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kb_qa.errors import GeneratorError, PromptTooLong
from kb_qa.settings import load_settings
from kb_qa.xverse.chat_format import ChatFormat, Turn
from kb_qa.xverse.checkpoint import load_checkpoint
from kb_qa.xverse.engine import Engine, Sampling, load_engine
from kb_qa.xverse.reply import Reply
from kb_qa.xverse.sampling import REFERENCE, read_defaults
from kb_qa.xverse.tokenizer import load_tokenizer


@dataclass(frozen=True)
class Placement:
    """How a model is to be loaded; see `load_engine`."""

    device: str | None = None
    dtype: str | None = None
    quantize: str | None = None
    max_model_len: int | None = None


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model that can answer: an engine, and the words around its numbers.

    When the last object that uses it is gone, the engine is closed and its
    memory is free again.

    Attributes:
        name: as people know it.
        defaults: what is chosen where nobody chose.
        ended: set when the engine takes no more: the next who asks for the model gets a new one.
    """

    engine: Engine
    chat_format: ChatFormat
    name: str = "xverse"
    defaults: dict[str, Any] = field(default_factory=lambda: dict(REFERENCE))
    ended: threading.Event = field(default_factory=threading.Event)

    def reply(self, turns: Sequence[Turn], sampling: Sampling, stops: Sequence[str]) -> Reply:
        """Begin to answer the last turn.

        Raises:
            PromptTooLong: the conversation leaves no room for an answer.
            QuestionError: it does not end with the user.
            GeneratorError: the engine has been closed, or has failed.
        """
        prompt = self.chat_format.encode(turns)
        try:
            generation = self.engine.submit(prompt, sampling)
        except PromptTooLong:
            raise
        except GeneratorError:
            self.ended.set()
            raise
        return Reply(generation, self.chat_format.tokenizer, stops=stops, keeps=self)

    def __deepcopy__(self, _memo: object) -> "LoadedModel":
        """Itself: a copy of what uses it uses the same."""
        return self


_Key = tuple[Path, Placement]
_loading = threading.Lock()
_loaded: weakref.WeakValueDictionary[_Key, LoadedModel] = weakref.WeakValueDictionary()


def load_model(
    model: str | Path,
    placement: Placement,
    *,
    download: bool = False,
    load: Callable[..., Engine] = load_engine,
) -> LoadedModel:
    """The model, loaded if it is not; whoever asks meanwhile waits for the same.

    Args:
        model: a folder, or an id that is looked for where KB_QA_MODELS says.
        placement: how to load it.
        download: whether to download a model that is not on this machine.
        load: makes the engine.

    Raises:
        CheckpointError: there is no such model, or it cannot be used.
        DeviceError: there is no such device, or too little memory on it.
        SettingsError: an option has a value that cannot be used.
    """
    with _loading:
        kept = load_settings().models
        folder = load_checkpoint(model, models=kept, download=download).resolve()
        known = _loaded.get((folder, placement))
        if known is not None and not known.ended.is_set():
            return known
        fresh = make_model(folder, lambda: load(folder, **vars(placement)), name=name_of(model))
        weakref.finalize(fresh, fresh.engine.close)
        _loaded[folder, placement] = fresh
        return fresh


def make_model(
    folder: Path, engine: Callable[[], Engine], *, name: str | None = None
) -> LoadedModel:
    """A model from a prepared folder; its engine comes last, because that takes longest."""
    chat_format, defaults = ChatFormat(load_tokenizer(folder)), read_defaults(folder)
    return LoadedModel(engine(), chat_format, name or folder.name, defaults)


def name_of(model: str | Path) -> str:
    """A model's id, or the name of its folder."""
    folder = Path(model).expanduser()
    return folder.resolve().name if folder.is_dir() else str(model)
