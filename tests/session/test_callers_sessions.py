"""A session, a connector and hooks of the caller's own."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import aiohttp
import pytest
from raw_answers import POST, answering, answering_once, closed_port, opened, sent_to
from scripted import KEY, ok, read_request

from tokfluence_async.errors import ConfigurationError, UsageError
from tokfluence_async.options import APIKey
from tokfluence_async.protocol.wire import Lost, NotSent, Reply
from tokfluence_async.session.transport import Transport

pytestmark = pytest.mark.anyio


async def test_a_caller_s_session_is_used_and_left_open() -> None:
    async with aiohttp.ClientSession(headers={"X-Mine": "yes"}) as session:
        heads: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heads.append((await read_request(reader))[0])
            writer.write(ok(gzip.compress(b"{}"), b"Content-Encoding: gzip"))
            await writer.drain()

        outcome = await sent_to(serve, session=session)
        assert isinstance(outcome, Reply)
        assert "encoded" in outcome.problem
        assert b"X-Mine: yes" in heads[0]
        assert not session.closed
        refused = f"http://127.0.0.1:{closed_port()}"
        async with opened(refused, session=session) as transport:
            assert isinstance(await transport.send(POST, timeout=5), NotSent)
        assert isinstance(await sent_to(answering_once(b""), POST, session=session), Lost)
    async with opened("http://127.0.0.1:1", connector=None) as transport:
        await transport.close()
        assert await transport.send(POST, timeout=5) == NotSent("the aiohttp session was closed")


async def test_what_a_caller_s_middleware_raises_ends_in_an_outcome() -> None:
    async def broken(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        raise ZeroDivisionError(str(request.headers))

    async with aiohttp.ClientSession(middlewares=[broken]) as session:
        outcome = await sent_to(answering(ok()), session=session)
    assert outcome == Lost("connection failed (ZeroDivisionError)")


async def test_a_caller_s_connector_is_used_and_left_open() -> None:
    connector = aiohttp.TCPConnector()
    assert isinstance(await sent_to(answering(ok()), connector=connector), Reply)
    assert not connector.closed
    async with opened(f"http://127.0.0.1:{closed_port()}", connector=connector) as transport:
        assert isinstance(await transport.send(POST, timeout=5), NotSent)
    await connector.close()
    with pytest.raises(ConfigurationError, match=r"connector .* is closed"):
        Transport("http://127.0.0.1:1", APIKey(KEY), concurrency=1, user_agent="x", connector=connector)


async def test_sessions_that_can_not_be_used_are_refused() -> None:
    session = aiohttp.ClientSession()
    await session.close()

    def transport(**more: Any) -> Transport:
        return Transport("http://127.0.0.1:1", APIKey(KEY), concurrency=1, user_agent="x", **more)

    with pytest.raises(ConfigurationError, match=r"session .* is closed"):
        transport(session=session)
    async with aiohttp.ClientSession() as live:
        with pytest.raises(ConfigurationError, match="one or the other"):
            transport(session=live, trace_configs=[aiohttp.TraceConfig()])


def test_a_connector_of_another_loop_is_refused() -> None:
    async def make() -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector()

    with asyncio.Runner() as one, asyncio.Runner() as other:
        connector = one.run(make())

        async def use() -> None:
            Transport("http://127.0.0.1:1", APIKey(KEY), concurrency=1, user_agent="x", connector=connector)

        with pytest.raises(UsageError, match="another event loop"):
            other.run(use())
        one.run(_close(connector))


async def _close(connector: aiohttp.TCPConnector) -> None:
    await connector.close()


async def test_trace_hooks_of_the_caller_see_the_request() -> None:
    seen: list[str] = []
    hooks = aiohttp.TraceConfig()

    async def started(_: object, __: object, params: aiohttp.TraceRequestStartParams) -> None:
        seen.append(params.url.path)

    hooks.on_request_start.append(started)
    assert isinstance(await sent_to(answering(ok()), trace_configs=[hooks]), Reply)
    assert seen == ["/v1/posts/1"]
