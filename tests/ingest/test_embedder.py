"""The embedder in a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ingest.embedder import Embedder
from ingest.embedder_process import EmbedderProcess, Wish
from kb_qa.embeddings import load_embeddings
from kb_qa.errors import EmbeddingsError

TEXTS = ["The office closes at six.", "办公室六点关门。", "", "half a pair: \ud83d"]


@pytest.fixture(scope="module")
def process() -> Iterator[EmbedderProcess]:
    with EmbedderProcess() as process:
        yield process


def test_it_is_the_same_embedder(process: EmbedderProcess) -> None:
    """Identity, limits, counts and vectors are those of the embedder loaded here."""
    apart, here = Embedder(process), load_embeddings("bundled")
    assert apart.identity == here.identity
    assert apart.max_tokens == here.max_tokens
    assert apart.passages_at_once == here.passages_at_once
    assert apart.count_tokens(TEXTS) == here.count_tokens(TEXTS)
    assert np.allclose(apart.embed_passages(TEXTS), here.embed_passages(TEXTS), atol=1e-6)
    assert np.allclose(apart.embed_queries(TEXTS), here.embed_queries(TEXTS), atol=1e-6)
    assert apart.embed_passages([]).shape == (0, here.identity.dimension)


def test_threads_get_their_own_answers(process: EmbedderProcess) -> None:
    """Many may ask at once; counting does not wait for the vectors that others wait for."""
    apart = Embedder(process)
    with ThreadPoolExecutor(9) as threads:
        slow = threads.submit(apart.embed_passages, ["many words " * 400] * 60)
        counts = [threads.submit(apart.count_tokens, ["word " * n]) for n in range(1, 9)]
        assert [count.result()[0] for count in counts] == sorted(
            count.result()[0] for count in counts
        )
        assert not slow.done()
        assert slow.result().shape[0] == 60


def test_a_model_that_cannot_be_loaded_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks for anything is told, each time, and the process lives on."""
    monkeypatch.setenv("KB_QA_EMBEDDINGS", str(tmp_path / "nowhere"))
    with EmbedderProcess() as process:
        for wish in Wish:
            with pytest.raises(EmbeddingsError, match="nowhere") as told:
                process.ask(wish, ["text"])
            assert "\n" not in str(told.value)
        with pytest.raises(EmbeddingsError, match="nowhere"):
            _ = Embedder(process).identity


@pytest.mark.parametrize("wish", [Wish.ABOUT, Wish.PASSAGES])
def test_a_process_that_is_killed_is_told(wish: Wish) -> None:
    """Who waits for it, and who asks later, hears what became of it and what to do."""
    with EmbedderProcess() as process:
        assert process.about
        with ThreadPoolExecutor(1) as threads:
            waits = threads.submit(process.ask, Wish.PASSAGES, ["many words " * 400] * 60)
            os.kill(process.pid, signal.SIGKILL)
            with pytest.raises(EmbeddingsError, match="SIGKILL: is there memory enough"):
                waits.result()
        with pytest.raises(EmbeddingsError, match="SIGKILL"):
            process.ask(wish, ["text"])


def test_it_ends_with_its_owner() -> None:
    """A run that is killed leaves no process behind."""
    code = (
        "from ingest.embedder_process import *; import os, signal\n"
        "process = EmbedderProcess(); assert process.about\n"
        "print(process.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    owner = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, check=False, timeout=60
    )
    left = Path("/proc", owner.stdout.decode().strip())
    ends = time.monotonic() + 10
    while left.exists() and time.monotonic() < ends:
        time.sleep(0.05)
    assert not left.exists()
