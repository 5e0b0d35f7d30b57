"""How many tokens of cache fit on which card, by the engine's own plan.

    python -m benchmarks.memory

Nothing is loaded and no card is needed: this is what `load_engine` reckons
with, and refuses by. A card's allowance is what CUDA gives a program on it
once its driver, and a desktop on the smaller ones, have had their part.
"""

from benchmarks.shapes import XVERSE_7B, XVERSE_13B
from kb_qa.xverse.engine import Options
from kb_qa.xverse.engine.linear import Quantization
from kb_qa.xverse.engine.memory import GIB, RECORDED_BYTES, fitting
from kb_qa.xverse.engine.shape import Shape

ITEM_BYTES = 2
ALLOWANCES = {"24 GB": 22.0, "16 GB": 14.6, "12 GB": 10.8, "8 GB": 7.0}
"""Of a card, in GiB."""

MODELS = {"XVERSE-7B": XVERSE_7B, "XVERSE-13B": XVERSE_13B}


def main() -> None:
    ways = [str(each) for each in Quantization]
    print("| model | card | allowance GiB |", " | ".join(["bf16", *ways[1:]]), "|")
    print("|---" * (3 + len(ways)) + "|")
    for model, shape in MODELS.items():
        for card, allowance in ALLOWANCES.items():
            tokens = cached_tokens(shape, int(allowance * GIB))
            cells = [f"{tokens[each]:,}" if each in tokens else "-" for each in Quantization]
            print(f"| {model} | {card} | {allowance} | {' | '.join(cells)} |")


def cached_tokens(shape: Shape, allowance: int) -> dict[Quantization, int]:
    """Tokens in whole blocks, for each way to keep the weights that fits."""
    options = Options(chunk_tokens=1024)
    spare_block = options.block_tokens * shape.cache_bytes(ITEM_BYTES)
    found = fitting(
        shape,
        allowance - RECORDED_BYTES - spare_block,
        chunk_tokens=options.chunk_tokens,
        item_bytes=ITEM_BYTES,
    )
    return {
        each: tokens // options.block_tokens * options.block_tokens
        for each, tokens in found.items()
    }


if __name__ == "__main__":
    main()
