"""Where to compute, and in what arithmetic."""

from enum import StrEnum

import torch

from kb_qa.errors import EmbeddingsError


class Arithmetic(StrEnum):
    """What matrix products are computed in."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"
    INT8 = "int8"

    @property
    def dtype(self) -> torch.dtype:
        """The type of everything that is not a product of 8-bit integers."""
        return _DTYPES[self]


_DTYPES = {
    Arithmetic.FLOAT32: torch.float32,
    Arithmetic.BFLOAT16: torch.bfloat16,
    Arithmetic.FLOAT16: torch.float16,
    Arithmetic.INT8: torch.float32,
}

_ARITHMETIC_OF_INSTRUCTIONS = {
    "amx_bf16": Arithmetic.BFLOAT16,
    "avx512_bf16": Arithmetic.BFLOAT16,
    "avx512_vnni": Arithmetic.INT8,
}
"""Best first; a processor with none of them computes in float32."""


def choose_device(name: str | None) -> torch.device:
    """The device of this name, or without a name the GPU if there is one.

    Raises:
        EmbeddingsError: this machine has no such device.
    """
    name = name or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise EmbeddingsError(
            f"The device {name!r} cannot be used: {reason}. Name another, such as cpu, or none"
        ) from error


def choose_arithmetic(device: torch.device) -> Arithmetic:
    """The fastest arithmetic that the device has instructions for."""
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        return Arithmetic.BFLOAT16 if native else Arithmetic.FLOAT16
    capabilities = torch.cpu.get_capabilities() if device.type == "cpu" else {}
    found = (kind for name, kind in _ARITHMETIC_OF_INSTRUCTIONS.items() if capabilities.get(name))
    return next(found, Arithmetic.FLOAT32)
