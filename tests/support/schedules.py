"""Schedules: everything that can happen to one load, drawn from a seed, and the judgement after every run."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any, Final
from uuid import UUID

from attrs import define, field, frozen
from seeded_loop import EPOCH, SeededLoop, run_seeded
from server_ledger import Ledger
from server_model import Server
from server_world import Tracked
from settings_drawn import DAY, Setting, draw
from simulated import Machine, Network

from tokfluence_async.campaign import records
from tokfluence_async.campaign.batch import Post, pack, pack_columns
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.campaign.report import LoadReport

__all__ = ["Result", "Schedule", "make_plan", "play", "videos_of"]

NAME: Final = "Spring"
ENOUGH: Final = 10**9
"""A cap that is none."""


@frozen
class Result:
    """What came of a schedule."""

    seed: str
    wrong: list[str]
    trace: list[str]
    steps: int
    complete: bool
    faults: Counter[str]
    ends: Counter[str]


@define(eq=False)
class Schedule:
    """One schedule under way."""

    loop: SeededLoop
    rand: Random
    folder: Path
    plan: Plan
    videos: list[str]
    setting: Setting
    server: Server
    network: Network
    settings: dict[str, Any]
    threaded: bool
    machines: list[Machine] = field(factory=list[Machine])
    runs: int = 0
    complete: bool = False
    reports: list[str] = field(factory=list[str])
    ends: Counter[str] = field(factory=Counter[str])

    async def play(self) -> None:
        rand = self.rand
        first = self.start()
        given: int | None = None
        if self.setting.elsewhere:
            given = self.server.add_campaign(NAME).id
            self._fill(given)
        for leg in range(rand.randint(1, 4)):
            if self.setting.kind == "twins" and len(self.machines) == 1 and rand.random() < (0.4, 1)[leg > 0]:
                self.machines.append(first.copy_to(self.folder / "b.tokload", 0))
            await asyncio.gather(*(self._leg(machine, given, calm=False) for machine in self.machines))
            forgotten = self.setting.kind == "forgetful" and rand.random() < 0.5
            await asyncio.sleep(3 * DAY if forgotten else rand.choice(self.setting.pauses))
        self.network.rate = 0.0
        self.server.ledger.wallet = 10**6
        await asyncio.gather(*(self.to_the_end(machine, given) for machine in self.machines))

    def start(self) -> Machine:
        """The first machine, with a new load file."""
        path = self.folder / "a.tokload"
        LoadFile.create(path, self.plan).close()
        first = Machine(self.loop, self.network, path, self.rand, self.settings, threaded=self.threaded)
        self.machines.append(first)
        return first

    def _fill(self, campaign: int) -> None:
        for video in self.videos[: self.setting.elsewhere]:
            self.server.campaigns[campaign].posts[video] = Tracked(0.0, -1, "", refunded=False)

    async def _leg(self, machine: Machine, given: int | None, *, calm: bool) -> LoadReport | None:
        """One process, from its start to its end."""
        rand = self.rand
        # Without a word about it, the cap of the run before would go on.
        end, after, cap = "", 0, ENOUGH if machine.caps else None
        if not calm:
            ends = ("", "crash", "crash", "crash", "cancel", "stop")
            end = rand.choice(ends if self.setting.deadly else ("", "stop"))
            after = int(2 ** rand.uniform(0, 10))
            total = self.plan.estimate.total
            cap = rand.choice((None, None, None, total - 1, total, total + 2, total + 10, 2 * total))
            if given is None and rand.random() < 0.5:
                given = self.in_the_dashboard()
            self._shake_the_wallet()
            if len(self.machines) > 1:
                await asyncio.sleep(rand.choice((0.0, 0.5, 10.0)))
        return await self.live(machine, given, cap=cap, end=end, after=after)

    async def live(
        self, machine: Machine, given: int | None, *, cap: int | None = None, end: str = "", after: int = 0
    ) -> LoadReport | None:
        """One process, from its start to its end, which may be a crash, a cancellation or a stop after some steps."""
        self.runs += 1
        report = await machine.live(
            self.runs,
            lambda file, report: self._judge(machine, file, report),
            cap=cap,
            campaign_id=given,
            end=end,
            after=after,
        )
        told = (
            "no report"
            if report is None
            else f"{report.state} {report.stopped_by} {report.urls} {report.credits}"
        )
        self.reports.append(f"{self.loop.time():.3f} {machine.path.stem} {end} cap={cap}: {told}")
        self.ends[end] += 1
        return report

    def in_the_dashboard(self) -> int | None:
        """The campaign of the plan's name, as a person finds it."""
        return self.server.named(NAME)

    def _shake_the_wallet(self) -> None:
        """Somebody else spends, or tops up."""
        if self.setting.kind == "twins" or self.rand.random() < 0.7:
            return
        total = self.plan.estimate.total

        def spend() -> None:
            if self.network.rate:
                self.server.ledger.wallet = self.rand.choice((0, total // 2, 2 * total))

        self.loop.call_later(self.rand.uniform(0, 30), spend)

    async def to_the_end(self, machine: Machine, given: int | None) -> None:
        """Resumed without faults, it must come to an end; in a kind world, to a good one."""
        lag = self.setting.world.lag
        report: LoadReport | None = None
        last = 0
        for _ in range(40):
            await asyncio.sleep(1000 + (lag if lag < DAY else 0))
            report = await self._leg(machine, given, calm=True)
            if report is None or report.state == "complete":
                break
            if report.campaign_id is None:
                given = self.in_the_dashboard()
            # In doubt for good, or no campaign to be had: another look or two, and that is that.
            last += report.state == "needs_review" or (report.campaign_id is None and given is None)
            if last == 3:
                break
        if report is None:
            self._wrong(machine, "a run without faults gave no report")
            return
        self.complete = report.state == "complete"
        good = self.complete and not report.urls.unknown
        if self.setting.kind == "kind" and not good and not self._taken_over(machine):
            self._wrong(machine, f"nothing was in the way, and yet: {report}")
        stuck_create = report.campaign_id is None
        if report.state == "stopped" and not stuck_create:
            self._wrong(machine, f"it never ends: {report}")

    def _taken_over(self, machine: Machine) -> bool:
        """Whether the campaign was given by its id, where ids are used up by what was turned away.

        Somebody else may be at work in it: then a 409 after a 429 does not tell of the 429.
        """
        file = LoadFile.read(machine.path)
        try:
            return bool(self.setting.world.burns) and not records.created_by_us(file.db)
        finally:
            file.close()

    def _wrong(self, machine: Machine, text: str) -> None:
        self.server.violations.append(f"at {self.loop.time():.3f}, {machine.path.stem}: {text}")

    def _judge(self, machine: Machine, file: LoadFile, report: LoadReport | None) -> None:
        """What the load file says must be true, by the server's own books."""
        server, runs = self.server, machine.runs
        if report is None:
            report = LoadReport.of(file)
        outcomes = [(post.url.rsplit("/", 1)[1], what) for post, what, _, _ in records.outcomes(file.db)]
        counts, urls = Counter(what for _, what in outcomes), report.urls
        if urls.rows != self.plan.rows or sorted(video for video, _ in outcomes) != self.videos:
            self._wrong(machine, f"a row is lost or doubled: {report}")
        if counts != +Counter(
            accepted=urls.accepted, rejected=urls.rejected, unsent=urls.unsent, unknown=urls.unknown
        ):
            self._wrong(machine, f"the rows say {counts}, the report {report}")
        for video, what in outcomes:
            if what == "accepted" and not server.is_tracked(video):
                self._wrong(machine, f"{video} is called accepted and is not tracked")
            if what == "unsent" and server.ledger.charged_for(video, runs) > 0:
                self._wrong(machine, f"{video} is called unsent and was charged")
            if what in {"unsent", "rejected"} and server.is_bought(video, runs):
                self._wrong(machine, f"{video} is called {what} and is tracked")
        if report.campaign_id is None and records.create_of(file.db).state is records.State.APPLIED:
            self._wrong(machine, "the campaign is on record as created, and its id is not")
        self._judge_charges(machine, report, known_copy=file.meta("place") == "elsewhere")

    def _judge_charges(self, machine: Machine, report: LoadReport, *, known_copy: bool) -> None:
        ledger, runs = self.server.ledger, machine.runs
        own, told = ledger.charged(runs), report.credits
        # What another copy of the plan bought, this one may take for its own, unless it knows that it is one itself.
        known = runs if len(self.machines) == 1 or known_copy else set(range(self.runs + 1))
        # What is listed is taken for charged: that it was done and paid back, only a 502 tells, and that may be lost.
        low = ledger.charged(known) + ledger.paid_back_done(known)
        if not (told.charged_min <= low and own <= told.charged_max):
            self._wrong(machine, f"{own} credits were charged, the report says {told}")
        caps = [cap for cap in machine.caps if cap is not None]
        if caps and len(caps) == len(machine.caps) and own > max(caps):
            self._wrong(machine, f"{own} credits were charged under caps of {caps}")


def videos_of(urls: int) -> list[str]:
    """The ids of so many videos."""
    return [str(7_300_000_000_000_000_000 + number * 1_000_003) for number in range(urls)]


def make_plan(rand: Random, urls: int, batch_size: int) -> Plan:
    """A plan as the builder makes them, with a duplicate and an invalid row besides."""
    blobs = _packed(urls, batch_size)
    return Plan(
        plan_id=UUID(int=rand.getrandbits(128)),
        name=NAME,
        currency="USD",
        created_at=datetime.fromtimestamp(EPOCH, UTC),
        batch_size=batch_size,
        create_credits=1,
        credits_per_url=25,
        rows=urls + 2,
        duplicates=1,
        invalid=1,
        urls=urls,
        batch_blobs=blobs,
        skipped_blobs=[_SKIPPED],
    )


_SKIPPED: Final = pack_columns(
    [[3, 4], [None, None], ["duplicate", "profile"], ["", ""], ["x", "y"], ["1", None]]
)


@lru_cache(maxsize=256)
def _packed(urls: int, batch_size: int) -> list[bytes]:
    posts = [
        Post(number + 1, f"https://www.tiktok.com/@maker_{number}/video/{video}", f"maker_{number}", number)
        for number, video in enumerate(videos_of(urls))
    ]
    return [pack(posts[first : first + batch_size]) for first in range(0, urls, batch_size)]


def play(seed: str, kind: str, folder: Path, *, threaded: bool = False) -> Result:
    """Play one schedule to its end and tell what was wrong with it.

    Args:
        seed: Everything that happens follows from it.
        kind: One of `KINDS`.
        folder: Where the load files are; empty.
        threaded: Whether the journal runs on its own thread. Then a seed gives similar runs, not the same.
    """
    rand = Random(f"{kind}/{seed}")
    urls, batch_size = rand.randint(1, 14), rand.randint(1, 5)
    plan, videos = make_plan(rand, urls, batch_size), videos_of(urls)
    setting = draw(rand, kind, videos)
    settings = {
        "timeout": rand.choice((5.0, 30.0, 60.0)),
        "max_retries": rand.choice((0, 1, 2, 4)),
        "backoff": rand.choice((0.0, 0.5)),
        "settle": rand.choice((0.0, 1.0, 30.0)),
        "requests_per_minute": rand.choice((0, 570, 570, 20)),
        "concurrency": rand.choice((1, 2, 4, 8)),
        "batch_size": batch_size,
    }
    if kind == "twins":
        # A list is true once what is under way has ended: `settle` has to be as long as that takes.
        settings["settle"] = 30.0
    schedules: list[Schedule] = []

    async def main(loop: SeededLoop) -> None:
        server = Server(setting.world, loop, rand, Ledger(setting.wallet))
        network = Network(server, rand, setting.faults, setting.rate)
        schedule = Schedule(loop, rand, folder, plan, videos, setting, server, network, settings, threaded)
        schedules.append(schedule)
        await schedule.play()

    try:
        run_seeded(main, f"{kind}/{seed}")
    except Exception as error:
        if not schedules:
            raise
        schedules[0].server.violations.append(f"{type(error).__name__}: {error}")
    schedule = schedules[0]
    trace = [str(setting), str(settings), *schedule.reports]
    trace += [
        f"{when:.3f} {run} {path} {key[:8]} {fault}"
        for when, run, path, key, fault in schedule.server.received
    ]
    return Result(
        seed=f"{kind}/{seed}",
        wrong=list(schedule.server.violations),
        trace=trace,
        steps=schedule.loop.steps,
        complete=schedule.complete,
        faults=Counter(fault for *_, fault in schedule.server.received),
        ends=schedule.ends,
    )
