"""What one attempt's outcome says: the first two columns of the money protocol, as a pure function.

Source of the rules: the API's pages *Credits* (a 502 is refunded, other 4xx are not), *Errors* and *Repeating a
request safely* (409 says only that the key was seen before). What to do about it is decided elsewhere: by the
session for a single call, by `campaign.settle` for a load.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from enum import Enum
from typing import Any, Final

from attrs import define, field

from tokfluence_async.protocol.codec import error_body, loads
from tokfluence_async.protocol.wire import NotSent, Outcome, Reply

__all__ = ["Kind", "Seen", "see"]


class Kind(Enum):
    """What an outcome says of the attempt that it ends."""

    NOT_SENT = "not_sent"
    """The request never left. Not applied, not charged."""
    APPLIED = "applied"
    """Success with a readable body. Applied and charged."""
    GARBLED = "garbled"
    """Success whose body is cut off, too large, not JSON, or tells an error: applied or not, perhaps in part."""
    LOST = "lost"
    """No answer, or one that says nothing of the request (500, 503, 504, 408, an HTML error page): unknown."""
    LOST_REFUND = "lost_refund"
    """As `LOST`, by a 502 that can't be read: if it was the API's own, what was charged was refunded."""
    RATE_LIMITED = "rate_limited"
    """429. Not applied, not charged."""
    REFUNDED = "refunded"
    """502 ``upstream_error``. Charged and refunded by the API; whether it had an effect is unsure."""
    NO_CREDIT = "no_credit"
    """402. The work was never started; not charged."""
    DENIED = "denied"
    """401 or 403. Not applied, not charged."""
    REFUSED = "refused"
    """404, 422 and other 4xx. Not applied, perhaps charged."""
    TOO_LARGE = "too_large"
    """413. Not applied, not charged."""
    REDIRECTED = "redirected"
    """3xx: something other than the API answered. Unknown; never followed."""
    SEEN_BEFORE = "seen_before"
    """409. This attempt did nothing; what an earlier one under the key did, it does not say."""


@define
class Seen:
    """One attempt's outcome, classified."""

    kind: Kind
    status: int | None = None
    code: str = ""
    """The API's error code, or an empty string."""
    message: str = ""
    """The API's message, or what went wrong with the connection."""
    lasting: bool = False
    """Whether the same request would be answered so again: to repeat it is to pay for nothing."""
    payload: dict[str, Any] | None = field(default=None, eq=False, repr=False)
    """The JSON object of a body that can be believed: read once, for all who want something of it."""

    @property
    def answer(self) -> str:
        """The status, and the API's error code if it gave one, for people."""
        return f"{self.status} {self.code}".rstrip()


REQUEST_TIMEOUT: Final = 408

_BY_STATUS: Final = {
    401: Kind.DENIED,
    402: Kind.NO_CREDIT,
    403: Kind.DENIED,
    REQUEST_TIMEOUT: Kind.LOST,
    409: Kind.SEEN_BEFORE,
    413: Kind.TOO_LARGE,
    429: Kind.RATE_LIMITED,
}


def see(outcome: Outcome, *, deletion: bool = False) -> Seen:
    """Classify an outcome.

    401, 402, 403, 409, 413 and 429 are believed by their status alone: whoever says them, the request was turned
    away. Success, a 502 and every other 4xx must be the API's own word, in JSON: a gateway's page tells nothing of
    what became of the request behind it.

    A success that can't be read may pass if it was cut off, or if something else than the API answered (a page, an
    empty body). One that arrived whole and begins as the API's own answers do, with ``{`` or ``[``, but is not JSON,
    and one that is JSON but no object, are `lasting`: the API would answer the same again, and each repeat of a read
    is paid for. That a body arrived whole is known only where its length was told, by a header or in chunks: one that
    ended with the connection may have been cut off.

    Args:
        outcome: How the attempt ended.
        deletion: Whether it was to delete something: then a success may have no body, or any JSON.
    """
    if isinstance(outcome, Reply):
        return _see_reply(outcome, deletion=deletion)
    if isinstance(outcome, NotSent):
        return Seen(Kind.NOT_SENT, message=outcome.reason, lasting=outcome.lasting)
    return Seen(Kind.LOST, message=outcome.reason)


def _see_reply(reply: Reply, *, deletion: bool) -> Seen:
    status = reply.status
    succeeded = 200 <= status < 300
    payload, problem, lasting = _read(reply, any_json=deletion and succeeded)
    if succeeded:
        if problem:
            return Seen(Kind.GARBLED, status, message=problem, lasting=lasting)
        if payload is not None and _tells_an_error(payload):
            code, said = error_body(payload) or ("", "")
            told = f"HTTP {status} with an error in place of the data" + (f": {said}" if said else "")
            return Seen(Kind.GARBLED, status, code, told, lasting=True)
        return Seen(Kind.APPLIED, status, payload=payload)
    code, message = ("", "") if problem else (error_body(payload) or ("", ""))
    if status in _BY_STATUS:
        kind = _BY_STATUS[status]
    elif 300 <= status < 400:
        kind = Kind.REDIRECTED
    elif status == 502:
        own = {"upstream_error": Kind.REFUNDED, "": Kind.LOST_REFUND}
        kind = own.get(code, Kind.LOST)
    elif 400 <= status < 500 and not problem:
        kind = Kind.REFUSED
    else:
        kind = Kind.LOST
    lasting = kind is Kind.LOST and status < 500 and status != REQUEST_TIMEOUT
    return Seen(kind, status, code, message or _in_our_words(kind, status), lasting, payload)


def _in_our_words(kind: Kind, status: int) -> str:
    if kind is Kind.REDIRECTED:
        return f"HTTP {status}: the answer leads elsewhere, which is never followed; check the base URL"
    return f"HTTP {status} without an error of the API's form"


def _tells_an_error(payload: dict[str, Any]) -> bool:
    if "error" not in payload:
        return False
    return "data" not in payload or (bool(payload["error"]) and not payload["data"])


def _read(reply: Reply, *, any_json: bool) -> tuple[dict[str, Any] | None, str, bool]:
    """The body's JSON object, or why there is none that can be believed, and whether that would be so again."""
    if reply.problem:
        return None, reply.problem, reply.lasting
    if not reply.body and any_json:
        return None, "", False
    try:
        payload = loads(reply.body)
    except ValueError:
        return None, "the body is not JSON", _arrived_whole(reply) and _begins_as_json(reply.body)
    if payload.__class__ is dict:
        return payload, "", False
    return None, "" if any_json else "the body is not a JSON object", True


def _arrived_whole(reply: Reply) -> bool:
    """Whether the end of the body was told by more than the end of the connection."""
    return "content-length" in reply.headers or "transfer-encoding" in reply.headers


def _begins_as_json(body: bytes) -> bool:
    return body.removeprefix(BOM_UTF8).lstrip(b" \t\r\n").startswith((b"{", b"["))
