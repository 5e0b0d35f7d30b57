"""Reading a model's weights from a Llama folder, a tensor at a time."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from kb_qa.errors import CheckpointError
from kb_qa.xverse.engine.linear import Quantization, Weight, make_weight
from kb_qa.xverse.engine.model import Layer, Model
from kb_qa.xverse.engine.shape import Shape

_INDEX = "model.safetensors.index.json"
_SINGLE = "model.safetensors"


def read_model(
    folder: Path,
    shape: Shape,
    *,
    device: torch.device,
    dtype: torch.dtype,
    quantization: Quantization,
) -> Model:
    """The model in a folder, on its device.

    Each layer is joined and quantized there as it is read, so that memory
    never holds more than the result and one layer.

    Raises:
        CheckpointError: a tensor is missing, or not of the shape it should be.
    """
    with ExitStack() as files:
        tensors = _Tensors(folder, files, device=device, dtype=dtype)
        reader = _Reader(tensors, shape, quantization)
        embeddings = tensors.read("model.embed_tokens.weight", shape.vocabulary, shape.hidden)
        return Model(
            shape,
            embeddings=embeddings,
            layers=[reader.layer(index) for index in range(shape.layers)],
            gain=tensors.read("model.norm.weight", shape.hidden),
            head=reader.head(embeddings),
        )


class _Tensors:
    """A folder's tensors by name."""

    def __init__(
        self, folder: Path, files: ExitStack, *, device: torch.device, dtype: torch.dtype
    ) -> None:
        self._folder, self._files = folder, files
        self._device, self._dtype = device, dtype
        self._open: dict[str, Any] = {}
        self._homes = _homes(folder)

    def read(self, name: str, *shape: int) -> Tensor:
        """A tensor, which must be of this shape."""
        try:
            tensor: Tensor = self._file(self._homes(name)).get_tensor(name)
        except (KeyError, TypeError, OSError, SafetensorError) as error:
            raise CheckpointError(
                f"{self._folder}: the tensor {name} cannot be read ({error}); prepare it again"
            ) from error
        if tensor.shape != shape:
            raise CheckpointError(
                f"{self._folder}: the tensor {name} has the shape {tuple(tensor.shape)}, "
                f"and config.json says {shape}"
            )
        return tensor.to(self._device, self._dtype)

    def _file(self, name: str) -> Any:
        if name not in self._open:
            opened = safe_open(self._folder / name, framework="pt")
            self._open[name] = self._files.enter_context(opened)
        return self._open[name]


class _Homes:
    """Which file holds which tensor."""

    def __init__(self, folder: Path) -> None:
        index = folder / _INDEX
        self._map: dict[str, str] | None = None
        if index.exists():
            self._map = json.loads(index.read_text(encoding="utf-8"))["weight_map"]

    def __call__(self, name: str) -> str:
        return _SINGLE if self._map is None else Path(self._map[name]).name


def _homes(folder: Path) -> _Homes:
    try:
        return _Homes(folder)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{folder / _INDEX}: cannot be read ({error!r})") from error


class _Reader:
    """Turns tensors into layers."""

    def __init__(self, tensors: _Tensors, shape: Shape, quantization: Quantization) -> None:
        self._tensors, self._shape, self._quantization = tensors, shape, quantization

    def layer(self, index: int) -> Layer:
        shape, prefix = self._shape, f"model.layers.{index}"
        queries, keys = shape.heads * shape.head_size, shape.cached_heads * shape.head_size
        attention, feed = f"{prefix}.self_attn", f"{prefix}.mlp"
        hidden, wide = shape.hidden, shape.feed_forward
        return Layer(
            attention_gain=self._tensors.read(f"{prefix}.input_layernorm.weight", hidden),
            queries_keys_values=self._weight(
                (f"{attention}.q_proj", queries, hidden),
                (f"{attention}.k_proj", keys, hidden),
                (f"{attention}.v_proj", keys, hidden),
            ),
            attention_output=self._weight((f"{attention}.o_proj", hidden, queries)),
            feed_gain=self._tensors.read(f"{prefix}.post_attention_layernorm.weight", hidden),
            gate_up=self._weight(
                (f"{feed}.gate_proj", wide, hidden), (f"{feed}.up_proj", wide, hidden)
            ),
            down=self._weight((f"{feed}.down_proj", hidden, wide)),
        )

    def head(self, embeddings: Tensor) -> Weight:
        """The last linear layer; never in fewer than 8 bits, for it chooses the word."""
        shape = self._shape
        values = embeddings
        if not shape.tied:
            values = self._tensors.read("lm_head.weight", shape.vocabulary, shape.hidden)
        quantized = self._quantization != Quantization.NONE
        return make_weight(values, Quantization.INT8 if quantized else Quantization.NONE)

    def _weight(self, *parts: tuple[str, int, int]) -> Weight:
        """One weight from several that read the same inputs, one below the other."""
        tensors = [self._tensors.read(f"{name}.weight", *sizes) for name, *sizes in parts]
        values = torch.cat(tensors) if len(tensors) > 1 else tensors[0]
        return make_weight(values, self._quantization)
