"""A client for the sandbox that hides nothing: plain HTTP, and plain sockets."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import anyio
import pytest
from attrs import define, frozen

from tokfluence_async.sandbox import Sandbox, SandboxClock, Switches

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from contextlib import AbstractAsyncContextManager

KEY = "tkf_live_" + "a" * 32
OTHER_KEY = "tkf_live_" + "b" * 32
EPOCH = 1_800_000_000.0


@frozen
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def payload(self) -> Any:
        return json.loads(self.body)

    @property
    def data(self) -> Any:
        return self.payload["data"]

    @property
    def meta(self) -> Any:
        return self.payload["meta"]

    @property
    def code(self) -> str:
        error = self.payload["error"]
        assert set(error) == {"code", "message"}
        assert error["message"]
        return str(error["code"])

    @property
    def credits(self) -> int:
        return int(self.headers["X-Credits-Remaining"])


@frozen
class RawAnswer:
    """What came over a socket until it ended, and whether it ended in a reset."""

    received: bytes
    was_reset: bool

    @property
    def head(self) -> bytes:
        return self.received.partition(b"\r\n\r\n")[0]

    @property
    def body(self) -> bytes:
        return self.received.partition(b"\r\n\r\n")[2]

    @property
    def promised(self) -> int:
        for line in self.head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                return int(value)
        raise AssertionError(f"no Content-Length in {self.head!r}")


@define
class Api:
    sandbox: Sandbox
    session: aiohttp.ClientSession
    key: str = KEY

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        request_id: str | None = None,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> Answer:
        sent = {"Authorization": f"Bearer {key or self.key}", **(headers or {})}
        if request_id is not None:
            sent["X-Request-Id"] = request_id
        url = self.sandbox.base_url + path
        async with self.session.request(
            method, url, json=body, data=data, headers=sent, allow_redirects=False
        ) as response:
            return Answer(response.status, response.headers, await response.read())

    async def get(self, path: str, **more: Any) -> Answer:
        return await self.call("GET", path, **more)

    async def create(self, name: str = "Spring", posts: Any = None, **more: Any) -> Answer:
        body = {"name": name} if posts is None else {"name": name, "posts": posts}
        return await self.call("POST", "/v1/campaigns", body, **more)

    async def campaign(self, name: str = "Spring", posts: Any = None, **more: Any) -> int:
        answer = await self.create(name, posts, **more)
        assert answer.status == 201, answer.body
        return int(answer.data["id"])

    async def analyze(self, *urls: str, campaign_id: int | None = None, **more: Any) -> Answer:
        body: dict[str, Any] = (
            {"urls": list(urls)}
            if campaign_id is None
            else {"campaign_id": campaign_id, "posts": [{"url": url} for url in urls]}
        )
        return await self.call("POST", "/v1/posts/analyze", body, **more)

    async def until(self, holds: Callable[[], bool]) -> None:
        with anyio.fail_after(5):
            while not holds():  # noqa: ASYNC110 - what is waited for happens in the sandbox, which has no event for it
                await anyio.sleep(0.002)

    async def raw(self, request: bytes) -> RawAnswer:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.sandbox.port)
        received, was_reset = bytearray(), False
        try:
            writer.write(request)
            while piece := await reader.read(65_536):
                received += piece
        except ConnectionResetError:
            was_reset = True
        finally:
            writer.close()
            try:
                await writer.wait_closed()
            except ConnectionResetError:
                was_reset = True
        return RawAnswer(bytes(received), was_reset)

    async def raw_call(self, method: str, path: str, body: Any = None, **headers: str) -> RawAnswer:
        sent = b"" if body is None else json.dumps(body).encode()
        named = {
            "Host": "sandbox",
            "Authorization": f"Bearer {self.key}",
            "Content-Length": str(len(sent)),
            "Connection": "close",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items()), "", ""]
        return await self.raw("\r\n".join(lines).encode() + sent)


def url_of(number: int, handle: str = "alice") -> str:
    return f"https://www.tiktok.com/@{handle}/video/{7_300_000_000_000_000_000 + number}"


def id_of(number: int) -> str:
    return str(7_300_000_000_000_000_000 + number)


@asynccontextmanager
async def _open(switches: Switches | None = None, **options: Any) -> AsyncIterator[Api]:
    clock = SandboxClock(lambda: 0.0, epoch=EPOCH)
    async with (
        Sandbox(switches=switches, clock=clock, **options) as sandbox,
        aiohttp.ClientSession() as session,
    ):
        yield Api(sandbox, session)


@pytest.fixture
def open_api() -> Callable[..., AbstractAsyncContextManager[Api]]:
    """Opens a sandbox with the given switches, on a clock that stands still, and a client for it."""
    return _open


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with _open() as opened:
        yield opened


@pytest.fixture
def url() -> Callable[..., str]:
    return url_of


@pytest.fixture
def video() -> Callable[[int], str]:
    return id_of
