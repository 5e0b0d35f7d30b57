"""Questions drafted from a knowledge base's own sentences, for a person to keep or throw away.

A sentence with a number, a date or a definition is turned into a question that it answers.
The wording is the sentence's own, which a person's would not be: drafts show whether
passages are found, and how strong evidence is, better than they show how people ask.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kb_qa.sentences import sentence_spans
from kb_qa.store.base import Snapshot
from kb_qa.store.records import Passage
from kb_qa.tables import is_row
from kb_qa.terms import terms

_SHORTEST, _LONGEST = 12, 110  # characters of a sentence
_OF_A_DOCUMENT = 3  # drafts at most, before others have had their turn
_MOST_DOCUMENTS = 400  # looked at; more would take minutes and change nothing


@dataclass(frozen=True)
class Draft:
    """A question that a sentence of a document answers.

    Attributes:
        question: in the language of the passage.
        answer: the words that were asked for.
        source: path of the document.
        page: that the passage begins on; None where there are none.
        passage: the passage that holds the sentence.
    """

    question: str
    answer: str
    source: str
    page: int | None
    passage: Passage

    def to_json(self) -> dict[str, Any]:
        """A golden question, marked as a draft."""
        values: dict[str, Any] = {
            "question": self.question,
            "answer": self.answer,
            "source": self.source,
        }
        if self.page is not None:
            values["page"] = self.page
        return {**values, "draft": True}


@dataclass(frozen=True)
class _Form:
    """How a sentence becomes a question.

    Attributes:
        pattern: what it must hold; its group `answer` is what is asked for.
        question: what takes the place of `answer`, or all of the sentence where it holds
            `{subject}`.
    """

    pattern: re.Pattern[str]
    question: str


_NUMERALS = "一二三四五六七八九十百千万亿两"
_MEASURES = "年月日天个名位人次座家种岁条项台部集届卷米公里千克吨元美元平方公里小时分钟秒倍层页级度"
_CHINESE = (
    _Form(re.compile(r"(?P<answer>\d{4}年(?:\d{1,2}月(?:\d{1,2}日)?)?)"), "哪一年"),
    _Form(
        re.compile(
            rf"(?<![{_NUMERALS}\d.,-])(?P<answer>\d[\d,.]*|[{_NUMERALS}]{{2,8}})(?=[{_MEASURES}])"
        ),
        "多少",
    ),
    _Form(
        re.compile(
            r"\A(?P<subject>[^，。、；：（(]{2,16}?)(?:是|为)(?P<answer>[^，。；]{3,40})[，。；]"
        ),
        "{subject}是什么？",
    ),
)
_LATIN = (
    _Form(re.compile(r"\b(?P<answer>(?:1[0-9]|20)\d\d)\b"), "____"),
    _Form(re.compile(r"(?<![\w.,])(?P<answer>\d+(?:[.,]\d+)*(?: ?%)?)(?![\w.,])"), "____"),
    _Form(re.compile(r"\b[a-zà-ÿ,]+ (?P<answer>(?:[A-ZÀ-Þ][\w’'-]+ ?){1,4})(?=[ ,.])"), "____"),
)
_FORMS = {"zh": _CHINESE}
_LEANING = re.compile(
    r"(?:这|那|该|其|此|它|他|她|本|同年|后来|因此|但|而|并|也|又|另|"
    r"(?:this|that|these|those|it|its|he|she|they|his|her|their|but|and|however|also|then)\b)",
    re.IGNORECASE,
)
_IN = {"zh": "《{title}》：{question}", "en": "In “{title}”: {question}"}
_IN_ANY = "{title}: {question}"


def draft(snapshot: Snapshot, count: int, *, seed: int = 0) -> list[Draft]:
    """Questions spread over the documents; the same for the same seed and state.

    Args:
        snapshot: what the knowledge base holds.
        count: how many, at most.
        seed: of the draw.
    """
    drawn = random.Random(seed)  # noqa: S311 -- a sample, no secret
    documents = sorted({each.document for each in snapshot.locations().values()})
    drawn.shuffle(documents)
    drafts: list[Draft] = []
    asked: set[str] = set()
    for document in documents[:_MOST_DOCUMENTS]:
        if len(drafts) >= count:
            break
        fair = max(1, min(_OF_A_DOCUMENT, -(-count // max(len(documents), 1))))
        for each in _of_document(snapshot.passages_of(document), drawn, fair):
            if each.question not in asked:
                asked.add(each.question)
                drafts.append(each)
    return drafts[:count]


def _of_document(passages: Sequence[Passage], drawn: random.Random, most: int) -> Iterator[Draft]:
    order = list(passages)
    drawn.shuffle(order)
    made = 0
    for passage in order:
        if made >= most:
            return
        if each := _of_passage(passage, drawn):
            made += 1
            yield each


def _of_passage(passage: Passage, drawn: random.Random) -> Draft | None:
    text = passage.chunk.text
    spans = list(sentence_spans(text))
    drawn.shuffle(spans)
    for start, end in spans:
        sentence = text[start:end].strip()
        if not _is_telling(sentence):
            continue
        for form in _FORMS.get(passage.language, _LATIN):
            match = form.pattern.search(sentence)
            question = _asked(passage, sentence, form, match) if match else ""
            if match and match["answer"].strip() not in question:
                return Draft(
                    question=question,
                    answer=match["answer"].strip(),
                    source=passage.paths[0] if passage.paths else passage.title,
                    page=passage.chunk.page,
                    passage=passage,
                )
    return None


def _is_telling(sentence: str) -> bool:
    """Whether it can be understood by itself, as far as its first word shows."""
    if not _SHORTEST <= len(sentence) <= _LONGEST or "\n" in sentence or is_row(sentence):
        return False
    return not _LEANING.match(sentence)


def _asked(passage: Passage, sentence: str, form: _Form, match: re.Match[str]) -> str:
    if "{subject}" in form.question:
        question = form.question.format(subject=match["subject"].strip())
    else:
        begin, end = match.span("answer")
        body = f"{sentence[:begin]}{form.question}{sentence[end:]}".strip().rstrip("。.;；！!")
        question = f"{body}？" if passage.language == "zh" else f"{body}?"
    if set(terms(passage.title)) & set(terms(question)):
        return question
    form_of_place = _IN.get(passage.language, _IN_ANY)
    return form_of_place.format(title=passage.title, question=question)
