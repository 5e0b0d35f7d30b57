"""Quoting: the sentences that answer, word for word, in reading order."""

import pytest

from kb_qa.answer import Answer, Source
from kb_qa.evidence import Evidence, Sentence, Weigher
from kb_qa.quote import QuoteChain
from kb_qa.sentences import sentence_spans
from kb_qa.store.knowledge_base import KnowledgeBase

TEXT = "One. Two. Three. Four."
SOURCES = (
    Source(1, "/a", "A", TEXT, 100, 122, score=0.5),
    Source(2, "/b", "B", TEXT, 0, 22, score=0.4),
)


def sentence(source: int, word: str, score: float) -> Sentence:
    begin = SOURCES[source].start + TEXT.index(word)
    return Sentence(SOURCES[source], begin, begin + len(word), score)


def quoted(knowledge_base: KnowledgeBase, *sentences: Sentence) -> Answer:
    chain = QuoteChain(weigher=Weigher(knowledge_base), floor=0.0)
    ranked = tuple(sorted(sentences, key=lambda each: -each.score))
    *pieces, answer = chain.answer("?", Evidence("?", SOURCES, ranked))
    assert isinstance(answer, Answer)
    assert "".join(str(piece) for piece in pieces) == answer.text
    return answer


def test_neighbours_are_joined_and_numbered_once(knowledge_base: KnowledgeBase) -> None:
    """Two sentences side by side are one citation."""
    answer = quoted(knowledge_base, sentence(0, "Three.", 0.9), sentence(0, "Two.", 0.8))
    assert answer.text == "Two. Three. [1]"
    assert [(each.start, each.end, each.score) for each in answer.citations] == [(105, 116, 0.9)]


def test_a_documents_own_numbers_are_no_citations(knowledge_base: KnowledgeBase) -> None:
    """[1] in a quoted text would lead to a passage that it has nothing to do with."""
    text = "It takes 777 days.[2] So says [1]."
    source = Source(3, "/c", "C", text, 0, len(text), score=0.3)
    evidence = Evidence("?", (source,), (Sentence(source, 0, len(text), 0.9),))
    *_, answer = QuoteChain(weigher=Weigher(knowledge_base), floor=0.0).answer("?", evidence)
    assert isinstance(answer, Answer)
    assert answer.text == "It takes 777 days.(2) So says (1). [1]"
    assert answer.citations[0].text == text


def test_they_come_in_reading_order(knowledge_base: KnowledgeBase) -> None:
    """The best passage first, each passage from its beginning."""
    answer = quoted(knowledge_base, sentence(1, "One.", 0.9), sentence(0, "Four.", 0.85))
    assert answer.text == "Four. [1]\n\nOne. [2]"
    assert [each.source.source for each in answer.citations] == ["/a", "/b"]


def test_no_more_than_two_and_none_far_behind(knowledge_base: KnowledgeBase) -> None:
    """What is much weaker than the best does not pad the answer."""
    words = ("One.", "Two.", "Three.", "Four.")
    answer = quoted(knowledge_base, *(sentence(0, word, 0.9) for word in words))
    assert answer.text.count(".") == 2
    answer = quoted(knowledge_base, sentence(0, "One.", 0.9), sentence(0, "Four.", 0.1))
    assert answer.text == "One. [1]"


def weighed(text: str, *scores: float) -> Evidence:
    """A passage's parts with these scores, in reading order."""
    source = Source(4, "/d", "D", text, 50, 50 + len(text), score=0.3)
    spans = sentence_spans(text)
    parts = [
        Sentence(source, 50 + start, 50 + end, score)
        for (start, end), score in zip(spans, scores, strict=True)
    ]
    return Evidence("?", (source,), tuple(sorted(parts, key=lambda part: -part.score)))


def test_a_sentence_is_quoted_to_its_full_stop(knowledge_base: KnowledgeBase) -> None:
    """Clauses that semicolons part are weighed one by one, and quoted as the sentence they are."""
    text = "天很好。员工请假要申请；一天由主管批；三天由经理批。病假另算。"
    chain = QuoteChain(weigher=Weigher(knowledge_base), floor=0.0)
    *_, answer = chain.answer("?", weighed(text, 0.1, 0.2, 0.9, 0.8, 0.1))
    assert isinstance(answer, Answer)
    assert answer.text == "员工请假要申请；一天由主管批；三天由经理批。 [1]"
    assert answer.citations[0].text == "员工请假要申请；一天由主管批；三天由经理批。"


def test_a_long_list_is_not_quoted_whole(knowledge_base: KnowledgeBase) -> None:
    """Of a paragraph that is one sentence of many clauses, those around the best are quoted."""
    clauses = [f"第{n}项费用由部门经理签字后交财务部审核；" for n in range(10, 60)]
    scores = [0.9 if n == 30 else 0.1 for n in range(50)]
    chain = QuoteChain(weigher=Weigher(knowledge_base), floor=0.0)
    *_, answer = chain.answer("?", weighed("".join(clauses), *scores))
    assert isinstance(answer, Answer)
    assert "第40项" in answer.text
    assert len(answer.text) < 260


def test_the_second_adds_something(knowledge_base: KnowledgeBase) -> None:
    """Of two that are about as near, the one that does not say the first again is quoted."""
    answer = quoted(
        knowledge_base,
        sentence(0, "One.", 0.9),
        sentence(1, "One.", 0.85),
        sentence(0, "Four.", 0.8),
    )
    assert answer.text == "One. [1]\n\nFour. [2]"


def test_the_same_is_not_quoted_twice(knowledge_base: KnowledgeBase) -> None:
    """A sentence that another document repeats adds nothing, however near it is."""
    answer = quoted(
        knowledge_base,
        sentence(0, "One.", 0.9),
        sentence(1, "One.", 0.89),
        sentence(0, "Four.", 0.7),
    )
    assert answer.text == "One. [1]\n\nFour. [2]"


@pytest.mark.parametrize(("floor", "refused"), [(0.89, False), (0.91, True)])
def test_the_floor_is_on_the_strongest_sentence(
    knowledge_base: KnowledgeBase, *, floor: float, refused: bool
) -> None:
    """Just above it is an answer, just below a refusal."""
    chain = QuoteChain(weigher=Weigher(knowledge_base), floor=floor)
    *_, answer = chain.answer("?", Evidence("?", SOURCES, (sentence(0, "One.", 0.9),)))
    assert isinstance(answer, Answer)
    assert answer.refused is refused
