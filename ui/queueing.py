"""Whose question is answered next: visitors take turns, and each knows their place.

A few questions are answered at once; the others wait. Of those that wait the next is that
of the visitor who was served longest ago, so that one who asks ten at once does not keep
nine others waiting.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count


class Ticket:
    """A question's place in the queue; may be looked at from any thread.

    Attributes:
        place: how many are served before it, and it: 0 when it is being answered.
    """

    def __init__(self, visitor: str) -> None:
        self.visitor = visitor
        self.place = 0
        self.called = asyncio.Event()


class Queue:
    """A queue with several desks; used from one event loop.

    Args:
        desks: how many questions are answered at once.
    """

    def __init__(self, desks: int) -> None:
        self.desks = desks
        self._served = 0
        self._waiting: dict[str, deque[Ticket]] = {}
        self._last_served: dict[str, int] = {}
        self._clock = count(1)

    @property
    def served(self) -> int:
        """How many are being answered."""
        return self._served

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    @asynccontextmanager
    async def turn(self, ticket: Ticket) -> AsyncIterator[None]:
        """Wait for a desk, and hold it until the block ends; giving up leaves the queue."""
        self._waiting.setdefault(ticket.visitor, deque()).append(ticket)
        self._call()
        try:
            await ticket.called.wait()
            yield
        finally:
            if ticket.called.is_set():
                self._served -= 1
            else:
                self._leave(ticket)
            self._call()
            if not (self._served or self._waiting):
                self._last_served.clear()  # who came once is not remembered for ever

    def _call(self) -> None:
        """Give free desks to those who are next, and tell the others their place."""
        while self._served < self.desks and (order := self._order()):
            ticket = order[0]
            self._leave(ticket)
            self._last_served[ticket.visitor] = next(self._clock)
            self._served += 1
            ticket.place = 0
            ticket.called.set()
        for place, ticket in enumerate(self._order(), 1):
            ticket.place = place

    def _order(self) -> list[Ticket]:
        """Those who wait, in the order in which they will be served."""
        last = {visitor: self._last_served.get(visitor, 0) for visitor in self._waiting}
        order: list[Ticket] = []
        left = {visitor: deque(tickets) for visitor, tickets in self._waiting.items()}
        for now in count(max(last.values(), default=0) + 1):
            if not left:
                return order
            visitor = min(left, key=lambda each: last[each])
            order.append(left[visitor].popleft())
            last[visitor] = now
            if not left[visitor]:
                del left[visitor]
        raise AssertionError("counting ends only with the queue")

    def _leave(self, ticket: Ticket) -> None:
        tickets = self._waiting[ticket.visitor]
        tickets.remove(ticket)
        if not tickets:
            del self._waiting[ticket.visitor]
