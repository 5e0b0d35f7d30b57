"""What fits on a device: weights, cache, and what a step needs beside them."""

import os
from dataclasses import dataclass
from pathlib import Path

import torch

from kb_qa.errors import DeviceError
from kb_qa.xverse.engine.linear import Quantization
from kb_qa.xverse.engine.sampler import ROWS_AT_ONCE
from kb_qa.xverse.engine.shape import Shape

GIB = 2**30

_SHARE = 0.94  # of a card; the rest is left to the driver, the desktop and fragments
RECORDED_BYTES = GIB // 8
"""What recorded steps and kernels share on a card, about half of it; the other half for the
gaps that memory of changing sizes leaves."""
_CHOICE_BYTES = 64  # of a logit: itself, its rank, its random number, some twice
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


def read_tokens(shape: Shape, chunk_tokens: int) -> int:
    """Tokens that the texts of one step of prompts have together, at most.

    One may be as long as the model allows. And a whole chunk of new ones goes
    on beside one that was cut by the chunk before.
    """
    return max(shape.context, 2 * chunk_tokens)


def step_bytes(
    shape: Shape, quantization: Quantization, *, chunk_tokens: int, item_bytes: int
) -> int:
    """Bytes a step of so many prompt tokens needs beside weights and cache, at most.

    There is always room for the keys and values that a prompt which goes on
    reads together. The widest moment comes on top: the attention; or the
    feed-forward layer, with a quantized weight made whole; or the choice at random.
    """
    read = read_tokens(shape, chunk_tokens)
    gathered = 2 * read * shape.cached_heads * shape.head_size
    attention = chunk_tokens * (2 * shape.hidden + shape.mixed + shape.heads * shape.head_size)
    feed = chunk_tokens * (2 * shape.hidden + 3 * shape.feed_forward)
    if quantization != Quantization.NONE:
        feed += 2 * shape.feed_forward * shape.hidden
    choice = ROWS_AT_ONCE * shape.vocabulary * _CHOICE_BYTES
    return gathered * item_bytes + max(attention * item_bytes, feed * item_bytes, choice)


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
        shape: the model's sizes.
        quantization: of its weights.
        free: bytes before the weights are loaded.
        item_bytes: of a number that is not quantized.
        chunk_tokens: of prompts in one step.
        context: tokens of one conversation; as many as fit if not given.
        requests: conversations at once, for which more cache is no use.
        where: names the device in messages.

    Raises:
        DeviceError: it does not fit; the message says what would.
    """
    weights = weight_bytes(shape, quantization, item_bytes)
    beside = step_bytes(shape, quantization, chunk_tokens=chunk_tokens, item_bytes=item_bytes)
    token_bytes = shape.cache_bytes(item_bytes)
    tokens = max(0, free - weights - beside) // token_bytes
    wanted = context or min(shape.context, max(_LEAST_CONTEXT, tokens))
    if tokens < wanted:
        needed = weights + beside + wanted * token_bytes
        raise DeviceError(
            f"{where} has {free / GIB:.1f} GiB free, and {needed / GIB:.1f} GiB are needed for "
            f"{wanted:,} tokens (weights {weights / GIB:.1f} GiB, {quantization}): "
            f"{_remedy(shape, free, chunk_tokens=chunk_tokens, item_bytes=item_bytes)}"
        )
    return Plan(min(wanted, shape.context), min(tokens, requests * wanted))


def fitting(
    shape: Shape, free: int, *, chunk_tokens: int, item_bytes: int
) -> dict[Quantization, int]:
    """The tokens of cache that each way to keep the weights leaves room for, if any."""
    room = {}
    for each in Quantization:
        beside = step_bytes(shape, each, chunk_tokens=chunk_tokens, item_bytes=item_bytes)
        left = free - beside - weight_bytes(shape, each, item_bytes)
        room[each] = left // shape.cache_bytes(item_bytes)
    return {each: tokens for each, tokens in room.items() if tokens >= _LEAST_CONTEXT}


def _remedy(shape: Shape, free: int, *, chunk_tokens: int, item_bytes: int) -> str:
    fits = fitting(shape, free, chunk_tokens=chunk_tokens, item_bytes=item_bytes)
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
        device: which.
        allowance: bytes in all that the process may use there; no limit if not given.
    """
    if device.type != "cuda":
        available = _host_bytes()
        return min(available, allowance or available)
    free, total = torch.cuda.mem_get_info(device)
    kept_back = int(total * (1 - _SHARE)) if allowance is None else 0
    return min(free - kept_back, allowance or free) - RECORDED_BYTES


def host_cache_bytes(model_bytes: int) -> int:
    """Bytes a processor's cache may take: a share of the memory, not all that is free."""
    return model_bytes + int(_SHARE_OF_HOST * _all_host_bytes())


def _host_bytes() -> int:
    """Bytes of memory that can be had: free, or holding files that can be read again."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return _all_host_bytes()  # a system that does not say
    sizes = dict(line.split(":", 1) for line in lines)
    return int(sizes["MemAvailable"].split()[0]) * 1024


def _all_host_bytes() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
