"""Question sets in SQuAD's format as folders of articles, for the benchmarks."""

import json
import random
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.pipeline import ingest
from kb_qa import KnowledgeBase
from kb_qa.embeddings import PassageEmbeddings

_AROUND = 10  # characters on both sides of an answer that say which of its like it is
_SHINGLE = 16  # characters that two texts share by more than chance


@dataclass(frozen=True)
class Question:
    """A question, and what answers it.

    Attributes:
        text: the question.
        answers: the strings that answer it.
        file: of the article that holds them.
        place: the first answer with what stands around it, without white space.
    """

    text: str
    answers: tuple[str, ...]
    file: str
    place: str = ""

    def is_answered_in(self, text: str) -> bool:
        """Whether a part of the article holds the answer, or a piece of it."""
        bare = _bare(text)
        width = min(_SHINGLE, len(self.place))
        parts = range(len(self.place) - width + 1)
        return any(self.place[begin : begin + width] in bare for begin in parts)


@dataclass(frozen=True)
class QuestionSet:
    """Articles, one file each, and questions on them."""

    name: str
    articles: dict[str, str]
    questions: tuple[Question, ...]

    def write(self, folder: Path) -> None:
        """Write the articles as Markdown files."""
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in self.articles.items():
            (folder / file).write_text(text, encoding="utf-8")


def load(path: Path, *, questions: int, seed: int = 7) -> QuestionSet:
    """A set with a sample of its questions; all of them if there are fewer."""
    articles: dict[str, str] = {}
    found: list[Question] = []
    for number, article in enumerate(json.loads(path.read_text(encoding="utf-8"))["data"]):
        title = article.get("title") or f"article {number}"
        name = re.sub(r"[^\w-]+", "_", title)[:60]
        file = f"{number:04}-{name}.md"
        paragraphs = [paragraph["context"].strip() for paragraph in article["paragraphs"]]
        articles[file] = "\n\n".join((f"# {title}", *paragraphs)) + "\n"
        found += [
            Question(
                each["question"],
                tuple(answer["text"] for answer in each["answers"]),
                file,
                _place(paragraph["context"], **each["answers"][0]),
            )
            for paragraph in article["paragraphs"]
            for each in paragraph["qas"]
            if each["question"].strip()
        ]
    sample = random.Random(seed).sample(found, min(questions, len(found)))
    return QuestionSet(path.stem, articles, tuple(sample))


def made_of(questions: QuestionSet, kb: Path, embeddings: PassageEmbeddings) -> KnowledgeBase:
    """The knowledge base of a set's articles; made now if there is none."""
    knowledge_base = KnowledgeBase(kb, embeddings=embeddings)
    if not kb.exists():
        with tempfile.TemporaryDirectory() as documents:
            questions.write(Path(documents))
            ingest([Path(documents)], knowledge_base=knowledge_base)
    return knowledge_base


def _place(paragraph: str, *, text: str, answer_start: int, **_: Any) -> str:
    before, answer = _bare(paragraph[:answer_start]), _bare(text)
    begin = len(before)
    return _bare(paragraph)[max(0, begin - _AROUND) : begin + len(answer) + _AROUND]


def _bare(text: str) -> str:
    return "".join(text.split())
