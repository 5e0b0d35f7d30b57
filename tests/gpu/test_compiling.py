"""The kernels compile for every card since Ampere, and fit it. Needs Triton, but no card."""

from itertools import product
from typing import Any

import pytest
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from kb_qa.xverse.engine import kernels
from kb_qa.xverse.engine.card_operations import ADDING_TILES, TILES, linear_launch

SHARED_BYTES = {80: 163 * 1024, 86: 99 * 1024, 89: 99 * 1024, 90: 227 * 1024}
"""What one program may use of a multiprocessor's memory. Source: CUDA C++ Programming Guide."""

HALF = {"bfloat16": "*bf16", "float16": "*fp16"}
WORDS = {16: None, 8: "*i8", 4: "*i16"}
SCALES = {16: "*fp32", 8: "*fp32", 4: "*i32"}


@pytest.mark.parametrize("capability", SHARED_BYTES)
@pytest.mark.parametrize("half", HALF)
def test_linear_kernels_fit_the_card(half: str, capability: int) -> None:
    """Each tile, for each number of rows it is used with, compiles and finds room."""
    for bits, ending in product(TILES, (kernels.ADD, kernels.MIX, kernels.FEED, kernels.PLAIN)):
        tile = (ADDING_TILES if ending == kernels.ADD else TILES)[bits]
        for rows in (1, 16) if bits == 16 else (1, 16, 64):
            constants, options = linear_launch(tile, rows)
            compiled = compile_kernel(
                kernels.linear_kernel,
                capability,
                {
                    "weight": WORDS[bits] or HALF[half],
                    "scales": SCALES[bits],
                    **dict.fromkeys(("squares", "next_squares", "angles", "parts"), "*fp32"),
                    **dict.fromkeys(("positions", "places", "arrivals"), "*i32"),
                    **dict.fromkeys(("rows", "outputs_count", "angle_positions"), "i32"),
                    "epsilon": "fp32",
                },
                {
                    "INPUTS": 4096,
                    "BITS": bits,
                    "PARTS": 0 if ending == kernels.ADD else 128,
                    "NEXT_PARTS": 128,
                    "ENDING": ending,
                    "HEADS": 32,
                    "CACHED_HEADS": 32,
                    "HEAD_SIZE": 128,
                    "BLOCK_TOKENS": 64,
                    **constants,
                },
                options,
                other=HALF[half],
            )
            assert compiled.metadata.shared <= SHARED_BYTES[capability], (bits, ending, rows)


@pytest.mark.parametrize("capability", SHARED_BYTES)
@pytest.mark.parametrize(("queries", "group"), [(1, 1), (8, 1), (1, 8)])
def test_attention_fits_the_card(queries: int, group: int, capability: int) -> None:
    """One text or guesses, with heads that share keys or not."""
    compiled = compile_kernel(
        kernels.attend_kernel,
        capability,
        {
            **dict.fromkeys(("tables", "starts", "lengths", "arrivals"), "*i32"),
            **dict.fromkeys(("partial_sums", "partial_scales"), "*fp32"),
            "scale": "fp32",
            "table_width": "i32",
        },
        {
            "QUERIES": queries,
            "HEADS": 32,
            "CACHED_HEADS": 32 // group,
            "HEAD_SIZE": 128,
            "BLOCK_TOKENS": 64,
            "SPAN": 256,
            "TILE": 64,
            "MOST_SPLITS": 32,
            "ROWS": 16,
        },
        {"num_warps": 2, "num_stages": 2},
        other="*bf16",
    )
    assert compiled.metadata.shared <= SHARED_BYTES[capability]


def compile_kernel(
    kernel: Any,
    capability: int,
    types: dict[str, str],
    constants: dict[str, Any],
    options: dict[str, int],
    *,
    other: str,
) -> Any:
    """A kernel for a card; parameters of no type named are addresses of `other`."""
    names = kernel.arg_names
    signature = {
        name: "constexpr" if name in constants else types.get(name, other) for name in names
    }
    aligned = {
        (index,): [["tt.divisibility", 16]]
        for index, name in enumerate(names)
        if signature[name].startswith("*")
    }
    values = {(names.index(name),): value for name, value in constants.items()}
    source = ASTSource(kernel, signature, values, aligned)
    return triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
