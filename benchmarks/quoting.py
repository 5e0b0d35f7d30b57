"""How often the quoted sentences hold the answer, with a whole set indexed.

    python -m benchmarks.quoting FOLDER [--bases BASES] [--sets cmrc_trial ...] [--questions N]

FOLDER holds question sets in SQuAD's format. BASES holds a knowledge base of each set, under
the set's name; where it holds none, one is made there first. An answer counts if one of its
wordings stands in what is quoted, marks, case and width aside.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.question_sets import QuestionSet, load, made_of
from kb_qa import KnowledgeBaseQA, build_qa_chain, load_embeddings, load_settings
from kb_qa.evaluation.metrics import contains

SETS = ("cmrc_trial", "drcd_dev", "xquad_de", "xquad_es")
_ALL = 10**9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bases", type=Path)
    parser.add_argument("--sets", nargs="*", default=SETS)
    parser.add_argument("--questions", type=int, default=_ALL)
    options = parser.parse_args()
    print("| set | questions | quoted | refused | right passage first | characters | p50 | p95 |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as made:
        for name in options.sets:
            questions = load(options.folder / f"{name}.json", questions=options.questions)
            bases = options.bases or Path(made)
            print(_row(questions, _chain(questions, bases / name)), flush=True)


def _chain(questions: QuestionSet, kb: Path) -> KnowledgeBaseQA:
    embeddings = load_embeddings("bundled")
    made_of(questions, kb, embeddings)
    return build_qa_chain(kb=kb, settings=load_settings(llm="quote"), embeddings=embeddings)


def _row(questions: QuestionSet, chain: KnowledgeBaseQA) -> str:
    held, refused, first, lengths, times = [], [], [], [], []
    for each in questions.questions:
        began = time.perf_counter()
        answer = chain.invoke({"query": each.text})["answer"]
        times.append(time.perf_counter() - began)
        quoted = " ".join(citation.text for citation in answer.citations)
        held.append(0.0 if answer.refused else contains(quoted, each.answers))
        refused.append(answer.refused)
        first.append(bool(answer.sources) and contains(answer.sources[0].text, each.answers))
        lengths.append(len(quoted))
    low, high = np.percentile(times, [50, 95])
    return (
        f"| {questions.name} | {len(held)} | {np.mean(held):.3f} | {np.mean(refused):.3f} | "
        f"{np.mean(first):.3f} | {np.mean(lengths):.0f} | {low:.2f} s | {high:.2f} s |"
    )


if __name__ == "__main__":
    main()
