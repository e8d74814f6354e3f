"""The three outcomes, over real sockets."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import socket
import struct
import subprocess
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from shutil import which
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Any

import aiohttp
import orjson
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scripted import KEY, Serve, ok, read_request, serving

from tokfluence_async.errors import ConfigurationError, UsageError
from tokfluence_async.options import APIKey
from tokfluence_async.protocol.wire import MAX_BODY, Lost, NotSent, Outcome, Reply, Request
from tokfluence_async.session.redaction import Redactor
from tokfluence_async.session.transport import Transport

pytestmark = pytest.mark.anyio

GET = Request("posts.show", "GET", "/v1/posts/1")
POST = Request("posts.analyze", "POST", "/v1/posts/analyze", body=b"{}", idempotency_key="key-1")


@asynccontextmanager
async def opened(base_url: str, **more: Any) -> AsyncGenerator[Transport, None]:
    transport = Transport(base_url, APIKey(KEY), concurrency=4, user_agent="tests", **more)
    try:
        yield transport
    finally:
        await transport.close()


async def sent_to(serve: Serve, request: Request = GET, *, timeout: float = 5.0, **more: Any) -> Outcome:
    async with serving(serve) as port, opened(f"http://127.0.0.1:{port}", **more) as transport:
        return await transport.send(request, timeout=timeout)


def answering(answer: bytes) -> Serve:
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
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


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


# Replied


async def test_a_reply_has_status_headers_and_body() -> None:
    outcome = await sent_to(answering(ok(b'{"data":1}', b"X-Credits-Remaining: 17")))
    assert outcome == Reply(200, {"content-length": "10", "x-credits-remaining": "17"}, b'{"data":1}')
    assert isinstance(outcome, Reply)
    assert outcome.credits_remaining == 17


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf", "cut off"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "cut off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n{" % (MAX_BODY + 1), "longer than"),
        (ok(gzip.compress(b'{"data":1}'), b"Content-Encoding: gzip"), "encoded as 'gzip'"),
        (ok(gzip.compress(b"0" * 10_000_000), b"Content-Encoding: GZIP"), "encoded as 'gzip'"),
    ],
    ids=["cut off", "cut off, chunked", "too long", "gzip", "bomb"],
)
async def test_a_body_that_can_not_be_read_is_a_reply_with_a_problem(answer: bytes, problem: str) -> None:
    outcome = await sent_to(answering_once(answer), POST)
    assert isinstance(outcome, Reply)
    assert outcome.status == 200
    assert problem in outcome.problem
    assert outcome.body == b""


async def test_a_bad_chunk_is_no_success() -> None:
    head, bad = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", b"ZZ\r\nno\r\n"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(head)
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(bad)
        await writer.drain()
        await asyncio.sleep(1)

    later = await sent_to(serve, timeout=0.4)
    assert isinstance(later, Reply)
    assert later.problem.startswith("cut off")
    # Together with the head it is aiohttp's "400".
    assert await sent_to(answering_once(head + bad)) == Lost("the answer is not valid HTTP")


async def test_a_body_without_end_is_read_up_to_the_cap() -> None:
    written = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while written < 2 * MAX_BODY:
            writer.write(b"80000\r\n" + b"x" * 0x80000 + b"\r\n")
            await writer.drain()
            written += 0x80000

    outcome = await sent_to(serve)
    assert isinstance(outcome, Reply)
    assert "longer than" in outcome.problem
    assert written < 2 * MAX_BODY


async def test_a_body_of_unknown_length_is_read_to_its_end() -> None:
    answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b'{"data":' + b"1" * 100_000 + b"}"
    outcome = await sent_to(answering_once(answer))
    assert isinstance(outcome, Reply)
    assert len(outcome.body) == 100_009


async def test_a_stall_in_the_middle_of_a_body_ends_with_the_timeout() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf")
        await asyncio.sleep(60)

    outcome = await sent_to(serve, timeout=0.15)
    assert isinstance(outcome, Reply)
    assert outcome.problem == "cut off: no answer in time"


async def test_redirects_are_not_followed_and_cookies_are_not_kept() -> None:
    heads: list[bytes] = []

    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pytest.fail("a redirect was followed")

    async with serving(elsewhere) as other:

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                heads.append((await read_request(reader))[0])
                writer.write(
                    b"HTTP/1.1 307 Temporary Redirect\r\nContent-Length: 0\r\nSet-Cookie: a=b; Path=/\r\n"
                    b"Location: http://127.0.0.1:%d/\r\n\r\n" % other
                )

        async with serving(serve) as port, opened(f"http://127.0.0.1:{port}") as transport:
            for _ in range(2):
                outcome = await transport.send(POST, timeout=5)
                assert isinstance(outcome, Reply)
                assert outcome.status == 307
    assert len(heads) == 2
    assert b"cookie" not in b"".join(heads).lower()


async def test_proxies_and_netrc_of_the_environment_are_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n", "utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    assert isinstance(await sent_to(answering(ok())), Reply)


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


async def test_a_key_that_the_server_quotes_back_is_blotted_out() -> None:
    answer = ok(
        b'{"error":{"code":"unauthorized","message":"no ' + KEY.encode() + b'"}}', b"X-You: " + KEY.encode()
    )
    outcome = await sent_to(answering(answer))
    assert isinstance(outcome, Reply)
    assert KEY.encode() not in outcome.body
    assert KEY not in outcome.headers["x-you"]
    assert b"APIKey(***)" in outcome.body


def escaped(text: str, each: Callable[[int], bool] = lambda _: True, code: str = "\\u%04x") -> str:
    """A text in JSON's escapes, those of its characters whose places are asked for."""
    return "".join(code % ord(char) if each(place) else char for place, char in enumerate(text))


@pytest.mark.parametrize(
    "quoted",
    [
        escaped(KEY),
        escaped(KEY, code="\\u%04X"),
        escaped(KEY, lambda place: place == 3),
        escaped(KEY, lambda place: place == 40),
        escaped(KEY, lambda place: place % 2 == 0),
        f"before \\u00e9 {escaped(KEY)}{escaped(KEY)} \\n after",
        f"{KEY} and {escaped(KEY)}",
    ],
)
@pytest.mark.parametrize("status", [b"200 OK", b"401 Unauthorized"])
async def test_a_key_in_escapes_is_blotted_out(quoted: str, status: bytes) -> None:
    answer = ok(b'{"error":{"code":"unauthorized","message":"no %b"}}' % quoted.encode())
    outcome = await sent_to(answering(answer.replace(b"200 OK", status, 1)))
    assert isinstance(outcome, Reply)
    message = orjson.loads(outcome.body)["error"]["message"]
    assert KEY not in message
    assert "APIKey(***)" in message


def redacted(key: str, text: object) -> object:
    body = Redactor(APIKey(key)).body(json.dumps(text).encode())
    return json.loads(body)


def test_a_key_in_json_within_json_is_blotted_out() -> None:
    inner = '{"key": "' + escaped(KEY) + '"}'
    for _ in range(3):
        found = redacted(KEY, {"said": inner})
        assert isinstance(found, dict)
        assert "APIKey(***)" in found["said"]
        inner = json.dumps({"said": inner})


@given(
    key=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=20),
    before=st.text(max_size=5),
    after=st.text(max_size=5),
    seed=st.randoms(use_true_random=False),
)
def test_no_decoded_text_is_the_key(key: str, before: str, after: str, seed: random.Random) -> None:
    plain = json.dumps(before)[1:-1], json.dumps(after)[1:-1]
    assume(key not in before + after)
    short = {'"': '\\"', "\\": "\\\\", "/": "\\/"}
    ways = [
        [f"\\u{ord(char):04x}", f"\\u{ord(char):04X}", short.get(char, char), json.dumps(char)[1:-1]]
        for char in key
    ]
    body = f'{{"said": "{plain[0]} {"".join(map(seed.choice, ways))} {plain[1]}"}}'
    redactor = Redactor(APIKey(key))
    assert json.loads(body)["said"] == f"{before} {key} {after}"
    assert any(sign in body.encode() for sign in redactor.signs)
    said = json.loads(redactor.body(body.encode()))["said"]
    assert said.startswith(before)
    assert said.endswith(after)
    assert key not in said.replace("APIKey(***)", "")


@given(st.lists(st.text() | st.dictionaries(st.text(), st.integers(), max_size=3), max_size=5))
@settings(max_examples=50)
def test_what_does_not_hold_the_key_stays_as_it_is(value: object) -> None:
    body = json.dumps(value).encode()
    assert Redactor(APIKey(KEY)).body(body) == body


def test_a_body_made_to_be_slow_is_not() -> None:
    body = b'"' + b"\\\\" * 200_000 + b"\\u0074" + b"t\\u006b" * 50_000 + b'"'
    started = time.perf_counter()
    assert Redactor(APIKey(KEY)).body(body) == body
    assert time.perf_counter() - started < 2


# Sessions and connectors of the caller's


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
