"""What a typed call costs in CPU time, as a multiple of raw aiohttp in the same run.

    python benchmarks/bench_call.py

A process of its own serves one fixed answer on 127.0.0.1. The client makes 32 calls at a time; what is measured is
the CPU time of the client's process, in rounds of each kind in turn; on a busy machine the best rounds tell most. *Raw*
reads the body and decodes no JSON; a POST is compared with a raw POST. *Bare* has no rate limit and nobody listens to
its events, and still has keys, deadline, budget and typed results; *full* has a limiter that is never in the way and a
subscriber to each event.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from uuid import uuid4

import aiohttp

from tokfluence_async import Tokfluence

CALLS = 640
WARM_UP = 3
ROUNDS = 40
AT_ONCE = 32
KEY = "tkf_live_" + "b" * 32
VIDEO = "7234567890123456789"
URL = f"https://www.tiktok.com/@alice/video/{VIDEO}"
SUBMITTED = b'{"urls":["' + URL.encode() + b'"]}'
BODY = (
    b'{"data":{"post_id":"7234567890123456789","url":"https://www.tiktok.com/@alice/video/7234567890123456789",'
    b'"caption":"spring #launch","published_at":"2026-05-15T10:00:00Z","duration":31,"views":120000,"likes":9000,'
    b'"comments":310,"shares":120,"saves":77,"hashtags":["launch","spring"],"mentions":["bob"],'
    b'"music":{"title":"song","author":"alice","original":true},"is_sponsored":true}}'
)
SERVER = f"""
import asyncio
ANSWER = (b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nX-Credits-Remaining: 5000\\r\\n"
          b"X-Request-Id: 00000000-0000-4000-8000-000000000000\\r\\nContent-Length: {len(BODY)}\\r\\n\\r\\n" + {BODY!r})
class Answering(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.data = transport, b""
    def data_received(self, data):
        self.data += data
        head, found, body = self.data.partition(b"\\r\\n\\r\\n")
        if not found:
            return
        at = head.lower().find(b"content-length:")
        length = int(head[at + 15:].split(b"\\r\\n")[0]) if at >= 0 else 0
        if len(body) >= length:
            self.data = body[length:]
            self.transport.write(ANSWER)
async def main():
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""

Call = Callable[[], Awaitable[object]]


async def _at_once(call: Call) -> float:
    """CPU microseconds a call."""

    async def worker() -> None:
        for _ in range(CALLS // AT_ONCE):
            await call()

    gc.collect()
    start = time.process_time()
    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return (time.process_time() - start) / CALLS * 1e6


async def _rounds(calls: dict[str, Call]) -> dict[str, list[float]]:
    figures: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(WARM_UP + ROUNDS):
        for name, call in calls.items():
            micros = await _at_once(call)
            if number >= WARM_UP:
                figures[name].append(micros)
    return figures


async def _measure(url: str) -> dict[str, list[float]]:
    headers = {"Authorization": f"Bearer {KEY}", "Accept": "application/json"}
    pool, jar = aiohttp.TCPConnector(limit=AT_ONCE), aiohttp.DummyCookieJar()
    async with (
        aiohttp.ClientSession(connector=pool, cookie_jar=jar) as http,
        Tokfluence(KEY, base_url=url, concurrency=AT_ONCE, requests_per_minute=0) as bare,
        Tokfluence(KEY, base_url=url, concurrency=AT_ONCE, requests_per_minute=100_000_000) as full,
    ):
        full.events.subscribe(lambda _: None)

        async def raw_get() -> bytes:
            async with http.get(f"{url}/v1/posts/{VIDEO}", headers=headers) as response:
                return await response.read()

        async def raw_post() -> bytes:
            keyed = {**headers, "X-Request-Id": str(uuid4()), "Content-Type": "application/json"}
            async with http.post(f"{url}/v1/posts/analyze", headers=keyed, data=SUBMITTED) as response:
                return await response.read()

        return await _rounds(
            {
                "raw GET": raw_get,
                "raw POST": raw_post,
                "bare GET": lambda: bare.posts.show(VIDEO),
                "bare POST": lambda: bare.posts.analyze([URL]),
                "full GET": lambda: full.posts.show(VIDEO),
            }
        )


def main() -> None:
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
        try:
            port = int((server.stdout or sys.stdin).readline())
            figures = asyncio.run(_measure(f"http://127.0.0.1:{port}"))
        finally:
            server.terminate()
    print(f"{'':12}{'CPU µs':>10}{'best':>10}{'of raw':>10}{'best of best':>14}   quartiles of the ratio")
    for name, micros in figures.items():
        floor = figures["raw " + name.split()[1]]
        low, middle, high = statistics.quantiles([a / b for a, b in zip(micros, floor, strict=True)], n=4)
        print(
            f"{name:12}{statistics.median(micros):10.1f}{min(micros):10.1f}{middle:10.2f}"
            f"{min(micros) / min(floor):14.2f}   {low:.2f} to {high:.2f}"
        )


if __name__ == "__main__":
    main()
