"""A transport over real sockets to a server that answers with bytes, or hangs up."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from scripted import KEY, Serve, read_request, serving

from tokfluence_async.options import APIKey
from tokfluence_async.protocol.wire import Outcome, Request
from tokfluence_async.session.transport import Transport

GET = Request("posts.show", "GET", "/v1/posts/1")
POST = Request("posts.analyze", "POST", "/v1/posts/analyze", body=b"{}", idempotency_key="key-1")


@asynccontextmanager
async def opened(base_url: str, **more: Any) -> AsyncGenerator[Transport, None]:
    """A transport to there, until it is left."""
    transport = Transport(base_url, APIKey(KEY), concurrency=4, user_agent="tests", **more)
    try:
        yield transport
    finally:
        await transport.close()


async def sent_to(serve: Serve, request: Request = GET, *, timeout: float = 5.0, **more: Any) -> Outcome:
    """What becomes of one request to a server that does this."""
    async with serving(serve) as port, opened(f"http://127.0.0.1:{port}", **more) as transport:
        return await transport.send(request, timeout=timeout)


def answering(answer: bytes) -> Serve:
    """Give each request of a connection the same answer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(answer)
            await writer.drain()

    return serve


def answering_once(answer: bytes) -> Serve:
    """Answer, and end the connection in good order."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    return serve


def closed_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def reset(writer: asyncio.StreamWriter) -> None:
    """End the connection with an RST."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
