"""Are questions refused whose answer was left out, and answered where it was not?

    python -m benchmarks.refusal FOLDER [--bases BASES] [--questions N]

FOLDER holds question sets in SQuAD's format. Each question is asked three times: of all
passages; of all but those that hold its answer, their neighbours on the same subject left
where they are; and of all articles but its own. A refusal of the first kind is false, one of
the others true. BASES holds a knowledge base of each set, under the set's name; where it
holds none, one is made there first.
"""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.question_sets import QuestionSet, load, made_of
from kb_qa import HybridRetriever, KnowledgeBase, load_embeddings
from kb_qa.calibrating import calibrate
from kb_qa.evidence import Weigher
from kb_qa.settings import Settings
from kb_qa.store.calibration import DEFAULT_FLOOR

FLOORS = tuple(np.arange(0.31, 0.471, 0.02))


@dataclass(frozen=True)
class Strengths:
    """How strong the evidence was, question by question."""

    whole: NDArray[np.float64]
    without_passage: NDArray[np.float64]
    without_article: NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bases", type=Path)
    parser.add_argument(
        "--sets", nargs="*", default=["cmrc_trial", "drcd_dev", "xquad_de", "xquad_es"]
    )
    parser.add_argument("--questions", type=int, default=400, help="asked of each set")
    options = parser.parse_args()
    embeddings = load_embeddings("bundled")
    print("| set | floor at 5 % false refusals | true there: passage, article out |", end="")
    print(" calibrated floor | there |" + "".join(f" {floor:.2f} |" for floor in FLOORS))
    print("|---" * (5 + len(FLOORS)) + "|")
    with tempfile.TemporaryDirectory() as made:
        for name in options.sets:
            questions = load(options.folder / f"{name}.json", questions=options.questions)
            kb = (options.bases or Path(made)) / name
            strengths = _strengths(questions, made_of(questions, kb, embeddings))
            calibrated = calibrate(Settings(kb=kb, embeddings="bundled")).floor
            print(_row(name, strengths, calibrated), flush=True)
    print("\nUnder each floor: false refusals / true ones, passage out / true ones, article out.")
    print(f"The floor in force is {DEFAULT_FLOOR}, unless another was calibrated.")


def _strengths(questions: QuestionSet, knowledge_base: KnowledgeBase) -> Strengths:
    retriever = HybridRetriever(knowledge_base=knowledge_base)
    weigher = Weigher(knowledge_base)
    rows = []
    for question in questions.questions:
        found = knowledge_base.candidates(question.text, limit=50)
        elsewhere = [each for each in found if Path(each.passage.paths[0]).name != question.file]
        beside = [
            each
            for each in found
            if each in elsewhere or not question.is_answered_in(each.passage.chunk.text)
        ]
        ranked = [
            retriever.rank(each, question=question.text) for each in (found, beside, elsewhere)
        ]
        rows.append([weigher.weigh(question.text, sources).score for sources in ranked])
    return Strengths(*np.array(rows).T)


def _row(name: str, strengths: Strengths, calibrated: float) -> str:
    floor = float(np.quantile(strengths.whole, 0.05))
    cells = "".join(f" {_cell(strengths, each, ' / ')} |" for each in FLOORS)
    at = _cell(strengths, floor, ", ").partition(", ")[2]
    there = _cell(strengths, calibrated, " / ")
    return f"| {name} | {floor:.3f} | {at} | {calibrated:.3f} | {there} |{cells}"


def _cell(strengths: Strengths, floor: float, between: str) -> str:
    kinds = (strengths.whole, strengths.without_passage, strengths.without_article)
    return between.join(f"{np.mean(kind < floor):.3f}" for kind in kinds)


if __name__ == "__main__":
    main()
