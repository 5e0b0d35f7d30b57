"""The word side: weights of our own terms as sparse vectors, and how common each term is.

Milvus tokenizes Chinese as a segmenter does; our terms keep both stores alike. A
passage's side of BM25 is in its row, a question's side is the terms' IDF, and
their inner product is the score. Only the average length is a constant, for it
would change with every passage.
"""

import math
from collections import Counter
from collections.abc import Mapping
from hashlib import blake2b

from kb_qa.terms import terms

_SATURATION, _LENGTH_WEIGHT = 1.2, 0.75  # BM25's k1 and b, tantivy's
_USUAL_LENGTH = 90.0  # terms of a passage of the sample documents
_DIMENSIONS = 2**32 - 2
_MOST_TERMS = 4096  # values that an array field holds
_FEWEST = 100  # passages IDF assumes at least, as in the embedded store


def term_key(term: str) -> int:
    """A term as a number of 63 bits."""
    return int.from_bytes(blake2b(term.encode(), digest_size=8).digest(), "big") >> 1


def dimension(term: str) -> int:
    """A term's dimension; two of a large vocabulary may share one, which costs a proposal."""
    return term_key(term) % _DIMENSIONS


def passage_weights(indexed_text: str) -> dict[int, float]:
    """A passage's side of BM25, by dimension; never empty, which Milvus does not take."""
    counts = Counter(terms(indexed_text))
    length = counts.total() / _USUAL_LENGTH
    longer = _SATURATION * (1 - _LENGTH_WEIGHT + _LENGTH_WEIGHT * length)
    weights = {
        dimension(term): count * (_SATURATION + 1) / (count + longer)
        for term, count in counts.items()
    }
    return weights or {_DIMENSIONS: 1.0}


def question_weights(idf: Mapping[str, float]) -> dict[int, float]:
    """A question's side of BM25, by dimension."""
    return {dimension(term): weight for term, weight in idf.items()}


def passage_terms(indexed_text: str) -> list[int]:
    """A passage's terms, each once, to be counted by; as many as a row can hold."""
    return sorted({term_key(term) for term in terms(indexed_text)})[:_MOST_TERMS]


def idf(frequency: int, total: int) -> float:
    """What a term weighs that so many of all passages hold."""
    total = max(_FEWEST, total)
    return math.log(1 + (max(total - frequency, 0) + 0.5) / (frequency + 0.5))
