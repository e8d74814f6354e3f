"""What is sent, and when it counts as not sent or as lost, over real sockets."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from shutil import which
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Any

import aiohttp
import pytest
from raw_answers import GET, POST, answering, answering_once, closed_port, opened, reset, sent_to
from scripted import KEY, ok, read_request, serving

from tokfluence_async.protocol.wire import Lost, NotSent, Reply, Request

pytestmark = pytest.mark.anyio

# Not sent


@pytest.mark.parametrize("request_", [GET, POST], ids=["GET", "POST"])
async def test_a_refused_connection_is_not_sent(request_: Request) -> None:
    async with opened(f"http://127.0.0.1:{closed_port()}") as transport:
        outcome = await transport.send(request_, timeout=5)
    assert isinstance(outcome, NotSent)
    assert "Connect call failed" in outcome.reason or "refused" in outcome.reason


async def test_a_name_that_is_not_resolved_is_not_sent() -> None:
    async with opened("https://tokfluence.invalid") as transport:
        outcome = await transport.send(POST, timeout=10)
    assert isinstance(outcome, NotSent)
    assert outcome.reason in {"the host name can't be resolved", "connecting timed out"}


@asynccontextmanager
async def full_backlog() -> AsyncGenerator[int, None]:
    """A port that accepts no more connections, so that connecting hangs."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        try:
            yield int(listener.getsockname()[1])
        finally:
            for each in waiting:
                each.close()


async def test_a_timeout_while_connecting_is_not_sent() -> None:
    async with full_backlog() as port, opened(f"http://127.0.0.1:{port}") as transport:
        outcome = await transport.send(POST, timeout=0.2)
    assert outcome == NotSent("connecting timed out")


async def test_tls_to_a_plain_port_is_not_sent() -> None:
    arrived: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append(await reader.read(1000))
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with serving(serve) as port, opened(f"https://127.0.0.1:{port}") as transport:
        outcome = await transport.send(POST, timeout=5)
    assert isinstance(outcome, NotSent)
    assert KEY.encode() not in b"".join(arrived)


@pytest.mark.skipif(which("openssl") is None, reason="no openssl to make a certificate with")
async def test_a_certificate_that_is_not_trusted_is_not_sent(tmp_path: Path) -> None:
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "1",
        "-subj",
        "/CN=localhost",
    ]
    files = ["-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "crt")]
    subprocess.run([*command, *files], check=True, capture_output=True)  # noqa: ASYNC221 - a moment, in a test
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "crt", tmp_path / "key")
    arrived: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append(await reader.read(1000))
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server, opened(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}") as transport:
        outcome = await transport.send(POST, timeout=5)
    assert outcome == NotSent("the server's certificate is not trusted")
    assert arrived == []


async def test_waiting_for_a_connection_of_a_full_pool_is_not_sent() -> None:
    async def stall(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await asyncio.sleep(60)

    connector = aiohttp.TCPConnector(limit=1)
    async with serving(stall) as port, opened(f"http://127.0.0.1:{port}", connector=connector) as transport:
        first = asyncio.create_task(transport.send(POST, timeout=1))
        await asyncio.sleep(0.05)
        second = await transport.send(POST, timeout=0.1)
        assert second == NotSent("connecting timed out")
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    await connector.close()


# Lost


async def test_a_reset_before_the_request_is_read_is_lost() -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reset(writer)

    assert isinstance(await sent_to(serve, POST), Lost)


@pytest.mark.parametrize("request_", [GET, POST], ids=["GET", "POST"])
async def test_a_reset_after_the_request_is_lost_and_sent_once(request_: Request) -> None:
    arrived: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append((await read_request(reader))[0])
        reset(writer)

    assert isinstance(await sent_to(serve, request_), Lost)
    assert len(arrived) == 1


async def test_a_close_without_an_answer_is_lost() -> None:
    outcome = await sent_to(answering_once(b""), POST)
    assert isinstance(outcome, Lost)
    assert "closed the connection" in outcome.reason


async def test_silence_is_lost() -> None:
    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await asyncio.sleep(60)

    assert await sent_to(serve, POST, timeout=0.1) == Lost("no answer in time")


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 20_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nNo colon here\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    ],
    ids=["no HTTP", "bad status line", "oversized header", "bad header", "bad length"],
)
async def test_an_answer_that_is_not_http_is_lost(answer: bytes) -> None:
    assert await sent_to(answering_once(answer), POST) == Lost("the answer is not valid HTTP")


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
@pytest.mark.parametrize("own_connector", [False, True])
async def test_on_a_pooled_connection_that_has_died_a_request_is_sent_once(
    method: str,
    own_connector: bool,  # noqa: FBT001 - a parameter of pytest's
) -> None:
    """The server ends a connection just as the second request arrives on it."""
    arrived: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append((await read_request(reader))[0])
        if len(arrived) == 1:
            writer.write(ok())
            await writer.drain()
            arrived.append((await read_request(reader))[0])
        reset(writer)

    request = Request("x", method, "/v1/x", body=b"{}" if method == "POST" else None)
    connector = aiohttp.TCPConnector() if own_connector else None
    async with serving(serve) as port, opened(f"http://127.0.0.1:{port}", connector=connector) as transport:
        assert isinstance(await transport.send(request, timeout=5), Reply)
        assert isinstance(await transport.send(request, timeout=5), Lost)
        assert len(arrived) == 2
    if connector is not None:
        await connector.close()


async def test_an_idle_connection_that_the_server_has_closed_is_not_used_again() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await answering_once(ok())(reader, writer)

    async with serving(serve) as port, opened(f"http://127.0.0.1:{port}") as transport:
        for _ in range(3):
            assert isinstance(await transport.send(POST, timeout=5), Reply)
            await asyncio.sleep(0.02)
    assert connections == 3


async def test_once_a_mark_is_missing_no_mark_is_believed() -> None:
    """Should aiohttp stop to ask the connector in the way that is known, nothing may be taken as not sent."""
    async with serving(answering(ok())) as port, opened(f"http://127.0.0.1:{port}") as transport:
        inner: Callable[..., Coroutine[Any, Any, Any]] = aiohttp.TCPConnector.connect
        connector = transport._session.connector
        assert connector is not None
        connector.connect = lambda *a, **k: inner(connector, *a, **k)  # type: ignore[method-assign]
        assert isinstance(await transport.send(GET, timeout=5), Reply)

        async def stall(*_: object, **__: object) -> None:
            await asyncio.sleep(60)

        connector.connect = stall  # type: ignore[method-assign,assignment]
        outcome = await transport.send(POST, timeout=0.05)
    assert isinstance(outcome, Lost)


async def test_cancelling_a_request_is_not_swallowed() -> None:
    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await asyncio.sleep(60)

    async with serving(serve) as port, opened(f"http://127.0.0.1:{port}") as transport:
        task = asyncio.create_task(transport.send(POST, timeout=30))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


# What is sent


async def test_what_is_sent() -> None:
    got: list[tuple[bytes, bytes]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await read_request(reader))
        writer.write(ok())
        await writer.drain()

    request = Request(
        "x",
        "POST",
        "/v1/a%2F..%2Fb",
        query=(("q", "a b&c\r\n"), ("n", "1")),
        body=b'{"a":1}',
        idempotency_key="key-1",
        headers={"x-extra": "1", "user-agent": "mine"},
    )
    await sent_to(serve, request)
    (head, body), *_ = got
    line, *rest = head.decode().split("\r\n")
    headers = sorted(each for each in rest if each and not each.startswith("Host:"))
    assert line == "POST /v1/a%2F..%2Fb?q=a+b%26c%0D%0A&n=1 HTTP/1.1"
    assert headers == [
        "Accept-Encoding: identity",
        "Accept: application/json",
        f"Authorization: Bearer {KEY}",
        "Content-Length: 7",
        "Content-Type: application/json",
        "User-Agent: mine",
        "X-Request-Id: key-1",
        "x-extra: 1",
    ]
    assert body == b'{"a":1}'


async def test_a_large_body_is_sent_whole() -> None:
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append((await read_request(reader))[1])
        writer.write(ok())
        await writer.drain()

    body = b'"' + b"a" * 3_000_000 + b'"'
    assert isinstance(await sent_to(serve, Request("x", "POST", "/", body=body)), Reply)
    assert got == [body]
