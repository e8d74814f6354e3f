from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from tokfluence_async.sandbox import Fault, Sandbox, Switches, run, serve_in_thread
from tokfluence_async.sandbox.app import loopback

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from tests.sandbox.conftest import Api

    OpenApi = Callable[..., AbstractAsyncContextManager[Api]]
    Url = Callable[..., str]

KEY = "tkf_live_" + "a" * 32


def status_of(url: str, key: str = KEY) -> int:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return int(response.status)
    except urllib.error.HTTPError as failure:
        with failure:
            return failure.code


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "10.0.0.1", "example.com", ""])
def test_only_this_machine_is_served(host: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        loopback(host)
    with pytest.raises(ValueError, match="loopback"), serve_in_thread(host=host):
        pass
    with pytest.raises(ValueError, match="loopback"):
        run(host, 0)


def test_loopback_has_several_names() -> None:
    assert [loopback(host) for host in ("127.0.0.1", "localhost", "127.0.0.2", "::1")] == [
        "127.0.0.1",
        "127.0.0.1",
        "127.0.0.2",
        "::1",
    ]


@pytest.mark.anyio
async def test_it_listens_on_loopback_alone_and_only_while_open() -> None:
    sandbox = Sandbox()
    with pytest.raises(RuntimeError, match="not open"):
        _ = sandbox.base_url
    async with sandbox:
        port = sandbox.port
        assert sandbox.base_url == f"http://127.0.0.1:{port}"
        assert repr(sandbox) == f"<Sandbox http://127.0.0.1:{port}>"
        with pytest.raises(RuntimeError, match="already"):
            await sandbox.open()
        with pytest.raises(OSError, match="in use"):
            await Sandbox(port=port).open()
    await sandbox.close()
    with pytest.raises(OSError, match="failed"):
        await anyio.connect_tcp("127.0.0.1", port)
    async with sandbox:
        assert sandbox.port


@pytest.mark.anyio
@pytest.mark.parametrize("phase", ["before_charge", "after_charge", "after_tracking", "mid_response"])
@pytest.mark.parametrize("effect", ["stall", "delay", "drip"])
async def test_closing_waits_for_nothing(open_api: OpenApi, url: Url, effect: Any, phase: Any) -> None:
    async with open_api() as api:
        api.sandbox.add_fault(Fault(effect=effect, phase=phase, seconds=3600, interval=3600, count=None))
        ended = list[bytes]()

        async def ask(number: int) -> None:
            ended.append((await api.raw_call("POST", "/v1/posts/analyze", {"urls": [url(number)]})).received)

        async with anyio.create_task_group() as group:
            for number in range(5):
                group.start_soon(ask, number)
            await api.until(lambda: sum(bool(each.faults) for each in api.sandbox.requests()) == 5)
            started = time.monotonic()
            await api.sandbox.close()
            assert time.monotonic() - started < 1
        assert len(ended) == 5


@pytest.mark.anyio
async def test_closing_does_not_wait_for_work_or_idle_connections(open_api: OpenApi, url: Url) -> None:
    async with open_api(Switches(analyze_latency=3600, repeat_while_running="wait")) as api:
        assert (await api.get("/v1/creators/search")).status == 200, "leaves an idle connection"
        async with anyio.create_task_group() as group:
            for _ in range(2):
                group.start_soon(
                    lambda: api.raw_call("POST", "/v1/posts/analyze", {"urls": [url(1)]}, X_Request_Id="a")
                )
            await api.until(lambda: len(api.sandbox.requests()) == 3 and api.sandbox.ledger().net == 26)
            started = time.monotonic()
            await api.sandbox.close()
            assert time.monotonic() - started < 1


@pytest.mark.anyio
@pytest.mark.parametrize("effect", ["huge", "status"])
async def test_closing_does_not_wait_for_a_client_that_does_not_read(open_api: OpenApi, effect: Any) -> None:
    async with open_api() as api:
        body = None if effect == "huge" else "x" * (32 * 2**20)
        api.sandbox.add_fault(effect=effect, body=body, status=200)
        reader, writer = await _connect(api)
        writer.write(b"GET /v1/campaigns/1 HTTP/1.1\r\nHost: s\r\n\r\n")
        assert await reader.readexactly(12) == b"HTTP/1.1 200"
        started = time.monotonic()
        await api.sandbox.close()
        assert time.monotonic() - started < 1
        writer.close()
        with suppress(ConnectionResetError):
            await writer.wait_closed()


@pytest.mark.anyio
async def test_a_reset_leaves_no_trace_of_what_still_runs(open_api: OpenApi, url: Url) -> None:
    async with open_api(Switches(analyze_latency=0.05)) as api:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: api.analyze(url(1), request_id="a"))
            await api.until(lambda: api.sandbox.ledger().net == 25)
            api.sandbox.reset()
        assert api.sandbox.ledger().net == 0
        assert (await api.get("/v1/posts/7300000000000000001")).status == 404
        assert (await api.analyze(url(1), request_id="a")).status == 200


@pytest.mark.anyio
async def test_a_body_that_never_arrives_leaves_no_trace_but_the_record(api: Api) -> None:
    _, writer = await _connect(api)
    writer.write(b"POST /v1/campaigns HTTP/1.1\r\nHost: s\r\nContent-Length: 500\r\n\r\n{")
    await api.until(lambda: len(api.sandbox.requests()) == 1)
    writer.close()
    await writer.wait_closed()
    assert not api.sandbox.ledger().entries
    assert (await api.create()).status == 201


@pytest.mark.anyio
async def test_what_is_not_http_is_an_error_like_any_other(api: Api) -> None:
    answer = await api.raw(b"this is not HTTP\r\n\r\n")
    assert b" 400 Bad Request" in answer.head
    assert json.loads(answer.body)["error"]["code"] == "bad_request"


@pytest.mark.anyio
async def test_a_failure_of_the_sandbox_itself_is_a_500_and_is_logged(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(api.sandbox.state.creators, "find", None)
    answer = await api.get("/v1/creators/alice", request_id="a")
    assert (answer.status, answer.code) == (500, "internal_error")
    assert "the sandbox failed at GET /v1/creators/alice" in caplog.text
    assert api.key not in caplog.text


async def _connect(api: Api) -> Any:
    import asyncio  # noqa: PLC0415 - a socket that is left half-written, which no client offers

    return await asyncio.open_connection("127.0.0.1", api.sandbox.port)


@pytest.mark.anyio
async def test_thousands_of_requests_at_once_add_up(open_api: OpenApi, url: Url) -> None:
    async with open_api(Switches(requests_per_minute_ip=0, requests_per_minute_key=0)) as api:

        async def some(worker: int) -> None:
            for number in range(50):
                answer = await api.analyze(url(worker * 50 + number), request_id=f"{worker}-{number}")
                assert answer.status == 200

        async with anyio.create_task_group() as group:
            for worker in range(20):
                group.start_soon(some, worker)
        ledger = api.sandbox.ledger()
        assert ledger.net == 1000 * 25 == 1_000_000 - api.sandbox.wallet(api.key)
        assert set(ledger.videos.values()) == {1}
        assert len(ledger.videos) == 1000


def test_a_thread_serves_code_that_is_not_async() -> None:
    with serve_in_thread(credits=5) as sandbox:
        assert status_of(f"{sandbox.base_url}/v1/creators/search") == 200
        assert sandbox.wallet(KEY) == 4
        sandbox.revoke(KEY)
        assert status_of(f"{sandbox.base_url}/v1/creators/search") == 401
        assert [each.status for each in sandbox.requests()] == [200, 401]
        port = sandbox.port
    with socket.socket() as plug:
        assert plug.connect_ex(("127.0.0.1", port)) != 0
    assert not [thread for thread in threading.enumerate() if thread.name == "tokfluence-sandbox"]


def test_a_thread_that_can_not_serve_says_why() -> None:
    with (
        serve_in_thread() as sandbox,
        pytest.raises(OSError, match="in use"),
        serve_in_thread(port=sandbox.port),
    ):
        pass


def test_the_handle_may_be_used_from_many_threads() -> None:
    with serve_in_thread(switches=Switches(requests_per_minute_ip=0, requests_per_minute_key=0)) as sandbox:
        failures = list[BaseException]()

        def use(place: int) -> None:
            try:
                for number in range(25):
                    assert status_of(f"{sandbox.base_url}/v1/creators/search?limit=1") == 200
                    rule = sandbox.add_fault(effect="reset", nth=10_000)
                    sandbox.ledger()
                    sandbox.requests()
                    sandbox.set_wallet(f"tkf_live_{place:032d}", number)
                    sandbox.advance(0.001)
                    assert sandbox.clear_faults(rule) == 1
            except BaseException as failure:  # noqa: BLE001 - raised again where the test sees it
                failures.append(failure)

        threads = [threading.Thread(target=use, args=(place,)) for place in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert sandbox.ledger(KEY).net == 150
        assert [sandbox.wallet(f"tkf_live_{place:032d}") for place in range(6)] == [24] * 6


def test_a_thread_stops_at_once_though_requests_are_stalled() -> None:
    with serve_in_thread() as sandbox:
        sandbox.add_fault(effect="stall", count=None)
        with socket.create_connection(("127.0.0.1", sandbox.port)) as plug:
            plug.sendall(b"GET /v1/posts/1 HTTP/1.1\r\nHost: s\r\n\r\n")
            while not sandbox.requests():
                time.sleep(0.001)
            started = time.monotonic()
            # The context's end is what is timed, so the connection is closed after it.
            sandbox_socket = plug.dup()
    assert time.monotonic() - started < 1
    sandbox_socket.close()


PROGRAM = """
import sys
from tokfluence_async.sandbox import run
run(port=0, credits=7, on_ready=lambda url: print(url, flush=True))
print("ended", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_serves_until_it_is_told_to_stop(number: signal.Signals) -> None:
    command = [sys.executable, "-W", "error", "-c", PROGRAM]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        base_url = process.stdout.readline().strip()
        assert status_of(f"{base_url}/v1/creators/search") == 200
        process.send_signal(number)
        assert process.stdout.read() == "ended\n"
        assert process.stderr.read() == ""
        assert process.wait(5) == 0


def test_importing_the_sandbox_is_cheap() -> None:
    program = "import sys, tokfluence_async.sandbox as s; s.Sandbox, s.Fault; print('aiohttp' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
