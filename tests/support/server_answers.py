"""What the server model answers, and how answers get damaged on their way."""

from __future__ import annotations

import json
from typing import Any

from server_world import Answer

__all__ = ["damaged", "error"]

_STATUS = {
    "401": (401, "unauthorized"),
    "402": (402, "insufficient_credits"),
    "403": (403, "forbidden"),
    "404": (404, "campaign_not_found"),
    "408": (408, "request_timeout"),
    "409": (409, "duplicate_request"),
    "413": (413, "too_large"),
    "422": (422, "missing_parameter"),
    "429": (429, "rate_limited"),
    "500": (500, "internal_error"),
    "502": (502, "upstream_error"),
    "503": (503, "unavailable"),
    "name_taken": (422, "invalid_campaign"),
}


def error(name: str, wallet: int, headers: dict[str, str] | None = None) -> Answer:
    """An error in the API's form, by its status or by ``name_taken``."""
    status, code = _STATUS[name]
    payload = {"error": {"code": code, "message": f"the model says {name}"}}
    return Answer(status, _with_balance(wallet) | (headers or {}), json.dumps(payload).encode())


def damaged(fault: str, payload: dict[str, Any], wallet: int) -> Answer | None:
    """A success as it comes back under a fault; None where the connection dies."""
    headers, body = _with_balance(wallet), json.dumps(payload).encode()
    match fault:
        case "lost_tracked":
            return None
        case "500_tracked":
            return error("500", wallet)
        case "503_tracked":
            return error("503", wallet)
        case "html_tracked":
            return Answer(504, {}, b"<html>gateway</html>")
        case "cut":
            return Answer(200, headers, body[:-3], "cut off: the connection ended")
        case "garbled":
            return Answer(200, headers, b"\x00\xff{")
        case "huge":
            return Answer(200, headers, b"", "longer than 16777216 bytes")
        case "encoded":
            return Answer(200, headers, b"", "encoded as 'gzip', which was not asked for")
        case _:
            return Answer(200, headers, body)


def _with_balance(wallet: int) -> dict[str, str]:
    return {"x-credits-remaining": str(wallet)}
