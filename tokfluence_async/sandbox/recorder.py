"""What the sandbox was asked, without the keys that asked it."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Any

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Iterable

_KEY = re.compile(r"(tkf_live_[A-Za-z0-9]{4})[A-Za-z0-9]+")
_KEY_BYTES = re.compile(_KEY.pattern.encode())


def redact(text: str) -> str:
    """A text with every API key in it cut to the prefix that may be shown."""
    return _KEY.sub(r"\1…", text) if "tkf_live_" in text else text


def _no_faults() -> list[str]:
    return []


@define
class RecordedRequest:
    """A request as it arrived, and what became of it."""

    sequence: int
    """Its place among all requests, from 1."""
    time: float
    """When it arrived, in seconds on the sandbox clock."""
    method: str
    path: str
    query: str
    """The query string, undecoded."""
    header_names: tuple[str, ...]
    """The names of its headers, as sent; never their values."""
    request_id: str | None
    """Its X-Request-Id; None if it had none."""
    key: str | None
    """The public prefix of its key; None if it had none of the right form."""
    call: str | None = None
    """The name of the call, such as ``posts.analyze``; None for an unknown route."""
    body: bytes = b""
    """Its body, as far as the sandbox keeps it, with any API key in it cut short."""
    body_bytes: int = 0
    """The length of its whole body."""
    urls: int = 0
    """How many post URLs it submitted."""
    status: int | None = None
    """Status of the answer; None if none was sent, or not yet."""
    charged: int = 0
    """Credits that it cost, after any refund."""
    faults: list[str] = field(factory=_no_faults)
    """The faults that struck it, as ``phase:effect``."""

    def text(self) -> str:
        """Its body as text."""
        return self.body.decode("utf-8", "replace")

    def payload(self) -> dict[str, Any]:
        """The request as `/_sandbox/requests` has it."""
        return {
            "sequence": self.sequence,
            "time": self.time,
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "header_names": self.header_names,
            "request_id": self.request_id,
            "key": self.key,
            "call": self.call,
            "body": self.text(),
            "body_bytes": self.body_bytes,
            "urls": self.urls,
            "status": self.status,
            "charged": self.charged,
            "faults": self.faults,
        }


class Recorder:
    """The latest requests.

    Args:
        most: How many to keep.
        most_body: How many bytes of each body to keep.
    """

    def __init__(self, most: int, most_body: int) -> None:
        self._kept: deque[RecordedRequest] = deque(maxlen=most)
        self._most_body = most_body
        self.total: int = 0
        """How many requests there were, kept or not."""

    def record(
        self,
        *,
        time: float,
        method: str,
        path: str,
        query: str,
        header_names: Iterable[str],
        request_id: str | None,
        key: str | None,
    ) -> RecordedRequest:
        """Keep a request."""
        self.total += 1
        made = RecordedRequest(
            self.total,
            time,
            method,
            redact(path),
            redact(query),
            tuple(header_names),
            redact(request_id) if request_id else None,
            key,
        )
        self._kept.append(made)
        return made

    def keep_body(self, request: RecordedRequest, body: bytes) -> None:
        """Add a request's body, up to the limit."""
        # Cut before it is searched: what is left of a key that was cut in two is still found.
        kept = body[: self._most_body]
        request.body = _KEY_BYTES.sub(rb"\1" + "…".encode(), kept) if b"tkf_live_" in kept else kept
        request.body_bytes = len(body)

    def requests(self) -> list[RecordedRequest]:
        """The requests that are kept, oldest first."""
        return list(self._kept)
