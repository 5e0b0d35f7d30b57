"""Text to token ids and back."""

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as TokenizerFile
from tokenizers import decoders, models, pre_tokenizers, trainers

from kb_qa.errors import CheckpointError
from kb_qa.xverse.tokenizer import CONFIG, FILE, Tokenizer, load_tokenizer
from kb_qa.xverse.tokenizer_files import patched_tokenizer
from tests.kb_qa.xverse.official import SPECIAL, SPECIAL_TOKENS, legacy_tokenizer

TINY = Tokenizer(patched_tokenizer(legacy_tokenizer()), SPECIAL_TOKENS)
LIBRARY = TokenizerFile.from_str(json.dumps(patched_tokenizer(legacy_tokenizer())))
HOSTILE = st.lists(
    st.sampled_from([*SPECIAL, "<0x0A>", "<0xE4>", " ", "  ", "▁", "\n", "你好", "😀", "e\u0301"])
    | st.text(max_size=6)
).map("".join)


@given(HOSTILE)
def test_no_text_gives_a_control_id(text: str) -> None:
    """Not even one that spells its name."""
    assert not TINY.control_ids.intersection(TINY.encode(text))


@given(HOSTILE)
def test_a_text_comes_back_with_every_character(text: str) -> None:
    """But for the sign that the vocabulary writes a space as."""
    assert TINY.decode(TINY.encode(text)) == text.replace("▁", " ")


@given(st.lists(st.integers(0, 1199)))
def test_what_the_library_decodes_is_what_we_decode(ids: list[int]) -> None:
    """Where the bytes are text; of others the library drops the good with the bad."""
    theirs = LIBRARY.decode(ids, skip_special_tokens=True)
    if "\N{REPLACEMENT CHARACTER}" not in theirs:
        assert TINY.decode(ids) == theirs


def test_the_words_of_harmless_text_are_the_librarys() -> None:
    """Only control tokens are split."""
    text = "The quick brown fox.\n\n敏捷的棕色狐狸。  two spaces "
    assert TINY.encode(text) == LIBRARY.encode(text).ids


def test_a_control_token_need_not_be_marked_special() -> None:
    """The file may call `<|endoftext|>` an ordinary token; it cannot be spelled either way."""
    described = patched_tokenizer(legacy_tokenizer())
    for token in described["added_tokens"]:
        token["special"] = False
    tokenizer = Tokenizer(described, SPECIAL_TOKENS)
    assert tokenizer.end_of_text == 3
    assert not {1, 2, 3}.intersection(tokenizer.encode("<pad><|startoftext|><|endoftext|>"))


def test_a_lone_surrogate_is_replaced() -> None:
    """A damaged file name in a question is no reason to fail."""
    assert TINY.decode(TINY.encode("a\ud800b")) == "a\N{REPLACEMENT CHARACTER}b"


def test_an_id_without_a_token_has_no_text() -> None:
    """A model may know more ids than its tokenizer."""
    assert TINY.decode([*TINY.encode("a"), 100_000]) == "a"


@given(st.text())
def test_byte_level_vocabularies_decode_by_bytes_too(text: str) -> None:
    """As most other models have them."""
    assert BYTE_LEVEL.decode(BYTE_LEVEL.encode(text)) == text


def test_a_decoder_that_drops_a_first_space_drops_no_other() -> None:
    """An answer goes on after its prompt: its first token is not the first of a text."""
    described = patched_tokenizer(legacy_tokenizer())
    described["decoder"]["decoders"].append(
        {"type": "Strip", "content": " ", "start": 1, "stop": 0}
    )
    tokenizer = Tokenizer(described, SPECIAL_TOKENS)
    assert tokenizer.decode(tokenizer.encode(" a b")) == " a b"


def test_texts_are_normalized_as_the_file_says() -> None:
    """What the tokenizer would fold can be seen before it is encoded."""
    described = patched_tokenizer(legacy_tokenizer()) | {"normalizer": {"type": "NFKC"}}
    assert Tokenizer(described, SPECIAL_TOKENS).normalize("：") == unicodedata.normalize(
        "NFKC", "："
    )
    assert TINY.normalize("：") == "："


def test_a_folder_without_a_tokenizer_says_so(tmp_path: Path) -> None:
    """In one line that names the folder."""
    with pytest.raises(CheckpointError, match=f"{tmp_path}.*prepare"):
        load_tokenizer(tmp_path)


def test_a_tokenizer_without_an_end_of_text_says_so(tmp_path: Path) -> None:
    """An answer could never end."""
    (tmp_path / FILE).write_text(json.dumps(patched_tokenizer(legacy_tokenizer())))
    (tmp_path / CONFIG).write_text(json.dumps({"eos_token": "<|nowhere|>"}))
    with pytest.raises(CheckpointError, match="nowhere"):
        load_tokenizer(tmp_path)


def _byte_level() -> Tokenizer:
    file = TokenizerFile(models.BPE())
    file.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    file.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<end>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    file.train_from_iterator(["some words and 一些文字"] * 9, trainer)
    return Tokenizer(json.loads(file.to_str()), {"eos_token": "<end>"})


BYTE_LEVEL = _byte_level()
