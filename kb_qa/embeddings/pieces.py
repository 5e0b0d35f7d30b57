"""Texts that the model does not read at once: one vector from those of their pieces."""

from collections.abc import Sequence

import numpy as np

from kb_qa.embeddings.base import Vectors

TINY = 1e-12


def join_pieces(
    vectors: Vectors, *, owners: Sequence[int], weights: Sequence[int], texts: int
) -> Vectors:
    """Unit vectors of texts: the means of their pieces', weighted.

    Args:
        vectors: of the pieces, shape (pieces, dimension).
        owners: which text each piece is of.
        weights: how much each piece counts, such as its number of tokens.
        texts: how many texts there are.
    """
    sums = np.zeros((texts, vectors.shape[1]), np.float32)
    np.add.at(sums, list(owners), vectors * np.array(weights, np.float32)[:, None])
    return unit(sums)


def unit(vectors: Vectors) -> Vectors:
    """Vectors at a length of one; those of no length stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, TINY), np.float32)
