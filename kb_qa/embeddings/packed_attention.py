"""Attention of texts that lie one behind the other in one row, without padding.

transformers' models call it like any attention of their own, once they are set
to `ATTENTION`; no mask is made for it. On a card it is torch's flash attention
for texts of any lengths, which needs no further package; elsewhere texts of
one length are computed together, and lengths one after the other.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AttentionInterface, PreTrainedConfig

ATTENTION = "kb_qa_packed"
POSITIONS_FROM_ZERO = frozenset({"bert", "distilbert", "electra"})
POSITIONS_BEHIND_PADDING = frozenset({"camembert", "roberta", "xlm-roberta", "xlm-roberta-xl"})
FLASH_HEAD_MULTIPLE, FLASH_HEAD_MOST = 8, 256


def first_position(config: PreTrainedConfig) -> int | None:
    """The position of a text's first token, or None for a model whose texts cannot be packed.

    Those that can are encoders in which a token reads all of its text, and
    learns where it stands from its position alone. Tests hold each of them
    against the padded computation.
    """
    if getattr(config, "is_decoder", False):
        return None
    if config.model_type in POSITIONS_FROM_ZERO:
        return 0
    if config.model_type in POSITIONS_BEHIND_PADDING:
        return int(config.pad_token_id) + 1
    return None


def fits_flash_attention(config: PreTrainedConfig) -> bool:
    """Whether torch's flash attention takes heads of this size."""
    head: int = config.hidden_size // config.num_attention_heads
    return head % FLASH_HEAD_MULTIPLE == 0 and head <= FLASH_HEAD_MOST


def attend(
    _module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _attention_mask: None,
    *,
    cu_seq_lens_q: Tensor,
    max_length_q: int,
    **_: Any,
) -> tuple[Tensor, None]:
    """Each token's sum of the values of its own text, under transformers' names for arguments.

    `query`, `key` and `value` are those of all texts together, (1, heads, tokens, head size).
    `cu_seq_lens_q` says where each text begins and where the last one ends, and `max_length_q`
    how many tokens the longest has. Products are divided by the root of the head size, as all
    models do whose texts can be packed. What comes back is (1, tokens, heads, head size), and
    no weights.
    """
    rows = [each[0].transpose(0, 1) for each in (query, key, value)]
    if query.is_cuda:
        return _attend_with_flash(rows, cu_seq_lens_q, max_length_q)[None], None
    return _attend_by_lengths(rows, cu_seq_lens_q)[None], None


def _attend_with_flash(rows: Sequence[Tensor], ends: Tensor, longest: int) -> Tensor:
    from torch.nn.attention.varlen import varlen_attn

    query, key, value = rows
    return cast("Tensor", varlen_attn(query, key, value, ends, ends, longest, longest))


def _attend_by_lengths(rows: Sequence[Tensor], ends: Tensor) -> Tensor:
    """Neighbours of one length at once: short texts, of which there are many, often have it."""
    attended = torch.empty_like(rows[0], memory_format=torch.contiguous_format)
    begin = 0
    for length, run in groupby(ends.diff().tolist()):
        count = len(list(run))
        end = begin + count * length
        query, key, value = (
            each[begin:end].view(count, length, *each.shape[1:]).transpose(1, 2) for each in rows
        )
        out = functional.scaled_dot_product_attention(query, key, value)
        attended[begin:end] = out.transpose(1, 2).flatten(0, 1)
        begin = end
    return attended


AttentionInterface.register(ATTENTION, attend)
