"""Text to token ids and back, for text that nobody vouches for.

The ids that steer a model (end of text, padding) can not be had from any
text: a document that spells `<|endoftext|>` gives the tokens of those letters.

Every token stands for bytes of UTF-8, some for a part of a character only.
Decoding by bytes is what makes streaming exact: the pieces of a stream, put
together, are the text of all its tokens at once.
"""

import json
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as TokenizerFile

from kb_qa.errors import CheckpointError

CONFIG, FILE = "tokenizer_config.json", "tokenizer.json"
_CONTROL = ("bos_token", "eos_token", "pad_token", "unk_token")
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_SURROGATE = re.compile("[\ud800-\udfff]")
_ANCHOR = "a"


class Tokenizer:
    """A model's tokenizer; may be used from any thread.

    Args:
        described: what tokenizer.json holds.
        config: what tokenizer_config.json holds.
    """

    def __init__(self, described: dict[str, Any], config: dict[str, Any]) -> None:
        control = {_text(config.get(name)) for name in _CONTROL} - {None}
        self._file = TokenizerFile.from_str(json.dumps(_control_marked(described, control)))
        self._file.encode_special_tokens = True
        self._file.no_truncation()
        self._file.no_padding()
        self._kind = json.dumps(described.get("decoder"))
        self._bytes: dict[int, bytes] = {}
        self.control_ids = frozenset(
            number for number, token in self._file.get_added_tokens_decoder().items()
            if token.special
        )  # fmt: skip
        self.end_of_text = self._id(_text(config.get("eos_token")))

    def encode(self, text: str) -> list[int]:
        """The ids of a text; never one of `control_ids`."""
        whole = _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)
        ids: list[int] = self._file.encode(whole, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, with every space; control ids have none."""
        return b"".join(map(self.bytes_of, ids)).decode(errors="replace")

    def bytes_of(self, number: int) -> bytes:
        """What a token stands for, in UTF-8; it may begin or end within a character."""
        known = self._bytes.get(number)
        if known is None:
            known = self._bytes[number] = self._spell(number)
        return known

    def normalize(self, text: str) -> str:
        """A text as the tokenizer takes it, before it is split."""
        normalizer = self._file.normalizer
        return str(normalizer.normalize_str(text)) if normalizer else text

    def _id(self, token: str | None) -> int:
        number = self._file.token_to_id(token) if token else None
        if number is None:
            raise CheckpointError(
                f"eos_token={token!r}: {FILE} has no such token; prepare it again"
            )
        return int(number)

    def _spell(self, number: int) -> bytes:
        name = self._file.id_to_token(number)
        if name is None or number in self.control_ids:
            return b""
        if "ByteFallback" in self._kind and (byte := _BYTE.fullmatch(name)):
            return bytes([int(byte[1], 16)])
        if "ByteLevel" in self._kind and all(letter in _LETTERS for letter in name):
            return bytes(_LETTERS[letter] for letter in name)
        # After another token, for some decoders drop the space that a text begins with.
        text: str = self._file.decode([*self._anchor, number])
        return text.removeprefix(_ANCHOR).encode()

    @cached_property
    def _anchor(self) -> list[int]:
        ids = self.encode(_ANCHOR)
        return ids if self._file.decode(ids) == _ANCHOR else []


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a prepared folder.

    Raises:
        CheckpointError: it has none, or one that cannot be read.
    """
    try:
        described, config = (
            json.loads((folder / name).read_text(encoding="utf-8")) for name in (FILE, CONFIG)
        )
        return Tokenizer(described, config)
    except CheckpointError:
        raise
    except Exception as error:  # tokenizers raises nothing more particular
        raise CheckpointError(
            f"{folder}: its tokenizer cannot be read ({error}); prepare the model again"
        ) from error


def _control_marked(described: dict[str, Any], control: set[str | None]) -> dict[str, Any]:
    """The same file, in which every control token is known as one."""
    added = [
        token | {"special": token["special"] or token["content"] in control}
        for token in described.get("added_tokens") or ()
    ]
    return described | {"added_tokens": added}


def _text(token: Any) -> str | None:
    """A token's text, however the file puts it."""
    text = token["content"] if isinstance(token, dict) else token
    return None if text is None else str(text)


def _byte_letters() -> dict[str, int]:
    """The letter that stands for each byte in a byte-level vocabulary, as GPT-2 chose them."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in printable]
    letters = {chr(byte): byte for byte in printable}
    return letters | {chr(0x100 + place): byte for place, byte in enumerate(others)}


_LETTERS = _byte_letters()
