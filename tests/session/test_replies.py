"""How an answer is read: its body up to a cap or a stall, and no redirect, cookie or proxy."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path

import pytest
from raw_answers import POST, answering, answering_once, closed_port, opened, sent_to
from scripted import ok, read_request, serving

from tokfluence_async.protocol.wire import MAX_BODY, Lost, Reply

pytestmark = pytest.mark.anyio


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


async def test_cancelling_in_the_middle_of_a_body_is_not_swallowed() -> None:
    halfway = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf")
        await writer.drain()
        halfway.set()
        await asyncio.sleep(60)

    async with serving(serve) as port, opened(f"http://127.0.0.1:{port}") as transport:
        task = asyncio.create_task(transport.send(POST, timeout=30))
        await halfway.wait()
        await asyncio.sleep(0.05)  # the head of the answer has arrived
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


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
