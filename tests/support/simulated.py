"""Machines that run the production loader against the server model, and that can die at any step.

Only the outermost is replaced: the network, the clocks, the random numbers, and the thread of the journal (its
transactions are the real ones). Death is sudden: from that step on nothing that the machine does reaches the server or
its disk, and what goes on is a copy of the bytes that the disk held at that step.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from attrs import define, field
from seeded_loop import SeededLoop
from server_model import Server
from server_world import Answer, Call

from tokfluence_async.campaign.journal import Journal
from tokfluence_async.campaign.loader import Loader
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.campaign.report import LoadReport
from tokfluence_async.client import Tokfluence
from tokfluence_async.errors import LoadFileError
from tokfluence_async.protocol.limiter import Limiter
from tokfluence_async.protocol.wire import BodyReader, Lost, NotSent, Outcome, Reply, Request
from tokfluence_async.session.session import Session

__all__ = ["Life", "Machine", "Network"]

T = TypeVar("T")
KEY = "tkf_live_" + "a" * 32


@define(eq=False)
class Network:
    """The way to the server, and what goes wrong on it."""

    server: Server
    rand: Random
    faults: tuple[str, ...] = ()
    rate: float = 0.0
    """How many requests of all meet a fault."""

    def draw(self) -> str:
        """What happens to the next request."""
        return self.rand.choice(self.faults) if self.faults and self.rand.random() < self.rate else ""


@define(eq=False)
class Life:
    """A machine from the start of its process to the end."""

    loop: SeededLoop
    network: Network
    path: Path
    run: int
    sent: Counter[str]
    """How often each key was sent by whoever had this file before, and by this one."""
    dead: bool = False
    loader: Loader | None = None
    _disk: sqlite3.Connection | None = None

    def check_intent(self, request: Request) -> None:
        """What is about to leave must stand in the durable bytes as begun, once for each time it was sent."""
        if self._disk is None:
            self._disk = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        where, value = (
            ("key = ?", request.idempotency_key) if request.idempotency_key else ("call = ?", request.call)
        )
        begun, open_ends = self._disk.execute(
            f"SELECT COUNT(*), COALESCE(SUM(ended IS NULL), 0) FROM attempt WHERE {where}", (value,)
        ).fetchone()
        self.sent[str(value)] += 1
        if not open_ends or begun < self.sent[str(value)]:
            self.network.server.violations.append(f"{request.call} left without its intent on disk")

    def end(self) -> None:
        """Let go of the disk."""
        if self._disk is not None:
            self._disk.close()


def _read_through(reader: BodyReader, body: bytes) -> bytes:
    """What a reader makes of a body that comes in pieces."""
    reader.begin()
    size = (7, 100, 1000)[len(body) % 3]
    for first in range(0, len(body), size):
        if not reader.feed(body[first : first + size]):
            break
    return reader.end()


@define(eq=False)
class _Sender:
    """The transport of one life."""

    life: Life

    async def send(self, request: Request, *, timeout: float) -> Outcome:
        life, network = self.life, self.life.network
        if life.dead:
            return NotSent("dead")
        life.check_intent(request)
        fault, rand = network.draw(), network.rand
        if fault == "not_sent":
            await asyncio.sleep(rand.uniform(0, 1))
            return NotSent("connection refused")
        answered: asyncio.Future[Answer | None] = life.loop.create_future()

        def done(answer: Answer | None) -> None:
            if not answered.done():
                answered.set_result(answer)

        timer = life.loop.call_later(timeout, done, None)
        call = Call(
            run=life.run,
            method=request.method,
            path=request.path,
            query=dict(request.query),
            body=request.body or b"{}",
            key=request.idempotency_key,
            fault=fault,
            delay=rand.uniform(1, 150) if fault == "late" else rand.uniform(0.001, 0.3),
            # A connection dies at once, or so that nobody notices.
            back=1e6 if fault.startswith("lost") and rand.random() < 0.5 else rand.uniform(0.001, 0.3),
            done=done,
        )
        network.server.submit(call)
        try:
            answer = await answered
        finally:
            timer.cancel()
        if answer is None:
            return Lost("the connection ended without an answer")
        body = answer.body
        if request.reader is not None and 200 <= answer.status < 300:
            body = _read_through(request.reader, body)
        return Reply(answer.status, answer.headers, body, answer.problem)

    async def close(self) -> None:
        pass


class _Client(Tokfluence):
    """A client whose transport, clocks and random numbers are the simulation's."""

    def __init__(self, life: Life, rand: Random, **settings: Any) -> None:
        super().__init__(KEY, base_url="http://127.0.0.1:9", **settings)
        self._life = life
        self._rand = rand

    def _open_session(self) -> Session:
        return Session(
            _Sender(self._life),
            Limiter(self.options.requests_per_minute),
            self.events,
            concurrency=self.options.concurrency,
            rand=self._rand.random,
            wall_clock=self._life.loop.wall_clock,
        )


class InlineJournal(Journal):
    """The journal without its thread: the same transactions, after a moment of virtual time, several at once."""

    def __init__(self, file: LoadFile, life: Life, rand: Random) -> None:
        self.file = file
        self._loop = life.loop
        self._life = life
        self._rand = rand
        self._queued: list[tuple[Callable[[sqlite3.Connection], Any], asyncio.Future[Any]]] = []

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._life.dead:
            raise LoadFileError("the machine is dead")
        future: asyncio.Future[T] = self._life.loop.create_future()
        if not self._queued:
            self._life.loop.call_later(self._rand.choice((0.0, 0.0, 0.002)), self._write)
        self._queued.append((work, future))
        return await future

    def _write(self) -> None:
        queued, self._queued = self._queued, []
        if not self._life.dead:
            self._commit(queued)

    async def close(self) -> None:
        if self._queued and not self._life.dead:
            await self.run(lambda _: None)


class ThreadedJournal(Journal):
    """The real journal, for whose thread virtual time stands still."""

    def __init__(self, file: LoadFile, life: Life) -> None:
        self._life = life
        super().__init__(file)

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._life.dead:
            raise LoadFileError("the machine is dead")
        with self._life.loop.thread_at_work():
            return await super().run(work)

    async def close(self) -> None:
        with self._life.loop.thread_at_work():
            await super().close()


@define(eq=False)
class Machine:
    """A load file and whoever works on it, process after process."""

    loop: SeededLoop
    network: Network
    path: Path
    rand: Random
    settings: dict[str, Any]
    threaded: bool = False
    runs: set[int] = field(factory=set[int])
    """The processes whose doings are on record in the file."""
    sent: Counter[str] = field(factory=Counter[str])
    caps: list[int | None] = field(factory=list[int | None])
    _copies: int = 0

    def copy_to(self, path: Path, runs: int) -> Machine:
        """Another machine with a copy of the file."""
        _copy(self.path, path)
        twin = Machine(self.loop, self.network, path, self.rand, self.settings)
        twin.runs, twin.sent, twin.caps = set(self.runs), Counter(self.sent), list(self.caps)
        twin._copies = runs
        return twin

    async def live(
        self,
        run: int,
        judge: Callable[[LoadFile, LoadReport | None], None],
        *,
        cap: int | None,
        campaign_id: int | None,
        end: str = "",
        after: int = 0,
    ) -> LoadReport | None:
        """Run a process until it ends by itself, or by `end` (crash, cancel or stop) after so many steps.

        Returns:
            The loader's report; None if it could not give one.
        """
        self.runs.add(run)
        self.caps.append(cap)
        life = Life(self.loop, self.network, self.path, run, self.sent)
        file = LoadFile.open(self.path)
        judge(file, None)
        task = self.loop.create_task(self._work(life, file, cap, campaign_id))
        copy = self.path.with_name(f"{self.path.stem}-{run}.tokload")
        if end:
            self.loop.at_step(after, lambda: self._strike(end, life, task, copy))
        report: LoadReport | None = None
        try:
            report = await task
        except asyncio.CancelledError:
            pass
        finally:
            life.end()
        if not life.dead:
            judge(file, report)
        file.close()
        if life.dead:
            # The same file of the same machine, as the disk held it: a file elsewhere would be taken for a copy.
            _unlink(self.path, keep=True)
            _copy(copy, self.path)
            _unlink(copy)
            return None
        life.dead = True
        return report

    async def _work(self, life: Life, file: LoadFile, cap: int | None, campaign_id: int | None) -> LoadReport:
        async with _Client(life, self.rand, **self.settings) as tok:
            life.loader = Loader(
                tok,
                file,
                max_credits=cap,
                campaign_id=campaign_id,
                rand=self.rand.random,
                wall_clock=self.loop.wall_clock,
                journal=lambda file: (
                    ThreadedJournal(file, life) if self.threaded else InlineJournal(file, life, self.rand)
                ),
            )
            return await life.loader.run()

    @staticmethod
    def _strike(end: str, life: Life, task: asyncio.Task[Any], copy: Path) -> None:
        if task.done() or life.dead:
            return
        if end == "stop":
            if life.loader is not None:
                life.loader.stop()
            return
        if end == "crash":
            _copy(life.path, copy)
            life.dead = True
        task.cancel()


def _unlink(path: Path, *, keep: bool = False) -> None:
    for suffix in ("-wal", "-shm") if keep else ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    """The durable bytes as they are: the file and its write-ahead log, never the memory that readers share."""
    shutil.copyfile(source, target)
    log = Path(f"{source}-wal")
    if log.exists():
        shutil.copyfile(log, f"{target}-wal")
