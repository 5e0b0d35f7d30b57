"""What a search must find, by comparing everything with everything."""

import numpy as np

from kb_qa.embeddings import PassageEmbeddings
from kb_qa.store.centring import Centring
from kb_qa.store.knowledge_base import KnowledgeBase
from kb_qa.store.records import Candidate
from kb_qa.store.snapshot import Snapshot
from kb_qa.terms import contained

LIMIT, NEAREST = 20, 10
CLOSE = 2e-4  # of a score: vectors are summed in another order
ROUGHLY = (
    0.1  # where lists are searched in part, and what went is in the means until they are saved
)


def check_search(knowledge_base: KnowledgeBase, question: str) -> None:
    """Hold one search against the catalog, while nothing is written.

    Raises:
        AssertionError: something is found that is not there, or the other way round.
    """
    found = knowledge_base.candidates(question, limit=LIMIT)
    with knowledge_base.read() as snapshot:
        base = knowledge_base._follower.state(snapshot).dense.base.index
        check_found(found, snapshot)
        check_words(found, snapshot, question)
        check_nearest(found, snapshot, knowledge_base.embeddings, question, base.is_exact)


def check_found(found: list[Candidate], snapshot: Snapshot) -> None:
    """What is found stands in the catalog as it is told."""
    stored = snapshot.passages([each.passage.id for each in found])
    assert {each.passage.id: each.passage for each in found} == stored


def check_words(found: list[Candidate], snapshot: Snapshot, question: str) -> None:
    """Every passage with a rare word of the question is found, as far as they are not too many."""
    rare = [word for word in question.split() if word.startswith("version")]
    holders = {
        passage.id
        for document in snapshot.changes_since(0).added
        for passage in snapshot.passages_of(document)
        if contained(passage.indexed_text, rare)
    }
    assert holders <= {each.passage.id for each in found} or len(holders) > LIMIT


def check_nearest(
    found: list[Candidate],
    snapshot: Snapshot,
    embeddings: PassageEmbeddings,
    question: str,
    is_exact: bool,  # noqa: FBT001
) -> None:
    """The ten nearest are found; where lists are searched in part, one as near as the nearest."""
    vector = embeddings.embed_queries([question])[0]
    keys, languages, vectors = snapshot.vectors_of(snapshot.changes_since(0).added)
    nothing = Centring.of_nothing(len(vector), snapshot.background)
    centring, rows = nothing.added(vectors, languages)
    scores = rows @ centring.question_row(vector)
    close = CLOSE if is_exact else ROUGHLY
    of_all = dict(zip(keys.tolist(), scores.tolist(), strict=True))
    assert all(abs(of_all[each.passage.id] - each.centred) < close for each in found)
    expected = np.sort(scores)[::-1][:NEAREST]
    ours = np.sort([of_all[each.passage.id] for each in found])[::-1][:NEAREST]
    missing = np.count_nonzero(np.abs(ours - expected[: len(ours)]) > CLOSE)
    assert len(ours) == len(expected)
    assert not missing if is_exact else ours[0] > expected[0] - ROUGHLY
