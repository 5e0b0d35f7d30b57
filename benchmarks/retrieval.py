"""Is the answer in what is found, and in what is quoted? Ours beside a tutorial's pipeline.

    python -m benchmarks.retrieval FOLDER [--questions N]

FOLDER holds question sets in SQuAD's format (cmrc_trial.json, drcd_dev.json ...).
Every article is one file. The peer is langchain-community's FAISS over
RecursiveCharacterTextSplitter(500, 150), with the same embedder, in the same run.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from langchain_community.vectorstores import FAISS
from langchain_text_splitters import RecursiveCharacterTextSplitter

from benchmarks.question_sets import Question, QuestionSet, load
from ingest.pipeline import ingest
from kb_qa import KnowledgeBase, KnowledgeBaseQA, build_qa_chain, load_embeddings
from kb_qa.embeddings import PassageEmbeddings
from kb_qa.settings import Settings
from kb_qa.store.lexical import Lexical
from kb_qa.terms import question_terms

TOP = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="*", default=["cmrc_trial", "drcd_dev"])
    parser.add_argument("--questions", type=int, default=1000, help="asked of each set")
    options = parser.parse_args()
    embeddings = load_embeddings("bundled")
    print(f"| set | method | first | first {TOP} | quoted | characters quoted | ms a question |")
    print("|---|---|---|---|---|---|---|")
    for name in options.sets:
        questions = load(options.folder / f"{name}.json", questions=options.questions)
        with tempfile.TemporaryDirectory() as work:
            for row in _rows(questions, embeddings, Path(work)):
                print(row, flush=True)


def _rows(questions: QuestionSet, embeddings: PassageEmbeddings, work: Path) -> Iterator[str]:
    questions.write(work / "docs")
    knowledge_base = KnowledgeBase(work / "kb", embeddings=embeddings)
    ingest([work / "docs"], knowledge_base=knowledge_base)
    chain = build_qa_chain(
        kb=work / "kb", settings=Settings(floor=float("-inf")), embeddings=embeddings
    )
    retrievers: dict[str, Callable[[str], Sequence[str]]] = {
        "tutorial: FAISS, split 500/150": _tutorial(questions, embeddings),
        "dense alone": lambda question: _dense(knowledge_base, question),
        "words alone (BM25)": _words(knowledge_base),
        "hybrid": lambda question: [each.source.text for each in chain.search(question).citations],
    }
    for method, retrieve in retrievers.items():
        yield _row(questions, method, retrieve)
    yield _quoted(questions, chain)


def _row(questions: QuestionSet, method: str, retrieve: Callable[[str], Sequence[str]]) -> str:
    began = time.perf_counter()
    found = [(question, retrieve(question.text)) for question in questions.questions]
    seconds = time.perf_counter() - began
    first = _share(found, 1)
    top = _share(found, TOP)
    cost = 1000 * seconds / len(found)
    return f"| {questions.name} | {method} | {first:.3f} | {top:.3f} | | | {cost:.1f} |"


def _quoted(questions: QuestionSet, chain: KnowledgeBaseQA) -> str:
    began = time.perf_counter()
    found = [(each, [chain.invoke(each.text)["result"]]) for each in questions.questions]
    seconds = time.perf_counter() - began
    quoted, cost = _share(found, 1), 1000 * seconds / len(found)
    length = sum(len(texts[0]) for _, texts in found) / len(found)
    return f"| {questions.name} | hybrid, quoted | | | {quoted:.3f} | {length:.0f} | {cost:.1f} |"


def _share(found: Sequence[tuple[Question, Sequence[str]]], top: int) -> float:
    hits = sum(
        any(_plain(answer) in _plain(text) for text in texts[:top] for answer in question.answers)
        for question, texts in found
    )
    return hits / len(found)


def _plain(text: str) -> str:
    """White space is layout: a splitter may have kept or lost a line end."""
    return "".join(text.split())


def _dense(knowledge_base: KnowledgeBase, question: str) -> list[str]:
    found = knowledge_base.candidates(question, limit=50)
    found.sort(key=lambda each: each.cosine, reverse=True)
    return [each.passage.chunk.text for each in found[:TOP]]


def _words(knowledge_base: KnowledgeBase) -> Callable[[str], list[str]]:
    with knowledge_base.read() as snapshot:
        lexical = Lexical.load(knowledge_base.folder, lineage=snapshot.lineage)

    def retrieve(question: str) -> list[str]:
        found = lexical.search(question_terms(question), limit=TOP)
        with knowledge_base.read() as snapshot:
            passages = snapshot.passages(found)
        return [passages[key].chunk.text for key in found]

    return retrieve


def _tutorial(questions: QuestionSet, embeddings: PassageEmbeddings) -> Callable[[str], list[str]]:
    splitter = RecursiveCharacterTextSplitter(chunk_size=500, chunk_overlap=150)
    texts = [part for text in questions.articles.values() for part in splitter.split_text(text)]
    store = FAISS.from_texts(texts, embeddings)
    return lambda question: [each.page_content for each in store.similarity_search(question, k=TOP)]


if __name__ == "__main__":
    main()
