"""The floor of a knowledge base, found with questions that are drafted from it.

Each draft is asked twice: of everything, and of everything but its own document. What the
evidence reaches without the document is what this knowledge base gives to questions that it
cannot answer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from kb_qa.drafting import Draft, draft
from kb_qa.embeddings import configured_embeddings
from kb_qa.embeddings.loading import BUNDLED
from kb_qa.errors import QuestionError
from kb_qa.evidence import Weigher
from kb_qa.retrieval import HybridRetriever
from kb_qa.settings import Settings
from kb_qa.store.base import Store
from kb_qa.store.calibration import Calibration
from kb_qa.store.opening import open_knowledge_base
from kb_qa.store.records import Candidate

QUESTIONS = 100
_FEWEST = 12
_REFUSED = 0.95
_EXPECTED, _EXPECTED_COUNTS = 0.42, 120
"""With the bundled embedder 5 % of questions that can be answered are refused about there, on four
public sets; it counts as much as so many drafts."""


def calibrate(settings: Settings, *, tell: Callable[[], object] = lambda: None) -> Calibration:
    """Ask drafted questions, and find the floor that tells them apart.

    Args:
        settings: whose knowledge base.
        tell: called after each question.

    Raises:
        KnowledgeBaseMissing: there is none.
        EmbedderMismatch: another embedder made its vectors.
        QuestionError: its documents hold too little to ask about.
    """
    embeddings = configured_embeddings(settings)
    store = open_knowledge_base(settings.kb, store=settings.store, embeddings=embeddings)
    with store.read() as snapshot:
        drafts = draft(snapshot, QUESTIONS)
        chunks = snapshot.summary.chunks
    retriever = HybridRetriever(
        knowledge_base=store,
        passages=settings.passages,
        candidates=settings.candidates,
        mass_weight=settings.mass_weight,
    )
    asked = _asked(drafts, store, retriever, tell=tell)
    if len(asked) < _FEWEST:
        raise QuestionError(
            f"{settings.kb}: {len(asked)} questions could be drafted that only one document "
            f"answers, and it takes {_FEWEST}: the floor stays what it is; set KB_QA_FLOOR for "
            "another one"
        )
    is_known = settings.embeddings == BUNDLED
    floor = floor_between(asked, expected=_EXPECTED if is_known else None)
    return Calibration(
        floor=floor,
        questions=len(asked),
        answered=float(np.mean([each.whole >= floor for each in asked])),
        refused=float(np.mean([each.without < floor for each in asked])),
        chunks=chunks,
        embedder=embeddings.identity.digest,
        made=datetime.now().astimezone().date().isoformat(),
    )


@dataclass(frozen=True)
class Asked:
    """How strong the evidence for a draft is.

    Attributes:
        whole: with its document.
        without: without it.
    """

    whole: float
    without: float


def floor_between(asked: Sequence[Asked], *, expected: float | None) -> float:
    """The floor that most questions without their document stay under, and those with it reach.

    Drafts are worded as the documents are, which people's questions are not: so what other
    knowledge bases need counts as much as many drafts do.

    Args:
        asked: drafts.
        expected: the floor that others need; None where nobody knows, as with another embedder.
    """
    noise = float(np.quantile([each.without for each in asked], _REFUSED))
    least = float(np.quantile([each.whole for each in asked], 1 - _REFUSED))
    measured = min(noise, least)
    if expected is None:
        return measured
    weight = len(asked) / (len(asked) + _EXPECTED_COUNTS)
    return expected + weight * (measured - expected)


def _asked(
    drafts: Sequence[Draft],
    store: Store,
    retriever: HybridRetriever,
    *,
    tell: Callable[[], object],
) -> list[Asked]:
    """The drafts that one document answers, and no copy, version or translation of it."""
    weigher = Weigher(store)
    asked = []
    for each in drafts:
        found = store.candidates(each.question, limit=retriever.candidates)
        whole, without = (
            weigher.weigh(each.question, retriever.rank(candidates, question=each.question))
            for candidates in (found, _others(found, each))
        )
        if without.sentences and each.answer not in without.sentences[0].text:
            asked.append(Asked(whole.score, without.score))
        tell()
    return asked


def _others(found: Sequence[Candidate], asked: Draft) -> list[Candidate]:
    """What other documents say in the draft's language; in another one it may say the same."""
    own = asked.passage
    return [
        each
        for each in found
        if each.passage.document != own.document and each.passage.language == own.language
    ]
