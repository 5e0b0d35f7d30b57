"""Questions to ask next, which the passages near an answer answer.

They are made of what these say themselves: a heading that asks, a row of a table, a
definition, a heading that names a subject. No model is asked, so they cost milliseconds; what
hides characters from the reader becomes no question, and each is short enough to be read
before it is asked.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from kb_qa import Answer
from kb_qa.condensing import Need, need
from kb_qa.language import detect_language
from kb_qa.lookalikes import seen
from kb_qa.sentences import sentence_spans
from kb_qa.store.records import Passage
from kb_qa.terms import question_terms, terms
from ui.messages import TEXTS, Texts
from ui.text_markup import rows_of

_MOST = 3
_ENOUGH = 2  # in the question's own language, for none in another to be added
_LONGEST = 100  # characters of a question
_LONGEST_CELL = 40
_FEWEST_TERMS = 3  # of a heading that asks but bears no question mark

_NUMBERING = re.compile(
    r"\A(?:[\d.]+[.、)\s]\s*|第[一二三四五六七八九十\d]+[章节步条部篇][：:、\s]*"
    r"|[（(]?[一二三四五六七八九十]+[)）、.]\s*|(?:chapter|section|part|step)\s+\d+[.:]?\s+)",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"[?？]\s*\Z|怎么|怎样|如何|什么|为何|哪[些里个种位儿]|多少|[吗呢]\Z|(能|会|要|可|有)[不没]\1?"
    r"|\A(?:what|how|why|which|who|whose|when|where|can|do|does|is|are|may|must|should)\b",
    re.IGNORECASE,
)
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
_DEFINITIONS = {
    "zh": re.compile(
        r"\A(?P<subject>(?![这那该其此它他她本但而并也又另如当只就还都不])[^，。、；：？！（）()“”《》\s是为]{2,14})"
        r"是(?=一[个种款套项位家部]|指|\d|[^，。；]{2,40}的[^，。；的]{1,12}[，。；])"
    ),
    "en": re.compile(
        r"\A(?P<subject>(?!(?:it|this|that|these|those|there|here|if|when|where|while|as|after"
        r"|before|because|what|who|which|how|he|she|they|we|you|i|but|and|or|so|one|note|not|no"
        r"|only|all)\b)[\w’'/-]+(?: [\w’'/-]+){0,4}) is (?=(?:an?|the|one|at most|at least) |\d)",
        re.IGNORECASE,
    ),
}


@dataclass(frozen=True)
class _Place:
    """A passage near the answer."""

    title: str
    heading: str
    text: str
    header: str
    language: str


def follow_ups(
    answer: Answer, neighbours: Sequence[Passage], *, asked: Collection[str]
) -> list[str]:
    """Up to three questions, the nearest first; none twice, and none that was asked.

    Those in the language of the question come first, and others only where these are few.

    Args:
        answer: what they follow.
        neighbours: passages that stand beside a cited one.
        asked: the questions of the conversation.
    """
    language = detect_language(answer.question)
    places = list(_near(answer, neighbours))
    known = {_plain(each) for each in asked}
    own = _fit((each for each in places if each.language == language), known)
    if len(own) >= _ENOUGH:
        return own
    return (own + _fit((each for each in places if each.language != language), known))[:_MOST]


def _fit(places: Iterable[_Place], known: set[str]) -> list[str]:
    """The first questions that can be asked and are not known; they are then."""
    questions: list[str] = []
    for place in places:
        if len(questions) == _MOST:
            break
        for question in _questions(place):
            if _plain(question) not in known and _can_be_asked(question):
                known.add(_plain(question))
                questions.append(question)
                break
    return questions


def _near(answer: Answer, neighbours: Sequence[Passage]) -> Iterator[_Place]:
    """The passages found and not cited and those beside a cited one, in turn, each section once."""
    cited = set() if answer.refused else {each.source.id for each in answer.citations}
    found = [
        _Place(
            each.title, _nearest(each.title, each.heading), each.text, each.context, each.language
        )
        for each in answer.sources
        if each.id not in cited
    ]
    beside = [
        _Place(
            each.title,
            _nearest(each.title, each.chunk.heading),
            each.chunk.text,
            each.chunk.context,
            each.language,
        )
        for each in neighbours
    ]
    sections = {
        (each.source.title, _nearest(each.source.title, each.source.heading))
        for each in answer.citations
        if not answer.refused
    }
    for number in range(max(len(found), len(beside))):
        for place in (*beside[number : number + 1], *found[number : number + 1]):
            section = place.title, place.heading
            if not place.heading or section not in sections:
                sections.add(section)
                yield place


def _nearest(title: str, headings: Sequence[str]) -> str:
    """The innermost heading, without its number; empty if it only says the title again."""
    heading = _NUMBERING.sub("", headings[-1]).strip() if headings else ""
    return "" if _plain(heading) == _plain(title) else heading


def _questions(place: _Place) -> Iterator[str]:
    if _ASKS.search(place.heading):
        is_whole = place.heading.endswith(("?", "？"))
        if is_whole or len(terms(place.heading)) >= _FEWEST_TERMS:
            mark = _texts(place.heading).question_mark
            yield f"{place.heading.rstrip('?？ ')}{mark}"
        return
    yield from _of_table(place)
    yield from _of_definitions(place)
    if place.heading:
        texts = _texts(f"{place.title} {place.heading}")
        yield texts.ask_topic.format(title=place.title, topic=place.heading)


def _of_table(place: _Place) -> Iterator[str]:
    """What the first telling column says of the first row that has a name."""
    for names, cells in rows_of(place.text, header=place.header):
        if len(names) != len(cells) or not cells[0] or cells[0][0].isdigit():
            continue
        for column, cell in zip(names[1:], cells[1:], strict=True):
            if column and cell and max(map(len, (cells[0], column))) <= _LONGEST_CELL:
                texts = _texts(cells[0] + column)
                yield texts.ask_cell.format(row=cells[0], column=column)
                return


def _of_definitions(place: _Place) -> Iterator[str]:
    form = _DEFINITIONS.get(place.language)
    for start, end in sentence_spans(place.text):
        if form and (defined := form.match(place.text[start:end])):
            subject = _small(defined["subject"])
            yield _texts(subject).ask_definition.format(subject=subject)


def _texts(words: str) -> Texts:
    """The page's texts in the language of these words: Chinese takes in names in Latin letters."""
    return TEXTS["zh" if _HAN.search(words) else "en"]


def _small(words: str) -> str:
    """Words amid a sentence: without a capital, unless they are names by their look."""
    first, *others = words.split(" ")
    is_plain = first[1:].islower() and others and all(each.islower() for each in others)
    return words[0].lower() + words[1:] if is_plain else words


def _can_be_asked(question: str) -> bool:
    """Whether it stands by itself, and is all that its reader sees."""
    is_plain = "\n" not in question and seen(question) == question
    tells = bool(question_terms(question))
    return is_plain and tells and len(question) <= _LONGEST and need(question) is not Need.LEANS


def _plain(text: str) -> str:
    return " ".join(terms(text))
