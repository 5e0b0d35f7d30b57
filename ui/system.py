"""What runs here, on what, and by which settings."""

import os
import resource
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from dotenv import dotenv_values
from pydantic import SecretStr

from kb_qa.settings import Settings

_HIDDEN = "••••••"
_GIGABYTE = 1 << 30


class Origin(StrEnum):
    """Where a setting came from."""

    ENVIRONMENT = "environment"
    FILE = "file"
    DEFAULT = "default"


@dataclass(frozen=True)
class Card:
    """A card for computing.

    Attributes:
        name: as its maker calls it.
        used: gigabytes of its memory in use, by whomever.
        whole: gigabytes it has.
    """

    name: str
    used: float
    whole: float


def settings_in_force(settings: Settings) -> list[tuple[str, str, Origin]]:
    """Each setting's variable, its value with secrets hidden, and where it came from."""
    return [
        (variable, _shown(getattr(settings, name)), _origin(variable))
        for name in type(settings).model_fields
        for variable in [f"KB_QA_{name.upper()}"]
    ]


def card() -> Card | None:
    """The card that models run on; None without one, or while nothing has asked for it."""
    torch = sys.modules.get("torch")  # to ask a card one loads two gigabytes of libraries
    if torch is None or not torch.cuda.is_available():
        return None
    free, whole = torch.cuda.mem_get_info()
    name = torch.cuda.get_device_name()
    return Card(name, (whole - free) / _GIGABYTE, whole / _GIGABYTE)


def memory() -> str:
    """The most that this process has held of the machine's memory."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kilobytes = most / 1024 if sys.platform == "darwin" else most
    return f"{kilobytes / 1024:,.0f} MB"


def cores() -> int:
    """Of the processor."""
    return os.cpu_count() or 1


def _origin(variable: str) -> Origin:
    if variable in {name.upper() for name in os.environ}:
        return Origin.ENVIRONMENT
    file = Path(".env")
    if file.is_file() and variable in {name.upper() for name in dotenv_values(file)}:
        return Origin.FILE
    return Origin.DEFAULT


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return _HIDDEN
    return _without_password(str(value)) if value is not None else ""


def _without_password(text: str) -> str:
    """An address may hold a password, after the scheme of a store or a generator."""
    scheme, colon, rest = text.partition(":")
    address = rest if colon and "://" in rest else text
    parts = urlsplit(address)
    if not parts.password:
        return text
    host = parts.netloc.rpartition("@")[2]
    hidden = urlunsplit(parts._replace(netloc=f"{parts.username}:{_HIDDEN}@{host}"))
    return f"{scheme}:{hidden}" if address is rest else hidden
