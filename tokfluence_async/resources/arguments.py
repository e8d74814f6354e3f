"""What a caller passes to a call, checked by its name before anything is sent: a slip costs no credits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite

from tokfluence_async.errors import ConfigurationError
from tokfluence_async.protocol.endpoints import Endpoint

__all__ = [
    "checked_campaign_id",
    "checked_count",
    "checked_id",
    "checked_parameter",
    "checked_text",
    "refuse_overlap",
]


def checked_text(name: str, value: object) -> str:
    """Text that is not blank, as it is.

    Args:
        name: The argument's name.
        value: What was passed.

    Raises:
        ConfigurationError: It is no string, or blank.
    """
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError(f"{name} must be text that is not blank, not {value!r}")
    return value


def checked_id(name: str, value: object, endpoint: Endpoint) -> str:
    """An id that stands in the path of a call, as it is.

    Args:
        name: The argument's name.
        value: What was passed.
        endpoint: The call.

    Raises:
        ConfigurationError: It is no string, or nothing that an id can be, such as a URL.
    """
    if isinstance(value, str) and value.isascii() and value.isalnum():
        return value
    if not isinstance(value, str) or value != value.strip():
        raise ConfigurationError(f"{name} must be an id, as a string without blanks, not {value!r}")
    try:
        endpoint.path(value)
    except ConfigurationError as error:
        raise ConfigurationError(f"{name}: {error.message}") from None
    return value


def checked_campaign_id(value: object) -> int:
    """A campaign's number, as it is.

    Raises:
        ConfigurationError: It is not a whole number above zero.
    """
    return checked_count("campaign_id", value)


def checked_count(name: str, value: object, *, most: int | None = None) -> int:
    """A whole number from 1 on, as it is.

    Args:
        name: The argument's name.
        value: What was passed.
        most: The largest number that the API takes; None is no bound.

    Raises:
        ConfigurationError: It is no whole number, or out of range.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 1 or (most and value > most):
        bounds = "at least 1" if most is None else f"1 to {most}"
        raise ConfigurationError(f"{name} must be a whole number, {bounds}, not {value!r}")
    return value


def checked_parameter(name: str, value: object) -> str | int | float | bool | None:
    """The value of a query parameter, as it is; None leaves it out.

    Args:
        name: The parameter's name.
        value: What was passed.

    Raises:
        ConfigurationError: It is no text, number, or truth value, or not a finite number.
    """
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and isfinite(value)):
        return value
    raise ConfigurationError(f"{name} must be text or a finite number, not {value!r}")


def refuse_overlap(endpoint: Endpoint, option: str, extra: object, own: Iterable[str]) -> None:
    """See to it that what a caller adds to a request does not replace what the call's arguments decide.

    Args:
        endpoint: The call.
        option: The option's name: ``extra_body`` or ``extra_query``.
        extra: Its value; None adds nothing.
        own: Names that the call decides, whether it sends them this time or not.

    Raises:
        ConfigurationError: It sets one of them, or is not a mapping.
    """
    if extra is None:
        return
    if not isinstance(extra, Mapping):
        raise ConfigurationError(
            f"{endpoint.name}: {option} must map names to values, which {extra!r} does not"
        )
    taken = [name for name in own if name in extra]
    if taken:
        raise ConfigurationError(
            f"{endpoint.name}: {option} can't set {taken[0]!r}, which the call's own arguments decide"
        )
