"""Is the answer in what is found, and in what is quoted? Ours beside a tutorial's pipeline.

    python -m benchmarks.retrieval FOLDER [--bases BASES] [--questions N] [--methods NAME ...]

FOLDER holds question sets in SQuAD's format (cmrc_trial.json, drcd_dev.json ...). Every article
is one file. BASES holds a knowledge base of each set, under the set's name; where it holds none,
one is made there first. The tutorial is langchain-community's FAISS over
RecursiveCharacterTextSplitter(500, 150), with the same embedder, in the same run. Where
KB_QA_RERANKER names a model, there is a row of what it finds, and costs.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from langchain_community.vectorstores import FAISS
from langchain_text_splitters import RecursiveCharacterTextSplitter

from benchmarks.question_sets import Question, QuestionSet, load, made_of
from kb_qa import HybridRetriever, KnowledgeBase, build_qa_chain, load_embeddings, load_settings
from kb_qa.simplified import simplified
from kb_qa.store.lexical import Lexical
from kb_qa.terms import question_terms

TOP = 5

Retrieve = Callable[[str], Sequence[str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bases", type=Path)
    parser.add_argument("--sets", nargs="*", default=["cmrc_trial", "drcd_dev"])
    parser.add_argument("--questions", type=int, default=1000, help="asked of each set")
    parser.add_argument("--methods", nargs="*", choices=_METHODS, default=list(_METHODS))
    options = parser.parse_args()
    embeddings = load_embeddings("bundled")
    print(f"| set | method | first | first {TOP} | characters | ms a question |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as made:
        for name in options.sets:
            questions = load(options.folder / f"{name}.json", questions=options.questions)
            kb = made_of(questions, (options.bases or Path(made)) / name, embeddings)
            for method in options.methods:
                if retrieve := _METHODS[method](questions, kb):
                    print(_row(questions, method, retrieve), flush=True)


def _row(questions: QuestionSet, method: str, retrieve: Retrieve) -> str:
    retrieve(questions.questions[0].text)  # what is loaded once is no question's cost
    began = time.perf_counter()
    found = [(question, retrieve(question.text)) for question in questions.questions]
    cost = 1000 * (time.perf_counter() - began) / len(found)
    first, top = _share(found, 1), _share(found, TOP)
    length = sum(len(text) for _, texts in found for text in texts) / len(found)
    cells = (questions.name, method, f"{first:.3f}", f"{top:.3f}", f"{length:.0f}", f"{cost:.1f}")
    return f"| {' | '.join(cells)} |"


def _share(found: Sequence[tuple[Question, Sequence[str]]], top: int) -> float:
    hits = sum(
        any(_plain(answer) in _plain(text) for text in texts[:top] for answer in question.answers)
        for question, texts in found
    )
    return hits / len(found)


def _plain(text: str) -> str:
    """White space is layout: a splitter may have kept or lost a line end."""
    return "".join(text.split())


def _tutorial(questions: QuestionSet, kb: KnowledgeBase) -> Retrieve:
    splitter = RecursiveCharacterTextSplitter(chunk_size=500, chunk_overlap=150)
    texts = [part for text in questions.articles.values() for part in splitter.split_text(text)]
    store = FAISS.from_texts(texts, kb.embeddings)
    return lambda question: [each.page_content for each in store.similarity_search(question, k=TOP)]


def _dense(_: QuestionSet, kb: KnowledgeBase) -> Retrieve:
    def retrieve(question: str) -> list[str]:
        found = kb.candidates(question, limit=50)
        found.sort(key=lambda each: each.cosine, reverse=True)
        return [each.passage.chunk.text for each in found[:TOP]]

    return retrieve


def _words(_: QuestionSet, kb: KnowledgeBase) -> Retrieve:
    with kb.read() as snapshot:
        lexical = Lexical.load(kb.folder, snapshot).refreshed(snapshot, kb.folder)

    def retrieve(question: str) -> list[str]:
        found = lexical.search(question_terms(question), limit=TOP)
        with kb.read() as snapshot:
            passages = snapshot.passages(found)
        return [passages[key].chunk.text for key in found]

    return retrieve


def _apart(_: QuestionSet, kb: KnowledgeBase) -> Retrieve:
    retriever = HybridRetriever(knowledge_base=kb)

    def retrieve(question: str) -> list[str]:
        ranked = retriever.rank(kb.candidates(question, limit=50), question=question)
        return [each.text for each in ranked]

    return retrieve


def _hybrid(_: QuestionSet, kb: KnowledgeBase) -> Retrieve:
    retriever = HybridRetriever(knowledge_base=kb)
    return lambda question: [each.page_content for each in retriever.invoke(question)]


def _in_simplified(questions: QuestionSet, kb: KnowledgeBase) -> Retrieve | None:
    """For a set of which some questions are written in traditional characters."""
    hybrid = _hybrid(questions, kb)
    if all(simplified(each.text) == each.text for each in questions.questions):
        return None
    return lambda question: hybrid(simplified(question))


def _reranked(_: QuestionSet, kb: KnowledgeBase) -> Retrieve | None:
    settings = load_settings(llm="quote", kb=kb.folder)
    if not settings.reranker:
        return None
    chain = build_qa_chain(settings=settings, embeddings=kb.embeddings)
    return lambda question: [each.text for each in chain.search(question).sources]


def _quoted(_: QuestionSet, kb: KnowledgeBase) -> Retrieve:
    settings = load_settings(llm="quote", kb=kb.folder, floor=float("-inf"))
    chain = build_qa_chain(settings=settings, embeddings=kb.embeddings)
    return lambda question: [chain.invoke({"query": question})["result"]]


_METHODS: Mapping[str, Callable[[QuestionSet, KnowledgeBase], Retrieve | None]] = {
    "tutorial": _tutorial,
    "dense": _dense,
    "words": _words,
    "apart": _apart,
    "hybrid": _hybrid,
    "simplified": _in_simplified,
    "reranked": _reranked,
    "quoted": _quoted,
}
"""Their FAISS; our dense side; our words; both with neighbours left apart, and joined; asked in
simplified characters; reranked; and the two sentences that are quoted."""


if __name__ == "__main__":
    main()
