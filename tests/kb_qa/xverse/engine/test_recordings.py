"""What a recorded step is given."""

from kb_qa.xverse.engine.recordings import Size, numbers_of
from kb_qa.xverse.engine.request import Mailbox, Sampling, Usage
from kb_qa.xverse.engine.scheduler import Work
from kb_qa.xverse.engine.sequence import Sequence


def test_padding_stays_within_the_context() -> None:
    """At the end of the context, rows that are only padding have no position beyond it."""
    sequence = Sequence([7] * 8, Sampling(), 8, 0, Mailbox(Usage()), blocks=[3, 5], computed=6)
    work = Work(sequence, [7, 9], choices=2)
    numbers = numbers_of([work], Size(sequences=2, queries=4, width=3), block_tokens=4)
    tokens, positions, places = numbers[:8], numbers[8:16], numbers[16:24]
    assert tokens == [7, 9, 0, 0, 0, 0, 0, 0]
    assert positions == [6, 7, 0, 0, 0, 0, 0, 0]
    assert places == [22, 23, 0, 0, 0, 0, 0, 0]
    assert numbers[24:] == [6, 0, 8, 0, 3, 5, 0, 0, 0, 0]
