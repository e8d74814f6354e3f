"""Starting and stopping a sandbox: in this event loop, in a thread, or for a command line."""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Self

from tokfluence_async.sandbox.controls import Controls

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import TracebackType

    from tokfluence_async.sandbox.app import App
    from tokfluence_async.sandbox.clock import SandboxClock
    from tokfluence_async.sandbox.switches import Switches

DEFAULT_PORT = 8420
"""The port that `run` serves on unless told otherwise."""

_PATIENCE = 30.0


class Sandbox(Controls):
    """An emulation of the API on this machine, for as long as its context is open.

    Example::

        async with Sandbox(credits=50) as sandbox:
            ...  # point a client at sandbox.base_url
            assert sandbox.ledger().net == 26

    Args:
        switches: How it answers where the API's public pages are silent.
        host: A loopback address, or ``localhost``; nothing else is served.
        port: TCP port; 0 = any that is free.
        credits: Credits that a new key's wallet starts with; a short cut to the switch `grant`.
        clock: The clock that limits, delays and refills are measured on.
    """

    def __init__(
        self,
        *,
        switches: Switches | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        credits: int | None = None,  # noqa: A002 - shadows a name of the interactive prompt alone
        clock: SandboxClock | None = None,
    ) -> None:
        super().__init__(switches=switches, credits=credits, clock=clock)
        self._host = host
        self._wanted_port = port
        self._port: int | None = None
        self._app: App | None = None

    def __repr__(self) -> str:
        return f"<Sandbox {self.base_url if self._port is not None else 'not open'}>"

    @property
    def port(self) -> int:
        """The port that it serves on.

        Raises:
            RuntimeError: If it is not open.
        """
        if self._port is None:
            raise RuntimeError("the sandbox is not open")
        return self._port

    @property
    def base_url(self) -> str:
        """Where a client finds it, such as ``http://127.0.0.1:8420``.

        Raises:
            RuntimeError: If it is not open.
        """
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    async def open(self) -> None:
        """Start to serve.

        Raises:
            ValueError: If the host is not a loopback address.
            OSError: If the port is taken.
            RuntimeError: If it is open already.
        """
        # aiohttp takes its time to import, and whoever only wants the types need not wait for it.
        from tokfluence_async.sandbox.app import App  # noqa: PLC0415

        if self._app is not None:
            raise RuntimeError("the sandbox is open already")
        app = App(self)
        self._port = await app.open(self._host, self._wanted_port)
        self._app = app

    async def close(self) -> None:
        """Stop serving at once; requests that still run get no answer. May be called twice."""
        app, self._app, self._port = self._app, None, None
        if app is not None:
            await app.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


@contextmanager
def serve_in_thread(
    *,
    switches: Switches | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    credits: int | None = None,  # noqa: A002 - shadows a name of the interactive prompt alone
    clock: SandboxClock | None = None,
) -> Generator[Sandbox]:
    """Serve a sandbox from a thread of its own, for code that is not async or has a loop of its own.

    Takes what `Sandbox` takes and gives the same handle, already open.

    Raises:
        ValueError: If the host is not a loopback address.
        OSError: If the port is taken.
    """
    sandbox = Sandbox(switches=switches, host=host, port=port, credits=credits, clock=clock)
    thread = _Host(sandbox)
    try:
        thread.start()
        yield sandbox
    finally:
        thread.stop()


class _Host:
    """A thread with an event loop in which a sandbox is served."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._thread = threading.Thread(target=self._run, name="tokfluence-sandbox", daemon=True)
        self._settled = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Event | None = None

    def start(self) -> None:
        self._thread.start()
        if not self._settled.wait(_PATIENCE):
            raise TimeoutError(f"the sandbox did not start within {_PATIENCE:g} seconds")
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        loop, ending = self._loop, self._ending
        if loop is not None and ending is not None:
            with suppress(RuntimeError):  # the loop has closed by itself: there is nothing left to stop
                loop.call_soon_threadsafe(ending.set)
        self._thread.join(_PATIENCE)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as failure:  # noqa: BLE001 - handed to the thread that waits, which raises it
            self._failure = failure
        finally:
            self._settled.set()

    async def _serve(self) -> None:
        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        async with self._sandbox:
            self._settled.set()
            await self._ending.wait()


def run(
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    *,
    switches: Switches | None = None,
    credits: int | None = None,  # noqa: A002 - shadows a name of the interactive prompt alone
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve a sandbox until SIGINT or SIGTERM. Prints nothing.

    Args:
        host: A loopback address, or ``localhost``.
        port: TCP port; 0 = any that is free.
        switches: How it answers where the API's public pages are silent.
        credits: Credits that a new key's wallet starts with.
        on_ready: Called with the base URL once requests are answered.

    Raises:
        ValueError: If the host is not a loopback address.
        OSError: If the port is taken.
    """
    with suppress(KeyboardInterrupt):
        asyncio.run(_run(Sandbox(switches=switches, host=host, port=port, credits=credits), on_ready))


async def _run(sandbox: Sandbox, on_ready: Callable[[str], None] | None) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Where there are no signal handlers to be had, as off the main thread, Ctrl-C still raises.
        with suppress(RuntimeError, ValueError):
            loop.add_signal_handler(number, stop.set)
    async with sandbox:
        if on_ready is not None:
            on_ready(sandbox.base_url)
        await stop.wait()
