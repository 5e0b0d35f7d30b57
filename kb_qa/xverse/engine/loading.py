"""load_engine(): from a prepared folder to an engine that runs."""

from dataclasses import dataclass
from pathlib import Path

import torch

from kb_qa.errors import SettingsError
from kb_qa.xverse.engine.blocks import BlockPool
from kb_qa.xverse.engine.cache import KeyValueCache
from kb_qa.xverse.engine.engine import Engine
from kb_qa.xverse.engine.linear import Quantization, WholeWeight
from kb_qa.xverse.engine.memory import (
    GIB,
    Plan,
    choose_device,
    free_bytes,
    host_cache_bytes,
    plan_memory,
    read_tokens,
    weight_bytes,
)
from kb_qa.xverse.engine.model import Model
from kb_qa.xverse.engine.operations import PlainOperations
from kb_qa.xverse.engine.runner import PlainRunner, Runner
from kb_qa.xverse.engine.sampler import Sampler
from kb_qa.xverse.engine.scheduler import Limits, Scheduler
from kb_qa.xverse.engine.shape import Shape, read_shape
from kb_qa.xverse.engine.weights import read_model

_DTYPES = {
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "float32": torch.float32,
}
_LARGE_CARD = 40 * GIB
_LEAST_TOKENS = 2  # one of a prompt and one of its answer


@dataclass(frozen=True)
class Options:
    """How to run a model, chosen for a device.

    Attributes:
        block_tokens: of the cache; texts that begin alike share whole blocks.
        chunk_tokens: of prompts in one step.
        guesses: most tokens to guess for one text, and rows they may fill in
            a step; 0 to guess nothing.
    """

    block_tokens: int = 64
    chunk_tokens: int = 1024
    guesses: int = 7
    guess_rows: int = 16


def load_engine(
    folder: Path,
    *,
    device: str | None = None,
    dtype: str | None = None,
    quantize: str | None = None,
    max_model_len: int | None = None,
    max_requests: int = 64,
    memory: int | None = None,
    options: Options | None = None,
) -> Engine:
    """An engine over the Llama in a folder.

    Args:
        folder: as `checkpoint` prepares it: config.json and safetensors.
        device: `cuda`, `cuda:1`, `cpu`; by itself a card, or the processor for a small model.
        dtype: `bfloat16`, `float16`, `float32`; by itself what the device computes best.
        quantize: `none`, `int8` or `int4`, of the layers' weights.
        max_model_len: tokens of one prompt and its answer; as many as fit if not given.
        max_requests: that are generated for at once; more wait.
        memory: bytes the process may use on the device; nearly all if not given.
        options: how to run it; by itself as fits the device.

    Raises:
        CheckpointError: the folder holds no such model.
        DeviceError: there is no such device, or too little memory on it.
        SettingsError: an argument has a value that cannot be used.
    """
    shape = read_shape(folder)
    target = choose_device(device, folder)
    arithmetic = _dtype(dtype, target)
    quantization = _quantization(quantize)
    options = options or _options(target, memory)
    plan = _plan(
        shape,
        quantization,
        target,
        item_bytes=arithmetic.itemsize,
        options=options,
        context=_context(max_model_len, shape),
        requests=max_requests,
        memory=memory,
    )
    model = read_model(folder, shape, device=target, dtype=arithmetic, quantization=quantization)
    return make_engine(model, plan, options=options, max_requests=max_requests)


def make_engine(model: Model, plan: Plan, *, options: Options, max_requests: int) -> Engine:
    """An engine over a model that is on its device.

    Args:
        model: its weights.
        plan: how long a context and how large a cache.
        options: how to run it.
        max_requests: that are generated for at once.
    """
    cache = KeyValueCache(
        model.shape,
        blocks=1 + plan.cache_tokens // options.block_tokens,
        block_tokens=options.block_tokens,
        dtype=model.dtype,
        device=model.device,
    )
    pool = BlockPool(cache.blocks, block_tokens=options.block_tokens)
    limits = Limits(
        sequences=max_requests,
        chunk_tokens=options.chunk_tokens,
        guess_rows=options.guess_rows,
        guesses=options.guesses,
        read_tokens=read_tokens(model.shape, options.chunk_tokens),
    )
    context = min(plan.context, cache.tokens)
    return Engine(
        _runner(model, cache, options, max_requests, context=context),
        Scheduler(pool, limits),
        max_model_len=context,
        vocabulary=model.shape.vocabulary,
    )


def _runner(
    model: Model,
    cache: KeyValueCache,
    options: Options,
    max_requests: int,
    *,
    context: int,
) -> Runner:
    sampler = Sampler(slots=max_requests, vocabulary=model.shape.vocabulary, device=model.device)
    if model.device.type != "cuda":
        operations = PlainOperations(model.shape, device=model.device)
        return PlainRunner(model, cache, operations, sampler)
    # Triton comes with torch's builds for cards, and only with them.
    from kb_qa.xverse.engine.card_operations import CardOperations
    from kb_qa.xverse.engine.recordings import CardRunner

    runner = CardRunner(
        model,
        cache,
        CardOperations(
            model.shape,
            device=model.device,
            rows=max(max_requests, options.guess_rows),
            read_tokens=read_tokens(model.shape, options.chunk_tokens),
            dtype=model.dtype,
            quantized=not isinstance(model.head, WholeWeight),
        ),
        sampler,
        most=max_requests,
        guesses=options.guesses,
        context=context,
    )
    runner.warm_up()
    return runner


def _plan(
    shape: Shape,
    quantization: Quantization,
    device: torch.device,
    *,
    item_bytes: int,
    options: Options,
    context: int | None,
    requests: int,
    memory: int | None,
) -> Plan:
    spare_block = options.block_tokens * shape.cache_bytes(item_bytes)
    free = free_bytes(device, memory) - spare_block
    if device.type != "cuda":
        model_bytes = weight_bytes(shape, quantization, item_bytes)
        free = min(free, host_cache_bytes(model_bytes))
    return plan_memory(
        shape,
        quantization,
        free=free,
        item_bytes=item_bytes,
        chunk_tokens=options.chunk_tokens,
        context=context,
        requests=requests,
        where=str(device),
    )


def _options(device: torch.device, memory: int | None) -> Options:
    if device.type != "cuda":
        return Options()
    total = memory or torch.cuda.mem_get_info(device)[1]
    return Options(chunk_tokens=8192 if total > _LARGE_CARD else 1024)


def _dtype(name: str | None, device: torch.device) -> torch.dtype:
    if name is not None:
        if name not in _DTYPES:
            raise SettingsError(f"dtype={name!r}: give one of {', '.join(_DTYPES)}")
        return _DTYPES[name]
    if device.type != "cuda":
        return torch.float32
    native = torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if native else torch.float16


def _quantization(name: str | None) -> Quantization:
    try:
        return Quantization(name or Quantization.NONE)
    except ValueError:
        raise SettingsError(f"quantize={name!r}: give one of {', '.join(Quantization)}") from None


def _context(wanted: int | None, shape: Shape) -> int | None:
    if wanted is None:
        return None
    if not _LEAST_TOKENS <= wanted <= shape.context:
        raise SettingsError(
            f"max_model_len={wanted}: the model was made for "
            f"{_LEAST_TOKENS} to {shape.context:,} tokens"
        )
    return wanted
