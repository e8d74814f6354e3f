"""What the API says about URLs that were submitted for analysis.

The shapes are hardly documented, and the answer is paid for when it is read: reading one of these never
fails. What does not fit its field is kept in `extra`, under its own name; a value that is no object at all,
under ``raw``.
"""

from __future__ import annotations

from typing import Any, Self, cast

from attrs import define

from tokfluence_async.models.result import Model, Result

__all__ = ["Analysis", "ApiResult", "Rejected"]


def _fields(value: Any) -> dict[str, Any]:
    return dict(cast("dict[str, Any]", value)) if isinstance(value, dict) else {"raw": value}


def _take_text(rest: dict[str, Any], *names: str) -> str | None:
    """Move the string out that stands under the first name in use; what is no string stays where it is."""
    for name in names:
        value = rest.get(name)
        if value is not None and not isinstance(value, str):
            return None
        rest.pop(name, None)
        if value is not None:
            return value
    return None


def _take_id(rest: dict[str, Any], *names: str) -> str | None:
    for name in names:
        if type(rest.get(name)) is int:
            rest[name] = str(rest[name])
    return _take_text(rest, *names)


@define(slots=True, kw_only=True)
class ApiResult(Model):
    """What became of one submitted URL."""

    post_id: str | None = None
    """Video id of the post: digits. The API calls it ``postId`` here; ``post_id`` is understood too."""

    status: str | None = None
    """State of the analysis, for example ``analyzed``; a string of the API's."""

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read one entry of ``api_results``, whatever it is.

        Args:
            value: The entry as the API sent it.
        """
        rest = _fields(value)
        return cls(
            post_id=_take_id(rest, "post_id", "postId"),
            status=_take_text(rest, "status"),
            extra=rest,
        )


@define(slots=True, kw_only=True)
class Rejected(Model):
    """A submitted post that the API did not take.

    Assume that it was charged: the price is per URL submitted.
    """

    url: str | None = None
    """URL as it was submitted."""

    reason: str | None = None
    """Why, in the API's words: its ``reason``, ``error``, ``message`` or ``code``."""

    code: str | None = None
    """Why, as a stable code, where the API gives one."""

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read one entry of ``rejected``: a bare URL, an object with a URL and a reason, or anything else.

        Args:
            value: The entry as the API sent it.
        """
        if isinstance(value, str):
            return cls(url=value)
        rest = _fields(value)
        while isinstance(rest.get("error"), dict):
            # {"error": {"code", "message"}} is how the API reports every other error.
            rest = {**rest.pop("error"), **rest}
        code = _take_text(rest, "code")
        reason = _take_text(rest, "reason", "error", "message")
        return cls(
            url=_take_text(rest, "url"),
            reason=code if reason is None else reason,
            code=code,
            extra=rest,
        )


def _first_entries(name: str, places: tuple[Any, ...]) -> list[Any]:
    """The entries under a name: the first list that has any; else whatever else stands there, as one entry."""
    found: list[Any] = [
        cast("dict[str, Any]", place).get(name) for place in places if isinstance(place, dict)
    ]
    lists: list[list[Any]] = [each for each in found if each and each.__class__ is list]
    return lists[0] if lists else [each for each in found if each][:1]


def _places(payload: Any) -> tuple[Any, ...]:
    """Where outcomes are looked for: ``meta`` as documented, then ``data``, then the answer itself."""
    if not isinstance(payload, dict):
        return ()
    envelope = cast("dict[str, Any]", payload)
    return envelope.get("meta"), envelope.get("data"), envelope


def read_results(payload: Any) -> list[ApiResult]:
    """The entries of ``api_results`` in an answer of any shape.

    Args:
        payload: The whole answer.
    """
    return [ApiResult.from_json(entry) for entry in _first_entries("api_results", _places(payload))]


def read_rejected(payload: Any) -> list[Rejected]:
    """The entries of ``rejected`` in an answer of any shape.

    Args:
        payload: The whole answer.
    """
    return [Rejected.from_json(entry) for entry in _first_entries("rejected", _places(payload))]


@define(slots=True, kw_only=True)
class Analysis(Result):
    """The answer to a batch of URLs submitted for analysis. It costs 25 credits a URL submitted."""

    data: Any = None
    """Content of the answer as the API sent it; the API does not document it."""

    meta: Any = None
    """The answer's ``meta`` as the API sent it; None where there is none."""

    @property
    def results(self) -> list[ApiResult]:
        """What became of each URL, as far as the API says."""
        return read_results(self.to_dict())

    @property
    def rejected(self) -> list[Rejected]:
        """URLs that the API did not take, as far as it says."""
        return read_rejected(self.to_dict())

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read the whole answer, whatever it is.

        Args:
            value: The answer's JSON. One that is no object is taken as the data.
        """
        if not isinstance(value, dict):
            return cls(data=value)
        rest = dict(cast("dict[str, Any]", value))
        return cls(data=rest.pop("data", None), meta=rest.pop("meta", None), extra=rest)

    def to_dict(self) -> dict[str, Any]:
        """The answer as the API sent it, which decodes to an equal object again; nested values are shared."""
        return {"data": self.data, "meta": self.meta, **self.extra}
