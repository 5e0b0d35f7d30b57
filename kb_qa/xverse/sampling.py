"""How an answer's words are chosen: as the call says, else the object, else the folder."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kb_qa.errors import CheckpointError, SettingsError
from kb_qa.xverse.engine import Sampling

FILE = "generation_config.json"
REFERENCE: dict[str, Any] = {
    "temperature": 0.5,
    "top_k": 30,
    "top_p": 0.85,
    "repetition_penalty": 1.1,
    "max_tokens": 2048,
}
"""What the makers' own code falls back on."""

_NAMED = {name: name for name in REFERENCE} | {"max_tokens": "max_new_tokens"}
_REASONS = {"extra_forbidden": "no such keyword; see help(ChatXverse)"}
_CALLERS_OWN = ("stream",)  # LangChain's word for how to hand out, not for what


class Choices(BaseModel):
    """What may be chosen, per model object and per call; None leaves it to the next in line."""

    model_config = ConfigDict(extra="forbid")

    temperature: float | None = Field(None, description="0 takes the likeliest token each time")
    top_p: float | None = Field(None, description="least mass of the likeliest tokens")
    top_k: int | None = Field(None, description="how many of the likeliest tokens; 0 for all")
    repetition_penalty: float | None = Field(None, description="1 for none")
    max_tokens: int | None = Field(None, description="most tokens of an answer")
    seed: int | None = Field(None, description="the same seed gives the same answer")
    stop: list[str] | None = Field(None, description="strings that end an answer")

    @classmethod
    def of_call(cls, stop: list[str] | None, values: Mapping[str, Any]) -> "Choices":
        """What a call chose.

        Raises:
            SettingsError: it names something that cannot be chosen, or a value of no use.
        """
        given = {name: value for name, value in values.items() if name not in _CALLERS_OWN}
        unknown = sorted(given.keys() - cls.model_fields.keys())
        if unknown:
            raise SettingsError(
                f"{', '.join(unknown)}: no such choice; a call takes {', '.join(cls.model_fields)}"
            )
        try:
            return cls(**given | {"stop": stop})
        except ValidationError as error:
            raise told(error) from error

    @property
    def chosen(self) -> dict[str, Any]:
        """Those that are not left to the next in line."""
        values = {name: getattr(self, name) for name in Choices.model_fields}
        return {name: value for name, value in values.items() if value is not None}


def read_defaults(folder: Path) -> dict[str, Any]:
    """What a model's folder chooses; the makers' own where it is silent.

    Raises:
        CheckpointError: its generation_config.json cannot be read.
    """
    path = folder / FILE
    if not path.is_file():
        return dict(REFERENCE)
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        given = {name: config.get(theirs) for name, theirs in _NAMED.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error}); prepare it again") from error
    values = REFERENCE | {name: value for name, value in given.items() if value is not None}
    return values if config.get("do_sample", True) else values | {"temperature": 0.0}


def merged(*choices: Mapping[str, Any], end_of_text: int) -> tuple[Sampling, list[str]]:
    """The engine's sampling, and the stop strings; a later choice outweighs an earlier one.

    Raises:
        SettingsError: a value is out of its range.
    """
    values = {name: value for each in choices for name, value in each.items()}
    stop = values.pop("stop", [])
    if "" in stop:
        raise SettingsError(f"stop={stop!r}: an empty string ends nothing, leave it out")
    return Sampling(**values, stop_ids=frozenset({end_of_text})), stop


def told(error: ValidationError) -> SettingsError:
    """A value that cannot be used, in one line."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    reason = _REASONS.get(first["type"], first["msg"])
    return SettingsError(f"{name}={first['input']!r}: {reason}")
