"""The loader: applies a plan. An empty create, one batch alone, then batches side by side, and what is in doubt last.

It decides nothing about money by itself: what may be believed of each answer, and the next step, come from `settle`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from random import random
from typing import Final

import anyio

from tokfluence_async.campaign import identity, keyrecords, records
from tokfluence_async.campaign.buyer import Buyer
from tokfluence_async.campaign.create import Create
from tokfluence_async.campaign.events import LoadStarted, LoadStopping
from tokfluence_async.campaign.funds import Funds
from tokfluence_async.campaign.journal import Journal
from tokfluence_async.campaign.judging import Look
from tokfluence_async.campaign.listing import PostList
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.campaign.orders import Orders
from tokfluence_async.campaign.passes import Pass
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.campaign.reads import Reader
from tokfluence_async.campaign.reconcile import Reconciler
from tokfluence_async.campaign.records import State
from tokfluence_async.campaign.report import LoadReport
from tokfluence_async.campaign.settle import Keys
from tokfluence_async.campaign.stop import Stop, Stopped
from tokfluence_async.client import Tokfluence
from tokfluence_async.errors import LoadFileError, UsageError
from tokfluence_async.protocol.endpoints import CAMPAIGNS_SHOW
from tokfluence_async.protocol.seen import Kind, Seen
from tokfluence_async.session.budget import Budget, Charge

__all__ = ["Loader", "checked_cap"]

MAX_PASSES: Final = 4
"""How often the batches in doubt are looked into, and what is proved not to have been applied is sent again."""
MAX_LOOKS: Final = 50
"""How often what was never sent is looked for in one run (twice a day, unless the clock jumps about), and how often a
pass may end early."""
_SENT: Final = (State.DOUBTFUL, State.PENDING)
_LOOKED: Final = "looked_for_unsent"
"""Under which the load file remembers when what was never sent was last looked for in the whole list: Unix seconds."""


class Loader:
    """Applies the plan in a load file, from where it stands, through an open client. Use it for one run.

    Args:
        tok: The client. Its options give the concurrency, the retries and the waits.
        file: The load file, open and locked; the caller closes it after `run`.
        max_credits: Credits that this load may cost at most, earlier runs included; by default the client's, else the
            cap that an earlier run had. Whatever it is, the load counts towards the client's own cap.
        campaign_id: Load into this campaign, whose name must be the plan's, instead of creating one. Needed when the
            answer to the create was lost: there is no call that lists campaigns.
        resubmit_unknown: Buy anew what an earlier run has reported as unknown and the campaign still does not list. If
            it was applied after all, it is charged a second time.
        rand: Numbers in [0, 1) for the jitter of waits.
        wall_clock: Unix seconds, for the record.
        journal: What writes the load file.
    """

    def __init__(
        self,
        tok: Tokfluence,
        file: LoadFile,
        *,
        max_credits: int | None = None,
        campaign_id: int | None = None,
        resubmit_unknown: bool = False,
        rand: Callable[[], float] = random,
        wall_clock: Callable[[], float] = time.time,
        journal: Callable[[LoadFile], Journal] = Journal,
    ) -> None:
        self._tok = tok
        self._options = tok.options
        self._file = file
        self._given_campaign = campaign_id
        self._resubmit = resubmit_unknown
        self._max_credits = _first(
            checked_cap(tok, max_credits), tok.options.max_credits, identity.recorded_cap(file)
        )
        self._wall_clock = wall_clock
        self._stop = Stop(lambda code, message: tok.events.emit(LoadStopping(code=code, message=message)))
        session = tok.session
        self._journal = journal(file)
        self._buyer = Buyer(
            session,
            tok.options,
            self._journal,
            Budget(self._max_credits, parent=tok.spent),
            self._stop,
            wall_clock,
            rand,
        )
        self._keys = Keys.SHARED
        self._copied = True
        """Whether somebody else may have the plan's keys, for all that the load file tells."""
        self._begun = False
        self._job: tuple[object, ...] | None = None
        self._taken_up = Charge(0, 0)
        self._states: tuple[State, ...] = _SENT
        """What is sent: unless they can be looked for first, what earlier runs left in doubt is not."""

    def stop(
        self, code: str = "interrupted", message: str = "interrupted; resume it from its load file"
    ) -> None:
        """Start nothing new, let what is under way end, and return from `run`. Safe to call more than once."""
        self._stop.request(code, message)

    async def run(self) -> LoadReport:
        """Load until everything is settled, or something stops it.

        Returns:
            The report, also of a load that stopped: `LoadReport.stopped_by` tells.

        Raises:
            LoadFileError: The load file can't be read.
            UsageError: The loader has run before.
        """
        if self._begun:
            raise UsageError("a loader runs once; make another to resume the load")
        self._begun = True
        report = LoadReport.of(self._file)
        if report.state == "complete":
            await self._journal.close()
            return report
        started = anyio.current_time()
        try:
            await self._journal.run(self._bind)
            mark = await self._journal.run(lambda _: identity.Mark(self._file))
            await self._journal.run(lambda _: mark.set())
            self._journal.after_commit = mark.advance
            await self._load(self._file.plan(), report)
        except Stopped:
            pass
        except LoadFileError as error:
            self._buyer.stop_for_file(error)
        finally:
            if self._job is not None:
                now, before = self._buyer.budget.charged, self._taken_up
                self._buyer.budget.put_down(self._job, Charge(now.min - before.min, now.max - before.max))
            with anyio.CancelScope(shield=True):
                await self._finish(report.elapsed_seconds + anyio.current_time() - started)
        report = LoadReport.of(self._file)
        # What could not be written into the file is told all the same.
        return (
            report
            if report.state == "complete"
            else report.stopped(self._stop.code, self._stop.message, self._stop.short_by)
        )

    async def _finish(self, elapsed: float) -> None:
        def write(_: records.Connection) -> None:
            self._file.set_meta("elapsed", str(elapsed))
            self._file.set_meta("stopped_by", self._stop.code or "")
            self._file.set_meta("stop_message", self._stop.message)
            self._file.set_meta("short_by", str(self._stop.short_by or ""))

        try:
            await self._journal.run(write)
        except LoadFileError as error:
            self._buyer.stop_for_file(error)
        finally:
            await self._journal.close()

    def _bind(self, db: records.Connection) -> None:
        identity.check_tariff(self._file.plan(), self._tok.tariff, self._file)
        alone = identity.bind(db, self._file, self._options) and not keyrecords.seen_elsewhere(db)
        self._keys, self._copied = (Keys.OURS, False) if alone else (Keys.SHARED, True)
        self._file.set_meta("max_credits", "" if self._max_credits is None else str(self._max_credits))

    async def _load(self, plan: Plan, report: LoadReport) -> None:
        budget = self._buyer.budget
        # A file that was made of the same plan at another time is another job.
        self._job = (plan.plan_id, self._file.meta("made"), self._file.inode)
        self._taken_up = Charge(report.credits.charged_min, report.credits.charged_max)
        budget.take_up(self._job, self._taken_up)
        if self._tok.events.wanted:
            self._tok.events.emit(
                LoadStarted(
                    file=str(self._file.path),
                    name=plan.name,
                    urls=plan.urls,
                    settled=report.urls.accepted + report.urls.rejected,
                    planned=report.credits.planned,
                )
            )
        funds = Funds(plan, report, budget, self._stop, self._max_credits)
        funds.check_cap(await self._price_of_campaign(plan), await self._to_come())
        reader = Reader(self._tok, self._journal, budget, self._stop, self._wall_clock, self._buyer.rand)
        create = Create(self._buyer, reader, plan, self._journal, self._keys)
        campaign_id = await create.ensure(self._given_campaign)
        if not create.created_here:
            self._keys = Keys.SHARED  # what stands in it may have been bought by another load of this plan
        elif self._keys is Keys.OURS and not await self._journal.run(records.created_by_us):
            self._keys = Keys.GIVEN
        if create.wallet is not None:
            funds.check_wallet(create.wallet)
        reconciler = Reconciler(
            reader,
            self._journal,
            budget,
            PostList(reader, campaign_id, plan.urls),
            plan.credits_per_url,
            created_here=create.created_here,
            keys=self._keys,
        )
        self._buyer.begun, self._buyer.looked = await self._journal.run(self._since)
        await self._look_first(reconciler, funds, new=create.created_now)
        await self._send_all(Orders(plan, campaign_id, self._tok.analyze_encoder), reconciler, funds)

    async def _send_all(self, orders: Orders, reconciler: Reconciler, funds: Funds) -> None:
        """Send what is to be sent, and look for what is in doubt then, until there is neither."""
        looked_for = await self._urls_in(State.UNKNOWN)
        passes = looks = laps = 0
        while passes < MAX_PASSES and max(looks, laps) < MAX_LOOKS:
            self._stop.check()
            sending = Pass(
                self._journal,
                self._buyer,
                orders,
                self._states,
                give_up=reconciler.give_up,
                anew=self._resubmit,
            )
            await sending.run(concurrency=self._options.concurrency)
            self._stop.check()
            passes += not (sending.over or sending.due)
            looks += sending.over
            laps += sending.due
            unknown = await self._urls_in(State.UNKNOWN)
            if await self._urls_in(State.DOUBTFUL) or unknown > looked_for:
                looked_for = unknown
                await self._settle_down()
                if not await reconciler.run(Look(final=True)):
                    self._stop_unread(reconciler.posts.unread)
                sent, self._states = self._states, _SENT
                cut = sending.over or sending.due
                if State.DOUBTFUL in sent and await self._urls_in(State.DOUBTFUL) and not cut:
                    self.stop(
                        "outcome_unknown",
                        "batches were sent again and again without an answer, and the campaign does not list them; "
                        "resume later: under their keys they can't be charged twice",
                    )
                    return
            if not await self._to_send():
                return
            if sending.over:
                await self._check_room_to_look(reconciler, funds)
                await self._look(reconciler, Look(final=False, unsent=True, old=True))
                looked_for = await self._urls_in(State.UNKNOWN)
        if looks == MAX_LOOKS:
            self.stop(
                "interrupted", "the clock of this machine jumps about by days; set it right, and resume"
            )
        self.stop("upstream_error", "batches fail and are refunded again and again; resume later")

    async def _look_first(self, reconciler: Reconciler, funds: Funds, *, new: bool) -> None:
        """Look for what an earlier run left in doubt before anything is sent: the API may have forgotten the keys.

        So it may those under which a copy of the load file has bought what was never sent from here, if there can have
        been one for so long; and of what a copy does, nothing is known.
        """
        old = not self._buyer.is_looked_for(self._wall_clock())
        unsent = 0 if new or not (old or self._copied or self._resubmit) else await self._unsent()
        if unsent and old:
            await self._check_room_to_look(reconciler, funds)
        elif unsent and not funds.leave_room_for(reconciler.posts.least_price, await self._to_come()):
            unsent = 0
        doubts = await self._urls_in(State.DOUBTFUL) + await self._urls_in(State.UNKNOWN) + await self._anew()
        if not (doubts or unsent):
            return
        look = Look(final=False, resubmit=self._resubmit, unsent=unsent > 0, old=old)
        if await self._look(reconciler, look) and self._resubmit:
            funds.check_resubmission(await self._anew(), await self._to_come(), reconciler.posts.spent)

    async def _check_room_to_look(self, reconciler: Reconciler, funds: Funds) -> None:
        price, rest = reconciler.posts.least_price, await self._to_come()
        if not funds.leave_room_for(price, rest):
            funds.refuse_to_look(price, rest)

    async def _look(self, reconciler: Reconciler, look: Look) -> bool:
        """Look into the campaign before anything is sent; whether its list could be read.

        Raises:
            Stopped: It could not, and nothing may be sent without.
        """
        await self._settle_down()
        began = self._wall_clock()
        if await reconciler.run(look):
            all_looked_for = look.unsent or ((look.resubmit or look.old) and not await self._unsent())
            if all_looked_for and not reconciler.posts.cut_short:
                await self._journal.run(lambda _: self._file.set_meta(_LOOKED, str(began)))
                self._buyer.looked = began
            return True
        if look.resubmit or (look.unsent and look.old):
            self._stop_unread(reconciler.posts.unread)
        self._check_unread(reconciler.posts.unread)
        self._states = (State.PENDING,)
        return False

    def _check_unread(self, seen: Seen | None) -> None:
        """Stop, if what kept the campaign's list from being read would keep everything else from being bought."""
        if seen is not None and seen.kind in {Kind.DENIED, Kind.NO_CREDIT}:
            self._buyer.stop_for(seen)
        self._stop.check()

    def _stop_unread(self, seen: Seen | None) -> None:
        self._check_unread(seen)
        self.stop(
            "outcome_unknown",
            "what may have been bought already has to be looked for in the campaign, whose posts can't be read now "
            f"({seen.message if seen else 'the cap'}). It was not sent again; resume later",
        )
        self._stop.check()

    async def _urls_in(self, state: State) -> int:
        return await self._journal.run(lambda db: records.urls_in(db, state))

    async def _anew(self) -> int:
        """How many URLs are to be bought anew, by explicit word, and are not yet."""
        return await self._journal.run(lambda db: records.urls_in(db, State.PENDING, again=True))

    def _since(self, db: records.Connection) -> tuple[float, float]:
        """Since when a copy may have bought what was never sent from here, and when that was last looked for.

        In Unix seconds: since the plan was made, or its campaign; and infinity, if it never was.
        """
        looked, created = self._file.meta(_LOOKED), records.created_at(db)
        begun = self._file.plan().created_at.timestamp() if created is None else created
        return begun, math.inf if looked is None else float(looked)

    async def _to_come(self) -> int:
        """Credits that it may still cost to buy what is not settled."""
        per_url = self._file.plan().credits_per_url
        return await self._journal.run(lambda db: records.credits_to_come(db, per_url))

    async def _unsent(self) -> int:
        return await self._journal.run(lambda db: records.urls_in(db, State.PENDING, again=False))

    async def _to_send(self) -> bool:
        pending = await (self._urls_in(State.PENDING) if self._resubmit else self._unsent())
        return pending > 0 or await self._urls_in(State.DOUBTFUL) > 0

    async def _price_of_campaign(self, plan: Plan) -> int:
        """Credits that it may still cost to make the campaign, or to look at the given one."""
        create = await self._journal.run(records.create_of)
        if create.state is not State.APPLIED and self._given_campaign:
            return self._tok.tariff.price(CAMPAIGNS_SHOW.name)
        if create.state is State.PENDING or await self._journal.run(self._create_may_be_forgotten):
            return plan.create_credits
        return 0

    def _create_may_be_forgotten(self, db: records.Connection) -> bool:
        return keyrecords.may_be_forgotten(db, records.create_of(db), self._wall_clock())

    async def _settle_down(self) -> None:
        """Wait until the latest attempt in doubt must have ended at the API."""
        last = await self._journal.run(records.last_doubt)
        if last is not None:
            settle = self._options.settle
            await self._stop.sleep(min(max(last + settle - self._wall_clock(), 0), settle))
        self._stop.check()


def checked_cap(tok: Tokfluence, max_credits: int | None) -> int | None:
    """A load's cap, as a client's is checked.

    Raises:
        ConfigurationError: It is no number of credits.
    """
    return None if max_credits is None else tok.options.replace(max_credits=max_credits).max_credits


def _first(*caps: int | None) -> int | None:
    return next((cap for cap in caps if cap is not None), None)
