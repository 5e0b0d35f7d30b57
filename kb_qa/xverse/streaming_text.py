"""From the tokens of an answer, as they come, to pieces of text that can be shown.

No piece ends within a character, none holds a part of a stop string, and
together they are every character up to the first stop string.
"""

from codecs import getincrementaldecoder
from collections.abc import Sequence

from kb_qa.xverse.tokenizer import Tokenizer


class StreamingText:
    """The text of one answer.

    Args:
        tokenizer: the model's.
        stops: strings that end the answer, and are not part of it.
    """

    def __init__(self, tokenizer: Tokenizer, stops: Sequence[str] = ()) -> None:
        self._tokenizer = tokenizer
        self._characters = getincrementaldecoder("utf-8")(errors="replace")
        self._stops = _StopStrings(stops)

    @property
    def stopped(self) -> bool:
        """Whether a stop string came: nothing more is part of the answer."""
        return self._stops.found

    def add(self, tokens: Sequence[int]) -> str:
        """Take tokens; gives the text that is certain now, which may be empty."""
        data = b"".join(map(self._tokenizer.bytes_of, tokens))
        return self._stops.add(self._characters.decode(data))

    def end(self) -> str:
        """The text held back until now; no token may follow."""
        return self._stops.add(self._characters.decode(b"", final=True)) + self._stops.end()


class _StopStrings:
    """Cuts a text before the stop string that is complete first.

    Of those complete with the same character, before the longest. So the cut
    is the same in whatever pieces the text comes.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._held = ""
        self.found = False

    def add(self, text: str) -> str:
        if self.found:
            return ""
        text = self._held + text
        start = self._first(text)
        if start is not None:
            self.found, self._held = True, ""
            return text[:start]
        certain = len(text) - max((_begun(text, stop) for stop in self._stops), default=0)
        self._held = text[certain:]
        return text[:certain]

    def end(self) -> str:
        held, self._held = self._held, ""
        return held

    def _first(self, text: str) -> int | None:
        places = ((text.find(stop), stop) for stop in self._stops)
        ends = [(start + len(stop), start) for start, stop in places if start >= 0]
        return min(ends)[1] if ends else None


def _begun(text: str, stop: str) -> int:
    """How many characters at the end of a text begin a stop string."""
    sizes = range(min(len(stop) - 1, len(text)), 0, -1)
    return next((size for size in sizes if text.endswith(stop[:size])), 0)
