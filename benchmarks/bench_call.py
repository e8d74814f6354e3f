"""What a typed call costs in CPU time, as a multiple of raw aiohttp in the same run.

    python benchmarks/bench_call.py

A process of its own serves one fixed answer on 127.0.0.1. The client makes 32 calls at a time; what is measured is
the CPU time of the client's process. *Raw* reads the body and decodes no JSON. *Bare* has no rate limit and nobody
listens to its events, and still has keys, deadline, budget and typed results; *full* has a limiter that is never in
the way and a subscriber to each event.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

import aiohttp

from tokfluence_async import Tokfluence

CALLS = 640
WARM_UP = 3
ROUNDS = 40
AT_ONCE = 32
KEY = "tkf_live_" + "b" * 32
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


async def _at_once(call: Callable[[], Awaitable[object]]) -> float:
    """CPU microseconds a call."""

    async def worker() -> None:
        for _ in range(CALLS // AT_ONCE):
            await call()

    gc.collect()
    start = time.process_time()
    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return (time.process_time() - start) / CALLS * 1e6


async def _measure(url: str) -> dict[str, list[float]]:
    figures: dict[str, list[float]] = {"raw": [], "bare GET": [], "bare POST": [], "full GET": []}
    headers = {"Authorization": f"Bearer {KEY}", "Accept": "application/json"}
    async with (
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=AT_ONCE), cookie_jar=aiohttp.DummyCookieJar()
        ) as http,
        Tokfluence(KEY, base_url=url, concurrency=AT_ONCE, requests_per_minute=0) as bare,
        Tokfluence(KEY, base_url=url, concurrency=AT_ONCE, requests_per_minute=100_000_000) as full,
    ):
        full.events.subscribe(lambda _: None)

        async def raw() -> bytes:
            async with http.get(f"{url}/v1/posts/7234567890123456789", headers=headers) as response:
                return await response.read()

        async def get() -> object:
            return await bare.posts.show("7234567890123456789")

        async def post() -> object:
            return await bare.posts.analyze(["https://www.tiktok.com/@alice/video/7234567890123456789"])

        async def everything() -> object:
            return await full.posts.show("7234567890123456789")

        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "raw": raw,
            "bare GET": get,
            "bare POST": post,
            "full GET": everything,
        }
        for number in range(1, WARM_UP + ROUNDS + 1):
            for name, call in calls.items():
                micros = await _at_once(call)
                if number > WARM_UP:
                    figures[name].append(micros)
    return figures


def main() -> None:
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
        try:
            port = int((server.stdout or sys.stdin).readline())
            figures = asyncio.run(_measure(f"http://127.0.0.1:{port}"))
        finally:
            server.terminate()
    print(
        f"{'':12}{'CPU µs':>10}{'of raw':>10}   (medians of {ROUNDS} rounds; ratios within a round; quartiles)"
    )
    for name, micros in figures.items():
        ratios = [each / raw for each, raw in zip(micros, figures["raw"], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        print(f"{name:12}{statistics.median(micros):10.1f}{middle:10.2f}   {low:.2f} to {high:.2f}")


if __name__ == "__main__":
    main()
