"""Embedders: the bundled model, or any sentence-transformers model."""

from kb_qa.embeddings.base import EmbedderIdentity, PassageEmbeddings, Vectors
from kb_qa.embeddings.loading import configured_embeddings, load_embeddings

__all__ = [
    "EmbedderIdentity",
    "PassageEmbeddings",
    "Vectors",
    "configured_embeddings",
    "load_embeddings",
]
