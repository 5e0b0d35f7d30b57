"""From a name to an embedder. Nothing heavy is imported before it is asked for."""

from importlib import import_module
from typing import TYPE_CHECKING

from kb_qa.embeddings.base import PassageEmbeddings
from kb_qa.errors import EmbeddingsError

if TYPE_CHECKING:
    import torch

BUNDLED = "bundled"


def load_embeddings(
    name: str,
    *,
    device: str | None = None,
    query_prompt: str | None = None,
    passage_prompt: str | None = None,
) -> PassageEmbeddings:
    """Load an embedder; keep it, for this takes seconds.

    Args:
        name: "bundled", the folder of a sentence-transformers model, or its id on a hub.
        device: where to compute, as torch names it; by default a GPU if there is one.
        query_prompt: put before each question; by default what the model says.
        passage_prompt: put before each passage; by default what the model says.

    Raises:
        EmbeddingsError: there is no such model, or it cannot be used.
    """
    kind = "bundled" if name == BUNDLED else "sentence_transformer"
    module = import_module(f"kb_qa.embeddings.{kind}")
    embeddings: PassageEmbeddings = module.load(
        name, device=device, query_prompt=query_prompt, passage_prompt=passage_prompt
    )
    return embeddings
