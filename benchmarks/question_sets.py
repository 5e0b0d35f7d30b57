"""Question sets in SQuAD's format as folders of articles, for the benchmarks."""

import json
import random
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Question:
    """A question, the strings that answer it, and the file of the article that holds them."""

    text: str
    answers: tuple[str, ...]
    file: str


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
            Question(each["question"], tuple(a["text"] for a in each["answers"]), file)
            for paragraph in article["paragraphs"]
            for each in paragraph["qas"]
            if each["question"].strip()
        ]
    sample = random.Random(seed).sample(found, min(questions, len(found)))
    return QuestionSet(path.stem, articles, tuple(sample))
