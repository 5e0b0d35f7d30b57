"""Embedders: the bundled model, or any sentence-transformers model."""

from kb_qa.embeddings.base import EmbedderIdentity, PassageEmbeddings, Vectors
from kb_qa.embeddings.loading import load_embeddings

__all__ = ["EmbedderIdentity", "PassageEmbeddings", "Vectors", "load_embeddings"]
