"""Guessing what comes next: the continuation of the same words earlier in the text.

Answers quote their documents, so what followed these words in the prompt
often follows them again. A step that checks several guesses reads the weights
once, and the weights are what a step waits for. Nothing guessed wrong is ever
handed out. Source: A. Saxena, "Prompt Lookup Decoding", 2023.
"""

from collections.abc import Sequence

LONGEST, SHORTEST = 3, 2


class PromptLookup:
    """Where each run of two and of three tokens was last seen in a growing text."""

    def __init__(self) -> None:
        self._ends: dict[tuple[int, ...], int] = {}
        self._read = 0

    def guess(self, tokens: Sequence[int], count: int) -> list[int]:
        """At most so many tokens that may follow; none where these words are new."""
        self._read_on(tokens)
        for size in range(LONGEST, SHORTEST - 1, -1):
            end = self._ends.get(tuple(tokens[-size:]))
            if end is not None:
                return list(tokens[end : end + count])
        return []

    def _read_on(self, tokens: Sequence[int]) -> None:
        """Take in what is new, but for the last token, which nothing follows yet."""
        for end in range(self._read, len(tokens)):
            for size in range(SHORTEST, LONGEST + 1):
                if end >= size:
                    self._ends[tuple(tokens[end - size : end])] = end
        self._read = len(tokens)
