"""A headless Chromium, spoken to over a pair of pipes: what a page fetched, and what went wrong in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from attrs import define, field

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--window-size=1200,900",
)


def find_chromium() -> str | None:
    """The browser's path, if there is one."""
    return next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))),
        None,
    )


@define
class Page:
    """A page that was opened."""

    requests: list[str]
    """What it asked for, itself included."""
    problems: list[str]
    """Exceptions and errors, those of its policy included."""
    values: list[Any] = field(factory=list[Any])
    """What the scripts that were run in it gave."""


@define
class Browser:
    """A browser that runs."""

    commands: int
    answers: int
    _number: int = 0
    _rest: bytes = b""
    _events: list[dict[str, Any]] = field(factory=list[dict[str, Any]])

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result
            self._events.append(answer)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = os.read(self.answers, 1 << 20)
            if not more:
                raise EOFError("the browser has ended")
            self._rest += more
        message, _, self._rest = self._rest.partition(b"\0")
        parsed: dict[str, Any] = json.loads(message)
        return parsed

    def open(self, url: str, *scripts: str, width: int | None = None) -> Page:
        """Open a page, in a window of some width, and run scripts in it; promises are waited for."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable", session)
        if width is not None:
            size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
            self.call("Emulation.setDeviceMetricsOverride", session, **size)
        self._events.clear()
        self.call("Page.navigate", session, url=url)
        while not any(event.get("method") == "Page.loadEventFired" for event in self._events):
            self._events.append(self._next())
        page = Page([], [])
        for script in scripts:
            done = self.call(
                "Runtime.evaluate", session, expression=script, awaitPromise=True, returnByValue=True
            )
            if "exceptionDetails" in done:
                page.problems.append(str(done["exceptionDetails"]))
            page.values.append(done["result"].get("value"))
        self._tell(page)
        return page

    def _tell(self, page: Page) -> None:
        """Put what has happened into a page."""
        for event in self._events:
            params = event.get("params", {})
            match event.get("method"):
                case "Network.requestWillBeSent":
                    page.requests.append(params["request"]["url"])
                case "Runtime.exceptionThrown":
                    page.problems.append(str(params["exceptionDetails"]))
                case "Log.entryAdded" if params["entry"]["level"] in {"error", "warning"}:
                    page.problems.append(params["entry"]["text"])
                case "Runtime.consoleAPICalled" if params["type"] in {"error", "warning", "assert"}:
                    page.problems.append(str(params["args"]))
                case _:
                    pass


_AS_3_AND_4 = """
import os, sys
import fcntl
read, write = (fcntl.fcntl(int(each), fcntl.F_DUPFD, 10) for each in sys.argv[1:3])
os.dup2(read, 3)
os.dup2(write, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""The browser wants the pipes as its descriptors 3 and 4; copied to numbers above, neither overwrites the other."""


@contextmanager
def browser(path: str) -> Generator[Browser]:
    """A browser with a profile of its own, for as long as the context is open."""
    to_read, commands = os.pipe()
    answers, to_write = os.pipe()
    with TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [
                *(sys.executable, "-c", _AS_3_AND_4, str(to_read), str(to_write)),
                *(path, *FLAGS, f"--user-data-dir={Path(profile)}", "about:blank"),
            ],
            pass_fds=(to_read, to_write),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        try:
            yield Browser(commands, answers)
        finally:
            os.close(commands)
            os.close(answers)
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
