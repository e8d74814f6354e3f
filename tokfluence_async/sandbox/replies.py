"""Answers, before they are put on a wire."""

from __future__ import annotations

import json
from typing import Any

from attrs import field, frozen

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def _no_headers() -> dict[str, str]:
    return {}


@frozen
class Reply:
    """An answer."""

    status: int
    payload: Any = None
    """Its JSON; None for an answer without a body."""
    headers: dict[str, str] = field(factory=_no_headers)
    """Headers besides those that every answer has."""
    raw: bytes | None = None
    """A body that is sent as it is, instead of the payload."""
    content_type: str = "application/json; charset=utf-8"
    from_api: bool = True
    """Whether the API itself answers, and so adds its request id and the wallet's balance."""

    def body(self) -> bytes:
        """The answer's body in bytes."""
        if self.raw is not None:
            return self.raw
        # A lone surrogate can stand in JSON that came in, and no encoding but this one carries it back out.
        return b"" if self.payload is None else _encode(self.payload).encode("utf-8", "surrogatepass")


def error(status: int, code: str, message: str, **headers: str) -> Reply:
    """An error in the API's shape."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, {"error": {"code": code, "message": message}}, named)


def success(data: Any, meta: dict[str, Any] | None = None, *, status: int = 200) -> Reply:
    """A success in the API's shape."""
    return Reply(status, {"data": data} if meta is None else {"data": data, "meta": meta})
