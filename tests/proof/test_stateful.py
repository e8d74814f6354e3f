"""The loader as a state machine: Hypothesis chooses what happens to it, and shrinks what breaks it."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from attrs import define, field
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from schedules import Schedule, make_plan, videos_of
from seeded_loop import SeededLoop
from server_ledger import Ledger
from server_model import Server
from settings_drawn import draw
from simulated import Network

MEMORY = Path("/dev/shm")


@define(eq=False)
class Scripted(Network):
    """A network on which the next requests meet what they were told."""

    script: deque[int] = field(factory=deque[int])

    def draw(self) -> str:
        if not self.script:
            return ""
        number = self.script.popleft()
        # Most requests meet nothing.
        return self.faults[number] if number < len(self.faults) else ""


class LoadMachine(RuleBasedStateMachine):
    """A load, the processes that work on it, and the world around it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else None)
        self.loop = SeededLoop(Random(0))

    @initialize(
        kind=st.sampled_from(("kind", "harsh", "forgetful")),
        world=st.integers(0, 10_000),
        urls=st.integers(1, 7),
        batch_size=st.integers(1, 3),
        concurrency=st.sampled_from((1, 3)),
        max_retries=st.integers(0, 2),
    )
    def begin(
        self, kind: str, world: int, urls: int, batch_size: int, concurrency: int, max_retries: int
    ) -> None:
        rand, videos = Random(world), videos_of(urls)
        setting = draw(rand, kind, videos)
        server = Server(setting.world, self.loop, rand, Ledger(10_000))
        network = Scripted(server, rand, setting.faults)
        how = {"timeout": 30.0, "settle": 30.0, "concurrency": concurrency, "max_retries": max_retries}
        plan = make_plan(rand, urls, batch_size)
        self.deadly = setting.deadly
        self.network = network
        self.schedule = Schedule(
            self.loop,
            rand,
            Path(self.folder.name),
            plan,
            videos,
            setting,
            server,
            network,
            how,
            threaded=False,
        )
        self.machine = self.schedule.start()

    @rule(
        script=st.lists(st.integers(0, 60), max_size=12),
        end=st.sampled_from(("", "crash", "cancel", "stop")),
        after=st.integers(1, 300),
        over=st.sampled_from((None, -1, 0, 1, 2, 50)),
        look=st.booleans(),
    )
    def process(self, script: list[int], end: str, after: int, over: int | None, look: bool) -> None:  # noqa: FBT001 - drawn
        """A process begins, meets what is in the script, and ends."""
        if not self.deadly and end in {"crash", "cancel"}:
            end = "stop"
        self.network.script = deque(script)
        cap = None if over is None else self.schedule.plan.estimate.total + over
        given = self.schedule.in_the_dashboard() if look else None
        self.loop.run_until_complete(self.schedule.live(self.machine, given, cap=cap, end=end, after=after))
        self.network.script.clear()

    @rule(seconds=st.sampled_from((1, 30, 1000, 3 * 86_400)))
    def time_passes(self, seconds: int) -> None:
        # What is in doubt for more than a day is given up: a kind world does not let it come to that.
        seconds = min(seconds, 1000) if self.schedule.setting.kind == "kind" else seconds
        self.loop.run_until_complete(asyncio.sleep(seconds))

    @rule(wallet=st.integers(0, 300))
    def somebody_else_spends_or_tops_up(self, wallet: int) -> None:
        self.schedule.server.ledger.wallet = wallet

    @invariant()
    def the_books_agree(self) -> None:
        if hasattr(self, "schedule"):
            assert not self.schedule.server.violations, self.report()

    def report(self) -> str:
        lines = [*self.schedule.server.violations, str(self.schedule.setting), *self.schedule.reports]
        return "\n".join([*lines, *map(str, self.schedule.server.received)])

    def teardown(self) -> None:
        try:
            if hasattr(self, "schedule") and not self.schedule.server.violations:
                self.schedule.server.ledger.wallet = 10**6
                self.loop.run_until_complete(self.schedule.to_the_end(self.machine, None))
                assert not self.schedule.server.violations, self.report()
        finally:
            self.loop.close()
            self.folder.cleanup()


def test_load_machine() -> None:
    run_state_machine_as_test(
        LoadMachine,
        settings=settings(
            max_examples=60,
            stateful_step_count=8,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
