r"""The characters of RTF: bytes in the encoding of their font, and \u with its stand-ins."""

from collections.abc import Callable

from ingest.formats.code_pages import Decoder, decoder


class Characters:
    """Puts characters together from the pieces that RTF cuts them into.

    Args:
        write: takes the text as it is complete.

    Attributes:
        lost: how many could not be read.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self.lost = 0
        self._write = write
        self._bytes = bytearray()
        self._decoder: Decoder = decoder("ascii")
        self._stand_ins = 0

    def add(self, data: bytes, decoder: Decoder) -> None:
        r"""Take bytes, or skip them where they stand in for a character given by \u."""
        if self._stand_ins:
            skipped = min(self._stand_ins, len(data))
            self._stand_ins -= skipped
            data = data[skipped:]
        if decoder is not self._decoder:
            self._decode()
            self._decoder = decoder
        self._bytes += data

    def add_character(self, text: str) -> None:
        """Take a character that has a word of its own."""
        if self._stand_ins:
            self._stand_ins -= 1
        else:
            self._decode()
            self._write(text)

    def add_unicode(self, code: int, *, stand_ins: int) -> None:
        r"""Take \u: a unit of UTF-16, which some write as a signed number."""
        self.end()
        self._write(chr(code & 0xFFFF))
        self._stand_ins = stand_ins

    def end(self) -> None:
        """Something else comes: nothing more stands in for the last character."""
        self._stand_ins = 0
        self._decode()

    def _decode(self) -> None:
        if not self._bytes:
            return
        text = self._decoder(bytes(self._bytes))
        self._bytes.clear()
        self.lost += text.count("\ufffd")
        self._write(text)


def paired(text: str) -> str:
    """The text with halves of surrogate pairs put together."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
