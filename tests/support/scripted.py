"""A transport that answers from a script, and a server that answers with bytes: what the session's tests talk to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TypeAlias

import orjson

from tokfluence_async.protocol.wire import Lost, NotSent, Outcome, Reply, Request

Step: TypeAlias = Outcome | Callable[[Request], Awaitable[Outcome]]

KEY = "tkf_live_" + "s" * 32
POST_ID = "7234567890123456789"
POST = {"data": {"post_id": POST_ID, "views": 12, "hashtags": ["spring"]}}

REFUSED = NotSent("connection failed: refused")
RESET = Lost("connection failed: reset")


def reply(status: int = 200, payload: object = None, **headers: str) -> Reply:
    """An answer; its headers by name with ``_`` for ``-``."""
    body = POST if payload is None else payload
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, content)


def error(status: int, code: str, **headers: str) -> Reply:
    """An error of the API's own form."""
    return reply(status, {"error": {"code": code, "message": f"it said {code}"}}, **headers)


class Script:
    """A `Sender` whose outcomes are told before; the last one stands for all that follow."""

    def __init__(self, steps: Iterable[Step], *, latency: float = 0.0) -> None:
        self.steps = list(steps)
        self.latency = latency
        self.sent: list[tuple[float, Request, float]] = []
        self.closed = False
        self.in_flight = self.most_in_flight = 0

    async def send(self, request: Request, *, timeout: float) -> Outcome:
        self.sent.append((asyncio.get_running_loop().time(), request, timeout))
        step = self.steps[min(len(self.sent), len(self.steps)) - 1]
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if self.latency:
                await asyncio.sleep(self.latency)
            return await step(request) if callable(step) else step
        finally:
            self.in_flight -= 1

    async def close(self) -> None:
        self.closed = True


Serve: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(serve: Serve) -> AsyncGenerator[int, None]:
    """A TCP server on a free port of 127.0.0.1; gives the port. `serve` gets each connection."""
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The head and the body of one request."""
    head = await reader.readuntil(b"\r\n\r\n")
    at = head.lower().find(b"content-length:")
    length = int(head[at + 15 :].split(b"\r\n")[0]) if at >= 0 else 0
    return head, await reader.readexactly(length)


def ok(body: bytes | None = None, *headers: bytes) -> bytes:
    """The bytes of an answer of 200."""
    body = orjson.dumps(POST) if body is None else body
    lines = [b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
