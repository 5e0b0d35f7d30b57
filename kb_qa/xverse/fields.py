"""What both faces of the model are made with, and how they begin an answer."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from langchain_core.language_models import LangSmithParams
from pydantic import ConfigDict, Field, InstanceOf, ValidationError, model_validator

from kb_qa.xverse.chat_format import Turn
from kb_qa.xverse.checkpoint import DEFAULT_MODEL
from kb_qa.xverse.loading import LoadedModel, Placement, load_model
from kb_qa.xverse.reply import Reply
from kb_qa.xverse.sampling import REFERENCE, Choices, merged, told

ALLOWED = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


class XverseFields(Choices):
    """Loads the model when it is made; objects made in the same way share one."""

    model: str | Path = Field(DEFAULT_MODEL, description="the model's folder, or its id")
    device: str | None = Field(None, description="`cuda`, `cuda:1`, `cpu`; by itself if not set")
    dtype: str | None = Field(None, description="`bfloat16`, `float16` or `float32`")
    quantize: str | None = Field(None, description="`none`, `int8` or `int4`")
    max_model_len: int | None = Field(None, description="tokens of prompt and answer together")
    download: bool = Field(default=False, description="whether to download a model not yet here")
    loaded: InstanceOf[LoadedModel] | None = Field(
        None, exclude=True, repr=False, description="a model to use instead of loading one"
    )

    def __init__(self, model: str | Path | None = None, **values: Any) -> None:
        if model is not None:
            values["model"] = model
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise told(error) from error

    @model_validator(mode="after")
    def _load(self) -> "XverseFields":
        # What cannot be used is found before gigabytes are read.
        merged(REFERENCE, self.chosen, end_of_text=0)
        if self.loaded is None:
            placement = Placement(self.device, self.dtype, self.quantize, self.max_model_len)
            self.loaded = load_model(self.model, placement, download=self.download)
        self.max_model_len = self.loaded.engine.max_model_len
        return self

    @property
    def model_name(self) -> str:
        """As answers name it."""
        return self._loaded.name

    def get_token_ids(self, text: str) -> list[int]:
        """The ids of a text as it stands in a prompt."""
        return self._loaded.chat_format.encode_text(text)

    def _begin(
        self, turns: Sequence[Turn], stop: list[str] | None, values: Mapping[str, Any]
    ) -> Reply:
        """Begin to answer the last turn, as chosen by the call, this object and the folder."""
        sampling, stops = merged(
            self._loaded.defaults,
            self.chosen,
            Choices.of_call(stop, values).chosen,
            end_of_text=self._loaded.chat_format.tokenizer.end_of_text,
        )
        return self._loaded.reply(turns, sampling, stops)

    def _told(self, reply: Reply) -> dict[str, Any]:
        """What is said of an answer beside its text."""
        return {**reply.finish, "model_name": self.model_name}

    def _traced(
        self, kind: Literal["chat", "llm"], stop: list[str] | None, values: Mapping[str, Any]
    ) -> LangSmithParams:
        """What a trace says of a call."""
        chosen = self._in_force(values)
        params = LangSmithParams(
            ls_provider="xverse",
            ls_model_name=values.get("model", self.model_name),
            ls_model_type=kind,
            ls_temperature=chosen["temperature"],
            ls_max_tokens=chosen["max_tokens"],
        )
        return params | {"ls_stop": stop} if stop else params

    @property
    def _loaded(self) -> LoadedModel:
        if self.loaded is None:
            raise TypeError("a model is loaded when its object is made, and stays")
        return self.loaded

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        """What an answer depends on; a cache of answers goes by it."""
        placement = {"model": str(self.model), "dtype": self.dtype, "quantize": self.quantize}
        chosen = self._in_force({})
        # LangChain writes the call's own stop strings over a parameter of that name.
        named = {"stop_strings" if name == "stop" else name: each for name, each in chosen.items()}
        return {"model_name": self.model_name, **placement, **named}

    def _in_force(self, values: Mapping[str, Any]) -> dict[str, Any]:
        chosen = {name: each for name, each in values.items() if name in Choices.model_fields}
        return {**self._loaded.defaults, **self.chosen, **chosen}
