"""The shapes of the models that benchmarks speak of."""

from dataclasses import replace

from kb_qa.xverse.engine.shape import Shape

XVERSE_7B = Shape(
    vocabulary=100534,
    hidden=4096,
    feed_forward=11008,
    layers=32,
    heads=32,
    cached_heads=32,
    head_size=128,
    context=8192,
    epsilon=1e-6,
    rotation_base=10000.0,
    tied=False,
    dtype="bfloat16",
)
XVERSE_13B = replace(
    XVERSE_7B, hidden=5120, feed_forward=13824, layers=40, heads=40, cached_heads=40
)
