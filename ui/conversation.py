"""What is asked and answered in one browser session, and kept for the next."""

from collections.abc import MutableMapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

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
        generator: who was asked, by name; empty for the page's own choice.
    """

    question: str
    answer: Answer | None = None
    written: str = ""
    problem: str = ""
    stopped: bool = False
    generator: str = ""

    @property
    def pending(self) -> bool:
        """Whether it still waits for its answer."""
        return not (self.answer or self.problem or self.stopped)


class Memory(Protocol):
    """Where conversations are kept; `ui.history.History` is one."""

    def begin(self, owner: str, *, kb: str) -> str:
        """A new conversation, empty; returns its id."""

    def keep(self, owner: str, conversation: str, turns: list[Turn]) -> None:
        """Keep the turns of a conversation as they are now."""

    def turns(self, owner: str, conversation: str, *, kb: str) -> list[Turn] | None:
        """The turns of a visitor's conversation about it; None if there is none of theirs."""


@dataclass
class _State:
    id: str = ""
    turns: list[Turn] = field(default_factory=list)


class Conversation:
    """The turns about one knowledge base, oldest first.

    Args:
        session: where the session keeps its values; `st.session_state` on the page.
        kb: folder of the knowledge base.
        memory: where it is kept.
        owner: whose it is.
    """

    def __init__(
        self, session: MutableMapping[Any, Any], *, kb: Path, memory: Memory, owner: str
    ) -> None:
        self._state: _State = session.setdefault(f"conversation {kb}", _State())
        self._memory = memory
        self._owner = owner
        self._kb = kb

    @property
    def id(self) -> str:
        """The name it is kept under; empty before the first question."""
        return self._state.id

    @property
    def turns(self) -> list[Turn]:
        """What was asked, and what became of it."""
        return self._state.turns

    @property
    def history(self) -> list[tuple[str, str]]:
        """Questions and answers, as the chain takes them."""
        return [(turn.question, turn.answer.text) for turn in self.turns if turn.answer]

    @property
    def pending(self) -> Turn | None:
        """The last turn, if it still waits for its answer."""
        return self.turns[-1] if self.turns and self.turns[-1].pending else None

    def ask(self, question: str, *, generator: str = "") -> None:
        """Add a question; it waits for its answer."""
        self.turns.append(Turn(question, generator=generator))
        if not self._state.id:
            self._state.id = self._memory.begin(self._owner, kb=self._kb.name)
        self._memory.keep(self._owner, self.id, self.turns)

    def settle(self, **outcome: Any) -> Turn:
        """Say what became of the last turn."""
        turn = self.turns[-1] = replace(self.turns[-1], **outcome)
        if not turn.pending:
            self._memory.keep(self._owner, self.id, self.turns)
        return turn

    def open(self, conversation: str) -> bool:
        """Go on with one that was kept; whether there is such a one of this visitor."""
        turns = self._memory.turns(self._owner, conversation, kb=self._kb.name)
        if turns is None:
            return False
        # One that was being answered when the page was ended will never be.
        settled = [replace(turn, stopped=True) if turn.pending else turn for turn in turns]
        self._state.id, self._state.turns = conversation, settled
        return True

    def leave(self) -> None:
        """Begin a new one; this one stays kept."""
        self._state.id, self._state.turns = "", []
