"""Does a question find its passage in another language, among passages in its own?

    python -m benchmarks.cross_lingual

What is asked stands in data/cross_lingual.jsonl, in our own words: manuals and policies. Half of
the questions are Chinese with their answer in an English passage, half are English with theirs in
a Chinese one; beside each stands a passage in the question's language, near its subject, without
the answer. All are one knowledge base, a file each. Without centring a passage's cosine counts as
it is, with it beside those of its language (decision 2). Refused is what does not reach the floor
in force, though the passage that answers is there.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.pipeline import ingest
from kb_qa import (
    HybridRetriever,
    KnowledgeBase,
    KnowledgeBaseQA,
    build_qa_chain,
    load_embeddings,
)
from kb_qa.settings import Settings
from kb_qa.store.calibration import DEFAULT_FLOOR
from kb_qa.store.records import Candidate

_PAIRS = Path(__file__).parent / "data" / "cross_lingual.jsonl"
_TOP = 5
_OTHER = {"zh": "en", "en": "zh"}


@dataclass(frozen=True)
class Asked:
    """A question, the language it is asked in, and the file that answers it."""

    text: str
    language: str
    file: str


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    settings = Settings(llm="quote")
    embeddings = load_embeddings("bundled")
    with tempfile.TemporaryDirectory() as work:
        asked = _write(Path(work) / "docs")
        knowledge_base = KnowledgeBase(Path(work) / "kb", embeddings=embeddings)
        ingest([Path(work) / "docs"], knowledge_base=knowledge_base)
        chain = build_qa_chain(kb=Path(work) / "kb", settings=settings, embeddings=embeddings)
        print(f"| asked in | answered in | number | way | first | first {_TOP} | refused |")
        print("|---|---|---|---|---|---|---|")
        for language, other in _OTHER.items():
            some = [each for each in asked if each.language == language]
            refused = sum(_is_refused(chain, each) for each in some) / len(some)
            found = [knowledge_base.candidates(each.text, limit=50) for each in some]
            for way, rank in _ways(knowledge_base, settings).items():
                places = [
                    _place(each, rank(each.text, candidates))
                    for each, candidates in zip(some, found, strict=True)
                ]
                shares = [sum(place <= most for place in places) / len(some) for most in (1, _TOP)]
                row = [language, other, len(some), way, *(f"{share:.3f}" for share in shares)]
                told = f"{refused:.3f}" if way == _IN_FORCE else ""
                print(f"| {' | '.join(map(str, row))} | {told} |", flush=True)
    print(f"\nThe floor in force is {DEFAULT_FLOOR}.")


_IN_FORCE = "as it is: words missed for another language count a fifth"

Rank = Callable[[str, Sequence[Candidate]], list[str]]
"""A question and its candidates into the paths of their files, the best first."""


def _ways(knowledge_base: KnowledgeBase, settings: Settings) -> dict[str, Rank]:
    weight = settings.mass_weight
    retriever = HybridRetriever(knowledge_base=knowledge_base, mass_weight=weight)
    return {
        "meaning alone": _by(lambda each: each.cosine),
        "meaning alone, centred": _by(lambda each: each.centred),
        "with the words": _by(lambda each: each.cosine + weight * each.mass),
        "with the words, centred": _by(lambda each: each.centred + weight * each.mass),
        _IN_FORCE: lambda question, candidates: [
            each.source
            for each in retriever.rank(candidates, question=question, passages=len(candidates))
        ],
    }


def _by(score: Callable[[Candidate], float]) -> Rank:
    return lambda _, candidates: [
        each.passage.paths[0] for each in sorted(candidates, key=score, reverse=True)
    ]


def _write(folder: Path) -> list[Asked]:
    """Every passage as a Markdown file; the questions."""
    folder.mkdir(parents=True)
    asked = []
    for number, line in enumerate(_PAIRS.read_text(encoding="utf-8").splitlines()):
        pair = json.loads(line)
        for name, each in (("answer", pair), ("beside", pair["beside"])):
            text = f"# {each['title']}\n\n{each['passage']}\n"
            (folder / f"{number:02}-{name}.md").write_text(text, encoding="utf-8")
        asked.append(Asked(pair["question"], pair["asked_in"], f"{number:02}-answer.md"))
    return asked


def _place(asked: Asked, paths: Sequence[str]) -> int:
    """The rank of the passage that answers, from 1; far beyond the last if it is not found."""
    files = [Path(each).name for each in paths]
    return files.index(asked.file) + 1 if asked.file in files else 10**9


def _is_refused(chain: KnowledgeBaseQA, asked: Asked) -> bool:
    return bool(chain.invoke({"query": asked.text})["answer"].refused)


if __name__ == "__main__":
    main()
