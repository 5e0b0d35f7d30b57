"""Verification: what no passage says is marked, and citations are set right."""

import time
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb_qa.answer import Doubt, Source
from kb_qa.store.knowledge_base import KnowledgeBase
from kb_qa.verification import Checked, Thresholds, Verifier

BRIDGE = (
    "The bridge over the Isar was built on May 1, 1923 by Karl Meyer. It is 1,234 m long and "
    "cost 17.5 % more than planned. It is not open to lorries. Three thousand guests came to its "
    "opening."
)
LEAVE = (
    "Annual leave is fifteen days a year. Employees apply for it two weeks in advance through the "
    "HR portal. Unused days lapse on 31 March. The office in Berlin closes at 6 pm."
)
OVEN = (
    "恒温槽的保修期是两年，由上海精仪公司提供。2023年5月1日以后售出的设备额定功率为三千瓦。"
    "清洗前请先断电。设计者王小明于1998年毕业于北京大学。"
)
SOURCES = tuple(
    Source(n, f"/{title}", title, text, 0, len(text), language=language)
    for n, (title, text, language) in enumerate(
        (("Bridge", BRIDGE, "en"), ("Leave", LEAVE, "en"), ("恒温槽", OVEN, "zh")), 1
    )
)
SETTINGS = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def verifier(knowledge_base: KnowledgeBase) -> Verifier:
    with knowledge_base.write():
        pass
    # The fake's cosines are larger than an embedder's.
    return Verifier(knowledge_base, Thresholds(by_meaning=0.4, share_weight=0.4))


TRUE = [
    ("The bridge over the Isar was built on May 1, 1923 by Karl Meyer. [1]", 1),
    ("Karl Meyer built the bridge over the Isar on 1923-05-01. [1]", 1),
    ("The bridge was built by Meyer in May 1923. [1]", 1),
    ("The bridge was built in 1923 by Karl Meyer. [1]", 1),
    ("The bridge is 1234 m long. [1]", 1),
    ("The bridge is 1,234 metres long. [1]", 1),
    ("It cost 17.5 percent more than planned. [1]", 1),
    ("The bridge cost 17,5 % more than planned. [1]", 1),
    ("3,000 guests came to its opening. [1]", 1),
    ("3000 guests came to the opening of the bridge. [1]", 1),
    ("The bridge is not open to lorries. [1]", 1),
    ("It's not open to lorries. [1]", 1),
    ("- **Length**: the bridge is 1234 m long [1]", 1),
    ("1. Annual leave is 15 days a year. [2]", 2),
    ("Annual leave: fifteen days a year. [2]", 2),
    ("Employees apply for leave 2 weeks in advance. [2]", 2),
    ("Apply for annual leave through the HR portal, two weeks in advance. [2]", 2),
    ("Unused days of annual leave lapse on March 31. [2]", 2),
    ("Unused days lapse on 31 March. [2]", 2),
    ("The Berlin office closes at 6 pm. [2]", 2),
    ("恒温槽的保修期是两年。[3]", 3),
    ("恒温槽的保修期是2年。[3]", 3),
    ("恒溫槽的保修期是兩年。[3]", 3),
    ("保修期是两年，由上海精仪公司提供。[3]", 3),
    ("２０２３年５月１日以后售出的设备额定功率为3000瓦。[3]", 3),
    ("二〇二三年五月一日以后售出的设备，额定功率为三千瓦。[3]", 3),
    ("设计者王小明1998年毕业于北京大学。[3]", 3),
    ("清洗前请先断电。[3]", 3),
    ("清洗前请先断电［3］。", 3),
    ("| 保修期 | 两年 [3] |", 3),
]
FALSE = [
    (
        "The bridge over the Isar was built on May 2, 1923 by Karl Meyer. [1]",
        Doubt.DATE,
        "May 2, 1923",
    ),
    (
        "The bridge over the Isar was built on May 1, 1932 by Karl Meyer. [1]",
        Doubt.DATE,
        "May 1, 1932",
    ),
    ("Karl Meyer built the bridge over the Isar on 1923-06-01. [1]", Doubt.DATE, "1923-06-01"),
    ("The bridge was built in 1924 by Karl Meyer. [1]", Doubt.NUMBER, "1924"),
    ("The bridge is 1,243 m long. [1]", Doubt.NUMBER, "1,243"),
    ("The bridge is 1,234 km long. [1]", Doubt.UNIT, "1,234"),
    ("The bridge cost 18.5 % more than planned. [1]", Doubt.NUMBER, "18.5 %"),
    ("3 million guests came to its opening. [1]", Doubt.NUMBER, "3 million"),
    ("5000 guests came to its opening. [1]", Doubt.NUMBER, "5000"),
    ("The bridge over the Isar was built by Karl Huber. [1]", Doubt.NAME, "Huber"),
    ("The bridge over the Rhine was built by Karl Meyer. [1]", Doubt.NAME, "Rhine"),
    ("The bridge is open to lorries. [1]", Doubt.NEGATION, "not"),
    ("The bridge was not built by Karl Meyer. [1]", Doubt.NEGATION, "not"),
    ("Its towers were restored by volunteers after the flood. [1]", Doubt.MEANING, ""),
    ("Annual leave is 25 days a year. [2]", Doubt.NUMBER, "25"),
    ("Annual leave is fifteen weeks a year. [2]", Doubt.UNIT, "fifteen"),
    ("Employees apply for it six weeks in advance. [2]", Doubt.NUMBER, "six"),
    ("Unused days lapse on 30 March. [2]", Doubt.DATE, "30 March"),
    ("Unused days lapse on 31 May. [2]", Doubt.DATE, "31 May"),
    ("The office in Hamburg closes at 6 pm. [2]", Doubt.NAME, "Hamburg"),
    ("Apply for annual leave through the SAP portal. [2]", Doubt.NAME, "SAP"),
    ("恒温槽的保修期是三年。[3]", Doubt.NUMBER, "三"),
    ("恒温槽的保修期是5年。[3]", Doubt.NUMBER, "5"),
    ("恒温槽的保修期不是两年。[3]", Doubt.NEGATION, "不"),
    ("2023年6月1日以后售出的设备额定功率为三千瓦。[3]", Doubt.DATE, "2023年6月1日"),
    ("2023年5月1日以后售出的设备额定功率为四千瓦。[3]", Doubt.NUMBER, "四千"),
    ("设计者李大伟于1998年毕业于北京大学。[3]", Doubt.NAME, "李大伟"),
    ("设计者王小明于1989年毕业于北京大学。[3]", Doubt.NUMBER, "1989"),
    ("设计者王小明于1998年毕业于XJTU大学。[3]", Doubt.NAME, "XJTU"),
    ("月球表面的温度由太阳照射决定。[3]", Doubt.MEANING, ""),
]


@pytest.mark.parametrize(("text", "n"), TRUE)
def test_what_a_passage_says_is_supported(verifier: Verifier, text: str, n: int) -> None:
    """In its own words, in others, and in another spelling; the text stays as it was."""
    checked = verifier.verify(text, SOURCES)
    assert [(claim.supported, claim.reason, claim.citations) for claim in checked.claims] == [
        (True, "", (n,))
    ]
    assert checked.text == text


@pytest.mark.parametrize(("text", "doubt", "what"), FALSE)
def test_what_no_passage_says_is_marked(
    verifier: Verifier, text: str, doubt: Doubt, what: str
) -> None:
    """With what of it is in no passage."""
    [claim] = verifier.verify(text, SOURCES).claims
    assert (claim.supported, claim.doubt) == (False, doubt)
    assert what in claim.what
    assert what in claim.reason or doubt is Doubt.NEGATION


@pytest.mark.parametrize(
    ("text", "corrected"),
    [
        ("Annual leave is fifteen days a year. [1]", "Annual leave is fifteen days a year. [2]"),
        ("Annual leave is fifteen days a year.", "Annual leave is fifteen days a year. [2]"),
        ("Annual leave is fifteen days a year [1, 2].", "Annual leave is fifteen days a year [2]."),
        (
            "Annual leave is fifteen days a year. [2][99]",
            "Annual leave is fifteen days a year. [2]",
        ),
        ("清洗前请先断电。", "清洗前请先断电。[3]"),
        ("清洗前请先断电［1］。", "清洗前请先断电。[3]"),
        ("| leave | fifteen days a year |", "| leave | fifteen days a year [2] |"),
        ("Dragons breathe fire. [1]", "Dragons breathe fire."),
        ("Dragons breathe fire.", "Dragons breathe fire."),
    ],
)
def test_citations_are_set_right(verifier: Verifier, text: str, corrected: str) -> None:
    """What supports nothing goes, what is missing comes."""
    checked = verifier.verify(text, SOURCES)
    assert checked.text == corrected
    assert {n for claim in checked.claims for n in claim.citations} == {
        citation.n for citation in checked.citations
    }


def test_a_citation_is_the_sentence_that_says_it(verifier: Verifier) -> None:
    """Not all of the passage."""
    checked = verifier.verify("Unused days lapse on March 31. [2]", SOURCES)
    assert [each.text for each in checked.citations] == ["Unused days lapse on 31 March."]


def test_a_claim_of_two_passages_cites_both(verifier: Verifier) -> None:
    """Each holds a fact that the other has not."""
    said = (
        "The bridge over the Isar was built by Karl Meyer on May 1, 1923, annual leave is fifteen "
        "days a year, and unused days lapse on 31 March."
    )
    [claim] = verifier.verify(said, SOURCES).claims
    assert set(claim.citations) == {1, 2}


def test_without_passages_nothing_is_supported(verifier: Verifier) -> None:
    """And nothing is cited."""
    checked = verifier.verify("Annual leave is fifteen days a year. [1]", ())
    assert checked.text == "Annual leave is fifteen days a year."
    assert [claim.supported for claim in checked.claims] == [False]


def test_quoted_text_is_supported_as_it_is(verifier: Verifier) -> None:
    """Whatever stands in it: a passage's own words are not held against its facts."""
    said = "It is 1,234 m long and cost 17.5 % more than planned. [1]"
    embedded = len(verifier.knowledge_base.embeddings.embedded)  # type: ignore[attr-defined]
    [claim] = verifier.check(said, SOURCES)
    assert claim.supported
    assert len(verifier.knowledge_base.embeddings.embedded) == embedded  # type: ignore[attr-defined]


SAID = [text for text, *_ in TRUE + FALSE]
PIECES = st.lists(
    st.one_of(
        st.sampled_from(SAID),
        st.sampled_from(
            ["[1]", " [2]", "[3, 1]", "[99]", "［2］", "[[1]", "[9]]", "\n", "\n\n- ", "Sure! "]
        ),
        st.text(alphabet="ab.。 [1]9\n|`", max_size=8),
    ),
    max_size=6,
)


def bare(text: str) -> str:
    return "".join(
        each for each in text if not each.isspace() and each not in "[]［］【】、, 0123456789"
    )


@SETTINGS
@given(pieces=PIECES)
def test_verifying_again_changes_nothing(verifier: Verifier, pieces: list[str]) -> None:
    """A verified answer is its own verified answer, and no word of it was eaten."""
    text = " ".join(pieces)
    once = verifier.verify(text, SOURCES)
    assert bare(once.text) == bare(text)
    again = verifier.verify(once.text, SOURCES)
    assert (again.text, again.claims) == (once.text, once.claims)
    _check_offsets(once)


def _check_offsets(checked: Checked) -> None:
    done = 0
    for claim in checked.claims:
        assert done <= claim.start < claim.end <= len(checked.text)
        assert (
            checked.text[claim.start : claim.end].strip() == checked.text[claim.start : claim.end]
        )
        done = claim.end
    for citation in checked.citations:
        assert SOURCES[citation.n - 1] == citation.source


@pytest.mark.parametrize(
    "piece",
    [
        "[",
        "[1",
        "[99]",
        "a. ",
        "1,",
        "百",
        "|\n",
        "`a`",
        "[ ",
        "Aa ",
        "三。",
        "- [1] x\n",
        "Abc-",
        "5月",
        "不",
    ],
)
def test_hostile_text_is_read_in_bounded_time(verifier: Verifier, piece: str) -> None:
    """A hundred thousand characters of anything."""
    text = piece * (100_000 // len(piece))
    began = time.process_time()
    verifier.verify(text, SOURCES)
    assert time.process_time() - began < 60


def test_numbers_beside_a_longer_one_are_not_its_part(verifier: Verifier) -> None:
    """ "12 pages" does not stand in "2012 pages"."""
    text = "The archive holds 2012 pages."
    source = replace(SOURCES[0], text=text, end=len(text))
    [claim] = verifier.verify("12 pages", [source]).claims
    assert claim.doubt is Doubt.NUMBER
