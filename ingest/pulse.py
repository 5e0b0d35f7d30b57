"""Signs of life: a parser says which page it begins, whoever waits for it hears that.

A long document may take as long as its pages need, while one page that never ends is
found out at once. Outside a worker process nobody listens.
"""

from collections.abc import Callable


class _Pulse:
    listener: Callable[[int], None] | None = None


def page(number: int) -> None:
    """Say that a page, slide or sheet begins.

    Args:
        number: of the page, from 1.
    """
    if _Pulse.listener is not None:
        _Pulse.listener(number)


def listen(listener: Callable[[int], None]) -> None:
    """Have every page told to this listener from now on."""
    _Pulse.listener = listener
