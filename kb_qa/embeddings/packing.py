"""Token ids of many texts in one row: where each text begins, and where its tokens stand in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class PackedTexts:
    """Texts that lie one behind the other, in the form that models and poolings read.

    Attributes:
        ids: token ids, (1, tokens).
        positions: where each token stands in its text, (1, tokens).
        owners: which text each token is of, (1, tokens).
        ends: 0, then where each text ends, (texts + 1,), in 32 bits as flash attention wants them.
        longest: tokens of the longest text.
    """

    ids: Tensor
    positions: Tensor
    owners: Tensor
    ends: Tensor
    longest: int


def pack(
    texts: Sequence[Sequence[int]], *, first_position: int, device: torch.device
) -> PackedTexts:
    """Put texts of one token or more into one row.

    Args:
        texts: the token ids of each.
        first_position: what the model calls the position of a text's first token.
        device: where the row is wanted.
    """
    lengths = np.array([len(text) for text in texts])
    ends = np.concatenate([[0], lengths.cumsum()])
    ids = np.fromiter(chain.from_iterable(texts), np.int64, count=int(ends[-1]))
    owners = np.arange(len(texts)).repeat(lengths)
    positions = np.arange(len(ids)) - ends[owners] + first_position
    rows = to_device(torch.from_numpy(np.stack([ids, positions, owners])), device)
    return PackedTexts(
        ids=rows[0:1],
        positions=rows[1:2],
        owners=rows[2:3],
        ends=to_device(torch.from_numpy(ends.astype(np.int32)), device),
        longest=int(lengths.max()),
    )


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on the device; a card is not waited for."""
    # From memory that the system may move, a copy would wait until all before it is computed.
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor
