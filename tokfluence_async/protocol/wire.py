"""What goes over the wire, and the three ways in which a request can end: not sent, lost, replied."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Protocol, TypeAlias

from attrs import define, field, frozen

from tokfluence_async import scalars
from tokfluence_async.errors import ConfigurationError

__all__ = ["MAX_BODY", "BodyReader", "Lost", "NotSent", "Outcome", "Reply", "Request", "checked_headers"]

MAX_BODY: Final = 16 * 1024 * 1024
"""Bytes of a response that are read at most, unless the request says otherwise."""

_BALANCES: Final = range(-(2**63), 2**63)
_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")
_OURS: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-request-id",
    }
)


def checked_headers(headers: Mapping[str, Any]) -> dict[str, str]:
    """A caller's own headers by lower-case name, once they are seen to be sendable.

    Args:
        headers: Headers besides those that the client sets itself. ``User-Agent`` is the only one of its own that
            can be replaced.

    Raises:
        ConfigurationError: A header is not sendable, or the client's own affair. Its name is told, never its value.
    """
    checked: dict[str, str] = {}
    for given, value in headers.items():
        spelt = scalars.text(given)
        name = "" if spelt is None else spelt.lower()
        if name in _OURS:
            advice = "; pass idempotency_key=… instead" if name == "x-request-id" else ""
            raise ConfigurationError(f"the header {spelt!r} is set by the client{advice}")
        if not _NAME.fullmatch(name):
            raise ConfigurationError(f"{scalars.quoted(given)} is not a header name")
        content = scalars.text(value)
        if content is None or not _VALUE.fullmatch(content):
            raise ConfigurationError(
                f"the value of the header {spelt!r} must be a string of printable ASCII, without line breaks"
            )
        checked[name] = content
    return checked


class BodyReader(Protocol):
    """Takes the body of a success piece by piece, as it arrives, so that it is never held as a whole."""

    def begin(self) -> None:
        """A body begins, perhaps that of a further try."""
        ...

    def feed(self, piece: bytes) -> bool:
        """Take a piece; whether more of the body is wanted."""
        ...

    def end(self) -> bytes:
        """What stands for the body from here on."""
        ...


@frozen
class Request:
    """One request, ready to be sent. Repeating it means sending this very object again: same key, same bytes."""

    call: str
    """The call's name, for the tariff and for events."""
    method: str
    path: str
    """Quoted, below the base URL."""
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    idempotency_key: str | None = None
    """Sent as ``X-Request-Id``."""
    headers: Mapping[str, str] = field(factory=dict[str, str], repr=False)
    """The caller's own, as `checked_headers` gives them."""
    urls: int = 0
    """How many URLs the body submits: what its price and its time depend on."""
    max_body: int = MAX_BODY
    """Bytes of the response that are read at most; a longer one is a reply that can't be read."""
    reader: BodyReader | None = field(default=None, repr=False)
    """What takes the body of a success; by default it is kept as a whole."""
    key_given: bool = False
    """Whether the caller chose the key, who may have used it before."""


@frozen
class NotSent:
    """The request's headers never left: nothing can have been done, nothing charged."""

    reason: str
    lasting: bool = False
    """Whether no other try would leave either."""


@frozen
class Lost:
    """The request left, or may have, and no status came back: it was applied, or it was not."""

    reason: str


@define
class Reply:
    """A status came back. Whether the body can be believed is another matter: see `problem`."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """By lower-case name."""
    body: bytes = field(repr=False)
    problem: str = ""
    """Why the body can't be read (cut off, too large, encoded), or an empty string."""
    lasting: bool = False
    """Whether the problem would be the same again, as with a body that is too large, or encoded."""

    @property
    def credits_remaining(self) -> int | None:
        """The wallet's balance in credits, from ``X-Credits-Remaining``.

        None where it is absent, no number, or one that no wallet holds: beyond 64 bits, which no load file could keep.
        """
        text = self.headers.get("x-credits-remaining")
        if text is None or len(text) > 20 or not text.isascii():
            return None
        if not text.isdigit():
            text = text.strip()
            if not text.removeprefix("-").isdigit():
                return None
        balance = int(text)
        return balance if balance in _BALANCES else None


Outcome: TypeAlias = NotSent | Lost | Reply
