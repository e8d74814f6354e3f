"""A pass over a load's batches: each that is to be sent is, one alone at first, then side by side."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from heapq import heappop, heappush
from typing import Final

import anyio

from tokfluence_async.campaign import records
from tokfluence_async.campaign.buyer import Buyer, Forgotten
from tokfluence_async.campaign.journal import Journal
from tokfluence_async.campaign.orders import Orders
from tokfluence_async.campaign.purchase import Bought, Order
from tokfluence_async.campaign.records import BatchRow, State
from tokfluence_async.campaign.settle import HALF_A_DAY, Step
from tokfluence_async.campaign.stop import Stopped
from tokfluence_async.errors import LoadFileError

__all__ = ["Pass"]

RECONCILED_WITHIN: Final = HALF_A_DAY / 2
"""Seconds after which what has met a 409 is looked for before the pass's end: a new key is good for half a day."""
LOOKAHEAD: Final = 64
"""Batches that are read ahead from the load file."""


class Pass:
    """Sends every batch that is to be sent, once or until nothing more comes of it; make another for the next pass.

    Args:
        journal: What reads the load file.
        buyer: What sends a batch.
        orders: What makes an order of a batch.
        states: The states in which a batch is to be sent.
        give_up: What is done about a batch that there is no key for any more.
        anew: Whether what may have been bought already is bought anew.

    Attributes:
        over: Whether it has ended because what was never sent must be looked for first.
    """

    def __init__(
        self,
        journal: Journal,
        buyer: Buyer,
        orders: Orders,
        states: Sequence[State],
        *,
        give_up: Callable[[BatchRow], Awaitable[None]],
        anew: bool,
    ) -> None:
        self._journal = journal
        self._buyer = buyer
        self._stop = buyer.stop
        self._orders = orders
        self._states = states
        self._give_up = give_up
        self._anew = anew
        self.over: bool = False
        self._ready: deque[Order] = deque()
        self._reading = anyio.Lock()
        self._cursor = 0
        self._later: list[tuple[float, int, Order]] = []
        self._early = set[int]()
        """Batches that were taken out of their turn."""
        self._renewed = True
        """Whether it is still at those that have a new key: that is not good for long."""
        self._in_doubt_since: float | None = None

    @property
    def due(self) -> bool:
        """Whether it ends because something has been waiting for long to be looked for."""
        since = self._in_doubt_since
        return since is not None and anyio.current_time() - since > RECONCILED_WITHIN

    async def run(self, *, concurrency: int) -> None:
        """Send them: one alone until the API has accepted one, then side by side.

        Args:
            concurrency: Batches in flight at once.

        Raises:
            Stopped: The load is to stop.
            LoadFileError: The load file can't be read or written.
        """
        proved = await self._journal.run(records.any_accepted)
        while not proved:
            order = await self._next()
            if order is None:
                return
            proved = await self._work_off(order, alone=True)
            self._stop.check()
        async with anyio.create_task_group() as tasks:
            for _ in range(concurrency):
                tasks.start_soon(self._work)

    async def _work(self) -> None:
        try:
            while (order := await self._take()) is not None:
                await self._work_off(order, alone=False)
        except Stopped:
            return
        except LoadFileError as error:
            # The others drain: what they have in flight can't be recorded either, but must be waited for.
            self._buyer.stop_for_file(error)

    async def _take(self) -> Order | None:
        """The next order: one whose wait is over, else a fresh batch, else the first whose wait ends."""
        while not (self._stop.requested or self.over or self.due):
            if self._later and self._later[0][0] <= anyio.current_time():
                return heappop(self._later)[2]
            order = await self._next()
            if order is not None:
                return order
            if not self._later:
                return None
            await self._stop.sleep(max(self._later[0][0] - anyio.current_time(), 0.001))
        return None

    async def _next(self) -> Order | None:
        """The next batch that nobody has taken in this pass: what has a new key, then in the order of the input."""
        if self.over or self.due:
            return None
        if not self._ready:
            async with self._reading:
                if not self._ready:
                    self._ready.extend(await self._journal.run(self._read_ahead))
                if not self._ready and self._renewed:
                    self._renewed, self._cursor = False, 0
                    self._ready.extend(await self._journal.run(self._read_ahead))
        return self._ready.popleft() if self._ready else None

    def _read_ahead(self, db: records.Connection) -> list[Order]:
        # What may have been bought already is bought anew by explicit word only.
        again = None if self._anew else False
        found = [
            each
            for state in self._states
            for each in records.batches_after(
                db,
                state,
                self._cursor,
                LOOKAHEAD,
                again=again if state is State.PENDING else None,
                renewed=self._renewed,
            )
        ]
        found = sorted((each for each in found if each.id not in self._early), key=lambda each: each.id)
        self._cursor = found[:LOOKAHEAD][-1].id if found else self._cursor
        return [self._orders.of(db, batch) for batch in found[:LOOKAHEAD]]

    async def _work_off(self, order: Order, *, alone: bool) -> bool:
        """Send an order until it is settled or put off; whether the API has accepted URLs of it."""
        while True:
            try:
                bought = await self._buyer.attempt(order)
            except Forgotten as forgotten:
                self.over = self.over or forgotten.unsent
                if forgotten.lapsed:
                    await self._give_up(order.batch)
                return False
            step = bought.verdict.step
            if step is Step.DONE:
                return bought.settlement.accepted > 0
            if step in {Step.QUARANTINE, Step.STOP, Step.RECONCILE, Step.SPLIT}:
                await self._leave(order, bought, alone=alone)
                return False
            if not self._buyer.may_repeat(order, bought):
                return False
            wait = self._buyer.delay(order, step)
            if not alone and step is not Step.WAIT:
                heappush(self._later, (anyio.current_time() + wait, order.batch.id, order))
                return False
            await self._stop.sleep(wait)
            self._stop.check()

    async def _leave(self, order: Order, bought: Bought, *, alone: bool) -> None:
        """Do what follows from an order that is not sent again as it is."""
        match bought.verdict.step:
            case Step.QUARANTINE if alone:
                self._refused_alone(bought)
            case Step.QUARANTINE:
                self._buyer.strike(bought.seen)
            case Step.STOP:
                self._buyer.stop_for(bought.seen)
            case Step.SPLIT if alone:
                await self._take_halves(order)
            case Step.RECONCILE:
                self._in_doubt_since = self._in_doubt_since or anyio.current_time()
            case _:
                pass

    async def _take_halves(self, order: Order) -> None:
        """Have the halves of a batch that was too large go next.

        The batches after it would be turned away like it, one by one, before one is sent that is small enough.
        """

        def read(db: records.Connection) -> list[Order]:
            return [self._orders.of(db, batch) for batch in records.halves_of(db, order.batch)]

        halves = await self._journal.run(read)
        self._early.update(half.batch.id for half in halves)
        self._ready.extendleft(reversed(halves))

    def _refused_alone(self, bought: Bought) -> None:
        seen = bought.seen
        self._stop.request(
            seen.code or "refused",
            f"the API refused the first batch ({seen.answer}): {seen.message}. Nothing more was sent. See "
            "whether the campaign still exists, and whether the API takes the analyze body in this form; to go on with "
            "the next batch, again alone, resume",
        )
