"""Buying: each POST of a load, sent once at a time and written down before and after.

No POST of a load leaves but through `Buyer.attempt`, and that lets it leave only when its intent is on disk.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from random import random
from typing import Final

from attrs import define, field

from tokfluence_async.campaign import keyrecords, records
from tokfluence_async.campaign.journal import Journal
from tokfluence_async.campaign.purchase import Bought, Order, settlement_of, verdict_of
from tokfluence_async.campaign.settle import HALF_A_DAY, Step, is_remembered
from tokfluence_async.campaign.stop import Stop
from tokfluence_async.campaign.telling import tell_reserved, tell_settled, tell_settlement
from tokfluence_async.errors import LoadFileError, PlanStaleError
from tokfluence_async.options import Options
from tokfluence_async.protocol.retry import RetryPolicy
from tokfluence_async.protocol.seen import Kind, Seen
from tokfluence_async.session.budget import Budget, Charge
from tokfluence_async.session.session import Session

__all__ = ["Buyer", "Forgotten"]

DIGEST_SIZE: Final = 16
STRIKES: Final = 3
"""Batches in a row that may fail for good before the load stops: the API, or the way to it, is down."""
_OUTAGES: Final = frozenset({"internal_error", "upstream_error"})
"""Codes of the API that say by themselves that it is out of order."""
MAX_TURNED_AWAY: Final = 20
"""How often the rate limit may turn a batch away before the load stops: somebody else is using the limit up."""


class Forgotten(Exception):  # noqa: N818 - no error: there is something else to do first
    """The API may have forgotten the key of a batch: it is to be looked for before it is sent, or not sent at all.

    Attributes:
        unsent: Whether it would be forgotten as used by others, so that all that was never sent is to be looked for.
        lapsed: Whether nothing of the batch is in doubt, and there is no key any more that it could be sent under.
    """

    def __init__(self, *, unsent: bool = False, lapsed: bool = False) -> None:
        super().__init__()
        self.unsent = unsent
        self.lapsed = lapsed


@define
class Buyer:
    """Sends orders, keeps the journal and the budget, and stops the load where going on is of no use."""

    session: Session
    options: Options
    journal: Journal
    budget: Budget
    stop: Stop
    wall_clock: Callable[[], float] = field(default=time.time)
    rand: Callable[[], float] = field(default=random)
    policy: RetryPolicy = field(init=False)
    strikes: int = field(default=0, init=False)
    begun: float = field(default=math.inf, init=False)
    """Since when others may have bought what was never sent from here: Unix seconds."""
    looked: float = field(default=math.inf, init=False)
    """When that was last looked for."""

    def __attrs_post_init__(self) -> None:
        self.policy = RetryPolicy(max_retries=self.options.max_retries, backoff=self.options.backoff)

    async def attempt(
        self,
        order: Order,
        *,
        prepare: Callable[[records.Connection], None] | None = None,
        record: Callable[[records.Connection, Bought], None] | None = None,
    ) -> Bought:
        """Send an order once, under the cap.

        Its intent is on disk before the first byte leaves, its outcome before this returns.

        Args:
            order: The order.
            prepare: Writes what else belongs to the intent, in the intent's own transaction.
            record: Writes what else follows from the outcome, in the outcome's own transaction.

        Raises:
            Forgotten: A batch may have been bought so long ago that it must be looked for first. Nothing was sent.
            Stopped: The load is to stop, or the order would cross the cap. Nothing was sent.
            LoadFileError: The intent could not be written, and nothing was sent; or the outcome could not be, and the
                order counts as sent and unknown.
            PlanStaleError: The bytes are not those that were sent under this key before. Nothing was sent.
        """
        # Repeated under the same key, it can't be charged besides what is in doubt already.
        reserved = order.price - order.charged.max
        if not self.budget.allows(reserved):
            left = self.budget.remaining or 0
            self.stop.request(
                "max_credits",
                f"the cap would be crossed: {reserved:,} credits are needed and {left:,} are left under it; raise "
                f"--max-credits by {reserved - left:,}, and resume",
                short_by=reserved - left,
            )
        self.stop.check()
        self.budget.reserve(reserved)
        before = order.charged
        number = tell_reserved(
            self.session, self.budget, order.request.call, len(order.history) + 1, reserved
        )
        try:
            bought = await self._send(order, prepare, record)
        except BaseException:
            if order.under_way:
                # What became of it is not known: it counts as charged.
                self._count(order, Charge(order.charged.min, order.price))
            raise
        finally:
            self.budget.settle(reserved, Charge(0, 0))
            tell_settled(
                self.session,
                self.budget,
                order.request.call,
                reservation=number,
                reserved=reserved,
                before=before,
                now=order.charged,
            )
        if bought.verdict.step is Step.DONE:
            self.strikes = 0
        elif bought.seen.kind is Kind.GARBLED:
            self.strike(bought.seen)
        tell_settlement(self.session, self.budget, bought.settlement)
        return bought

    async def _send(
        self,
        order: Order,
        prepare: Callable[[records.Connection], None] | None,
        record: Callable[[records.Connection, Bought], None] | None,
    ) -> Bought:
        digest = hashlib.blake2b(order.request.body or b"", digest_size=DIGEST_SIZE).digest()
        intents: list[int] = []
        begin: Callable[[], None]

        async def write_intent() -> None:
            self.stop.check()
            begin()
            order.under_way = True
            try:
                intents.append(await self.journal.run(lambda db: self._begin(db, order, digest, prepare)))
            except (LoadFileError, Forgotten):
                order.under_way = False  # nothing was sent
                raise

        with self.stop.interruptible() as begin, self.stop.closing():
            attempt = await self.session.attempt(
                order.request,
                timeout=self.options.timeout_for(order.request.urls),
                number=len(order.history) + 1,
                before_send=write_intent,
            )
        if len(intents) != 1:
            raise LoadFileError("a request left without its intent on record; this is a bug")
        order.history.append(attempt.seen.kind)
        if attempt.seen.kind is Kind.RATE_LIMITED:
            order.turned_away += 1
        else:
            order.tries += 1
        verdict = verdict_of(order)
        settlement = settlement_of(order, attempt, verdict)
        bought = Bought(attempt, verdict, settlement)
        ended = self.wall_clock()

        def write_outcome(db: records.Connection) -> None:
            records.end_attempt(
                db, intents[0], seen=attempt.seen, ended=ended, credits_remaining=attempt.credits_remaining
            )
            records.settle_batch(db, order.batch, settlement)
            if record is not None:
                record(db, bought)

        await self.journal.run(write_outcome)
        order.under_way = False
        self._count(order, settlement.charge)
        return bought

    def _begin(
        self,
        db: records.Connection,
        order: Order,
        digest: bytes,
        prepare: Callable[[records.Connection], None] | None,
    ) -> int:
        """Record the intent to send an order; its number."""
        now = self.wall_clock()
        if order.posts:  # a second create is kept out by the campaign's name
            # The machine may have slept since the last attempt.
            ends = now + self.options.timeout_for(len(order.posts))
            if keyrecords.has_lapsed(db, order.batch, ends):
                raise Forgotten(lapsed=not keyrecords.is_in_doubt(db, order.batch))
            if keyrecords.may_be_forgotten(db, order.batch, now):
                raise Forgotten
            if not self.is_looked_for(now):
                raise Forgotten(unsent=True)
        before = keyrecords.last_sent(db, order.batch.id)
        if before is not None and before != (order.request.idempotency_key, digest):
            raise PlanStaleError(
                f"step {order.batch.step} was sent before with another body or key; sending this could buy it again, "
                "or something else. Nothing was sent"
            )
        if prepare is not None:
            prepare(db)
        return records.begin_attempt(
            db,
            batch=order.batch.id,
            call=order.request.call,
            key=order.request.idempotency_key,
            digest=digest,
            price=order.price,
            started=now,
        )

    def is_looked_for(self, now: float) -> bool:
        """Whether it is known of what was never sent that nobody has bought it under a key that is forgotten by now."""
        return is_remembered(self.begun, now) or is_remembered(self.looked, now, within=HALF_A_DAY)

    def _count(self, order: Order, now: Charge) -> None:
        self.budget.correct(order.charged, now)
        order.charged = now

    def delay(self, order: Order, step: Step) -> float:
        """Seconds to wait before an order is sent again."""
        if step is Step.WAIT:
            return 0.0  # the limiter holds everybody back until the pause is over
        if step is Step.REPEAT_LATER:
            return self.options.settle
        return self.policy.wait(max(order.tries, 1), retry_after=None, random=self.rand)

    def may_repeat(self, order: Order, bought: Bought) -> bool:
        """Whether an order is sent again in this run; where it is not because nothing works, the load is stopped."""
        if bought.verdict.step is Step.WAIT:
            if order.turned_away < MAX_TURNED_AWAY:
                return True
            self.stop.request(
                "rate_limited", "the rate limit turns requests away again and again; resume later"
            )
            return False
        if order.tries <= self.policy.max_retries:
            return True
        if bought.seen.kind is Kind.NOT_SENT:
            self.stop.request("not_sent", f"the API can't be reached: {bought.seen.message}; resume later")
            return False
        self.strikes += 1
        if self.strikes >= STRIKES:
            self.stop.request(
                bought.seen.code if bought.seen.code in _OUTAGES else "outcome_unknown",
                f"{self.strikes} batches in a row failed: {bought.seen.message}; resume later",
            )
        return False

    def strike(self, refused: Seen) -> None:
        """Count a batch that was refused, or whose answer can't be read: each may have been charged.

        After some in a row, stop.
        """
        self.strikes += 1
        if self.strikes >= STRIKES and refused.kind is Kind.GARBLED:
            self.stop.request(
                "outcome_unknown",
                f"the answers to {self.strikes} batches in a row can't be read: {refused.message}; resume later",
            )
        elif self.strikes >= STRIKES:
            self.stop.request(
                refused.code or f"http_{refused.status}",
                f"the API refused {self.strikes} batches in a row ({refused.answer}): "
                f"{refused.message}. See whether the campaign still exists; to go on with the next batches, resume",
            )

    def stop_for_file(self, error: LoadFileError) -> None:
        """Stop because the load file can't be read, or what happened can't be recorded."""
        self.stop.request("plan_stale" if isinstance(error, PlanStaleError) else "load_file", str(error))

    def stop_for(self, seen: Seen) -> None:
        """Stop because of an answer that would come to every other request as well."""
        advice = {
            Kind.NO_CREDIT: "the wallet is too low; top it up and resume",
            Kind.DENIED: "check the API key and the account, then resume",
        }.get(seen.kind, "something other than the API answered; check the base URL, then resume")
        # What redirects is not the API, so the code in its body is not the API's either.
        code = "redirected" if seen.kind is Kind.REDIRECTED else seen.code or f"http_{seen.status}"
        self.stop.request(code, f"{seen.message}: {advice}")
