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
        closed = NotSent("the aiohttp session was closed", lasting=True)
        assert await transport.send(POST, timeout=5) == closed


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
    async with aiohttp.ClientSession(headers={"x-request-id": "trace-1"}) as traced:
        with pytest.raises(ConfigurationError, match="X-Request-Id of its own"):
            transport(session=traced)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"session": 5}, r"session must be an aiohttp\.ClientSession, not int"),
        ({"session": "s"}, r"session must be an aiohttp\.ClientSession, not str"),
        ({"session": 0}, r"session must be an aiohttp\.ClientSession, not int"),
        ({"connector": 5}, r"connector must be an aiohttp connector, such as aiohttp\.TCPConnector, not int"),
        ({"connector": 0}, "connector must be"),
        ({"trace_configs": [5]}, r"trace_configs must be a list of aiohttp\.TraceConfig objects"),
        ({"trace_configs": 5}, "trace_configs must be"),
        ({"trace_configs": None}, "trace_configs must be"),
    ],
)
async def test_what_is_not_aiohttp_s_is_refused(more: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        Transport("http://127.0.0.1:1", APIKey(KEY), concurrency=1, user_agent="x", **more)


@pytest.mark.parametrize("ended", [False, True], ids=["alive", "ended"])
@pytest.mark.parametrize("kind", ["session", "connector"])
def test_what_belongs_to_another_loop_is_refused(kind: str, *, ended: bool) -> None:
    async def make() -> Any:
        return aiohttp.ClientSession() if kind == "session" else aiohttp.TCPConnector()

    async def use() -> None:
        more: dict[str, Any] = {kind: thing}
        Transport("http://127.0.0.1:1", APIKey(KEY), concurrency=1, user_agent="x", **more)

    async def close() -> None:
        await thing.close()

    with asyncio.Runner() as one, asyncio.Runner() as other:
        thing = one.run(make())
        if ended:
            one.run(close())
            thing = one.run(make())
            one.close()
        with pytest.raises(UsageError, match=f"{kind} that was passed in belongs to another event loop"):
            other.run(use())
        if ended:
            thing._connector = None if kind == "session" else thing.close
            thing._closed = True
        else:
            one.run(close())


async def test_trace_hooks_of_the_caller_see_the_request() -> None:
    seen: list[str] = []
    hooks = aiohttp.TraceConfig()

    async def started(_: object, __: object, params: aiohttp.TraceRequestStartParams) -> None:
        seen.append(params.url.path)

    hooks.on_request_start.append(started)
    assert isinstance(await sent_to(answering(ok()), trace_configs=[hooks]), Reply)
    assert seen == ["/v1/posts/1"]
