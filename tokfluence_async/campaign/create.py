"""The create: one credit, one campaign, and no call that lists campaigns should its answer be lost."""

from __future__ import annotations

from functools import partial
from typing import Any, Final, NoReturn, cast

import anyio

from tokfluence_async.campaign import keyrecords, records
from tokfluence_async.campaign.buyer import Buyer
from tokfluence_async.campaign.journal import Journal
from tokfluence_async.campaign.orders import create_order
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.campaign.purchase import Bought, Order
from tokfluence_async.campaign.reads import Reader
from tokfluence_async.campaign.records import BatchRow, Settlement, State
from tokfluence_async.campaign.settle import (
    UNRESOLVED,
    Belief,
    Keys,
    Step,
    charge,
    settle_absent,
)
from tokfluence_async.campaign.stop import Stopped
from tokfluence_async.protocol.endpoints import CAMPAIGNS_SHOW
from tokfluence_async.protocol.seen import Kind
from tokfluence_async.session.budget import Charge

__all__ = ["Create"]


_APPLIED_BEFORE: Final = (
    "this plan was applied before, from another file or machine: the API knows its create. Go on from that load file, "
    "or pass --campaign-id. No analysis was bought"
)


class Create:
    """Sees to it that the load has its campaign.

    Attributes:
        wallet: The balance that the create's answer told, in credits; None unless the campaign was created now.
        created_now: Whether the campaign is new.
        created_here: Whether whatever is in the campaign was put there by this plan: this load's own create made it, or
            it was empty when it was taken.
    """

    def __init__(self, buyer: Buyer, reader: Reader, plan: Plan, journal: Journal, keys: Keys) -> None:
        self.wallet: int | None = None
        self.created_now: bool = False
        self.created_here: bool = True
        self._buyer = buyer
        self._reader = reader
        self._plan = plan
        self._journal = journal
        self._keys = keys
        self._renewed = 0
        self._aside: int | None = None
        self._perhaps: Charge | None = None
        """What may have been charged besides, unless the key is remembered, or nothing is sent."""

    async def ensure(self, given: int | None) -> int:
        """The campaign's id: from the record, from the caller, or from a create.

        Raises:
            Stopped: There is none, and the load's stop says why.
        """
        on_record = await self._journal.run(lambda _: self._journal.file.meta("campaign_id"))
        if on_record is not None:
            self.created_here = (
                await self._journal.run(lambda _: self._journal.file.meta("created_here")) == "1"
            )
            if given is not None and given != int(on_record):
                self._stop(
                    "plan_stale", f"the load goes into campaign {on_record}, not {given}. Nothing was sent"
                )
            return int(on_record)
        if given is not None:
            return await self._adopt(given)
        return await self._create()

    async def _create(self) -> int:
        order = await self._journal.run(lambda db: create_order(self._plan, db))
        if order.batch.state is State.APPLIED:
            self._stop_without_id()
        now = self._buyer.wall_clock()
        if await self._journal.run(lambda db: keyrecords.may_be_forgotten(db, order.batch, now)):
            # The name keeps a second campaign out; but the credit may be charged once more.
            self._perhaps = charge(order.history, price=order.price)
            self._buyer.budget.correct(Charge(0, 0), self._perhaps)
        try:
            return await self._send(order)
        finally:
            if not order.under_way:
                # Nothing that could be charged again has left since.
                with anyio.CancelScope(shield=True):
                    await self._take_back()

    async def _send(self, order: Order) -> int:
        while True:
            bought = await self._buyer.attempt(
                order, prepare=partial(self._set_aside, order.batch), record=self._record_created
            )
            await self._answered(bought.seen.kind)
            match bought.verdict.step:
                case Step.DONE:
                    return self._created(bought)
                case Step.STOP:
                    self._buyer.stop_for(bought.seen)
                    raise Stopped
                case Step.QUARANTINE:
                    self._refused(order, bought)
                case Step.RECONCILE:
                    order = await self._next_generation(order, bought)
                    continue
                case step:
                    pass
            if not self._buyer.may_repeat(order, bought):
                self._doubt(order, bought)
            await self._buyer.stop.sleep(self._buyer.delay(order, step))

    async def _next_generation(self, order: Order, bought: Bought) -> Order:
        """A 409, or an unreadable success: another key only where every attempt is known to have done nothing."""
        if settle_absent(order.history, self._keys).step not in {Step.NEW_KEY, Step.SPLIT}:
            if bought.seen.kind is Kind.REFUSED:
                self._refused(order, bought)
            self._doubt(order, bought)
        child = (order.batch.step, order.batch.generation + 1, ())
        settlement = Settlement(State.REPLACED, Charge(0, 0), children=(child,))
        await self._journal.run(lambda db: records.settle_batch(db, order.batch, settlement))
        self._buyer.budget.correct(order.charged, Charge(0, 0))
        self._renewed += 1
        if self._renewed > self._buyer.policy.max_retries:
            self._stop("upstream_error", "the create fails and is refunded again and again; resume later")
        policy, rand = self._buyer.policy, self._buyer.rand
        await self._buyer.stop.sleep(policy.wait(self._renewed, retry_after=None, random=rand))
        return await self._journal.run(lambda db: create_order(self._plan, db))

    def _set_aside(self, batch: BatchRow, db: records.Connection) -> None:
        """Keep what a create may have been charged whose key the API may have forgotten, as it is sent once more."""
        if self._perhaps is not None and self._aside is None:
            self._aside = records.set_aside(db, batch, self._perhaps)

    async def _answered(self, kind: Kind) -> None:
        """A 409 on the first answer says that the key was not forgotten: there is no second charge."""
        if kind is Kind.SEEN_BEFORE:
            await self._take_back()
        elif kind in UNRESOLVED | {Kind.APPLIED, Kind.REFUSED}:
            self._perhaps = None

    async def _take_back(self) -> None:
        """What was set aside is no second charge."""
        perhaps, self._perhaps = self._perhaps, None
        if perhaps is not None:
            self._buyer.budget.correct(perhaps, Charge(0, 0))
            aside = self._aside
            if aside is not None:
                await self._journal.run(lambda db: records.take_back(db, aside))

    def _doubt(self, order: Order, bought: Bought) -> NoReturn:
        """Stop, because whether there is a campaign, or what its id is, can't be told."""
        if bought.verdict.step is Step.RECONCILE and all(
            kind in {Kind.SEEN_BEFORE, Kind.NOT_SENT} for kind in order.history
        ):
            self._stop("duplicate_request", _APPLIED_BEFORE)
        if bought.verdict.belief is Belief.UNKNOWN:
            self._stop(
                "create_unknown",
                f"the campaign may have been created, but the answer was lost ({bought.seen.message}), and no call "
                f"lists campaigns. Look for {self._plan.name!r} in the dashboard: if it is there, resume with "
                "--campaign-id; if not, resume without",
            )
        self._stop(bought.seen.code or "not_created", f"the campaign was not created: {bought.seen.message}")

    def _refused(self, order: Order, bought: Bought) -> NoReturn:
        if order.batch.generation and bought.seen.code == records.NAME_TAKEN:
            # The 409 that this key was made for came from a create of the same plan after all.
            self._stop("duplicate_request", _APPLIED_BEFORE)
        self._stop(
            bought.seen.code or "refused",
            f"the API refused to create the campaign: {bought.seen.message.rstrip('.')}. If its name is taken, choose "
            "another, or pass --campaign-id to load into the campaign that has it. No analysis was bought",
        )

    def _stop_without_id(self) -> NoReturn:
        self._stop(
            "create_unknown",
            "the campaign was created, but the API's answer names no id. Look for "
            f"{self._plan.name!r} in the dashboard and resume with --campaign-id",
        )

    def _stop(self, code: str, message: str) -> NoReturn:
        self._buyer.stop.request(code, message)
        raise Stopped

    def _created(self, bought: Bought) -> int:
        campaign_id = _campaign_id(bought)
        if campaign_id is None:
            self._stop_without_id()
        self.wallet, self.created_now = bought.attempt.credits_remaining, True
        return campaign_id

    def _record_created(self, _: records.Connection, bought: Bought) -> None:
        """Part of the outcome: a campaign that is on record as created, and whose id is not, can't be loaded into."""
        campaign_id = _campaign_id(bought) if bought.verdict.step is Step.DONE else None
        if campaign_id is not None:
            self._set_campaign(campaign_id, created_here=True)

    def _set_campaign(self, campaign_id: int, *, created_here: bool) -> None:
        self._journal.file.set_meta("campaign_id", str(campaign_id))
        self._journal.file.set_meta("created_here", "1" if created_here else "0")

    async def _record_adopted(self, campaign_id: int) -> None:
        def write(db: records.Connection) -> None:
            self._set_campaign(campaign_id, created_here=self.created_here)
            create = records.create_of(db)
            history = records.history(db, create.id)
            price = self._plan.create_credits
            spent = charge(history, price=price, sure=price if Kind.APPLIED in history else None)
            records.settle_batch(db, create, Settlement(State.APPLIED, spent))

        await self._journal.run(write)

    async def _adopt(self, given: int) -> int:
        """Take the caller's word for the campaign's id, once its name is seen to be the plan's: 1 credit."""
        payload, seen = await self._reader.read(CAMPAIGNS_SHOW, given)
        if seen is None:
            self._stop("max_credits", "the cap leaves no room for looking at the campaign (1 credit)")
        elif payload is None:
            if seen.kind is Kind.DENIED or seen.kind is Kind.NO_CREDIT:
                self._buyer.stop_for(seen)
                raise Stopped
            self._stop(seen.code or "campaign_unreadable", f"campaign {given} can't be read: {seen.message}")
        data = cast("dict[str, Any]", payload).get("data")
        name = cast("dict[str, Any]", data).get("name") if isinstance(data, dict) else None
        if name != self._plan.name:
            self._stop(
                "plan_stale",
                f"campaign {given} is named {name!r}, not {self._plan.name!r}. Nothing was bought",
            )
        # Whether it is the very campaign that a lost create made can't be told. It need not be, as long as it is empty.
        count: Any = cast("dict[str, Any]", data).get("tracked_posts_count")
        self.created_here = type(count) is int and count == 0
        await self._record_adopted(given)
        return given


def _campaign_id(bought: Bought) -> int | None:
    data: Any = (bought.seen.payload or {}).get("data")
    found = cast("dict[str, Any]", data).get("id") if isinstance(data, dict) else None
    if isinstance(found, int) and not isinstance(found, bool):
        return found
    return (
        int(found)
        if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) < 20
        else None
    )
