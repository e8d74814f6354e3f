"""What every model has: the answer it came in, the fields not known yet, and a way back to JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

from attrs import define, field, fields, frozen

__all__ = ["NOT_ON_THE_WIRE", "NO_RESPONSE", "Deleted", "ExactId", "Model", "ResponseInfo", "Result"]

ExactId = Annotated[str, "an integer of the API becomes its exact decimal string"]
"""An id that may be longer than a float is exact, and so stays a string.

The API sends such ids as strings. Where it sends an integer, its exact decimal string is taken; a float is
refused, for digits may be lost already.
"""


@frozen(kw_only=True)
class ResponseInfo:
    """How an answer came: what the HTTP response told besides its content."""

    status: int = 0
    """HTTP status; 0 where there was no response, as in an object made by hand."""

    request_id: str | None = None
    """Idempotency key that was sent, or the request id that the server gave."""

    attempts: int = 0
    """How many times the request was tried, the successful one included."""

    credits_remaining: int | None = None
    """Balance of the wallet after the call, in credits, as ``X-Credits-Remaining`` told it."""

    elapsed: float = 0.0
    """Duration of the whole call in seconds, waits and retries included."""

    headers: Mapping[str, str] = field(factory=dict[str, str], repr=False)
    """Headers of the response; their names are lower-case."""

    body: bytes = field(default=b"", repr=False)
    """Body as received."""


NO_RESPONSE: Final = ResponseInfo()
"""The `Result.response` of an object that did not come as an answer of its own: status 0, no attempts."""

NOT_ON_THE_WIRE: Final = frozenset({"response", "_extra"})
"""Fields of a model that the API has not sent under their name."""


def _or_none(unknown: dict[str, Any] | None) -> dict[str, Any] | None:
    return unknown or None


def _plain(value: Any) -> Any:
    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, datetime):
        text = value.isoformat()
        return f"{text[:-6]}Z" if text.endswith("+00:00") else text
    if isinstance(value, list):
        return [_plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType] - of any type
    if isinstance(value, dict):
        return dict(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - JSON already
    return value


@define(slots=True, kw_only=True)
class Model:
    """A JSON object of the API.

    Fields that the API leaves out are None, or an empty list. Values of an enumeration that this version does
    not know stay strings.
    """

    # Made on demand: an empty dict for each of ten thousand objects would wake the garbage collector, at a quarter
    # of what it takes to make them.
    _extra: dict[str, Any] | None = field(default=None, alias="extra", eq=_or_none, repr=False)

    @property
    def extra(self) -> dict[str, Any]:
        """Fields that this version does not know, by name, as the API sent them."""
        if self._extra is None:
            self._extra = {}
        return self._extra

    @extra.setter
    def extra(self, unknown: dict[str, Any]) -> None:
        self._extra = unknown

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able data, in the API's own names, that decodes to an equal object again.

        Instants are ISO 8601 strings with ``Z`` or an offset; `extra` stands beside the known fields; values
        nested inside `extra` are shared, not copied. `Result.response` is left out.
        """
        plain = {
            attribute.name: _plain(getattr(self, attribute.name))
            for attribute in fields(type(self))
            if attribute.name not in NOT_ON_THE_WIRE
        }
        return plain | (self._extra or {})


@define(slots=True, kw_only=True)
class Result(Model):
    """A model that can be an answer of its own."""

    response: ResponseInfo = field(default=NO_RESPONSE, init=False, eq=False, repr=False)
    """The answer that this object came in; `NO_RESPONSE` within a list, for there the list has it."""


@define(slots=True, kw_only=True)
class Deleted(Result):
    """The answer to a deletion: 204, without content."""
