"""Which block of the cache belongs to whom: shared where texts begin alike."""

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b

SPARE = 0
"""The block that padding is written to; it belongs to nobody."""

_ROOT = b""


class BlockPool:
    """Blocks of a fixed number of tokens, counted by reference.

    A full block is known by the digest of its tokens and of all before them.
    When nobody holds it any more it keeps its contents until its place is
    needed, the longest unused first, so that a text that begins as an earlier
    one did need not be computed again. The digest is a cryptographic one: a
    hostile text must not be able to get at the keys and values of another.

    Args:
        count: blocks in all, the spare one included.
        block_tokens: tokens a block holds.
    """

    def __init__(self, count: int, *, block_tokens: int) -> None:
        self.block_tokens = block_tokens
        self._free: OrderedDict[int, None] = OrderedDict.fromkeys(range(1, count))
        self._references = [0] * count
        self._digests: list[bytes | None] = [None] * count
        self._known: dict[bytes, int] = {}

    @property
    def free(self) -> int:
        """Blocks that nobody holds."""
        return len(self._free)

    def needed(self, tokens: int) -> int:
        """Blocks that hold so many tokens."""
        return -(-tokens // self.block_tokens)

    def allocate(self) -> int:
        """An empty block.

        Raises:
            IndexError: none is free.
        """
        if not self._free:
            raise IndexError("no block is free")
        block, _ = self._free.popitem(last=False)
        self._forget(block)
        self._references[block] = 1
        return block

    def release(self, blocks: Sequence[int]) -> None:
        """Give blocks back; the last of a text goes first when room is needed."""
        for block in reversed(blocks):
            self._references[block] -= 1
            if not self._references[block]:
                self._free[block] = None

    def share(self, tokens: Sequence[int]) -> list[int]:
        """The blocks that hold the beginning of a text already, now held once more.

        The last token is never among them: it must be computed to go on from.
        """
        shared = []
        digest = _ROOT
        for start in range(0, len(tokens) - self.block_tokens, self.block_tokens):
            digest = _digest(digest, tokens[start : start + self.block_tokens])
            block = self._known.get(digest)
            if block is None:
                break
            self._references[block] += 1
            self._free.pop(block, None)
            shared.append(block)
        return shared

    def remember(
        self, tokens: Sequence[int], blocks: Sequence[int], *, since: int, until: int
    ) -> None:
        """Make the full blocks known that hold a text's tokens from here to there."""
        size = self.block_tokens
        for index in range(since // size, min(until, len(tokens)) // size):
            before = self._digests[blocks[index - 1]] if index else _ROOT
            if before is None or self._digests[blocks[index]] is not None:
                continue
            digest = _digest(before, tokens[index * size : (index + 1) * size])
            self._digests[blocks[index]] = digest
            self._known.setdefault(digest, blocks[index])

    def _forget(self, block: int) -> None:
        digest = self._digests[block]
        if digest is not None and self._known.get(digest) == block:
            del self._known[digest]
        self._digests[block] = None


def _digest(before: bytes, tokens: Sequence[int]) -> bytes:
    return blake2b(before + array("i", tokens).tobytes(), digest_size=16).digest()
