"""Are planted errors found, and true sentences left alone?

    python -m benchmarks.verification FOLDER [--sets NAME ...] [--statements N] [--shown N]

FOLDER holds question sets in SQuAD's format, and PubMedQA's labelled part. A statement is a
sentence of a passage that a question finds, together with four other passages, and cites that
passage. It is held against the five as it is, said otherwise, and with one thing made wrong.
PubMedQA's conclusions are what the authors themselves wrote of the passages.
Nothing is planted with a look at the other passages: a wrong number may stand in one of them.
"""

import argparse
import json
import random
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.question_sets import Question, QuestionSet, load
from ingest.pipeline import ingest
from kb_qa import HybridRetriever, KnowledgeBase, load_embeddings
from kb_qa.answer import Source
from kb_qa.embeddings import PassageEmbeddings
from kb_qa.sentences import sentence_spans
from kb_qa.verification import Verifier

_SETS = ("cmrc_trial", "drcd_dev", "xquad_de", "xquad_es", "pubmedqa_pqal")
_ARTICLES = 40  # of a set, in one knowledge base
_LEAST, _MOST = 15, 400  # characters of a statement

_WHO = re.compile(
    r"[谁誰]|何人|哪[个個]?(?:国家|國家|城市|[国國]|人|位)"
    r"|^(?:Wer|Wen|Wem|Quién|Quiénes|¿Quién|¿Quiénes)\b"
)
_NAME = re.compile(r"(?:[A-ZÀ-Þ][\w.'’-]+(?: [A-ZÀ-Þ][\w.'’-]+){0,3})|[\u4e00-\u9fff·]{2,8}")
_NUMBER = re.compile(r"(?<![A-Za-z_\d.,/-])(?:\d{1,3}(?![A-Za-z_\d.,/-])|\d{1,3}[.,]\d+(?![\d.,]))")
_YEAR = re.compile(r"(?<!\d)(?:1[5-9]|20)\d\d(?!\d)")
_SYNONYMS = {
    "认为": "觉得", "認為": "覺得", "因为": "由于", "因為": "由於", "但是": "不过",
    "并且": "而且", "位于": "坐落于", "位於": "坐落於", "开始": "起初", "非常": "十分",
    "著名": "知名", "建立": "设立", "成立": "创立", "使用": "采用", "包括": "包含", "大約": "約",
    "大约": "约", "許多": "很多", "许多": "很多", "目前": "现在", "其中": "当中", "由于": "因为",
    "主要": "首要", "获得": "取得", "獲得": "取得", " wurde ": " ward ",
    " viele ": " zahlreiche ", " auch ": " ebenfalls ", " jedoch ": " allerdings ",
    " sowie ": " und ", " während ": " wohingegen ", " etwa ": " ungefähr ",
    " muchos ": " numerosos ", " también ": " asimismo ", " pero ": " aunque ",
    " comenzó ": " empezó ", " además ": " encima ", " debido a ": " a causa de ",
    " gran ": " enorme ", " mayor ": " superior ",
}  # fmt: skip
_NEGATED = (
    (re.compile(r"(?<=[\u4e00-\u9fff])(?:是|在|会|會|能|可以)(?=[\u4e00-\u9fff])"), "不{}"),
    (re.compile(r"(?<=[\u4e00-\u9fff])有(?=[\u4e00-\u9fff])"), "没{}"),
    (re.compile(r" (?:ist|war|wurde|hat|sind|waren|wurden|kann) "), "{}nicht "),
    (re.compile(r" (?:es|fue|era|son|fueron|está|tiene|puede) "), " no{}"),
    (re.compile(r" (?:is|was|were|are|can|has) "), "{}not "),
)


@dataclass(frozen=True)
class Statement:
    """A sentence of a passage, among the passages that a question found.

    Attributes:
        text: the sentence, without a citation.
        n: the number of its passage.
        sources: the passages.
    """

    text: str
    n: int
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Case:
    """A statement as it is given to the verifier.

    Attributes:
        kind: what was done to it.
        text: with its citation.
        statement: what it was made of.
        found: from what the verifier says, whether it was right.
    """

    kind: str
    text: str
    statement: Statement
    found: Callable[[bool, tuple[int, ...]], bool]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="*", default=list(_SETS))
    parser.add_argument("--statements", type=int, default=60, help="of each set")
    parser.add_argument("--shown", type=int, default=0, help="mistakes shown of each kind and set")
    options = parser.parse_args()
    embeddings = load_embeddings("bundled")
    table: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for name in options.sets:
        with tempfile.TemporaryDirectory() as work:
            mistakes: dict[str, int] = defaultdict(int)
            knowledge_base, cases = _prepared(name, options, embeddings, Path(work))
            verifier = Verifier(knowledge_base)
            for case in cases:
                checked = verifier.verify(case.text, case.statement.sources)
                supported = all(claim.supported for claim in checked.claims)
                cited = tuple(n for claim in checked.claims for n in claim.citations)
                right = case.found(supported, cited)
                table[case.kind][name].append(right)
                if not right and mistakes[case.kind] < options.shown:
                    mistakes[case.kind] += 1
                    print(f"  {name} {case.kind}: {case.text!r} {checked.claims}")
        print("\n".join(_table(table, [name])), file=sys.stderr, flush=True)
    print("\n".join(_table(table, options.sets)))


def _table(table: dict[str, dict[str, list[bool]]], sets: Sequence[str]) -> Iterator[str]:
    yield f"| case | {' | '.join(sets)} | all |"
    yield "|---" * (len(sets) + 2) + "|"
    for kind, by_set in table.items():
        cells = [_cell(by_set.get(name, [])) for name in sets]
        everywhere = [each for own in by_set.values() for each in own]
        yield f"| {kind} | {' | '.join(cells)} | {_cell(everywhere)} |"


def _cell(right: Sequence[bool]) -> str:
    return f"{100 * sum(right) / len(right):.1f} % of {len(right)}" if right else ""


def _prepared(
    name: str, options: argparse.Namespace, embeddings: PassageEmbeddings, work: Path
) -> tuple[KnowledgeBase, list[Case]]:
    if name == "pubmedqa_pqal":
        questions, said = _pubmed(options.folder / f"{name}.json")
    else:
        questions, said = _subset(load(options.folder / f"{name}.json", questions=10**6)), {}
    questions.write(work / "docs")
    knowledge_base = KnowledgeBase(work / "kb", embeddings=embeddings)
    ingest([work / "docs"], knowledge_base=knowledge_base)
    dice = random.Random(11)
    found = list(_statements(questions, knowledge_base, said, options.statements, dice))
    names = [
        (question.file, question.answers[0])
        for question in questions.questions
        if _WHO.search(question.text) and _NAME.fullmatch(question.answers[0])
    ]
    cases = [case for each in found for case in _cases(each, found, dice, said)]
    return knowledge_base, [*cases, *_swapped(questions, knowledge_base, names, options.statements)]


def _swapped(
    questions: QuestionSet,
    knowledge_base: KnowledgeBase,
    names: Sequence[tuple[str, str]],
    most: int,
) -> Iterator[Case]:
    """Sentences that name who was asked for, with the answer to another such question instead."""
    dice = random.Random(12)
    who = tuple(each for each in questions.questions if (each.file, each.answers[0]) in names)
    asked = QuestionSet(questions.name, questions.articles, who)
    for statement in _statements(asked, knowledge_base, {}, most, dice):
        for kind, wrong in _planted(statement, names, dice):
            if kind == "swapped name":
                text = f"{wrong} [{statement.n}]"
                yield Case("planted: swapped name", text, statement, lambda ok, _: not ok)


def _subset(questions: QuestionSet) -> QuestionSet:
    """The first articles, with their questions."""
    files = list(questions.articles)[:_ARTICLES]
    return QuestionSet(
        questions.name,
        {file: questions.articles[file] for file in files},
        tuple(each for each in questions.questions if each.file in files),
    )


def _pubmed(path: Path) -> tuple[QuestionSet, dict[str, list[str]]]:
    """Abstracts as articles; and their conclusions, sentence by sentence, by question."""
    entries = list(json.loads(path.read_text(encoding="utf-8")).items())[: 2 * _ARTICLES]
    articles, questions, said = {}, [], {}
    for key, entry in entries:
        file = f"{key}.md"
        articles[file] = "\n\n".join((f"# {entry['QUESTION']}", *entry["CONTEXTS"])) + "\n"
        questions.append(Question(entry["QUESTION"], ("",), file))
        answer = entry["LONG_ANSWER"]
        said[entry["QUESTION"]] = [answer[start:end] for start, end in sentence_spans(answer)]
    return QuestionSet(path.stem, articles, tuple(questions)), said


def _statements(
    questions: QuestionSet,
    knowledge_base: KnowledgeBase,
    said: dict[str, list[str]],
    most: int,
    dice: random.Random,
) -> Iterator[Statement]:
    """One of each question: the sentence that holds its answer, or any of the right passage."""
    retriever = HybridRetriever(knowledge_base=knowledge_base)
    for question in dice.sample(questions.questions, min(most, len(questions.questions))):
        found = retriever.invoke(question.text)
        sources = tuple(Source.from_document(each) for each in found)
        for n, source in enumerate(sources, 1):
            if Path(source.source).name != question.file:
                continue
            own = [source.text[start:end] for start, end in sentence_spans(source.text)]
            fit = [each for each in own if _LEAST <= len(each) <= _MOST and "\n" not in each]
            held = [each for each in fit if question.answers[0] in each]
            if said:
                held = fit
            if held:
                yield Statement(dice.choice(held), n, sources)
                break


def _cases(
    statement: Statement,
    others: Sequence[Statement],
    dice: random.Random,
    said: dict[str, list[str]],
) -> Iterator[Case]:
    def case(kind: str, text: str, *, planted: bool, n: int = statement.n) -> Case:
        return Case(kind, f"{text} [{n}]", statement, lambda ok, _: ok is not planted)

    text = statement.text
    yield case("true: as written", text, planted=False)
    for kind, said_otherwise in _otherwise(text):
        yield case(f"true: {kind}", said_otherwise, planted=False)
    for kind, wrong in _planted(statement, (), dice):
        yield case(f"planted: {kind}", wrong, planted=True)
    files = {each.source for each in statement.sources}
    foreign = [each for each in others if not {s.source for s in each.sources[:1]} & files]
    if foreign:
        added = dice.choice(foreign).text
        yield case("planted: added claim", added, planted=True)
        alone = lambda ok, cited: not ok and not cited  # noqa: E731
        yield Case("planted: added claim, uncited", added, statement, alone)
    wrong = [n for n in range(1, len(statement.sources) + 1) if n != statement.n]
    wrong = [n for n in wrong if text not in statement.sources[n - 1].text]
    if wrong:
        n = dice.choice(wrong)
        gone = lambda _, cited: statement.n in cited and n not in cited  # noqa: E731
        yield Case("planted: wrong citation", f"{text} [{n}]", statement, gone)
    cited = lambda ok, cited: ok and statement.n in cited  # noqa: E731
    yield Case("planted: missing citation", text, statement, cited)
    title = statement.sources[statement.n - 1].title
    for each in said.get(title, []):
        if len(each) >= _LEAST:
            yield case("true: authors' conclusions", each, planted=False)


def _otherwise(text: str) -> Iterator[tuple[str, str]]:
    comma = "，" if "，" in text else ", "
    clauses = text.rstrip("。.").split(comma)
    if len(clauses) > 2:
        yield "a clause dropped", comma.join((clauses[0], *clauses[2:]))
        yield "reordered", comma.join((clauses[1], clauses[0], *clauses[2:]))
    changed = text
    for word, other in _SYNONYMS.items():
        changed = changed.replace(word, other)
    if changed != text:
        yield "with synonyms", changed
    wide = re.sub(r"[0-9]", lambda digit: chr(ord(digit[0]) + 0xFEE0), text)
    if wide != text:
        yield "full-width digits", wide


def _planted(
    statement: Statement, names: Sequence[tuple[str, str]], dice: random.Random
) -> Iterator[tuple[str, str]]:
    text = statement.text
    if found := list(_NUMBER.finditer(text)):
        match = dice.choice(found)
        yield "changed number", _put(text, match, _changed(match[0], dice))
    if found := list(_YEAR.finditer(text)):
        match = dice.choice(found)
        yield "changed date", _put(text, match, str(int(match[0]) + dice.choice((-9, -3, 2, 7))))
    file = Path(statement.sources[statement.n - 1].source).name
    held = [name for source, name in names if source == file and name in text]
    others = [name for source, name in names if source != file]
    if held and others:
        name = dice.choice(held)
        other = dice.choice(others)
        if other != name:
            yield "swapped name", text.replace(name, other)
    for pattern, negated in _NEGATED:
        if match := pattern.search(text):
            yield "negation", _put(text, match, negated.format(match[0]))
            break


def _changed(number: str, dice: random.Random) -> str:
    """Another number of as many digits: one digit of it is another one."""
    places = [place for place, each in enumerate(number) if each.isdigit()]
    place = dice.choice(places)
    digits = [each for each in "123456789" if each != number[place]]
    return number[:place] + dice.choice(digits) + number[place + 1 :]


def _put(text: str, match: re.Match[str], instead: str) -> str:
    return text[: match.start()] + instead + text[match.end() :]


if __name__ == "__main__":
    main()
