"""Several knowledge bases, searched as one."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

from kb_qa.embeddings.base import PassageEmbeddings
from kb_qa.errors import SettingsError
from kb_qa.store.base import Store
from kb_qa.store.filter import ANYTHING, Filter
from kb_qa.store.query import Query
from kb_qa.store.records import Candidate


class SeveralKnowledgeBases:
    """Knowledge bases of one embedder; each finds its own, and all is scored alike.

    A word weighs what it weighs in them on average, and so does what is taken off a cosine
    with a text of a language: scores of one could not be held against another's otherwise.

    Args:
        stores: the knowledge bases, by the name that their passages carry.

    Raises:
        SettingsError: there is none.
    """

    def __init__(self, stores: Mapping[str, Store]) -> None:
        if not stores:
            raise SettingsError("no knowledge base is named: name one at least")
        self._stores = dict(stores)

    @property
    def embeddings(self) -> PassageEmbeddings:
        """What embeds questions, and must have embedded all passages."""
        return next(iter(self._stores.values())).embeddings

    def check(self) -> None:
        """Raise what keeps one of them from being asked.

        Raises:
            KnowledgeBaseMissing: one is not there.
            EmbedderMismatch: another embedder made one's vectors.
        """
        with ExitStack() as stack:
            for store in self._stores.values():
                stack.enter_context(store.read())

    def query(self, question: str) -> Query:
        """What all of them know of a question."""
        return _joint([store.query(question) for store in self._stores.values()])

    def candidates(self, question: str, *, limit: int, where: Filter = ANYTHING) -> list[Candidate]:
        """The passages that each finds for a question, each with its evidence.

        Args:
            question: in any language.
            limit: passages asked of each side of each.
            where: which passages may be found.
        """
        query = self.query(question)
        found = [
            (name, each)
            for name, store in self._stores.items()
            for each in store.candidates(question, limit=limit, where=where)
        ]
        scored = query.candidates([(each.passage, each.cosine) for _, each in found])
        return [replace(each, kb=name) for each, (name, _) in zip(scored, found, strict=True)]


def _joint(queries: Sequence[Query]) -> Query:
    first = queries[0]
    words = [query.idf for query in queries]
    return replace(
        first,
        idf={word: sum(idf[word] for idf in words) / len(words) for word in first.idf},
        centre=_mean([query.centre for query in queries]),
    )


def _mean(centres: Sequence[Callable[[str], float]]) -> Callable[[str], float]:
    return lambda language: sum(centre(language) for centre in centres) / len(centres)
