"""Many threads ask at once."""

from benchmarks.soak import soak
from tests.kb_qa.xverse.engine.conftest import Tiny
from tests.kb_qa.xverse.engine.models import make_tiny_engine

THREADS, SECONDS, CACHE_TOKENS = 64, 5, 2048


def test_every_answer_is_right_and_memory_stays_flat(llama: Tiny) -> None:
    """64 threads, some of which cancel: none is answered wrongly, none is kept waiting."""
    with make_tiny_engine(llama.folder, cache_tokens=CACHE_TOKENS) as engine:
        found = soak(engine, llama.prompts, llama.answers, seconds=SECONDS, threads=THREADS)
        pool = engine._scheduler._pool
        assert (found.wrong, found.lost) == (0, 0)
        assert found.right > 100
        assert found.cancelled > 5
        assert found.growth < 20  # MiB
        assert pool.free == CACHE_TOKENS // pool.block_tokens
