"""Which passages a search may find."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Filter:
    """Conditions that a passage and a place of its document meet, all that are given.

    Attributes:
        path: a glob for the whole path, as in `*/policies/*.pdf`: `*` stands for anything.
        suffixes: endings of the path such as `.pdf`, one of which it has, in lower case.
        heading: words that stand in one of the headings above it, whatever their case.
        since: when the file was last changed, at the earliest; with its time zone.
        until: the same, at the latest.
    """

    path: str = ""
    suffixes: tuple[str, ...] = ()
    heading: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def __bool__(self) -> bool:
        """Whether there is any condition."""
        return self != Filter()


ANYTHING = Filter()
