"""How much of a follow-up's prompt an engine with a prefix cache knows from the one before.

Over the sample documents, for three orders of the passages: `python -m benchmarks.prompt_order`.
"""

import tempfile
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path

from ingest.pipeline import ingest
from kb_qa.answer import Source
from kb_qa.chain import build_qa_chain
from kb_qa.embeddings import load_embeddings
from kb_qa.prompts import answer_prompt, by_document
from kb_qa.settings import Settings
from kb_qa.store.knowledge_base import KnowledgeBase

DOCUMENTS = Path(__file__).parents[1] / "data" / "docs"

PAIRS = (
    ("入职满一年的员工有几天年假？", "未用完的年假可以顺延吗？"),
    ("年假可以分次使用吗？", "入职满一年的员工有几天年假？"),
    ("How many days of annual leave do I have?", "Can unused annual leave be carried over?"),
    ("恒温槽的保修期是多久？", "恒温槽怎么清洗？"),
    ("恒温槽的保修期是多久？", "恒温槽的保修期从哪天算起？"),
    ("What may a hotel cost?", "What may a hotel cost per night in Beijing?"),
    ("报销需要什么材料？", "报销什么时候截止？"),
    ("How do I claim expenses?", "When are expenses due?"),
    ("What is the warranty period?", "How is the bath cleaned?"),
    ("远程办公有什么规定？", "试用期可以远程办公吗？"),
    ("How long is the probation period?", "Can I work from home on probation?"),
    ("住宿标准是多少？", "北京的住宿标准是多少？"),
)


def by_score(sources: Sequence[Source]) -> list[Source]:
    return list(sources)


def by_place(sources: Sequence[Source]) -> list[Source]:
    return sorted(sources, key=lambda each: (each.source, each.start))


ORDERS: tuple[Callable[[Sequence[Source]], list[Source]], ...] = (by_score, by_place, by_document)


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        kb = KnowledgeBase(Path(folder) / "kb", embeddings=load_embeddings("bundled"))
        ingest([DOCUMENTS], knowledge_base=kb)
        chain = build_qa_chain(
            kb=kb.folder, settings=Settings(llm="quote"), embeddings=kb.embeddings
        )
        found = {each: chain.search(each).sources for pair in PAIRS for each in pair}
    print("| follow-up |", " | ".join(order.__name__ for order in ORDERS), "|")
    print("|---|" + "---|" * len(ORDERS))
    rows = [[shared(pair, found, order) for order in ORDERS] for pair in PAIRS]
    for (_, question), row in zip(PAIRS, rows, strict=True):
        print(f"| {question} |", " | ".join(f"{share:.2f}" for share in row), "|")
    means = (sum(column) / len(column) for column in zip(*rows, strict=True))
    print("| mean |", " | ".join(f"{mean:.2f}" for mean in means), "|")


def shared(
    pair: tuple[str, str],
    found: dict[str, tuple[Source, ...]],
    order: Callable[[Sequence[Source]], list[Source]],
) -> float:
    first, second = (answer_prompt(each, order(found[each])) for each in pair)
    same = takewhile(lambda both: both[0] == both[1], zip(first, second, strict=False))
    return sum(1 for _ in same) / len(second)


if __name__ == "__main__":
    main()
