"""The queue for answers: fair, honest about one's place, and never stuck."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from ui.queueing import Queue, Ticket


def served(queue: Queue, visitors: list[str]) -> list[int]:
    """In which order the questions of these visitors, asked in this order, are answered."""
    order: list[int] = []

    async def ask(n: int, ticket: Ticket) -> None:
        async with queue.turn(ticket):
            order.append(n)
            await asyncio.sleep(0)

    async def run() -> None:
        await asyncio.gather(*(ask(n, Ticket(name)) for n, name in enumerate(visitors)))

    asyncio.run(run())
    return order


def test_visitors_take_turns() -> None:
    """Who asks four questions at once does not keep another's one waiting behind them."""
    assert served(Queue(1), ["a", "a", "a", "a", "b", "c"]) == [0, 4, 5, 1, 2, 3]


def test_one_s_own_questions_stay_in_order() -> None:
    """A visitor's questions are answered in the order in which they were asked."""
    assert served(Queue(1), ["a", "b", "a", "b"]) == [0, 1, 2, 3]


def test_everybody_knows_their_place() -> None:
    """A place is what is served before one, and one; it goes down as others end or give up."""

    async def run() -> None:
        queue = Queue(2)
        tickets = [Ticket(name) for name in "abaac"]
        leave = [asyncio.Event() for _ in tickets]

        async def ask(n: int) -> None:
            async with queue.turn(tickets[n]):
                await leave[n].wait()

        asking = [asyncio.create_task(ask(n)) for n in range(len(tickets))]
        await asyncio.sleep(0)
        assert [each.place for each in tickets] == [0, 0, 2, 3, 1]
        assert (queue.served, queue.waiting) == (2, 3)
        asking[4].cancel()
        await asyncio.sleep(0.01)
        assert [each.place for each in tickets[:4]] == [0, 0, 1, 2]
        leave[1].set()
        await asyncio.sleep(0.01)
        assert [each.place for each in tickets[:4]] == [0, 0, 0, 1]
        for event in leave:
            event.set()
        await asyncio.gather(*asking, return_exceptions=True)
        assert (queue.served, queue.waiting) == (0, 0)

    asyncio.run(run())


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.booleans()), max_size=30),
    st.integers(1, 4),
)
def test_no_desk_is_ever_lost(questions: list[tuple[str, bool, bool]], desks: int) -> None:
    """Whoever is answered, fails or gives up: never more at once than desks, and none is lost."""

    async def run() -> None:
        queue = Queue(desks)

        async def ask(visitor: str, *, fails: bool) -> None:
            async with queue.turn(Ticket(visitor)):
                assert 1 <= queue.served <= desks
                await asyncio.sleep(0)
                if fails:
                    raise ValueError(visitor)

        asking = [asyncio.create_task(ask(name, fails=fails)) for name, fails, _ in questions]
        await asyncio.sleep(0)
        for task, (_, _, gives_up) in zip(asking, questions, strict=True):
            if gives_up:
                task.cancel()
        results = await asyncio.gather(*asking, return_exceptions=True)
        assert not [each for each in results if isinstance(each, AssertionError)]
        assert (queue.served, queue.waiting) == (0, 0)

    asyncio.run(run())
