"""A small API in a thread, whose answers a test can replace one by one; with a ledger of its own.

The sandbox can do what the API is thought to do. This is for what it is hoped not to do.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

from attrs import define, field, frozen

__all__ = ["Answer", "Answering", "Asked"]

CAMPAIGN = 4711
PRICES = {"create": 1, "show": 1, "list": 2}


@frozen
class Asked:
    """A request, as a test looks at it."""

    call: str
    """``create``, ``analyze``, ``show`` or ``list``."""
    number: int
    """How many of its call there were, with it."""
    key: str | None
    posts: list[dict[str, Any]]
    repeated: bool
    """Whether its key was used up before."""


@frozen
class Answer:
    """What comes back; a `status` of 0 resets the connection."""

    status: int
    payload: Any = None
    headers: dict[str, str] = field(factory=dict[str, str])

    @classmethod
    def error(cls, status: int, code: str) -> Self:
        """An error in the API's form."""
        return cls(status, {"error": {"code": code, "message": f"it says {code}"}})


LOST = Answer(0)


@define(eq=False)
class Answering:
    """Serves on 127.0.0.1 until it is left.

    Attributes:
        before: Answers in place of the API, which then does nothing; None lets it do its work.
        after: Replaces the answer to what was done.
    """

    before: Callable[[Asked], Answer | None] = lambda _: None
    after: Callable[[Asked, Answer], Answer] = lambda _, answer: answer
    rejected: frozenset[str] = frozenset()
    """Ids of videos that the API rejects, and charges."""
    tracked: list[str] = field(factory=list[str])
    charged: int = 0
    per_video: Counter[str] = field(factory=Counter[str])
    asked: Counter[str] = field(factory=Counter[str])
    base_url: str = field(default="", init=False)
    name: str = field(default="", init=False)
    _keys: set[str] = field(factory=set[str], init=False)
    _loop: asyncio.AbstractEventLoop | None = field(default=None, init=False)
    _over: asyncio.Event | None = field(default=None, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

    @property
    def charged_twice(self) -> list[str]:
        """Videos that were charged more than once."""
        return [video for video, times in self.per_video.items() if times > 1]

    def forget(self) -> None:
        """Forget every key."""
        self._keys.clear()

    def __enter__(self) -> Self:
        ready = threading.Event()

        async def serve() -> None:
            self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
            server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
            self.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            ready.set()
            await self._over.wait()
            server.close()

        self._thread = threading.Thread(target=asyncio.run, args=(serve(),))
        self._thread.start()
        ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        assert self._over is not None
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                method, path, _ = head[0].split(" ")
                headers = {
                    name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])
                }
                raw = await reader.readexactly(int(headers.get("content-length", 0)))
                answer = self._answer(method, path, headers.get("x-request-id"), json.loads(raw or b"{}"))
                if answer.status == 0:
                    writer.transport.abort()
                    return
                body = (
                    answer.payload
                    if isinstance(answer.payload, bytes)
                    else json.dumps(answer.payload).encode()
                )
                lines = {"Content-Length": str(len(body)), "X-Credits-Remaining": "10000000"} | answer.headers
                top = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
                writer.write(f"HTTP/1.1 {answer.status} -\r\n{top}\r\n".encode() + body)
                await writer.drain()
        writer.close()

    def _answer(self, method: str, path: str, key: str | None, body: dict[str, Any]) -> Answer:
        call = "list" if "/posts" in path and method == "GET" else "show"
        if method == "POST":
            call = "create" if path == "/v1/campaigns" else "analyze"
        self.asked[call] += 1
        asked = Asked(call, self.asked[call], key, body.get("posts", []), key in self._keys)
        answer = self.before(asked)
        return self.after(asked, self._work(asked, body)) if answer is None else answer

    def _work(self, asked: Asked, body: dict[str, Any]) -> Answer:
        if asked.key is not None:
            if asked.repeated:
                return Answer.error(409, "duplicate_request")
            self._keys.add(asked.key)
        self.charged += PRICES.get(asked.call, 25 * len(asked.posts))
        match asked.call:
            case "create":
                self.name = body["name"]
                return Answer(201, {"data": self._campaign()})
            case "show":
                return Answer(200, {"data": self._campaign()})
            case "list":
                return Answer(200, {"data": [{"post_id": video} for video in self.tracked]})
            case _:
                return self._analyze([post["url"].rsplit("/", 1)[1] for post in asked.posts])

    def _campaign(self) -> dict[str, Any]:
        return {"id": CAMPAIGN, "name": self.name, "tracked_posts_count": len(self.tracked)}

    def _analyze(self, videos: list[str]) -> Answer:
        self.per_video.update(videos)
        refused = [video for video in videos if video in self.rejected]
        self.tracked += [video for video in videos if video not in self.rejected]
        return Answer(200, {"data": {}, "meta": {"rejected": [{"post_id": video} for video in refused]}})
