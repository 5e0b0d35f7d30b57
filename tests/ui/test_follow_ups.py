"""Questions to ask next: short, new, in the reader's language, and answered by what is near."""

from kb_qa import Answer, Citation, Source
from kb_qa.store.records import Chunk, Passage
from ui.follow_ups import follow_ups


def source(
    number: int,
    text: str,
    *,
    heading: tuple[str, ...] = (),
    context: str = "",
    title: str = "员工手册",
    language: str = "zh",
) -> Source:
    begin = number * 1000
    return Source(
        number,
        "/docs/a.md",
        title,
        text,
        begin,
        begin + len(text),
        heading=heading,
        context=context,
        language=language,
    )


CITED = source(1, "入职满一年有十二天年假。", heading=("年假",))


def answer(*others: Source, question: str = "有几天年假？") -> Answer:
    citation = Citation(1, CITED, CITED.start, CITED.end, 0.9)
    return Answer(
        question,
        f"{CITED.text} [1]",
        refused=False,
        generator="quote",
        citations=(citation,),
        sources=(CITED, *others),
    )


def test_a_heading_becomes_a_question() -> None:
    """One that asks is asked as it is; another one is asked for by its document."""
    asks = source(2, "打电话报修。", heading=("设备坏了怎么办",))
    names = source(3, "每周最多两天。", heading=("第三章 远程办公",))
    assert follow_ups(answer(asks, names), (), asked=["有几天年假？"]) == [
        "设备坏了怎么办？",
        "《员工手册》对“远程办公”怎么说？",
    ]


def test_a_row_is_asked_for_by_its_name() -> None:
    """With the column that tells something of it."""
    rows = source(2, "| 北京 | 600 |", context="| 城市 | 上限 |")
    assert follow_ups(answer(rows), (), asked=[]) == ["北京的“上限”是什么？"]


def test_the_section_that_is_cited_is_not_asked_for() -> None:
    """Its reader has just read it; and no section is asked for twice."""
    same = source(2, "年假可以分次使用。", heading=("年假",))
    other, again = (source(n, "每周两天。", heading=("远程办公",)) for n in (3, 4))
    assert follow_ups(answer(same, other, again), (), asked=[]) == [
        "《员工手册》对“远程办公”怎么说？"
    ]


def test_what_was_asked_is_not_suggested_again() -> None:
    """However it was written."""
    asks = source(2, "打电话报修。", heading=("设备坏了怎么办",))
    assert follow_ups(answer(asks), (), asked=["设备坏了怎么办?"]) == []


def test_the_reader_s_language_comes_first() -> None:
    """A passage in another language is suggested only where there is little in the reader's."""
    english = source(
        2, "A night may cost 600.", heading=("Hotels",), title="Travel policy", language="en"
    )
    chinese = [source(n, "两天。", heading=(name,)) for n, name in ((3, "远程办公"), (4, "出差"))]
    assert follow_ups(answer(english), (), asked=[]) == [
        "What does “Travel policy” say about “Hotels”?"
    ]
    assert follow_ups(answer(english, *chinese), (), asked=[]) == [
        "《员工手册》对“远程办公”怎么说？",
        "《员工手册》对“出差”怎么说？",
    ]


def test_neighbours_are_suggested_as_well() -> None:
    """What stands beside the cited passage is near, whether it was found or not."""
    text = "试用期不可以。"
    chunk = Chunk(text, 1100, 1107, heading=("请假流程",))
    beside = Passage(9, 1, 2, chunk, "zh", "员工手册", ("/docs/a.md",), {})
    assert follow_ups(answer(), (beside,), asked=[]) == ["《员工手册》对“请假流程”怎么说？"]


def test_what_hides_characters_is_no_question() -> None:
    """A click would ask something else than what is read."""
    hidden = source(2, "打电话。", heading=("设备坏了\u202e怎么办",))
    long = source(3, "打电话。", heading=("设备" * 60 + "坏了怎么办",))
    assert follow_ups(answer(hidden, long), (), asked=[]) == []


def test_a_definition_is_asked_for() -> None:
    """What one thing is; neither several things nor what is denied make a question."""
    text = "The usual ones are a bother. Not paid is the rest. The position limit is 8192 tokens."
    defined = source(2, text, title="Limits", language="en")
    question = "How long may a prompt be here?"
    assert follow_ups(answer(defined, question=question), (), asked=[]) == [
        "What is the position limit?"
    ]


def test_a_heading_in_two_languages_is_asked_for_in_chinese() -> None:
    """Chinese sentences take in foreign words; English ones with Chinese in them are odd."""
    both = source(2, "Lunch is at noon.", heading=("日常 Everyday life",), language="en")
    assert follow_ups(answer(both), (), asked=[]) == ["《员工手册》对“日常 Everyday life”怎么说？"]
