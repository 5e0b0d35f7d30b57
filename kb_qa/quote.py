"""Answers without a language model: the sentences that answer, word for word."""

from collections.abc import Generator, Sequence
from dataclasses import replace

from kb_qa.answer import Answer, Citation
from kb_qa.condensing import searches
from kb_qa.evidence import Evidence, Sentence, header
from kb_qa.generation import AnswerChain
from kb_qa.neutralization import uncited
from kb_qa.prompts import Turn
from kb_qa.terms import terms

_SENTENCES = 2  # quoted at most
_MARGIN = 0.25  # how far behind the best sentence a quoted one may be
_REPEATING = 0.1  # taken off a second sentence that holds nothing but the first one's words
_BESIDE = 0.06  # added to a second sentence that stands right beside the first
_PAUSE = "；"
_LONGEST = 240  # characters to which clauses are quoted as one sentence


class QuoteChain(AnswerChain):
    """Quotes the sentences of the documents that speak most to the question."""

    @property
    def generator(self) -> str:
        """Always "quote"."""
        return "quote"

    def phrasings(self, question: str, history: Sequence[Turn]) -> Generator[str, None, None]:
        """The question, or with the words of those it follows, as far as it leans on them."""
        yield from searches(question, history)

    def _generate(self, question: str, evidence: Evidence) -> Generator[str | Answer, None, None]:
        citations = tuple(
            Citation(n, run[0].source, run[0].start, run[-1].end, max(each.score for each in run))
            for n, run in enumerate(_runs(_chosen(evidence)), 1)
        )
        lines = [_line(citation) for citation in citations]
        for line in lines[:-1]:
            yield f"{line}\n\n"
        yield lines[-1]
        text = "\n\n".join(lines)
        yield Answer(
            question,
            text,
            refused=False,
            generator=self.generator,
            citations=citations,
            sources=evidence.sources,
            claims=self.verifier.check(text, [each.source for each in citations]),
        )


def _line(citation: Citation) -> str:
    """The cited text with its number, the only one in square brackets; rows under their header."""
    row = header(citation.source, citation.start)
    text = uncited(f"{row}\n{citation.text}".strip(), passages=_SENTENCES)
    return f"{text} [{citation.n}]"


def _chosen(evidence: Evidence) -> list[Sentence]:
    """The best sentence, and the one that adds most to it; in reading order.

    By their passages' rank, then by their place.
    """
    best, *others = evidence.sentences
    said = set(terms(best.text))

    def worth(other: Sentence) -> float:
        words = set(terms(other.text))
        shared = len(words & said) / max(1, min(len(words), len(said)))
        beside = _follows(best, other) or _follows(other, best)
        return other.score - _REPEATING * shared + _BESIDE * beside

    near = [
        each
        for each in others
        if each.score >= best.score - _MARGIN and not said.issuperset(terms(each.text))
    ]
    whole = _whole(best, evidence)
    apart = [each for each in near if not _holds(whole, each)]
    second = [_whole(max(apart, key=worth), evidence, beside=whole)] if apart else []
    rank = {source: place for place, source in enumerate(evidence.sources)}
    return sorted((whole, *second), key=lambda each: (rank[each.source], each.start))


def _whole(part: Sentence, evidence: Evidence, *, beside: Sentence | None = None) -> Sentence:
    """The sentence of which a part was weighed: with the clauses that semicolons part from it.

    Args:
        part: what was weighed.
        evidence: with the other parts.
        beside: what is quoted already.
    """
    parts = sorted(
        (
            each
            for each in evidence.sentences
            if each.source == part.source and not (beside and _holds(beside, each))
        ),
        key=lambda each: each.start,
    )
    first = last = parts.index(part)
    while last + 1 < len(parts) and _carries_on(parts[last], parts[last + 1]):
        if parts[last + 1].end - parts[first].start > _LONGEST:
            break
        last += 1
    while first and _carries_on(parts[first - 1], parts[first]):
        if parts[last].end - parts[first - 1].start > _LONGEST:
            break
        first -= 1
    return replace(part, start=parts[first].start, end=parts[last].end)


def _carries_on(first: Sentence, second: Sentence) -> bool:
    return first.text.rstrip().endswith(_PAUSE) and _follows(first, second)


def _holds(whole: Sentence, part: Sentence) -> bool:
    return whole.source == part.source and whole.start <= part.start and part.end <= whole.end


def _runs(sentences: Sequence[Sentence]) -> list[list[Sentence]]:
    """Neighbouring sentences of a passage together."""
    runs: list[list[Sentence]] = []
    for sentence in sentences:
        if runs and _follows(runs[-1][-1], sentence):
            runs[-1].append(sentence)
        else:
            runs.append([sentence])
    return runs


def _follows(first: Sentence, second: Sentence) -> bool:
    if first.source != second.source:
        return False
    start = first.source.start
    between = first.source.text[first.end - start : second.start - start]
    return first.end <= second.start and not between.strip()
