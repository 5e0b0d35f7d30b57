"""Do follow-ups find what they mean, and are other questions left alone?

    python -m benchmarks.follow_ups FOLDER --bases BASES

FOLDER holds the question sets (cmrc_trial.json ...), BASES the knowledge bases made of them
under the same names, one file an article. What is asked stands in data/follow_ups.jsonl: the
follow-ups are our own words; the question before each, and those that change the subject, are
named by their ids. Found is a passage of the right article that holds the answer. Nothing
is refused: of what is searched for in turn, only the first is counted.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kb_qa import KnowledgeBaseQA, build_qa_chain
from kb_qa.condensing import searches
from kb_qa.prompts import Turn

_ASKED = Path(__file__).parent / "data" / "follow_ups.jsonl"
_TOP = 5

Way = Callable[[str, list[Turn]], str]


@dataclass(frozen=True)
class Asked:
    """A question after another, and what answers it."""

    name: str
    half: str
    kind: str
    before: Turn
    question: str
    answers: tuple[str, ...]
    article: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bases", type=Path, required=True)
    options = parser.parse_args()
    asked = _load(options.folder)
    chains = {
        name: build_qa_chain(kb=options.bases / name) for name in sorted({a.name for a in asked})
    }
    print(f"| questions | half | number | way | first | first {_TOP} |")
    print("|---|---|---|---|---|---|")
    for kind in ("follow-ups", "on another subject"):
        for half in ("tuned", "held back"):
            some = [each for each in asked if (each.kind, each.half) == (kind, half)]
            for way, phrase in _WAYS.items():
                places = [_place(chains[each.name], each, phrase) for each in some]
                first, top = (_share(places, most) for most in (1, _TOP))
                row = (kind, half, len(some), way, f"{first:.3f}", f"{top:.3f}")
                print(f"| {' | '.join(map(str, row))} |", flush=True)


def _as_asked(question: str, _history: list[Turn]) -> str:
    return question


def _always(question: str, history: list[Turn]) -> str:
    return f"{history[-1][0]} {question}"


def _carried(question: str, history: list[Turn]) -> str:
    return searches(question, history)[0]


_WAYS: dict[str, Way] = {
    "as asked": _as_asked,
    "always together": _always,
    "carried": _carried,
}


def _place(chain: KnowledgeBaseQA, asked: Asked, phrase: Way) -> int:
    """The rank of the first of the article's passages with an answer, from 1; 0 where none is."""
    found = chain.search(phrase(asked.question, [asked.before])).sources
    ranks = [
        n
        for n, each in enumerate(found, 1)
        if Path(each.source).name.startswith(f"{asked.article:04}-")
        and any(answer in each.text for answer in asked.answers)
    ]
    return min(ranks, default=0)


def _share(places: Sequence[int], most: int) -> float:
    return sum(1 <= place <= most for place in places) / len(places)


def _load(folder: Path) -> list[Asked]:
    rows = [json.loads(line) for line in _ASKED.read_text(encoding="utf-8").splitlines()]
    known = {name: _questions(folder / f"{name}.json") for name in {row["set"] for row in rows}}
    found = []
    for row in rows:
        before, before_answers, _ = known[row["set"]][row["after"]]
        question, answers, article = known[row["set"]][row["answered_like"]]
        kind = "follow-ups" if row["question"] else "on another subject"
        turn = (before, before_answers[0])
        words = row["question"] or question
        found.append(Asked(row["set"], row["half"], kind, turn, words, answers, article))
    return found


def _questions(path: Path) -> dict[str, tuple[str, tuple[str, ...], int]]:
    return {
        str(each["id"]): (each["question"], tuple(a["text"] for a in each["answers"]), number)
        for number, article in enumerate(json.loads(path.read_text(encoding="utf-8"))["data"])
        for paragraph in article["paragraphs"]
        for each in paragraph["qas"]
    }


if __name__ == "__main__":
    main()
