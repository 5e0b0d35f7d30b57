"""What leaves the house: an answer, what it cites, and what it was made from."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any

from langchain_core.documents import Document


@dataclass(frozen=True)
class Source:
    """A passage found for a question.

    Attributes:
        id: its id in the knowledge base.
        source: path of its file.
        title: its document's title.
        text: the passage, exactly `document text[start:end]`.
        start: offset of its first character in the document's extracted text.
        end: offset past its last character.
        heading: titles of the headings above it, outermost first.
        context: what belongs to it but stands elsewhere, such as a table's header row.
        page: the page it begins on, from 1; None where the format has none.
        breaks: offset and number of each page that begins inside it.
        language: ISO 639-1 code of its language.
        score: the evidence that it answers, comparable within one question.
        scanned: whether OCR read any of it from a picture, and may have misread it.
        also: other paths where the same words stand.
        kb: the knowledge base it is from, where several were searched; empty if one was.
    """

    id: int
    source: str
    title: str
    text: str
    start: int
    end: int
    heading: tuple[str, ...] = ()
    context: str = ""
    page: int | None = None
    breaks: tuple[tuple[int, int], ...] = ()
    language: str = ""
    score: float = 0.0
    scanned: bool = False
    also: tuple[str, ...] = ()
    kb: str = ""

    def page_at(self, offset: int) -> int | None:
        """The page that a character of the document stands on."""
        before = bisect_right([begin for begin, _ in self.breaks], offset)
        return self.breaks[before - 1][1] if before else self.page

    def to_document(self) -> Document:
        """The same as LangChain carries it: the text, and the rest as metadata."""
        values = {key: value for key, value in asdict(self).items() if key not in ("id", "text")}
        return Document(id=str(self.id), page_content=self.text, metadata=values)

    @classmethod
    def from_document(cls, document: Document) -> "Source":
        """The source that `to_document` made this of."""
        names = {each.name for each in fields(cls)}
        values = {key: value for key, value in document.metadata.items() if key in names}
        values["heading"] = tuple(values.get("heading", ()))
        values["also"] = tuple(values.get("also", ()))
        values["breaks"] = tuple((int(a), int(b)) for a, b in values.get("breaks", ()))
        return cls(id=int(document.id or 0), text=document.page_content, **values)


@dataclass(frozen=True)
class Citation:
    """The place an answer rests on.

    Attributes:
        n: its number in the answer's text, from 1.
        source: the passage it lies in.
        start: offset of the cited text in the document's extracted text.
        end: offset past its end.
        score: how strongly the cited text answers, comparable within one question.
    """

    n: int
    source: Source
    start: int
    end: int
    score: float

    @property
    def text(self) -> str:
        """The cited text, word for word."""
        return self.source.text[self.start - self.source.start : self.end - self.source.start]

    @property
    def page(self) -> int | None:
        """The page the cited text begins on."""
        return self.source.page_at(self.start)

    def to_json(self) -> dict[str, Any]:
        """As `python -m kb_qa ask --json` prints it."""
        return {
            "n": self.n,
            "source": self.source.source,
            "title": self.source.title,
            "page": self.page,
            "heading": " > ".join(self.source.heading),
            "start": self.start,
            "end": self.end,
            "text": self.text,
            "score": round(self.score, 4),
            "scanned": self.source.scanned,
            "also": list(self.source.also),
            "kb": self.source.kb,
        }


class Doubt(StrEnum):
    """What of a claim stands in no passage."""

    NUMBER = "number"
    UNIT = "unit"
    DATE = "date"
    NAME = "name"
    NEGATION = "negation"
    MEANING = "meaning"


@dataclass(frozen=True)
class Claim:
    """A sentence of an answer, held against the passages.

    Attributes:
        start: offset of its first character in the answer's text.
        end: offset past its last one.
        supported: whether a passage says it.
        reason: what is not in the passages, in plain words; empty if supported.
        citations: the numbers of the passages that support it.
        doubt: the same as `reason`, for a program; None if supported.
        what: the words or digits in doubt; empty where it is the claim as a whole.
    """

    start: int
    end: int
    supported: bool
    reason: str = ""
    citations: tuple[int, ...] = ()
    doubt: Doubt | None = None
    what: str = ""

    def to_json(self) -> dict[str, Any]:
        """As `python -m kb_qa ask --json` prints it."""
        return asdict(self)


@dataclass(frozen=True)
class Answer:
    """An answer that can be checked.

    Attributes:
        question: as it was asked.
        text: the answer, with citation numbers as [n]; a plain refusal if `refused`.
        refused: whether the knowledge base holds no answer.
        generator: who wrote the text.
        citations: what the text cites, by number; the nearest passages if `refused`.
        sources: the passages it was made from, best first.
        left_out: passages found that did not fit into the model's context, best first.
        cut_off: whether the model had no room left to finish.
        seconds: what each stage took; `prompt` is the wait for the first piece of the text.
        tokens: of the `prompt`, those of it `cached`, and the `new` ones; empty without a model.
        claims: its sentences that claim something, each held against the passages.
        asked_as: what was searched for, where the conversation was needed; empty if as asked.
        evidence: how strongly the passages speak to the question, beside the floor; None if they
            hold no sentence.
    """

    question: str
    text: str
    refused: bool
    generator: str
    citations: tuple[Citation, ...] = ()
    sources: tuple[Source, ...] = ()
    left_out: tuple[Source, ...] = ()
    cut_off: bool = False
    seconds: Mapping[str, float] = field(default_factory=dict)
    tokens: Mapping[str, int] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
    asked_as: str = ""
    evidence: float | None = None

    @property
    def verified(self) -> bool:
        """Whether it claims something, and a passage supports all of it."""
        return bool(self.claims) and all(claim.supported for claim in self.claims)

    @property
    def tokens_per_second(self) -> float | None:
        """How fast the text came after its first piece; None where that is not known."""
        new, took = self.tokens.get("new", 0), self.seconds.get("generate", 0.0)
        return (new - 1) / took if new > 1 and took > 0 else None

    def to_json(self) -> dict[str, Any]:
        """As `python -m kb_qa ask --json` prints it."""
        return {
            "question": self.question,
            "asked_as": self.asked_as,
            "answer": self.text,
            "refused": self.refused,
            "generator": self.generator,
            "citations": [citation.to_json() for citation in self.citations],
            "left_out": [
                {"source": each.source, "title": each.title, "page": each.page}
                for each in self.left_out
            ],
            "cut_off": self.cut_off,
            "evidence": None if self.evidence is None else round(self.evidence, 4),
            "seconds": {stage: round(value, 4) for stage, value in self.seconds.items()},
            "tokens": dict(self.tokens),
            "claims": [claim.to_json() for claim in self.claims],
            "verified": self.verified,
        }
