"""Text that a reader of the document does not see, and what the report says of it.

What is hidden inside visible text is left out: an answer that cites it could not be
checked by looking, and it is where a document hides words meant for the model alone.
Whole sheets and slides that are hidden are read: their owner finds them by name in the
program and shows them with a click, and a citation says where it is.
"""

from collections.abc import Sequence

_NAMES_TOLD = 5


class HiddenText:
    """Counts the passages that are left out; pieces that follow each other are one.

    Attributes:
        passages: how many there were.
    """

    def __init__(self) -> None:
        self.passages = 0
        self._is_inside = False

    def leave_out(self, text: str) -> None:
        """Note a piece that does not show."""
        if text.strip():
            self.passages += not self._is_inside
            self._is_inside = True

    def show(self) -> None:
        """Note that something shows after it."""
        self._is_inside = False

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the report says; nothing if nothing was left out."""
        return hidden_warnings(self.passages)


def hidden_warnings(passages: int) -> tuple[str, ...]:
    """What the report says of passages that were left out; nothing if there were none."""
    return (f"{_counted(passages, 'passage')} of hidden text left out",) * bool(passages)


def kept_hidden_warnings(kind: str, names: Sequence[str]) -> tuple[str, ...]:
    """What the report says of hidden sheets or slides; nothing if there were none."""
    if not names:
        return ()
    return (f"{_counted(len(names), f'hidden {kind}')} read all the same: {_told(names)}",)


def kept_cells_warnings(names: Sequence[str]) -> tuple[str, ...]:
    """What the report says of sheets with hidden rows or columns; nothing if there were none."""
    if not names:
        return ()
    sheets = _counted(len(names), "sheet")
    return (f"hidden rows or columns of {sheets} read all the same: {_told(names)}",)


def _told(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMES_TOLD]) + (" ..." if len(names) > _NAMES_TOLD else "")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
