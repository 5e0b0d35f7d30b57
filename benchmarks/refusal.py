"""Are questions refused whose article was left out, and answered where it was not?

    python -m benchmarks.refusal FOLDER [--questions N]

FOLDER holds question sets in SQuAD's format. Each question is asked twice: of
all articles, and of all but the one that answers it (its neighbours on other
subjects stay). A refusal of the first kind is false, of the second true.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.question_sets import QuestionSet, load
from ingest.pipeline import ingest
from kb_qa import HybridRetriever, KnowledgeBase, load_embeddings
from kb_qa.embeddings import PassageEmbeddings
from kb_qa.evidence import Weigher
from kb_qa.settings import Settings

FLOORS = tuple(np.arange(0.14, 0.361, 0.02))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--sets", nargs="*", default=["cmrc_trial", "drcd_dev", "xquad_de", "xquad_es"]
    )
    parser.add_argument("--questions", type=int, default=400, help="asked of each set")
    options = parser.parse_args()
    embeddings = load_embeddings("bundled")
    print("| set | floor at 5 % false refusals | true refusals there |", end="")
    print("".join(f" {floor:.2f} |" for floor in FLOORS))
    print("|---" * (3 + len(FLOORS)) + "|")
    for name in options.sets:
        questions = load(options.folder / f"{name}.json", questions=options.questions)
        with tempfile.TemporaryDirectory() as work:
            print(_row(questions, *_evidence(questions, embeddings, Path(work))), flush=True)
    print("\nUnder each floor: false refusals / true refusals.")
    print(f"The floor in force is {Settings().floor}.")


def _evidence(
    questions: QuestionSet, embeddings: PassageEmbeddings, work: Path
) -> tuple[list[float], list[float]]:
    """The evidence for each question with its article, and without."""
    questions.write(work / "docs")
    knowledge_base = KnowledgeBase(work / "kb", embeddings=embeddings)
    ingest([work / "docs"], knowledge_base=knowledge_base)
    retriever = HybridRetriever(knowledge_base=knowledge_base)
    weigher = Weigher(knowledge_base)
    answered, left_out = [], []
    for question in questions.questions:
        candidates = knowledge_base.candidates(question.text, limit=50)
        others = [each for each in candidates if Path(each.passage.paths[0]).name != question.file]
        for found, scores in ((candidates, answered), (others, left_out)):
            ranked = retriever.rank(found, question=question.text)
            scores.append(weigher.weigh(question.text, ranked).score)
    return answered, left_out


def _row(questions: QuestionSet, answered: Sequence[float], left_out: Sequence[float]) -> str:
    here, gone = np.array(answered), np.array(left_out)
    floor = float(np.quantile(here, 0.05))
    cells = "".join(f" {np.mean(here < f):.3f} / {np.mean(gone < f):.3f} |" for f in FLOORS)
    return f"| {questions.name} | {floor:.3f} | {np.mean(gone < floor):.3f} |{cells}"


if __name__ == "__main__":
    main()
