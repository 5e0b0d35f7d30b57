"""Each claim of an answer held against the passages it was made from.

Numbers, dates and names stand in a passage or they do not: they are checked exactly, whatever
their spelling. What a claim says is checked by its words first, and by the embedder where the
words alone do not tell. Citations then follow from what was found: one that supports nothing
goes, a missing one comes, and no word of the answer is changed.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from kb_qa.answer import Citation, Claim, Doubt, Source
from kb_qa.facts import (
    dates,
    foreign_runs,
    initials,
    is_named,
    names,
    names_something,
    numbers,
    pairs,
    plain,
    with_dates_in_digits,
    words,
)
from kb_qa.language import detect_language
from kb_qa.sentences import sentence_spans
from kb_qa.statements import Mark, Statement, statements
from kb_qa.store.base import Searchable
from kb_qa.store.records import indexed_text
from kb_qa.tables import is_row
from kb_qa.terms import terms

_REASONS = {
    Doubt.NUMBER: "{what} stands in no passage",
    Doubt.UNIT: "no passage has {what} in this unit",
    Doubt.DATE: "{what} stands in no passage",
    Doubt.NAME: "{what} stands in no passage",
    Doubt.NEGATION: "the passages say the opposite",
    Doubt.MEANING: "no passage says this",
}
_READ = 48  # claims of an answer whose meaning is compared; of more, the words alone tell
_SENTENCES = 96  # of the passages, compared with them
_LONGEST = 2000  # characters of a claim that the embedder is given
_STEM = 6  # letters of a word: enough to tell words apart, few enough to drop their endings
_ITEM = re.compile(r"[-*+•>#\s]*(?:\d{1,3}[.)、．]\s*|[(（]\d{1,2}[)）]\s*)?")
_GOES_ON = re.compile(r"[^\W_\u3040-\u30ff\u3400-\u9fff]{2}")
_NEAR = 0.35  # share of a claim's words, beside the best sentence's, that a number must stand in
_LONG_RUN = 3  # characters of Chinese
_GRAMMAR = re.compile("[的了是在为于和与并而且但因]")  # what joins words, and is in few names
_REPEATED = 0.7  # share of a claim's other words in one sentence
_SURELY_ALIKE = 0.8  # share of the words, from which a claim and a sentence say the same or not
_NEGATORS = re.compile(
    r"\b(?:not|no|never|without|neither|nor|none|cannot|nicht|kein\w{0,2}|nie|niemals|ohne|weder"
    r"|nunca|sin|jamás|ni|ningun\w?|ningún|tampoco)\b|n['’]t\b|不(?![过仅但断论管])|[没否]|未(?!来)|无(?!论)|非(?!常|洲|政)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Thresholds:
    """Where support begins; they fit the bundled embedder (`benchmarks/verification.py`).

    Attributes:
        by_words: share of a claim's words in a passage that is support by itself.
        by_meaning: centred cosine with a sentence, plus `share_weight` times the share.
        share_weight: what the share adds to the cosine.
        relative: share of the best passage's support, under which another supports nothing.
    """

    by_words: float = 0.75
    by_meaning: float = 0.1
    share_weight: float = 0.1
    relative: float = 0.6


@dataclass(frozen=True)
class Checked:
    """An answer after it was verified.

    Attributes:
        text: with the citations that hold.
        citations: what it cites, by number: the sentences that support it.
        claims: its claims, in order, with offsets in `text`.
    """

    text: str
    citations: tuple[Citation, ...]
    claims: tuple[Claim, ...]


@dataclass(frozen=True)
class Verifier:
    """Holds answers against passages.

    Attributes:
        knowledge_base: what the passages come from.
        thresholds: where support begins.
    """

    knowledge_base: Searchable
    thresholds: Thresholds = field(default_factory=Thresholds)

    def verify(self, text: str, sources: Sequence[Source]) -> Checked:
        """Mark what no passage supports, and set the citations right.

        Args:
            text: an answer that cites the sources as [n].
            sources: the passages it was made from, in the order of their numbers.
        """
        said = statements(text, of=len(sources))
        verdicts = self._verdicts(said, sources)
        return _rewritten(text, said, verdicts, sources)

    def check(self, text: str, sources: Sequence[Source]) -> tuple[Claim, ...]:
        """The claims of a text that is left as it is.

        Args:
            text: an answer made of the sources' own words, cited as [n].
            sources: what it cites, in the order of their numbers.
        """
        said = statements(text, of=len(sources))
        verdicts = self._verdicts(said, sources)
        return tuple(
            _claim(verdict, each)
            for each, verdict in zip(said, verdicts, strict=True)
            if each.claims
        )

    def _verdicts(self, said: Sequence[Statement], sources: Sequence[Source]) -> list["_Verdict"]:
        passages = _Passages(
            sources, language=detect_language(" ".join(s.text for s in said[:_READ]))
        )
        known: dict[tuple[str, bool], _Weighed] = {}  # who repeats a sentence has it read once
        for each in said:
            if (each.text, each.claims) not in known:
                known[each.text, each.claims] = _Weighed.of(each, passages)
        self._compare([each for each in known.values() if not self._is_decided(each)], passages)
        weighed = [replace(known[each.text, each.claims], statement=each) for each in said]
        return [self._verdict(each, passages) for each in weighed]

    def _is_decided(self, weighed: "_Weighed") -> bool:
        if not weighed.statement.claims or not weighed.shares:
            return True
        return max(weighed.shares) >= self.thresholds.by_words

    def _compare(self, weighed: Sequence["_Weighed"], passages: "_Passages") -> None:
        """Find for each claim the sentence nearest in meaning, in each passage."""
        weighed = weighed[:_READ]
        compared = passages.sentences[:_SENTENCES]
        if not weighed or not compared:
            return
        vectors = self.knowledge_base.embeddings.embed_passages(
            [sentence.in_place for sentence in compared]
        )
        for each in weighed:
            query = self.knowledge_base.query(each.statement.text[:_LONGEST])
            cosines = vectors @ query.vector
            for sentence, cosine in zip(compared, cosines, strict=True):
                language = passages.all[sentence.passage].source.language
                each.nearer(sentence, float(cosine) - query.centre(language))

    def _verdict(self, weighed: "_Weighed", passages: "_Passages") -> "_Verdict":
        statement = weighed.statement
        if not statement.claims:
            in_range = tuple(n for n in statement.cited if 1 <= n <= len(passages.all))
            return _Verdict(in_range)
        support = weighed.support(self.thresholds)
        if not support or max(support) < self._least(weighed):
            doubted = weighed.missing(range(len(passages.all)))
            return _Verdict((), doubted or (Doubt.MEANING, ""))
        strong = [
            place
            for place, each in enumerate(support)
            if each >= self.thresholds.relative * max(support)
        ]
        doubted = weighed.missing(strong) or weighed.negated(passages)
        if doubted:
            cited = tuple(n for n in statement.cited if n - 1 in strong)
        else:
            cited = weighed.cited(support, strong)
        return _Verdict(cited, doubted, {n: weighed.place(n - 1, passages) for n in cited})

    def _least(self, weighed: "_Weighed") -> float:
        if weighed.meanings:
            return self.thresholds.by_meaning
        return self.thresholds.by_words


@dataclass(frozen=True)
class _Sentence:
    """A sentence of a passage, by its place among the passages."""

    passage: int
    start: int
    end: int
    words: frozenset[str]
    text: str
    in_place: str

    @cached_property
    def subject(self) -> frozenset[str]:
        """The words of the title and the headings it stands under."""
        return frozenset(_stems(plain(self.in_place))) - self.words

    @cached_property
    def units(self) -> dict[float, set[str]]:
        """The numbers it may state, and their units."""
        return _units(with_dates_in_digits(plain(self.text)))


class _Passage:
    """A passage, read for its words and facts once."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = with_dates_in_digits(
            plain("\n".join((source.title, *source.heading, source.context, source.text)))
        )
        self.squeezed = _squeezed(self.text)
        self.words = _stems(self.text)
        self.dates = [date for _, _, date in dates(self.text)]
        self.units = _units(self.text)
        self.units_above = _units(plain("\n".join((source.title, *source.heading, source.context))))

    @cached_property
    def named(self) -> tuple[set[str], str]:
        return words(self.text), initials(self.text)


class _Passages:
    """The passages of an answer, their sentences, and how rare each word is among them.

    Attributes:
        all: the passages.
        sentences: all of theirs.
        pairs: their pairs of Han characters.
        language: that of the answer.
    """

    def __init__(self, sources: Sequence[Source], *, language: str) -> None:
        self.language = language
        self.all = [_Passage(source) for source in sources]
        self._of = [list(_sentences(place, each)) for place, each in enumerate(sources)]
        self.sentences = [sentence for own in self._of for sentence in own]
        self.pairs = set[str]().union(*(pairs(each.text) for each in self.all))
        self._holding = Counter(word for each in self.sentences for word in each.words)

    def weight(self, word: str) -> float:
        """What a word of a claim counts: the more the fewer sentences hold it."""
        return math.log(1 + (len(self.sentences) + 1) / (self._holding[word] + 0.5))

    def share(self, said: Iterable[str], among: Iterable[str]) -> float:
        """How much of the words stands among others, by weight."""
        weights = {word: self.weight(word) for word in said}
        whole = sum(weights.values())
        return sum(weights[word] for word in weights.keys() & among) / whole if whole else 0.0

    def of(self, place: int) -> list[_Sentence]:
        """The sentences of one passage."""
        return self._of[place]

    def nearest(self, said: set[str], *, of: int | None = None) -> _Sentence | None:
        """The sentence that holds most of some words, of one passage or of all."""
        own = self.sentences if of is None else self.of(of)
        ranked = ((self.share(said, each.words), each) for each in own)
        return max(ranked, key=lambda each: each[0], default=(0.0, None))[1]


def _sentences(place: int, source: Source) -> Iterator[_Sentence]:
    for start, end in sentence_spans(source.text):
        text = source.text[start:end]
        if said := _stems(plain(text)):
            in_place = indexed_text(source.title, source.heading, source.context, text)
            yield _Sentence(
                place, source.start + start, source.start + end, frozenset(said), text, in_place
            )


@dataclass
class _Fact:
    """A number, a date or a name of a claim, and the passages that hold it."""

    doubt: Doubt
    what: str
    holders: frozenset[int]


@dataclass
class _Weighed:
    """A statement, with what each passage holds of it."""

    statement: Statement
    words: set[str] = field(default_factory=set)
    shares: list[float] = field(default_factory=list)
    meanings: dict[int, float] = field(default_factory=dict)
    nearest: dict[int, _Sentence] = field(default_factory=dict)
    facts: list[_Fact] = field(default_factory=list)
    is_quoted: bool = False

    @classmethod
    def of(cls, statement: Statement, passages: _Passages) -> "_Weighed":
        """Words and facts, without meaning."""
        if not statement.claims:
            return cls(statement)
        said = with_dates_in_digits(plain(_ITEM.sub("", statement.text, count=1)))
        stems = _stems(said)
        squeezed = _squeezed(said)
        shares = [
            1.0 if squeezed in each.squeezed else passages.share(stems, each.words)
            for each in passages.all
        ]
        if any(_quotes(statement.text, each.source) for each in passages.all):
            return cls(statement, stems, shares, is_quoted=True)
        return cls(statement, stems, shares, facts=list(_facts(said, stems, passages)))

    def nearer(self, sentence: _Sentence, meaning: float) -> None:
        """Take a sentence's nearness, if it is the nearest of its passage."""
        if meaning > self.meanings.get(sentence.passage, -math.inf):
            self.meanings[sentence.passage] = meaning
            self.nearest[sentence.passage] = sentence

    def support(self, thresholds: Thresholds) -> list[float]:
        """Of each passage: the share of the words, or meaning and words where that was compared."""
        if not self.meanings:
            return self.shares
        return [
            max(0.0, self.meanings.get(place, 0.0)) + thresholds.share_weight * share
            for place, share in enumerate(self.shares)
        ]

    def missing(self, strong: Iterable[int]) -> tuple[Doubt, str] | None:
        """The first fact that none of the passages holds."""
        among = set(strong)
        for fact in self.facts:
            if not fact.holders & among:
                return fact.doubt, fact.what
        return None

    def negated(self, passages: _Passages) -> tuple[Doubt, str] | None:
        """Whether the sentence it repeats says no where the claim says yes, or the reverse."""
        if self.is_quoted:
            return None
        said = _affirmed(self.statement.text)
        best = passages.nearest(said)
        if best is None or passages.share(said, best.subject | best.words) < _SURELY_ALIKE:
            return None
        here, there = _negations(self.statement.text), _negations(best.text)
        if len(here) > len(there):
            return Doubt.NEGATION, here[0]
        is_whole = passages.share(_affirmed(best.text), said) >= _SURELY_ALIKE
        return (Doubt.NEGATION, there[0]) if len(here) < len(there) and is_whole else None

    def cited(self, support: Sequence[float], strong: Sequence[int]) -> tuple[int, ...]:
        """The numbers to cite: those cited that hold, the best if none, and who holds the facts."""
        kept = [n for n in self.statement.cited if n - 1 in strong]
        kept = kept or [1 + max(range(len(support)), key=support.__getitem__)]
        for fact in self.facts:
            holders = [place for place in strong if place in fact.holders]
            if holders and not any(n - 1 in fact.holders for n in kept):
                kept.append(1 + max(holders, key=support.__getitem__))
        return tuple(kept)

    def place(self, passage: int, passages: _Passages) -> _Sentence | None:
        """The sentence of a passage that says it."""
        return self.nearest.get(passage) or passages.nearest(self.words, of=passage)


@dataclass(frozen=True)
class _Verdict:
    """What became of a statement."""

    cited: tuple[int, ...]
    doubted: tuple[Doubt, str] | None = None
    places: Mapping[int, _Sentence | None] = field(default_factory=dict)


def _quotes(said: str, source: Source) -> bool:
    """Whether a sentence stands in a passage word for word, and no number or word goes on there."""
    for text in (source.text, source.context):
        begin = text.find(said)
        end = begin + len(said)
        if begin >= 0 and not (
            _GOES_ON.match(text[begin - 1 : begin + 1]) or _GOES_ON.match(text[end - 1 : end + 1])
        ):
            return True
    return False


def _facts(said: str, stems: set[str], passages: _Passages) -> Iterator[_Fact]:
    """The facts of a claim, each with its holders."""
    found = dates(said)
    for _, _, date in found:
        yield _fact(Doubt.DATE, date.said, (_has_date(p, date.readings) for p in passages.all))
    rest = _without(said, [(start, end) for start, end, _ in found])
    if stated := numbers(rest, strictly=True):
        near = _Near(stems, passages)
        for number in stated:
            holding = near.units(number.values)
            fits = [_fits(number.unit, units) for units in holding]
            doubt = Doubt.UNIT if any(holding) and not any(fits) else Doubt.NUMBER
            yield _fact(doubt, number.said, fits)
    for name in names(rest, language=passages.language):
        yield _fact(Doubt.NAME, name, (_has_name(each, name) for each in passages.all))
    if passages.pairs:
        for start, end in foreign_runs(rest, known=passages.pairs):
            if names_something(rest, start, end) or _replaces(stems, rest[start:end], passages):
                yield _Fact(Doubt.NAME, rest[start:end], frozenset())


def _replaces(stems: set[str], run: str, passages: _Passages) -> bool:
    """Whether a sentence is repeated but for this: longer than most words, so likely a name."""
    others = stems - _stems(run)
    is_long = len(run) >= _LONG_RUN and not _GRAMMAR.search(run)
    best = passages.nearest(others) if is_long else None
    return best is not None and passages.share(others, best.words) >= _REPEATED


def _without(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The text with a line's end in the place of each span."""
    pieces, done = list[str](), 0
    for start, end in spans:
        pieces += text[done:start], "\n"
        done = end
    return "".join(pieces) + text[done:]


def _fact(doubt: Doubt, what: str, held: Iterable[object]) -> _Fact:
    return _Fact(doubt, what, frozenset(place for place, each in enumerate(held) if each))


def _has_date(passage: _Passage, readings: Iterable[tuple[int, int, int]]) -> bool:
    return any(
        month == their_month
        and day in (0, their_day)
        and (year in (0, their_year) or (their_year == 0 and year in passage.units))
        for year, month, day in readings
        for date in passage.dates
        for their_year, their_month, their_day in date.readings
    )


def _units(text: str) -> dict[float, set[str]]:
    """The numbers that a text may state, and the units in which it does."""
    found: dict[float, set[str]] = {}
    for number in numbers(text):
        for value in number.values:
            found.setdefault(value, set()).add(number.unit)
    return found


class _Near:
    """The sentences of the passages that are about what a claim is about."""

    def __init__(self, stems: set[str], passages: _Passages) -> None:
        self._passages = passages
        self._sentences = [self._about(stems, place) for place in range(len(passages.all))]

    def units(self, values: Iterable[float]) -> list[set[str]]:
        """Of each passage: the units in which a number stands there, near what is claimed."""
        values = list(values)
        return [self._units(place, values) for place in range(len(self._sentences))]

    def _units(self, place: int, values: Sequence[float]) -> set[str]:
        passage = self._passages.all[place]
        if not any(value in passage.units for value in values):
            return set()
        where = [passage.units_above, *(each.units for each in self._sentences[place])]
        return {unit for units in where for value in values for unit in units.get(value, ())}

    def _about(self, stems: set[str], place: int) -> list[_Sentence]:
        own = self._passages.of(place)
        shares = [self._passages.share(stems, each.words) for each in own]
        least = _NEAR * max(shares, default=0.0)
        return [each for each, share in zip(own, shares, strict=True) if share >= least]


def _fits(unit: str, units: set[str]) -> bool:
    """Whether the number stands there in this unit, or in none that is known."""
    return bool(units) and (not unit or unit in units or "" in units)


def _has_name(passage: _Passage, name: str) -> bool:
    among, acronyms = passage.named
    return is_named(name, among=among, acronyms=acronyms)


def _stems(text: str) -> set[str]:
    return {term[:_STEM] if term.isalpha() else term for term in terms(text)}


def _squeezed(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()


def _affirmed(text: str) -> set[str]:
    """The words of a sentence without those that say no."""
    return _stems(_NEGATORS.sub("", plain(text)))


def _negations(text: str) -> list[str]:
    return [match[0] for match in _NEGATORS.finditer(plain(text))]


# --- the text with its citations set right ----------------------------------------------------

_Edit = tuple[int, int, str]
"""From where to where, and what is put there."""


def _rewritten(
    text: str, said: Sequence[Statement], verdicts: Sequence[_Verdict], sources: Sequence[Source]
) -> Checked:
    """The text with the citations of the verdicts, and where its claims stand then."""
    edited = _Edited(
        text, [e for s, v in zip(said, verdicts, strict=True) for e in _edits(text, s, v)]
    )
    again = statements(edited.text, of=len(sources))
    if [(s.text, set(v.cited)) for s, v in zip(said, verdicts, strict=True)] != [
        (each.text, set(each.cited)) for each in again
    ]:
        # Brackets in brackets: taking one away would make a citation of what was none.
        edited, again = _Edited(text, []), list(said)
        verdicts = [
            replace(v, cited=tuple(n for n in v.cited if n in s.cited))
            for s, v in zip(said, verdicts, strict=True)
        ]
    claims = (_claim(v, s) for s, v in zip(again, verdicts, strict=True) if s.claims)
    return Checked(edited.text, _citations(verdicts, sources), tuple(claims))


def _edits(text: str, statement: Statement, verdict: _Verdict) -> Iterator[_Edit]:
    """What makes a statement cite what it should: numbers taken out of marks, and one mark more."""
    there = set[int]()
    for mark in statement.marks:
        kept = [n for n in mark.numbers if n in verdict.cited]
        there.update(kept)
        if not kept:
            yield _begin(text, mark), mark.end, ""
        elif len(kept) < len(mark.numbers):
            yield mark.start, mark.end, f"[{', '.join(map(str, kept))}]"
    if added := "".join(f"[{n}]" for n in verdict.cited if n not in there):
        place = _end(text, statement)
        follows_mark = bool(there) and text[place - 1 : place] in _CLOSING
        space = "" if follows_mark or _UNSPACED_END.match(statement.text[-1]) else " "
        yield place, place, space + added


def _begin(text: str, mark: Mark) -> int:
    """Where the spaces before a mark begin."""
    begin = mark.start
    while begin and text[begin - 1] in " \t":
        begin -= 1
    return begin


def _end(text: str, statement: Statement) -> int:
    """Behind a sentence and its citations; in a table's row, within its last cell."""
    if is_row(statement.text) and text[: statement.end].endswith("|"):
        return statement.start + len(text[statement.start : statement.end].rstrip("| \t"))
    return max([statement.end, *(mark.end for mark in statement.marks)])


_UNSPACED_END = re.compile(r"[\u3000-\u303f\u3040-\u30ff\u3400-\u9fff\uff00-\uffef]")
_CLOSING = ("]", "］", "】")


class _Edited:
    """A text after edits."""

    def __init__(self, text: str, edits: Iterable[_Edit]) -> None:
        pieces: list[str] = []
        done = 0
        for start, end, instead in sorted(edits):
            pieces += text[done : max(start, done)], instead
            done = max(end, done)
        self.text = "".join(pieces) + text[done:]


def _claim(verdict: _Verdict, statement: Statement) -> Claim:
    if verdict.doubted is None:
        return Claim(statement.start, statement.end, supported=True, citations=verdict.cited)
    doubt, what = verdict.doubted
    return Claim(
        statement.start,
        statement.end,
        supported=False,
        reason=_REASONS[doubt].format(what=what),
        citations=verdict.cited,
        doubt=doubt,
        what=what,
    )


def _citations(verdicts: Sequence[_Verdict], sources: Sequence[Source]) -> tuple[Citation, ...]:
    """Each number cited, with the sentence that supports the first claim that cites it."""
    places: dict[int, _Sentence | None] = {}
    for verdict in verdicts:
        for n in verdict.cited:
            places[n] = places.get(n) or verdict.places.get(n)
    return tuple(_citation(n, sources[n - 1], places[n]) for n in sorted(places))


def _citation(n: int, source: Source, place: _Sentence | None) -> Citation:
    start, end = (place.start, place.end) if place else (source.start, source.end)
    return Citation(n, source, start, end, source.score)
