"""From a name to an embedder; nothing heavy is imported before one is asked for."""

import os

from kb_qa.embeddings.base import PassageEmbeddings
from kb_qa.settings import Settings

BUNDLED = "bundled"


def load_embeddings(
    name: str,
    *,
    device: str | None = None,
    query_prompt: str | None = None,
    passage_prompt: str | None = None,
) -> PassageEmbeddings:
    """Load an embedder. This takes seconds: load it once.

    Args:
        name: "bundled", the folder of a sentence-transformers model, or its id on a hub.
        device: where to compute, as torch names it; by default a GPU if there is one.
        query_prompt: put before each question; by default what the model asks for.
        passage_prompt: put before each passage; by default what the model asks for.

    Raises:
        EmbeddingsError: there is no such model or device, or they cannot be used.
    """
    if name == BUNDLED:
        from kb_qa.embeddings.bundled import load_bundled

        return load_bundled(device=device, query_prompt=query_prompt, passage_prompt=passage_prompt)
    # Before torch is first imported. Its threads then wait asleep: with one of two cores taken by
    # another program, a question computed on both took 21 ms, and 580 ms where they wait awake.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from kb_qa.embeddings.sentence_transformer import load_sentence_transformer

    return load_sentence_transformer(
        name, device=device, query_prompt=query_prompt, passage_prompt=passage_prompt
    )


def configured_embeddings(settings: Settings) -> PassageEmbeddings:
    """The embedder that the settings name; errors as of `load_embeddings`."""
    return load_embeddings(
        settings.embeddings,
        device=settings.device,
        query_prompt=settings.query_prompt,
        passage_prompt=settings.passage_prompt,
    )
