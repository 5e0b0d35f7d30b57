"""Where to compute, and in what arithmetic."""

from dataclasses import dataclass
from enum import StrEnum

import torch

from kb_qa.errors import EmbeddingsError


class Arithmetic(StrEnum):
    """What matrix products are computed in."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"
    FLOAT16_WEIGHTS = "float16 weights, float32 otherwise"
    INT8 = "int8, float32 otherwise"

    @property
    def dtype(self) -> torch.dtype:
        """The type of all that is no weight of a linear layer."""
        return _DTYPES.get(self, torch.float32)


_DTYPES = {Arithmetic.FLOAT16: torch.float16, Arithmetic.BFLOAT16: torch.bfloat16}


@dataclass(frozen=True)
class Plan:
    """The fastest arithmetic for each kind of text.

    A question is a handful of tokens, and its time is that of reading the
    weights; passages come by the thousand tokens, and theirs is that of the
    products. The kind of text decides, not the size of a batch, so that a text
    has one vector whatever it is embedded with.
    """

    queries: Arithmetic
    passages: Arithmetic


_PLANS = {
    "amx_bf16": Plan(Arithmetic.BFLOAT16, Arithmetic.BFLOAT16),
    "avx512_bf16": Plan(Arithmetic.BFLOAT16, Arithmetic.BFLOAT16),
    "avx512_vnni": Plan(Arithmetic.FLOAT16_WEIGHTS, Arithmetic.INT8),
}
"""By what instructions a processor has, the best first."""

_PLAIN_PLAN = Plan(Arithmetic.FLOAT32, Arithmetic.FLOAT32)


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


def choose_plan(device: torch.device) -> Plan:
    """The fastest arithmetic that the device has instructions for."""
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        half = Arithmetic.BFLOAT16 if native else Arithmetic.FLOAT16
        return Plan(half, half)
    capabilities = torch.cpu.get_capabilities() if device.type == "cpu" else {}
    plans = (plan for instructions, plan in _PLANS.items() if capabilities.get(instructions))
    return next(plans, _PLAIN_PLAN)
