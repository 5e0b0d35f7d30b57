"""What fits on a device: weights, cache, and what a step needs beside them."""

import os
from dataclasses import dataclass
from pathlib import Path

import torch

from kb_qa.errors import DeviceError
from kb_qa.xverse.engine.linear import Quantization
from kb_qa.xverse.engine.shape import Shape

GIB = 2**30

_SHARE = 0.94  # of a card; the rest is left to the driver, the desktop and fragments
_GRAPHS = GIB // 4  # what recorded steps keep
_LEAST_CONTEXT = 1024
_SMALL_MODEL = 2 * GIB  # what a processor without a card is asked to run unasked
_SHARE_OF_HOST = 0.25


@dataclass(frozen=True)
class Plan:
    """How a model is laid out on a device.

    Attributes:
        context: tokens of one prompt and its answer.
        cache_tokens: of all of them together.
    """

    context: int
    cache_tokens: int


def weight_bytes(shape: Shape, quantization: Quantization, item_bytes: int) -> int:
    """Bytes of a model's weights: layers, embeddings and head."""
    bits = quantization.weight_bits or 8 * item_bytes
    table = shape.vocabulary * shape.hidden
    head_bytes = 1 if quantization != Quantization.NONE else item_bytes * (not shape.tied)
    return int(shape.weight_count() * bits / 8) + table * (item_bytes + head_bytes)


def step_bytes(shape: Shape, chunk_tokens: int, item_bytes: int) -> int:
    """Bytes a step of so many prompt tokens needs beside weights and cache, at most.

    The widest moment is the feed-forward layer, or a quantized weight made
    whole for a chunk, or the logits in float32 with their sampling.
    """
    feed = chunk_tokens * (3 * shape.feed_forward + 3 * shape.hidden + shape.mixed) * item_bytes
    whole = 2 * shape.feed_forward * shape.hidden * (item_bytes + 4)
    return feed + whole + 8 * shape.vocabulary * 64


def plan_memory(
    shape: Shape,
    quantization: Quantization,
    *,
    free: int,
    item_bytes: int,
    chunk_tokens: int,
    context: int | None,
    requests: int,
    where: str,
) -> Plan:
    """How long a context and how large a cache fit.

    Args:
        free: bytes before the weights are loaded.
        context: tokens of one conversation; as many as fit if not given.
        requests: conversations at once, for which more cache is no use.
        where: names the device in messages.

    Raises:
        DeviceError: it does not fit; the message says what would.
    """
    weights = weight_bytes(shape, quantization, item_bytes)
    beside = step_bytes(shape, chunk_tokens, item_bytes)
    token_bytes = shape.cache_bytes(item_bytes)
    tokens = (free - weights - beside) // token_bytes
    wanted = context or min(shape.context, max(_LEAST_CONTEXT, tokens))
    if tokens < wanted:
        needed = weights + beside + wanted * token_bytes
        raise DeviceError(
            f"{where} has {free / GIB:.1f} GiB free, and {needed / GIB:.1f} GiB are needed for "
            f"{wanted:,} tokens (weights {weights / GIB:.1f} GiB, {quantization}): "
            f"{_remedy(shape, free, item_bytes, beside)}"
        )
    return Plan(min(wanted, shape.context), min(tokens, requests * wanted))


def fitting(shape: Shape, free: int, item_bytes: int, beside: int) -> dict[Quantization, int]:
    """The tokens of cache that each way to keep the weights leaves room for, if any."""
    token_bytes = shape.cache_bytes(item_bytes)
    room = {
        each: (free - beside - weight_bytes(shape, each, item_bytes)) // token_bytes
        for each in Quantization
    }
    return {each: tokens for each, tokens in room.items() if tokens >= _LEAST_CONTEXT}


def _remedy(shape: Shape, free: int, item_bytes: int, beside: int) -> str:
    fits = fitting(shape, free, item_bytes, beside)
    if not fits:
        return "nothing that fits was found; end what else uses the memory, or use a smaller model"
    ways = ", or ".join(
        f"quantize={str(each)!r} with max_model_len up to {min(tokens, shape.context):,}"
        for each, tokens in fits.items()
    )
    return f"what fits is {ways}"


def choose_device(name: str | None, folder: Path) -> torch.device:
    """The device of this name; without a name the card, or the processor for a small model.

    Raises:
        DeviceError: this machine has no such device, or the model needs a card.
    """
    if name is None and not torch.cuda.is_available():
        size = sum(each.stat().st_size for each in folder.glob("*.safetensors"))
        if size > _SMALL_MODEL:
            raise DeviceError(
                f"no CUDA card was found, and the weights in {folder} take {size / GIB:.1f} GiB: "
                "give device='cpu' to run them slowly all the same, or answer with KB_QA_LLM=quote"
            )
    name = name or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise DeviceError(f"device={name!r} cannot be used: {reason}") from error


def free_bytes(device: torch.device, allowance: int | None) -> int:
    """Bytes that may be used on a device.

    Args:
        allowance: bytes in all that the process may use there; no limit if not given.
    """
    if device.type != "cuda":
        pages = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return min(pages, allowance or pages)
    free, total = torch.cuda.mem_get_info(device)
    kept_back = int(total * (1 - _SHARE)) if allowance is None else 0
    return min(free - kept_back, allowance or free) - _GRAPHS


def host_cache_bytes(model_bytes: int) -> int:
    """Bytes a processor's cache may take: a share of the memory, not all that is free."""
    return model_bytes + int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * _SHARE_OF_HOST)
