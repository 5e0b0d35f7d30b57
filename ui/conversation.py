"""What was asked and answered in one browser session, for each knowledge base."""

from collections.abc import MutableMapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kb_qa import Answer


@dataclass(frozen=True)
class Turn:
    """A question and what became of it.

    Attributes:
        question: as it was asked.
        answer: the answer, when it is finished.
        written: the answer so far; what is left of one that was stopped.
        problem: why there is none, in one line.
        stopped: whether the user stopped it.
    """

    question: str
    answer: Answer | None = None
    written: str = ""
    problem: str = ""
    stopped: bool = False

    @property
    def pending(self) -> bool:
        """Whether it still waits for its answer."""
        return not (self.answer or self.problem or self.stopped)


class Conversation:
    """The turns about one knowledge base, oldest first.

    Args:
        session: where the session keeps its values; `st.session_state` on the page.
        kb: folder of the knowledge base.
    """

    def __init__(self, session: MutableMapping[Any, Any], *, kb: Path) -> None:
        self.turns: list[Turn] = session.setdefault(f"turns {kb}", [])

    @property
    def history(self) -> list[tuple[str, str]]:
        """Questions and answers, as the chain takes them."""
        return [(turn.question, turn.answer.text) for turn in self.turns if turn.answer]

    @property
    def pending(self) -> Turn | None:
        """The last turn, if it still waits for its answer."""
        return self.turns[-1] if self.turns and self.turns[-1].pending else None

    def ask(self, question: str) -> None:
        """Add a question; it waits for its answer."""
        self.turns.append(Turn(question))

    def settle(self, **outcome: Any) -> Turn:
        """Say what became of the last turn."""
        self.turns[-1] = replace(self.turns[-1], **outcome)
        return self.turns[-1]

    def clear(self) -> None:
        """Forget all turns."""
        self.turns.clear()
