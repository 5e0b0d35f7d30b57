"""From the settings to who answers; nothing heavy is imported before it is needed."""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kb_qa.errors import DeviceError, SettingsError
from kb_qa.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseLanguageModel

XVERSE = "xverse/XVERSE-7B-Chat"
"""The model that `xverse` and `auto` mean: its id on ModelScope."""

DOWNLOAD = "python -m kb_qa download"
"""What gets it."""

_SERVER = "openai:"
_DRIVERS = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg")
"""What an NVIDIA driver leaves on Linux, the last one inside Windows."""

_log = logging.getLogger(__name__)


class Kind(StrEnum):
    """The ways to an answer."""

    QUOTE = "quote"
    XVERSE = "xverse"
    SERVER = "server"


@dataclass(frozen=True)
class Choice:
    """Who answers, before anything is loaded.

    Attributes:
        kind: in which way.
        model: the model's folder or id, or its name on the server; empty for quotes.
        url: of the server.
        wants_model: whether there is a card that only lacks the model.
    """

    kind: Kind
    model: str = ""
    url: str = ""
    wants_model: bool = False

    @property
    def name(self) -> str:
        """As people read it."""
        return Path(self.model).name or self.kind


def choose_generator(settings: Settings, *, has_card: Callable[[], bool] | None = None) -> Choice:
    """Who answers under these settings.

    Args:
        settings: the settings.
        has_card: whether there is a CUDA card; looks for one if not given.

    Raises:
        SettingsError: KB_QA_LLM names nobody.
    """
    named = settings.llm
    if named in ("auto", "quote", "xverse"):
        return {"auto": _automatic, "quote": _quote, "xverse": _official}[named](
            settings, has_card or has_cuda_card
        )
    if named.startswith(_SERVER):
        return _server(named)
    if (named and Path(named).expanduser().is_dir()) or named.startswith("xverse/"):
        return Choice(Kind.XVERSE, named)
    raise SettingsError(
        f"KB_QA_LLM={named!r}: no such folder, and none of auto, quote, xverse, "
        "xverse/MODEL_ID, openai:BASE_URL#MODEL"
    )


def load_generator(choice: Choice, settings: Settings) -> "BaseLanguageModel[Any] | None":
    """The model that answers; None where quotes do. This may take a minute: load it once.

    Raises:
        GeneratorError: it cannot be loaded.
    """
    return _LOADERS[choice.kind](choice, settings)


def configured_llm(
    settings: Settings, *, has_card: Callable[[], bool] | None = None
) -> "BaseLanguageModel[Any] | None":
    """The model that the settings name; errors as of the two steps.

    Where only the model is missing, one line of the log says what gets it.
    """
    choice = choose_generator(settings, has_card=has_card)
    if choice.wants_model:
        _log.warning("kb_qa: answers are quotes; `%s` gets XVERSE for the card here", DOWNLOAD)
    return load_generator(choice, settings)


def has_cuda_card() -> bool:
    """Whether torch can compute on a CUDA card; without a driver, torch is not asked."""
    if not has_cuda_driver():
        return False
    import torch

    return torch.cuda.is_available()


def has_cuda_driver() -> bool:
    """Whether an NVIDIA driver is on this machine."""
    return any(Path(each).exists() for each in _DRIVERS)


def _quote(_settings: Settings, _has_card: Callable[[], bool]) -> Choice:
    return Choice(Kind.QUOTE)


def _official(_settings: Settings, _has_card: Callable[[], bool]) -> Choice:
    return Choice(Kind.XVERSE, XVERSE)


def _automatic(settings: Settings, has_card: Callable[[], bool]) -> Choice:
    """A processor would take minutes for an answer: it quotes."""
    if settings.device and not settings.device.startswith("cuda"):
        return Choice(Kind.QUOTE)
    if not has_card():
        return Choice(Kind.QUOTE)
    from kb_qa.xverse.checkpoint import find_checkpoint

    if find_checkpoint(XVERSE, models=settings.models):
        return Choice(Kind.XVERSE, XVERSE)
    return Choice(Kind.QUOTE, wants_model=True)


def _server(named: str) -> Choice:
    url, _, model = named.removeprefix(_SERVER).partition("#")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not model:
        raise SettingsError(
            f"KB_QA_LLM={named!r}: no server and model, "
            "set it like openai:http://127.0.0.1:8000/v1#xverse-7b-chat"
        )
    return Choice(Kind.SERVER, model, url)


def _load_nothing(_choice: Choice, _settings: Settings) -> None:
    return None


def _load_xverse(choice: Choice, settings: Settings) -> "BaseLanguageModel[Any]":
    """Greedy and without a penalty: an answer repeats the documents, and is the same each time."""
    if settings.device is None and not has_cuda_card():
        raise DeviceError(
            f"KB_QA_LLM={settings.llm!r}: there is no CUDA card that torch can use here; "
            "KB_QA_DEVICE=cpu runs it on the processor, slowly, KB_QA_LLM=quote needs no model"
        )
    from kb_qa.budget import ANSWER
    from kb_qa.xverse.chat_model import ChatXverse
    from kb_qa.xverse.checkpoint import load_checkpoint

    values: dict[str, Any] = {
        "model": load_checkpoint(choice.model, models=settings.models),
        "device": settings.device,
        "quantize": None if settings.quantize == "none" else settings.quantize,
        "max_model_len": settings.max_model_len,
        "temperature": 0,
        "repetition_penalty": 1.0,
        "max_tokens": ANSWER,
    }
    return ChatXverse(**values)


def _load_server(choice: Choice, settings: Settings) -> "BaseLanguageModel[Any]":
    from kb_qa.served import load_served

    given = settings.llm_key.get_secret_value() if settings.llm_key else ""
    return load_served(
        choice.url,
        model=choice.model,
        key=given or os.environ.get("OPENAI_API_KEY"),
        max_model_len=settings.max_model_len,
    )


_LOADERS: dict[Kind, Callable[[Choice, Settings], "BaseLanguageModel[Any] | None"]] = {
    Kind.QUOTE: _load_nothing,
    Kind.XVERSE: _load_xverse,
    Kind.SERVER: _load_server,
}
