"""Embedders: the bundled model, or any sentence-transformers model."""

from kb_qa.embeddings.base import EmbedderIdentity, PassageEmbeddings, Vectors

__all__ = ["EmbedderIdentity", "PassageEmbeddings", "Vectors", "load_embeddings"]


def load_embeddings(name, *, device=None, query_prompt=None, passage_prompt=None):
    raise RuntimeError(name)
