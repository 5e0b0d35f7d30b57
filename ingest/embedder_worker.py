"""A process that embeds for `ingest.embedder`: a request on a line in, its reply out.

    python -m ingest.embedder_worker

The model is loaded, and run once, before anybody asks for a vector: on a second core that
time costs nobody anything. A reply is one line of JSON, then as many bytes as it says.
Tokens are counted in a thread of their own: whoever cuts does not wait for a batch's vectors.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from threading import Lock
from typing import Any

from ingest.embedder_process import Wish
from kb_qa.embeddings import PassageEmbeddings, Vectors, configured_embeddings
from kb_qa.errors import KbQaError
from kb_qa.settings import load_settings

Answer = tuple[Mapping[str, Any], bytes]

_WARM_UP = "."


def main() -> None:
    """Serve until standard input ends."""
    requests = os.fdopen(os.dup(0), "rb")
    say = _Mouth()
    model = _Model()
    tokens, vectors = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
    lanes = {Wish.TOKENS: tokens, Wish.PASSAGES: vectors, Wish.QUERIES: vectors}
    for line in requests:
        request = json.loads(line)
        wish = Wish(request["wish"])
        job = partial(_serve, say, request["number"], model.does[wish], request["texts"])
        if wish is Wish.ABOUT:  # comes first
            job()
            tokens.submit(model.warm_up, model.does[Wish.TOKENS])
            vectors.submit(model.warm_up, model.does[Wish.PASSAGES])
        else:
            lanes[wish].submit(job)
    os._exit(0)  # whoever asked is gone; nobody wants what is being computed


class _Mouth:
    """Standard output, taken out of the way of libraries that print."""

    def __init__(self) -> None:
        self._replies = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        self._speaking = Lock()

    def __call__(self, said: Mapping[str, Any], raw: bytes) -> None:
        with self._speaking:
            self._replies.write(json.dumps(dict(said)).encode() + b"\n" + raw)
            self._replies.flush()


class _Model:
    """The embedder, loaded by whoever needs it first."""

    def __init__(self) -> None:
        self._loading = Lock()
        self._loaded: PassageEmbeddings | None = None
        self.does: Mapping[Wish, Callable[[Sequence[str]], Answer]] = {
            Wish.ABOUT: lambda _: (self._about(), b""),
            Wish.TOKENS: lambda texts: ({"counts": self._embeddings.count_tokens(texts)}, b""),
            Wish.PASSAGES: lambda texts: _bytes(self._embeddings.embed_passages(texts)),
            Wish.QUERIES: lambda texts: _bytes(self._embeddings.embed_queries(texts)),
        }

    def warm_up(self, do: Callable[[Sequence[str]], Answer]) -> None:
        """Have all loaded that this needs; what goes wrong is told to the first who asks."""
        with suppress(Exception):
            do([_WARM_UP])

    @property
    def _embeddings(self) -> PassageEmbeddings:
        with self._loading:
            if self._loaded is None:
                self._loaded = configured_embeddings(load_settings())
            return self._loaded

    def _about(self) -> Mapping[str, Any]:
        return {
            "identity": asdict(self._embeddings.identity),
            "max_tokens": self._embeddings.max_tokens,
            "passages_at_once": self._embeddings.passages_at_once,
        }


def _bytes(vectors: Vectors) -> Answer:
    return {}, vectors.astype("float32").tobytes()


def _serve(
    say: _Mouth, number: int, do: Callable[[Sequence[str]], Answer], texts: Sequence[str]
) -> None:
    try:
        said, raw = do(texts)
    except KbQaError as error:
        said, raw = {"error": str(error)}, b""
    except Exception as error:  # noqa: BLE001 -- a driver's or a library's; told in one line
        reason = " ".join(str(error).split())
        said, raw = {"error": f"cannot embed: {type(error).__name__}: {reason}"}, b""
    say({**said, "number": number, "bytes": len(raw)}, raw)


if __name__ == "__main__":
    main()
